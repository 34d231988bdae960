"""What a person takes along from Explore: the downloads arrive, open in their own libraries, and hold the numbers."""

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import driving
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from explorer.artifacts import Artifact


def taken(page: Page, what: str, file_format: str) -> tuple[str, bytes]:
    """Name and bytes of a download."""
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("button", name=f"{what} as {file_format}", exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_what_is_shown_is_taken_along(browser: Browser, dashboard: driving.Served):
    from pyarrow import parquet

    page = driving.opened(browser, dashboard.url + "?map=pca&i=3.5")
    driving.wait_for_map(page)
    driving.wait_for_scores(page)
    page.get_by_role("button", name="export", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("1,797 signals seen at 8×8")).to_be_visible()

    name, data = taken(page, "map", "CSV")
    head, *rows = csv.reader(io.StringIO(data.decode()))
    assert name == "digits-map.csv" and head == ["id", "label", "cluster", "x", "y", "selected"] and len(rows) == 1797
    assert [row[0] for row in rows if row[5] == "1"] == ["3", "5"]
    _, data = taken(page, "map", "Parquet")
    table = parquet.read_table(io.BytesIO(data))
    x = np.array([row[3] for row in rows], np.float32)
    assert (table.column("x").to_numpy() == x).all()
    on_screen = page.evaluate("[...dots().data.x]")
    order = page.evaluate("[...dots().data.row]")
    assert np.corrcoef(x[order], on_screen)[0, 1] > 0.9999
    _, data = taken(page, "map", "SVG")
    assert len(ElementTree.fromstring(data).findall("{*}circle")) >= 1797
    _, data = taken(page, "map", "PNG")
    assert Image.open(io.BytesIO(data)).size[1] == 1600

    name, data = taken(page, "codes", "safetensors")
    codes = Artifact.from_bytes(data)
    assert name == "digits-codes.safetensors" and codes.meta["representation"] == "hypernetwork"
    assert all(len(array) == 1797 for array in codes.arrays.values()) and len(codes.meta["id"]) == 1797
    _, data = taken(page, "scores", "CSV")
    scores = list(csv.DictReader(io.StringIO(data.decode())))
    assert {row["of"] for row in scores} == {"codes", "raw"} and all(0 <= float(row["ami"]) <= 1 for row in scores)
    assert taken(page, "signal", "PNG")[1][:4] == b"\x89PNG" and b"<svg" in taken(page, "signal", "SVG")[1]

    page.get_by_label("only the 2 selected").click()
    expect(page.get_by_role("dialog").get_by_text("2 signals seen at 8×8")).to_be_visible()
    _, data = taken(page, "codes", "CSV")
    assert [row[0] for row in csv.reader(io.StringIO(data.decode()))] == ["id", "3", "5"]
    page.context.close()
