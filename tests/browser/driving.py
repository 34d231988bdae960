"""What drives the dashboard in headless Chromium is the benchmark's; here it is at hand for tests."""

import json

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
from explorer.store import assets_dir

__all__ = [
    "CHROMIUM", "FLAGS", "HELPERS", "PACKAGE", "Served", "children", "launched", "opened", "served", "shipped",
    "wait_for_map", "wait_for_scores",
]  # fmt: skip


def shipped(name: str) -> str:
    """The id of a checkpoint that ships."""
    entries = json.loads((assets_dir() / "catalog.json").read_text())
    return next(entry["id"] for entry in entries if entry["name"] == name)
