"""What one visitor looks at, as parameters only. The page is drawn from it, and so is the address."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import param
from param.parameterized import Comparator


def _equal(one: list, other: list) -> bool:
    """As param compares lists, element by element, but numbers at once: a selection may hold 100,000."""
    if one and other and type(one[0]) is type(other[0]) is int:
        return one == other
    return Comparator.compare_iterator(one, other)


Comparator.equalities[list] = _equal

METHODS = ("kmeans", "gmm", "spectral", "agglomerative", "hdbscan")
PROJECTIONS = ("umap", "pca")
COLORS = ("cluster", "label", "psnr_db", "kept")


class State(param.Parameterized):
    """One visitor's choices. Each has a short name in the address, where what is at its default is left out."""

    page = param.String("Explore", doc="The page that is open.")
    signals = param.String("digits", doc="Name or id of the signal set.")
    checkpoint = param.String("", doc="Id of the checkpoint; empty takes the first that fits the signals.")
    resolution = param.Integer(0, bounds=(0, 2**24), doc="Samples along the first axis; 0 is the signals' own.")
    uneven = param.Boolean(False, doc="Observe jittered samples, a quarter of them missing.")
    space = param.String("", doc="What distances are taken in; empty is the representation's first space.")
    method = param.Selector(default="kmeans", objects=METHODS, doc="How clusters are found.")
    k = param.Integer(None, bounds=(1, 200), allow_None=True, doc="How many clusters; none: as many as classes.")
    projection = param.Selector(default="umap", objects=PROJECTIONS, doc="How the map is made.")
    color = param.Selector(default="cluster", objects=COLORS, doc="What colours the points.")
    neighbors = param.String("", doc="The space in which neighbours are sought; empty is ``space``.")
    selection = param.List([], item_type=int, doc="Positions of the selected signals; the first is the one shown.")
    view = param.String("", regex="^[0-9a-f]{64}$|^$", doc="What the engine keeps a large selection under.")
    truth = param.Boolean(False, doc="Show the whole signal instead of what was observed.")
    error = param.Boolean(True, doc="Show the error map.")
    dark = param.Boolean(False, doc="The dark theme.")


SHORT: Mapping[str, str] = {
    "page": "p",
    "signals": "s",
    "checkpoint": "c",
    "resolution": "r",
    "uneven": "u",
    "space": "sp",
    "method": "m",
    "k": "k",
    "projection": "map",
    "color": "col",
    "neighbors": "n",
    "selection": "i",
    "dark": "d",
    "view": "view",
}
"""How parameters are called in the address."""

SELECTION_IN_ADDRESS = 24
"""Larger selections are kept by the engine, and the address names them by ``view``."""


def to_query(values: param.Parameterized, short: Mapping[str, str] = SHORT) -> str:
    """Parameters as a part of an address, by their short names; without those that are at their defaults."""
    pairs = {}
    for name, key in short.items():
        value = getattr(values, name)
        if value == values.param[name].default:
            continue
        if isinstance(value, list):
            if len(value) > SELECTION_IN_ADDRESS:
                continue
            value = ".".join(map(str, value))
        pairs[key] = int(value) if isinstance(value, bool) else value
    return urlencode(pairs)


def from_query(query: str, kind: type[param.Parameterized] = State, short: Mapping[str, str] = SHORT) -> dict[str, Any]:
    """Parameters that a query sets. What is not understood is left out: an old or mangled address still opens."""
    names = {key: name for name, key in short.items()}
    values = {}
    for key, text in parse_qsl(query.removeprefix("?")):
        if key not in names:
            continue
        parameter = kind.param[names[key]]
        try:
            value = _parsed(parameter, text)
            parameter._validate(value)
        except (ValueError, TypeError):
            continue
        values[parameter.name] = value
    return values


def _parsed(parameter: param.Parameter, text: str) -> Any:
    if isinstance(parameter, param.List):
        return [(parameter.item_type or str)(part) for part in text.split(".")]
    if isinstance(parameter, param.Boolean):
        return bool(int(text))
    if isinstance(parameter, param.Integer):
        return int(text)
    if isinstance(parameter, param.Selector):
        return next((choice for choice in parameter.objects if str(choice) == text), text)
    return float(text) if isinstance(parameter, param.Number) else text
