"""The gallery: members of each cluster, clusters as columns and resolutions as rows, the selection first."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import param

from explorer.dashboard import theme
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import png_uri
from explorer.dashboard.views.places import combine
from explorer.dashboard.views.script import Scripted, script
from explorer.dashboard.views.thumbnails import thumbnails

Pictures = Sequence[tuple[int, str]]
"""Rows of the signal set with the data URI of a picture of each."""

TILE_SIZE = 24
MEMBERS, CHOSEN = 4, 8
"""How many of each cluster, and of the selection, a line shows."""

Lines = dict[str, Any]


def gallery_of(subjects: Mapping[str, Subject], chosen: Sequence[int]) -> tuple[Lines, Lines, dict[str, np.ndarray]]:
    """Pictures of the first members of each cluster, and of chosen signals, as each subject observes them. Asks.

    Returns:
        By title: cluster -> [(row, data URI)]; [(row, data URI)] of the chosen; the clusters' numbers [n].
    """
    members: Lines = {}
    picked: Lines = {}
    labels = {title: subject.clusters() for title, subject in subjects.items()}
    for title, subject in subjects.items():
        clusters = {int(c): np.flatnonzero(labels[title] == c)[:MEMBERS] for c in np.unique(labels[title])}
        rows = np.concatenate([*clusters.values(), np.array(chosen, np.int64)])
        images = thumbnails(subject.signals, rows, TILE_SIZE, subject.sampling)
        pairs = iter([(int(row), png_uri(image)) for row, image in zip(rows, images, strict=True)])
        members[title] = {cluster: list(islice(pairs, len(rows))) for cluster, rows in clusters.items()}
        picked[title] = list(pairs)
    return members, picked, labels


def columns(
    images: Mapping[str, Mapping[int, Pictures]], sizes: Mapping[int, int], names: Sequence[str], colors: Sequence[str]
) -> list[dict[str, Any]]:
    """The heads of the columns, by ascending cluster: its number, name, colour and how many members it has."""
    clusters = sorted({cluster for cells in images.values() for cluster in cells})
    return [
        {
            "cluster": cluster,
            "name": names[cluster] if 0 <= cluster < len(names) else "none" if cluster < 0 else str(cluster),
            "color": colors[cluster] if 0 <= cluster < len(colors) else "",
            "size": sizes.get(cluster, 0),
        }
        for cluster in clusters
    ]


def cells(
    images: Mapping[str, Mapping[int, Pictures]], chosen: Mapping[str, Pictures], clusters: Sequence[int]
) -> list[dict[str, Any]]:
    """The lines of the gallery: a title, the selection's pictures, and those of each cluster."""
    titles = list(dict.fromkeys([*images, *chosen]))
    return [
        {
            "title": title,
            "chosen": [list(pair) for pair in chosen.get(title, ())],
            "cells": [[list(pair) for pair in images.get(title, {}).get(cluster, ())] for cluster in clusters],
        }
        for title in titles
    ]


class Grid(Scripted):
    """What the browser draws; it answers with messages, and knows nothing of what they mean."""

    heads = param.List(default=[])
    lines = param.List(default=[])
    chips = param.List(default=[])
    current = param.String(default="")
    tile = param.Integer(default=32)
    empty = param.String(default="")
    busy = param.String(default="")

    _esm = script("gallery.js")

    def __init__(self, answer: Callable[[dict[str, Any]], None], **params: Any):
        super().__init__(**params)
        self._answer = answer

    def _handle_msg(self, message: dict[str, Any]) -> None:
        self._answer(message)


class Gallery(pn.viewable.Viewer):
    """Pictures of clusters and of the selection. Data in, gestures out; it knows nothing of an engine.

    A click on a picture selects its signal, one on a column's head the whole cluster; Shift adds, Alt takes away.
    """

    images = param.Dict(
        default={}, doc="Title of a line (a resolution) -> cluster -> [(row, data URI of its picture)]."
    )
    chosen = param.Dict(default={}, doc="Title of a line -> [(row, data URI)] of the selection, drawn first.")
    values = param.Array(default=np.zeros(0, int), doc="The cluster of each signal, [n] int (negative: none).")
    names = param.ClassSelector(
        class_=(tuple, list), default=(), doc="Names of clusters 0, 1, ...; else their numbers."
    )
    colors = param.List(default=[], item_type=str, doc="Hex colours of the clusters; empty: the theme's.")
    selection = param.List(default=[], doc="Selected rows, in the order of their selection.")
    hovered = param.Integer(default=None, allow_None=True, doc="The row under the pointer.")
    current = param.String(default="", doc="The title of the line that the page looks at now.")
    tile = param.Integer(default=32, bounds=(16, 128), doc="Side of a picture, in pixels.")
    busy = param.String(default="", doc="A word for what is being computed; dims the gallery while it stands.")
    empty = param.String(default="no clusters yet", doc="What stands where there is nothing to draw.")
    dark = param.Boolean(default=False)

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._grid = Grid(self._on_gesture, sizing_mode="stretch_both", min_height=120, margin=0)
        self._draw()
        self.param.watch(self._draw, ["images", "chosen", "values", "names", "colors", "selection", "dark"])
        self.param.watch(self._draw, ["current", "tile", "busy", "empty"])

    def __panel__(self) -> pn.viewable.Viewable:
        return self._grid

    def _members(self) -> dict[int, int]:
        clusters, sizes = np.unique(self.values, return_counts=True)
        return dict(zip(clusters.tolist(), sizes.tolist(), strict=True))

    def _chips(self, heads: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
        """How many of each cluster are selected, the most first."""
        rows = np.array(self.selection, int)
        clusters, counts = np.unique(self.values[rows[(rows >= 0) & (rows < len(self.values))]], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return [{**heads[int(clusters[i])], "size": int(counts[i])} for i in order if int(clusters[i]) in heads]

    def _draw(self, *_events: param.parameterized.Event) -> None:
        known = max([int(self.values.max(initial=-1)), *(c for cells in self.images.values() for c in cells)]) + 1
        colors = [*self.colors, *theme.categorical(known, self.dark)[len(self.colors) :]]
        sizes = self._members()
        heads = columns(self.images, sizes, self.names, colors)
        every = columns({"": dict.fromkeys(sizes, ())}, sizes, self.names, colors)
        self._grid.param.update(
            heads=heads,
            lines=cells(self.images, self.chosen, [head["cluster"] for head in heads]),
            chips=self._chips({head["cluster"]: head for head in every}),
            current=self.current,
            tile=self.tile,
            busy=self.busy,
            empty=self.empty,
            stylesheets=[theme.css(self.dark), *_CSS],
        )

    def _on_gesture(self, message: dict[str, Any]) -> None:
        """A picture or a head was clicked, a chip closed, or the pointer came over a picture."""
        kind: str = message["kind"]
        number: Any = message.get("number")
        if kind == "hover":
            self.hovered = number
        elif kind == "clear":
            self.selection = []
        elif kind == "drop":
            self.selection = combine(self.selection, self._rows_of(number), take=True)
        else:
            rows = [number] if kind == "picture" else self._rows_of(number)
            self.selection = combine(self.selection, rows, add=message["shift"], take=message["alt"])

    def _rows_of(self, cluster: int) -> list[int]:
        return np.flatnonzero(self.values == cluster).tolist()


_CSS = [(Path(__file__).parent / "gallery.css").read_text()]
