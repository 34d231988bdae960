import numpy as np
import pytest

from explorer.dashboard import theme
from explorer.dashboard.views.gallery import Gallery, cells, columns

IMAGES = {"8": {1: [(4, "data:a"), (5, "data:b")], 0: [(0, "data:c")]}, "16": {1: [(4, "data:d")]}}


def test_columns_are_the_clusters_in_order():
    heads = columns(IMAGES, {0: 3, 1: 2}, ("zero",), ["#111111", "#222222"])
    assert heads == [
        {"cluster": 0, "name": "zero", "color": "#111111", "size": 3},
        {"cluster": 1, "name": "1", "color": "#222222", "size": 2},
    ]
    (none,) = columns({"8": {-1: [(2, "data:e")]}}, {-1: 1}, ("zero",), ["#111111"])
    assert none["name"] == "none" and none["color"] == ""


def test_lines_hold_the_selection_and_each_cluster():
    lines = cells(IMAGES, {"16": [(9, "data:z")]}, [0, 1])
    assert [line["title"] for line in lines] == ["8", "16"]
    assert lines[0] == {"title": "8", "chosen": [], "cells": [[[0, "data:c"]], [[4, "data:a"], [5, "data:b"]]]}
    assert lines[1] == {"title": "16", "chosen": [[9, "data:z"]], "cells": [[], [[4, "data:d"]]]}


@pytest.fixture
def gallery() -> Gallery:
    return Gallery(images=IMAGES, values=np.array([0, 0, 0, 1, 1, 1, 2, -1]), names=("zero", "one", "two"))


def gesture(gallery: Gallery, kind: str, number: int | None = None, shift: bool = False, alt: bool = False) -> None:
    gallery._grid._handle_msg({"kind": kind, "number": number, "shift": shift, "alt": alt})


def test_pictures_and_heads_select(gallery):
    gesture(gallery, "picture", 4)
    assert gallery.selection == [4]
    gesture(gallery, "cluster", 0, shift=True)
    assert gallery.selection == [4, 0, 1, 2]
    gesture(gallery, "picture", 1, alt=True)
    assert gallery.selection == [4, 0, 2]
    gesture(gallery, "cluster", 1)
    assert gallery.selection == [3, 4, 5]


def test_chips_count_the_selection_and_close(gallery):
    gallery.selection = [0, 3, 4, 6, 99]
    assert [(chip["name"], chip["size"]) for chip in gallery._grid.chips] == [("one", 2), ("zero", 1), ("two", 1)]
    assert gallery._grid.chips[0]["color"] == theme.categorical(3)[1]
    gesture(gallery, "drop", 1)
    assert gallery.selection == [0, 6, 99]
    gesture(gallery, "clear")
    assert gallery.selection == [] and gallery._grid.chips == []


def test_the_pointer_tells_the_row(gallery):
    gesture(gallery, "hover", 5)
    assert gallery.hovered == 5
    gesture(gallery, "hover")
    assert gallery.hovered is None


def test_the_theme_changes_colors_and_styles(gallery):
    light = [head["color"] for head in gallery._grid.heads]
    gallery.dark = True
    assert [head["color"] for head in gallery._grid.heads] == theme.categorical(2, dark=True) != light
    assert theme.css(True) in gallery._grid.stylesheets


def test_an_empty_gallery_says_so():
    gallery = Gallery(empty="choose a clustering")
    assert gallery._grid.heads == [] and gallery._grid.lines == []
    assert gallery._grid.empty == "choose a clustering"
