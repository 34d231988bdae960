"""Explore neural representations of signals: maps, clusters and reconstructions that do not depend on the grid.

Importing this does nothing; each name below is fetched from its home when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.codes import Checkpoint, Codes
    from explorer.engine import Engine, Job, connect
    from explorer.errors import ExplorerError
    from explorer.noise import photon_noise
    from explorer.observations import Observations, Sampling
    from explorer.readers import datasets, load
    from explorer.signals import Axis, SignalSet

_HOMES = {
    "Axis": "signals",
    "Checkpoint": "codes",
    "Codes": "codes",
    "Engine": "engine",
    "ExplorerError": "errors",
    "Job": "engine",
    "Observations": "observations",
    "Sampling": "observations",
    "SignalSet": "signals",
    "connect": "engine",
    "datasets": "readers",
    "load": "readers",
    "photon_noise": "noise",
}

__all__ = [  # noqa: F822 (fetched by __getattr__)
    "Axis",
    "Checkpoint",
    "Codes",
    "Engine",
    "ExplorerError",
    "Job",
    "Observations",
    "Sampling",
    "SignalSet",
    "connect",
    "datasets",
    "load",
    "photon_noise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")
    return getattr(import_module(f"explorer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
