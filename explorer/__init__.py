"""Explore neural representations of signals: maps, clusters and reconstructions that do not depend on the grid.

Importing this does nothing; each name below is fetched from its home when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.codes import Checkpoint, Codes
    from explorer.dashboard.public import Compare, EditCloud, Explore, Interpolate, Map
    from explorer.edits import Copy, Flip, Mask, Mix, Move, Noise, Push, Rotate, Scale, Shift, Thin
    from explorer.engine import Engine, Job, connect
    from explorer.errors import ExplorerError
    from explorer.noise import photon_noise
    from explorer.observations import Observations, Sampling
    from explorer.readers import datasets, load
    from explorer.readers.codesets import CodeSet
    from explorer.shapes import Box, Disc, Polygon
    from explorer.signals import Axis, SignalSet
    from explorer.splits import train_test_split
    from explorer.widgets import FitMonitor

_HOMES = {
    "Axis": "signals",
    "Box": "shapes",
    "Checkpoint": "codes",
    "CodeSet": "readers.codesets",
    "Codes": "codes",
    "Compare": "dashboard.public",
    "Copy": "edits",
    "Disc": "shapes",
    "EditCloud": "dashboard.public",
    "Engine": "engine",
    "Explore": "dashboard.public",
    "ExplorerError": "errors",
    "FitMonitor": "widgets",
    "Flip": "edits",
    "Interpolate": "dashboard.public",
    "Job": "engine",
    "Map": "dashboard.public",
    "Mask": "edits",
    "Mix": "edits",
    "Move": "edits",
    "Noise": "edits",
    "Observations": "observations",
    "Polygon": "shapes",
    "Push": "edits",
    "Rotate": "edits",
    "Sampling": "observations",
    "Scale": "edits",
    "Shift": "edits",
    "SignalSet": "signals",
    "Thin": "edits",
    "connect": "engine",
    "datasets": "readers",
    "load": "readers",
    "photon_noise": "noise",
    "train_test_split": "splits",
}

__all__ = [  # noqa: F822 (fetched by __getattr__)
    "Axis",
    "Box",
    "Checkpoint",
    "CodeSet",
    "Codes",
    "Compare",
    "Copy",
    "Disc",
    "EditCloud",
    "Engine",
    "Explore",
    "ExplorerError",
    "FitMonitor",
    "Flip",
    "Interpolate",
    "Job",
    "Map",
    "Mask",
    "Mix",
    "Move",
    "Noise",
    "Observations",
    "Polygon",
    "Push",
    "Rotate",
    "Sampling",
    "Scale",
    "Shift",
    "SignalSet",
    "Thin",
    "connect",
    "datasets",
    "load",
    "photon_noise",
    "train_test_split",
]


def __getattr__(name: str) -> Any:
    if name == "widgets":
        return import_module("explorer.widgets")
    if name not in _HOMES:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")
    return getattr(import_module(f"explorer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
