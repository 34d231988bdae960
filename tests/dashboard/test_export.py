"""What leaves the dashboard comes back with the formats' own libraries."""

import csv
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from explorer.dashboard.views.export import columns, csv_of, map_svg, parquet_of, png_of, rows_as_columns
from explorer.errors import InvalidInput
from explorer.signals import SignalSet

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


def test_pictures():
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png_of(pixels)))) == pixels).all()
    root = ElementTree.fromstring(map_svg(CODES, ["red", "blue", "#123456"], ["<a>", "b", "c"]))
    circles = root.findall("{*}circle")
    assert len(circles) == 3 and circles[0].find("{*}title").text == "<a>"
    assert all(0 <= float(c.get(k)) <= 800 for c in circles for k in ("cx", "cy"))
