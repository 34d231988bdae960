"""Signals of one's own in the browser: sent, looked at, taken in, renamed, fetched, deleted, brought back."""

import http.client
import io
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import driving
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

TABLE = "subject,time [s],left,right,class\n" + "\n".join(
    f"{s},{t},{np.sin(t + s):.4f},{np.cos(t * s):.4f},{'ab'[s % 2]}" for s in range(4) for t in range(9)
)


def choose(page: Page, *files: Path | dict) -> None:
    """As if a person had chosen files in the browser's own dialog."""
    page.wait_for_function("deep('.choose')")
    page.evaluate_handle("deep('input[type=file]')").as_element().set_input_files(list(files))  # type: ignore[union-attr]


def named(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def signal_set(page: Page):
    return page.get_by_role("combobox", name="signal set")


def test_from_the_file_to_the_list_and_back(browser: Browser, dashboard: driving.Served):
    page = driving.opened(browser, dashboard.url)
    choose(page, named("subjects.csv", TABLE.encode()))
    expect(page.get_by_text("what was sent")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("left, right")).to_be_visible()
    expect(page.get_by_text("a (2), b (2)")).to_be_visible()
    page.get_by_role("combobox", name="standardise").click()
    page.get_by_role("menuitem", name="the whole set").click()
    expect(page.get_by_text("-1 to 1")).not_to_be_visible(timeout=120_000)
    page.get_by_role("combobox", name=re.compile("^label")).click()
    page.get_by_role("menuitem", name="–").click()
    expect(page.get_by_text("a (2), b (2)")).not_to_be_visible(timeout=120_000)
    take = page.get_by_role("button", name="take in")
    expect(take).to_be_enabled()
    take.click()
    expect(signal_set(page)).to_have_text("subjects", timeout=120_000)

    link = page.get_by_role("link", name="original")
    with page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_text() == TABLE
    assert download.value.suggested_filename == "subjects.csv"

    page.get_by_role("button", name="rename this set").click()
    name = page.get_by_label("new name")
    name.fill("people")
    name.press("Enter")
    expect(signal_set(page)).to_have_text("people", timeout=120_000)
    page.get_by_role("button", name="delete this set").click()
    expect(signal_set(page)).to_have_text("digits", timeout=120_000)
    page.get_by_role("button", name=re.compile("bring people back")).click()
    expect(signal_set(page)).to_have_text("people", timeout=120_000)

    choose(page, named("more.csv", TABLE.encode()))  # into the set that is there
    page.get_by_role("combobox", name="take in as").click()
    page.get_by_role("menuitem", name="people").click()
    page.get_by_role("button", name="take in").click()
    expect(page.get_by_role("button", name=re.compile("people as it was"))).to_be_visible(timeout=120_000)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "people.tar"
    page.context.close()


@pytest.mark.slow
def test_what_cannot_be_read_is_said_and_leaves_nothing(browser: Browser, dashboard: driving.Served, home: Path):
    page = driving.opened(browser, dashboard.url)
    choose(page, named("photo.png", b"\x80\x04K\x01."))
    expect(page.get_by_text("a pickle, which could run anything")).to_be_visible(timeout=120_000)
    page.wait_for_function("!deep('.choose').hidden")
    deadline = time.monotonic() + 30
    while list((home / "uploads").glob("*")):
        assert time.monotonic() < deadline, "the upload is still there"
        page.wait_for_timeout(100)
    page.close()


@pytest.mark.slow
def test_several_files_are_one_archive_whatever_their_names(browser: Browser, dashboard: driving.Served):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(buffer, "PNG")
    names = ["ä" * 60 + ".png", "x" * 140 + ".png", "plain.png"]
    page = driving.opened(browser, dashboard.url)
    choose(page, *(named(name, buffer.getvalue()) for name in names))
    expect(page.get_by_text("image, tar")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("cell", name="4 × 5", exact=True)).to_be_visible()
    page.get_by_role("button", name="leave").click()
    expect(page.get_by_text("what was sent")).not_to_be_visible()
    page.close()


FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def test_a_picture_is_taken_and_a_sound_recorded(playwright: Playwright, dashboard: driving.Served):
    browser = driving.launched(playwright, *FAKE)  # Chromium's own camera and microphone: a pacman and a beep
    page = driving.opened(browser, dashboard.url)
    page.get_by_role("button", name="take a picture").click()
    page.get_by_role("button", name="take the picture").click()
    expect(page.get_by_text("image, PNG")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("red, green, blue")).to_be_visible()
    page.get_by_role("button", name="leave").click()
    page.get_by_role("button", name="record a sound").click()
    expect(page.get_by_text(re.compile(r"recording, [1-9]"))).to_be_visible()
    page.get_by_role("button", name="stop", exact=True).click()
    expect(page.get_by_text("sound, WAV")).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("a second"))).to_be_visible()
    said = page.get_by_text(re.compile(r"^-[\d.]+ to [\d.]+$|^-1 to 1$")).first
    expect(said).to_be_visible()
    browser.close()


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "http://localhost.evil"])
def test_only_pages_of_this_server_send(dashboard: driving.Served, origin: str | None):
    headers = {} if origin is None else {"Origin": origin}
    url = f"{dashboard.url}/upload/{'0' * 32}"
    for method in ("PUT", "DELETE"):
        answer = httpx.request(method, url, params={"offset": 0}, content=b"x", headers=headers, trust_env=False)
        assert answer.status_code == 403 and "expected" in answer.json()["message"]


def test_slices_are_counted_and_ids_are_not_guessed(dashboard: driving.Served):
    from explorer.dashboard.uploads import SLICE_BYTES

    url = f"{dashboard.url}/upload/{'0' * 32}"
    headers = {"Origin": re.match(r"https?://[^/]+", dashboard.url)[0]}  # type: ignore[index]
    assert httpx.get(url, trust_env=False).status_code == 404
    assert httpx.put(url, params={"offset": 0}, content=b"x", headers=headers, trust_env=False).status_code == 404
    for offset in ("", "-1", "x", "9" * 40):
        answer = httpx.put(url, params={"offset": offset}, content=b"x", headers=headers, trust_env=False)
        assert answer.status_code == 422
    line = http.client.HTTPConnection(urlsplit(dashboard.url).netloc)
    line.putrequest("PUT", f"{urlsplit(url).path}?offset=0")
    for name, value in {**headers, "Content-Length": str(SLICE_BYTES + 1)}.items():
        line.putheader(name, value)
    line.endheaders()
    assert line.getresponse().status == 413  # before anything of it has come
    line.close()
    for path in ("original/" + "0" * 64, "original/../../etc/passwd", "upload/../x", "upload/%2e%2e"):
        assert httpx.get(f"{dashboard.url}/{path}", trust_env=False).status_code in (404, 422)
