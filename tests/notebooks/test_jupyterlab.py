"""The quickstart in a real JupyterLab: its widgets live, and hands and Python move the same state."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from explorer.bench.page.driving import CHROMIUM, launched

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-quickstart.ipynb"
TOKEN = "a-token-for-this-test-alone"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab with a copy of the notebook, and the folder that it serves."""
    home, served = tmp_path_factory.mktemp("lab-home"), tmp_path_factory.mktemp("lab")
    shutil.copy(NOTEBOOK, served)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser",
        "--ServerApp.port=0", f"--ServerApp.root_dir={served}", f"--IdentityProvider.token={TOKEN}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    environment = {**os.environ, "EXPLORER_HOME": str(home), "EXPLORER_DEVICE": "cpu", "HOME": str(home)}
    log = home / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not (match := re.search(r"(http://(?:localhost|127\.0\.0\.1):\d+)/lab", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield match[1], served
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab: tuple[str, Path]) -> Iterator[Page]:
    """The notebook, open, with its kernel, after its first two cells of code: ``native`` are codes of digits."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(90_000)
    expect.set_options(timeout=90_000)
    page.goto(f"{lab[0]}/lab/tree/{NOTEBOOK.name}?token={TOKEN}")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.ready")
    run(page, "engine = explorer.connect()")
    run(page, "native = codes[8]")
    yield page
    page.close()


def run(page: Page, part: str) -> None:
    """Run the cell that contains a text, and wait for it."""
    page.evaluate(
        """async (part) => {
          const notebook = jupyterapp.shell.currentWidget.content
          const cells = [...notebook.model.cells]
          notebook.activeCellIndex = cells.findIndex((cell) => cell.sharedModel.getSource().includes(part))
          await notebook.scrollToItem(notebook.activeCellIndex)
          await jupyterapp.commands.execute("notebook:run-cell")
        }""",
        part,
    )


def write(page: Page, source: str) -> None:
    """A new cell below the one that ran last, and run it."""
    page.evaluate(
        """(source) => {
          const notebook = jupyterapp.shell.currentWidget.content
          notebook.model.sharedModel.insertCell(notebook.activeCellIndex + 1, {cell_type: "code", source})
        }""",
        source,
    )
    run(page, source)


def printed(page: Page) -> str:
    """What the cell that ran last printed."""
    return page.evaluate(
        """() => {
          const outputs = jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getOutputs()
          return outputs.map((output) => [output.text ?? output.traceback ?? ""].flat().join("")).join("")
        }"""
    )


def test_a_hand_moves_the_slider_and_python_reads_where_it_stands(notebook: Page):
    run(notebook, "slider = explorer.widgets.InterpolationSlider")
    picture, slider = notebook.locator(".explorer-slider img").first, notebook.locator(".explorer-slider input").first
    expect(picture).to_have_attribute("alt", "the function at 0.50")
    before = picture.get_attribute("src")
    slider.press("End")
    expect(picture).to_have_attribute("alt", "the function at 2.00")
    assert picture.get_attribute("src") != before
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(picture).to_have_attribute("alt", "the function at 1.97")
    write(notebook, 'print("it stands at", slider.value, slider.shown, slider.values.shape)')
    assert printed(notebook).strip() == "it stands at 1.97 1.97 (64, 64, 1)"
    write(notebook, "slider.value = 0.25")
    expect(picture).to_have_attribute("alt", "the function at 0.25")
    expect(slider).to_have_value("0.25")


@pytest.mark.slow
def test_a_monitor_follows_a_training_in_the_kernel(notebook: Page):
    run(notebook, "monitor = explorer.FitMonitor(job)")
    monitor = notebook.locator(".explorer-monitor")
    expect(monitor.get_by_role("img", name=re.compile("^PSNR"))).to_be_visible()
    expect(monitor.get_by_text(re.compile("^done"))).to_be_visible()
    write(notebook, "print(monitor.state, monitor.metrics['psnr_db'] > 5)")
    assert printed(notebook).strip() == "done True"


@pytest.mark.slow
def test_a_page_shows_itself_and_leaves_a_small_notebook(notebook: Page, lab: tuple[str, Path]):
    notebook.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    path = lab[1] / NOTEBOOK.name
    before = path.stat().st_size
    write(notebook, "walks = explorer.Interpolate(native, 3, 7, projection='pca', t=0.0)\nwalks")
    live = notebook.get_by_alt_text("linear", exact=True)
    expect(live).to_be_visible()
    first = live.get_attribute("src")
    notebook.get_by_role("slider", name="t", exact=True).press("End")
    expect(live).not_to_have_attribute("src", first or "")
    write(notebook, "print(walks.t)")
    assert float(printed(notebook)) == 1
    notebook.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    assert path.stat().st_size - before < 4 * 2**20
