"""Memory of the dashboard and its model server before and after fifty visits."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, children, opened, served, wait_for_map, wait_for_scores

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WARM_UP, VISITS = 10, 50
QUICKLY = ("--check-unused-sessions", "500", "--unused-session-lifetime", "500")


def resident_mib(process: int) -> float:
    """Memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    found = []
    with tempfile.TemporaryDirectory() as home, served(Path(home), *QUICKLY) as fresh:
        (server,) = children(fresh.process.pid)
        processes = {"dashboard": fresh.process.pid, "model server": server}

        def held(visits: int) -> dict[str, float]:
            for _ in range(visits):
                page = opened(browser, fresh.url)
                wait_for_map(page)
                page.get_by_alt_text("render").wait_for()
                page.context.close()
            page = browser.new_page()
            page.wait_for_timeout(4000)  # the last sessions have expired
            page.context.close()
            return {name: resident_mib(process) for name, process in processes.items()}

        page = opened(browser, fresh.url)
        wait_for_scores(page)  # all that is computed ahead is there
        page.context.close()
        before = held(WARM_UP)
        after = held(VISITS)
    for name in processes:
        change = 100 * (after[name] / before[name] - 1)
        found.append(row("page", f"{name}, {before[name]:.0f} MiB, more after {VISITS} visits", round(change, 1), "%"))
    return found
