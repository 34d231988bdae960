"""How quickly a browser uploads, against what the loopback takes: the same bytes, posted by the page to a bare sink.

Run as a program, this file is that sink.
"""

import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened
from explorer.bench.page.slider import percentiles, slide

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FILES, FILE_BYTES, ROUNDS = 1024, 2**20, 3
VISITS, REST_MS = 4, 400
"""How often another visitor slides through all stops, and how long a hand rests at each: what a stop asks for besides
its picture has come by then, and a GiB is still on its way when the last one is reached."""

# What was chosen and when, and when the last byte was at the server.
_WATCH = """
() => {
  const input = deep("input[type=file]")
  const began = () => { window.upload = {files: [...input.files], began: performance.now()} }
  input.addEventListener("change", began, {capture: true})
  new MutationObserver(() => {
    if (deep(".going .line > span").textContent.includes("reading")) window.upload.ended ??= performance.now()
  }).observe(deep(".going .line > span"), {childList: true, characterData: true, subtree: true})
}
"""

_POST = """
async (url) => {
  const began = performance.now()
  await (await fetch(url, {method: "POST", body: new Blob(window.upload.files)})).text()
  return performance.now() - began
}
"""


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    """A GiB of images, sent in turn to the dashboard and to the sink; then again while another visitor slides, who does
    so alone before: what others compute on the machine meanwhile is in both."""
    with tempfile.TemporaryDirectory() as folder, _sink() as sink:
        files = images(Path(folder))
        page = opened(browser, dashboard.url)
        page.wait_for_function("deep('.choose')")
        page.evaluate(_WATCH)
        before, size = _peak_mib(dashboard.process.pid), FILES * FILE_BYTES / 2**20
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(size / sent_s(page, files))
            bare.append(size / (page.evaluate(_POST, sink) / 1000))
            leave(page)
        grown = _peak_mib(dashboard.process.pid) - before
        other = opened(browser, dashboard.url)
        other.wait_for_function("""deep('.slider') && deep('img[alt="render"]')""")
        other.wait_for_timeout(3000)
        alone = slide(other, "picture", rounds=VISITS, rest_ms=REST_MS)
        slid, going = [], 0
        for _ in range(VISITS):
            _begin(page, files)
            slid += slide(other, "picture", rounds=1, rest_ms=REST_MS)
            going += not page.evaluate("Boolean(window.upload.ended)")
            leave(page)
        for context in (page.context, other.context):
            context.close()
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    low, middle, high = np.percentile(ratios, [25, 50, 75]).round(3).tolist()
    return [
        row(
            "page", "upload of 1 GiB", round(float(np.median(ours)), 1), "MiB/s", "bare sink", middle, (high - low) / 2
        ),
        row("page", "1 GiB to a bare sink", round(float(np.median(bare)), 1), "MiB/s"),
        row("page", "growth of the dashboard's peak", round(grown, 1), "MiB"),
        *percentiles("another's slider to picture during an upload", slid),
        *percentiles("another's slider to picture before", alone),
        row("page", f"of {VISITS} uploads, those that still went on then", going, ""),
    ]


def images(folder: Path) -> list[Path]:
    """Bitmaps of noise."""
    from PIL import Image

    rng = np.random.default_rng(0)
    side = int((FILE_BYTES / 3) ** 0.5)
    for i in range(FILES):
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(folder / f"{i}.bmp")
    return sorted(folder.iterdir())


def _begin(page: "Page", files: list[Path]) -> None:
    page.evaluate_handle("deep('input[type=file]')").as_element().set_input_files(files)  # type: ignore[union-attr]
    page.wait_for_function("window.upload?.began")


def sent_s(page: "Page", files: list[Path]) -> float:
    """Seconds from the choice of the files to the last byte at the server."""
    _begin(page, files)
    page.wait_for_function("window.upload.ended", timeout=600_000)
    return float(page.evaluate("window.upload.ended - window.upload.began")) / 1000


def leave(page: "Page") -> None:
    """Until the page takes the next one."""
    page.evaluate("deep('.stop').click()")
    page.wait_for_function("!deep('.choose').hidden")


def _peak_mib(process: int) -> float:
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024  # type: ignore[index]


@contextmanager
def _sink() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://localhost:{process.stdout.readline().strip()}/"
    finally:
        process.kill()
        process.wait()


def _swallow() -> None:
    """Reads every request to its end, keeps nothing of it, and says so."""
    listener = socket.create_server(("localhost", 0))
    print(listener.getsockname()[1], flush=True)
    buffer = bytearray(2**20)
    while True:
        line, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head and (more := line.recv(2**16)):
            head += more
        said, _, body = head.partition(b"\r\n\r\n")
        if length := re.search(rb"content-length: (\d+)", said.lower()):
            left = int(length[1]) - len(body)
            while left > 0 and (got := line.recv_into(buffer)):
                left -= got
        headers = b"Access-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close"
        line.sendall(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n")
        line.close()


if __name__ == "__main__":
    _swallow()
