"""What leaves the dashboard comes back with the formats' own libraries."""

import csv
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from explorer.artifacts import Artifact
from explorer.dashboard.exports import file_name
from explorer.dashboard.views.curves import Curves
from explorer.dashboard.views.export import (
    columns,
    csv_of,
    map_sheet,
    parquet_of,
    rows_as_columns,
    safetensors_of,
    signal_sheet,
)
from explorer.dashboard.views.sheet import Line, png_of, svg_of
from explorer.errors import InvalidInput
from explorer.signals import Axis, SignalSet

SIGNALS = SignalSet.from_grids(
    np.zeros((3, 4), np.float32), axes="t", ids=["=1+1", "b", "c"], labels=[0, 1, 1], class_names=["@x", "y"]
)
CODES = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_columns():
    found = columns(SIGNALS, code=CODES, cluster=np.array([0, 1, 0]))
    assert list(found) == ["id", "label", "code 0", "code 1", "cluster"] and found["code 1"].tolist() == [1, 3, 5]
    with pytest.raises(InvalidInput, match="expected"):
        columns(SIGNALS, code=CODES[:2])


def test_csv_holds_no_formula():
    rows = list(csv.reader(io.StringIO(csv_of(columns(SIGNALS, code=CODES - 3)).decode())))
    assert rows[1] == ["'=1+1", "'@x", "-3.0", "-2.0"] and rows[2][0] == "b"


def test_parquet():
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(parquet_of(columns(SIGNALS, code=CODES))))
    assert table.column("id").to_pylist() == list(SIGNALS.ids) and table.column("code 0").to_pylist() == [0, 2, 4]
    scores = rows_as_columns([{"space": "code", "ami": 0.5}, {"space": "raw", "ami": None, "ari": 0.25}])
    assert parquet.read_table(io.BytesIO(parquet_of(scores))).column("ari").to_pylist() == [None, 0.25]


def test_safetensors():
    from safetensors.numpy import load

    table = {"id": ["a", "b"], "score": [0.5, None], "cluster": np.array([1, 0])}
    data = safetensors_of(table)
    arrays = load(data)
    assert arrays["cluster"].tolist() == [1, 0] and np.array_equal(arrays["score"], [0.5, np.nan], equal_nan=True)
    assert Artifact.from_bytes(data).meta["columns"] == {"id": ["a", "b"]}


def test_pixels_stay_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png_of(pixels)))) == pixels).all()


def test_the_map_is_one_drawing_in_two_formats():
    key = {"cluster 0": "#ff0000", "a & b": "#0000ff"}
    sheet = map_sheet(CODES, ["#ff0000", "#0000ff", "#123456"], ["<a>", "b\x00", "c"], key)
    root = ElementTree.fromstring(svg_of(sheet))
    circles = root.findall("{*}circle")
    assert len(circles) == 5 and circles[0].find("{*}title").text == "<a>" and circles[1].find("{*}title").text == "b "
    assert all(0 <= float(c.get(k)) <= 1000 for c in circles for k in ("cx", "cy"))
    assert [text.text for text in root.findall("{*}text")] == list(key)
    image = np.asarray(Image.open(io.BytesIO(png_of(sheet))))
    assert image.shape == (2 * sheet.height, 2 * sheet.width, 3)
    x, y = (round(2 * float(circles[0].get(k))) for k in ("cx", "cy"))
    assert image[y, x].tolist() == [255, 0, 0]


def test_a_line_breaks_where_nothing_is_known():
    points = np.array([[0, 0], [1, 1], [2, np.nan], [3, 3], [4, 4], [5, np.nan], [6, 6]])
    assert [run[:, 0].tolist() for run in Line(points, "#000000").runs()] == [[0, 1], [3, 4]]


@pytest.mark.parametrize("names", [("a",), tuple("abc")])
def test_curves_are_drawn_in_their_units(names):
    at, m = np.linspace(0, 2, 9), len(names)
    values = np.stack([np.sin(at + k) for k in range(m)], -1)
    curves = Curves(Axis("t", "s", 0.0, 2.0), names, (-1.0, 1.0), (at, values), (at, values), (at, values), values * 0)
    root = ElementTree.fromstring(svg_of(signal_sheet(curves, "one")))
    said = [text.text for text in root.findall("{*}text")]
    assert "t [s]" in said and "2" in said and len(root.findall("{*}polyline")) == m + 1
    assert png_of(signal_sheet(curves, "one"))[:4] == b"\x89PNG"


def test_files_are_named_by_the_set_whatever_it_is_called():
    assert (
        file_name("a/../b\0", "map", "CSV") == "a_.._b_-map.csv"
        and file_name("..", "codes", "PNG") == "signals-codes.png"
    )
