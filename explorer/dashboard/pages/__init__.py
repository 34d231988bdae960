"""The pages of the dashboard: this table, and one file for each."""

from importlib import import_module
from importlib.util import find_spec

from explorer.dashboard.page import Page

PAGES = {
    "Explore": "map, clusters and reconstructions over resolutions",
    "Interpolate": "the paths between signals",
    "Edit": "clouds of latents, moved by hand",
    "Compare": "representations side by side",
    "Classify": "what codes know of labels",
    "Train": "checkpoints in the making",
}
"""Names in the order of the tabs, which keys 1 to 6 follow, and a few words on each.

A page's file bears its name in lower case, its class the name itself; one that has no file is not shown.
"""


def offered() -> tuple[str, ...]:
    """The pages that there are."""
    return tuple(name for name in PAGES if find_spec(f"{__name__}.{name.lower()}"))


def page_class(name: str) -> type[Page]:
    """A page's class; its file is imported when it is first opened."""
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)
