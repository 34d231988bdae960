"""The upload's own parts, without a browser."""

import numpy as np
import pytest

from explorer.dashboard.views.mapping import ColumnMapping
from explorer.dashboard.views.reading_form import NEW, ReadingForm, advice, pictures, sizes, summary, unique
from explorer.errors import InvalidInput
from explorer.messages import Entry
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


def looked_at(signals: SignalSet, *choices: Choice) -> ReadingForm:
    return ReadingForm(reading_of(signals, "CSV", choices=choices), {}, [])


def test_the_dialog_offers_what_was_guessed():
    guessed = Choice(option="columns", among=("t", "a", "b"), taken={"t": "time"})
    form = looked_at(signals(), guessed)
    mapping = form._mapping
    assert mapping._selects["time"].value == "t" and mapping._values.value == ["a", "b"] and mapping.columns == {}
    assert mapping._selects["label"].visible and not mapping._selects["z"].visible
    assert not form._crop.visible and not form._array.visible and form._size.visible
    mapping._values.value, form._size.value = ["b"], "8"
    assert form.options.columns == {"t": "time", "a": "ignore", "b": "value"} and form.options.size == (8,)


def test_a_role_moves_from_column_to_column():
    mapping = ColumnMapping()
    told: list[dict[str, str]] = []
    mapping.param.watch(lambda event: told.append(mapping.columns), "changed")
    mapping.show(("when", "who", "what", "pulse"), {"when": "time", "who": "id", "what": "ignore"})
    mapping._selects["label"].value = "what"
    mapping._selects["id"].value = "–"
    mapping._selects["time"].value = "pulse"
    assert told[-1] == {"when": "value", "who": "ignore", "what": "label", "pulse": "time"} and len(told) == 3
    assert mapping._values.value == ["when"]


def test_columns_are_channels_or_signals():
    mapping = ColumnMapping()
    mapping.show(("t", "a", "b", "who"), {"t": "time", "a": "signal", "b": "signal", "who": "ignore"})
    assert mapping._each.visible and mapping._each.value and mapping._values.value == ["a", "b"]
    mapping._values.value = ["b"]
    assert mapping.columns == {"t": "time", "a": "ignore", "b": "signal", "who": "ignore"}
    mapping._values.value = ["a", "b"]
    mapping._each.value = False
    assert mapping.columns == {"t": "time", "a": "value", "b": "value", "who": "ignore"}
    mapping._each.value = True
    mapping._selects["id"].value = "who"
    assert mapping.columns["a"] == "value" and not mapping._each.visible


def test_many_columns_are_said_and_not_listed():
    mapping = ColumnMapping()
    names = ("class", *(f"t{i}" for i in range(500)))
    mapping.show(names, {"class": "label"})
    assert mapping._selects["label"].value == "class" and not mapping._values.visible
    assert "500 columns of values: t0, t1, … t499" in mapping._many.object


def test_channels_are_left_out_and_come_back():
    colours = SignalSet.from_grids(np.zeros((2, 4, 5, 3), np.uint8), axes="yx")
    form = looked_at(colours)
    assert form._channels.visible and form._gray.visible and form.options.channels == ()
    form._channels.value = ["green", "red"]
    assert form.options.channels == ("red", "green")
    form.show(reading_of(colours, "PNG"))  # as the next reading comes back
    assert form._channels.options == ["red", "green", "blue"] and form._channels.value == ["green", "red"]
    form._gray.value = True
    assert form.options.channels == ("gray",)


def test_recordings_can_be_brought_to_a_lower_rate():
    wave = SignalSet.from_grids(np.zeros((1, 32_000), np.float32), axes="t", sample_rate_hz=16_000)
    form = looked_at(wave)
    assert form._rate.visible and form._rate.options[:2] == ["as it is", "11,025 Hz"]
    assert form.options.sample_rate_hz == 0
    form._rate.value = "8,000 Hz"
    assert form.options.sample_rate_hz == 8_000
    lower = SignalSet.from_grids(np.zeros((1, 16_000), np.float32), axes="t", sample_rate_hz=8_000)
    form.show(reading_of(lower, ""))
    assert form._rate.value == "8,000 Hz" and "11,025 Hz" in form._rate.options
    assert advice(reading_of(lower, "")) == []


def test_large_signals_are_pointed_to_a_smaller_size():
    large = reading_of(SignalSet.from_grids(np.zeros((1, 300, 300), np.uint8), axes="yx"), "PNG")
    assert "size of 128" in advice(large)[0] and advice(reading_of(signals(), "CSV")) == []


def test_only_sets_of_the_same_kind_can_be_added_to():
    def entry(name: str, axes: list[str], channels: list[str]) -> Entry:
        return Entry(id=name, kind="signals", name=name, details={"axes": axes, "channels": channels})

    entries = [entry("waves", ["t"], ["a"]), entry("pairs", ["t"], ["a", "b"]), entry("pictures", ["y", "x"], ["gray"])]
    form = ReadingForm(reading_of(signals(), "CSV"), {e.name: e for e in entries}, ["waves"])
    assert form._into.options == [NEW, "waves"] and form._into.value == NEW and form._name.visible
    form._into.value = "waves"
    assert not form._name.visible
