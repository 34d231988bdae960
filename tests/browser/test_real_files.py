"""Real files in the browser: dropped, looked at, taken in, given codes by what the page offers, a point on the map."""

import base64
import re
from pathlib import Path

import driving
import pytest
from playwright.sync_api import Browser, Page, expect
from real_files import QUICK, REAL

SHARED = Path(__file__).parents[3] / "shared" / "data"


def dropped(page: Page, files: dict[str, bytes]) -> None:
    """As if a person had let files fall on the page."""
    page.wait_for_function("deep('.choose')")
    listed = [[name, base64.b64encode(data).decode()] for name, data in files.items()]
    page.evaluate(
        """(files) => {
          const held = new DataTransfer()
          for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
            held.items.add(new File([bytes], name))
          }
          document.dispatchEvent(new DragEvent("drop", {dataTransfer: held, bubbles: true, cancelable: true}))
        }""",
        listed,
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in REAL])
def test_from_a_file_to_a_point_on_the_map(browser: Browser, dashboard: driving.Served, kind: str):
    brought = REAL[kind]
    if brought.shared and not SHARED.is_dir():
        pytest.skip("needs ../shared/data beside the repository")
    page = driving.opened(browser, dashboard.url + "?map=pca")
    dropped(page, brought.make(SHARED))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("what was sent")).to_be_visible(timeout=120_000)
    for words in brought.said:
        expect(dialog.get_by_text(words).first).to_be_visible()
    assert dialog.locator("img").count() == min(brought.points, 12)
    take = dialog.get_by_role("button", name="take in")
    if brought.size:
        size = dialog.get_by_label(re.compile("^size, now"))
        size.fill(brought.size)
        size.press("Enter")
        expect(dialog.get_by_text(re.compile(rf"^{brought.size} × "))).to_be_visible(timeout=120_000)
    if brought.rate:
        dialog.get_by_role("combobox", name="sample rate").click()
        page.get_by_role("menuitem", name=brought.rate).click()
        expect(dialog.get_by_text(re.compile("2,000 a second"))).to_be_visible(timeout=120_000)
    expect(take).to_be_enabled()
    take.click()
    if brought.way:
        page.get_by_role("button", name=brought.way, exact=True).click(timeout=120_000)
    driving.wait_for_map(page, brought.points, timeout_s=800)
    expect(page.get_by_text(re.compile(r"PSNR [\d.]+ dB"))).to_be_visible(timeout=120_000)
    page.context.close()
