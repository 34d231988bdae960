"""What drives the dashboard in headless Chromium is the benchmark's; here it is at hand for tests."""

from explorer.bench.page.driving import (
    CHROMIUM,
    FLAGS,
    HELPERS,
    PACKAGE,
    Served,
    children,
    launched,
    opened,
    served,
    wait_for_map,
    wait_for_scores,
)

__all__ = [
    "CHROMIUM", "FLAGS", "HELPERS", "PACKAGE", "Served", "children", "launched", "opened", "served", "wait_for_map",
    "wait_for_scores",
]  # fmt: skip
