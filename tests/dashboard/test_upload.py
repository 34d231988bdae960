"""The upload's own parts, without a browser."""

import numpy as np
import pytest

from explorer.dashboard.state import State
from explorer.dashboard.views.upload import Upload, pictures, sizes, summary, unique
from explorer.dashboard.workspace import Workspace
from explorer.errors import InvalidInput
from explorer.readings import Choice, reading_of
from explorer.signals import SignalSet


def test_sizes_are_read_as_people_write_them():
    assert (
        sizes("") == () and sizes("64") == (64,) and sizes("64x96") == sizes("64, 96") == sizes("64 × 96") == (64, 96)
    )
    for wrong in ("a", "-1", "1.5", "9" * 9):
        with pytest.raises(InvalidInput, match="expected"):
            sizes(wrong)


def test_a_name_is_taken_once():
    assert unique("a", ["b"]) == "a" and unique("a", ["a", "a 2"]) == "a 3"
    assert len(unique("x" * 500, ["x" * 200])) <= 200


def signals() -> SignalSet:
    grids = [np.linspace(0, 1, 5 + i, dtype=np.float32) for i in range(3)]
    grids[0][2] = np.nan
    names = ["<b>bold</b>", "plain"]
    return SignalSet.from_grids(grids, axes="t", name="<i>x</i>", labels=[0, 1, 1], class_names=names)


def test_the_summary_says_it_all_and_is_no_html():
    text = summary(reading_of(signals(), "CSV"))
    for part in ("series, CSV", "5–7", "0 to 1", "&lt;b&gt;bold&lt;/b&gt; (1), plain (2)", "1 samples"):
        assert part in text
    assert "<b>bold" not in text and pictures(reading_of(signals(), "CSV")).count("<img") == 3


def test_the_dialog_offers_what_was_guessed():
    upload = Upload(Workspace(engine=None, state=State()))  # type: ignore[arg-type]
    choices = [Choice(option="columns", among=("t", "a", "b"), taken={"t": "time"})]
    upload.reading = reading_of(signals(), "CSV", choices=choices)
    assert [role.value for role in upload._roles] == ["time", "value", "value"]
    assert not upload._crop.visible and not upload._array.visible and upload._size.visible
    upload._roles[1].value, upload._size.value = "ignore", "8"
    assert upload.options.columns == {"a": "ignore"} and upload.options.size == (8,)
