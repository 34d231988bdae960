"""What every representation is: shared parameters and codes are values that are passed in, never state left behind."""

import dataclasses
import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, ClassVar, Literal, Protocol, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from explorer import representations
from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput, NotFound
from explorer.grids import grid_coords
from explorer.interpolation import Units, linear, mean, slerp
from explorer.messages import Progress
from explorer.observations import Observations
from explorer.signals import SignalSet

FUNCTION = "function"

Window = Sequence[tuple[float, float]]
"""(low, high) within [-1, 1] for each axis."""

# Grids that a set's own shape suggests for training stay below this, along an axis and in all.
_LONGEST_AXIS = 1024
_MOST_POINTS = 2**16


class Report(Protocol):
    """Called from inside every loop; a cancel arrives as the ``Cancelled`` that it raises.

    ``state`` makes, when called, what a training needs to go on from here; the one who listens decides when to keep it.
    """

    def __call__(self, progress: Progress, state: Callable[[], Artifact] | None = None) -> None: ...


def silent(progress: Progress, state: Callable[[], Artifact] | None = None) -> None:
    """A Report that keeps nothing."""


def unkept(report: Report) -> Report:
    """For fits inside a training: their states are not the training's, which goes on from the last of its own."""
    return lambda progress, state=None: report(progress)


class Representation(ABC):
    """A method that turns observations into codes and codes into functions.

    Instances hold a device and a memory budget, nothing about signals.

    Attributes:
        name: how it is called everywhere.
        spaces: in which its codes can be seen as vectors, the default first; of "code", "pooled", "function".
        amortised: whether encoding is one forward pass, so that codes follow a slider freely.
        notes: arrays of its codes that say how they were made, and are no part of the code itself.
        points: the arrays [n, ...] that make a code of the method a point, of which a mean can be taken.
        paths: how one can go from code to code, the default first; of ``interpolation.METHODS``.
        Config: a frozen keyword-only dataclass; forms and the command line are drawn from it.
        presets: named configurations; "default" is ours, those of the paper begin with "paper-".
    """

    name: ClassVar[str]
    spaces: ClassVar[tuple[str, ...]]
    amortised: ClassVar[bool]
    notes: ClassVar[tuple[str, ...]] = ()
    points: ClassVar[tuple[str, ...]]
    paths: ClassVar[tuple[str, ...]] = ("linear", "slerp")
    Config: ClassVar[type]
    presets: ClassVar[Mapping[str, Any]]

    def __init__(self, device: str = "cpu"):
        self.device = device

    @classmethod
    def config(cls, preset: str = "default", overrides: Mapping[str, Any] | None = None) -> Any:
        """A Config from a preset and changed fields; raises InvalidInput for unknown names and wrong types."""
        if preset not in cls.presets:
            raise InvalidInput(f"Got preset {preset!r}; expected one of {', '.join(cls.presets)}.")
        known = {f.name for f in dataclasses.fields(cls.Config)}
        if unknown := set(overrides or {}) - known:
            raise InvalidInput(f"Got {sorted(unknown)} for {cls.name}; expected some of {', '.join(sorted(known))}.")
        fields = dataclasses.asdict(cls.presets[preset]) | dict(overrides or {})
        try:
            return _reader(cls.Config).validate_python(fields)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:  # the Config's own words
                raise InvalidInput(str(first.get("ctx", {}).get("error", first["msg"]))) from None
            where = ".".join(map(str, first["loc"]))
            raise InvalidInput(f"Got {where} = {first['input']!r} for {cls.name}: {first['msg']}.") from None

    @classmethod
    def fields(cls) -> list[dict[str, Any]]:
        """The Config's fields for a form: ``name``, ``help`` as a docstring says it, and what a value is: its
        ``type`` (int, float, bool or str), whether there can be ``many`` of them or none (``optional``), ``choices``.

        What the method's own Config explains comes first, then what it has from others.
        """
        help = {name: text for kind in reversed(cls.Config.__mro__) for name, text in _explained(kind).items()}
        own = _explained(cls.Config)
        types = get_type_hints(cls.Config)
        return [
            {"name": f.name, "help": help.get(f.name, ""), **_values(types[f.name])}
            for f in sorted(dataclasses.fields(cls.Config), key=lambda f: f.name not in own)
        ]

    def checkpoint(self, config: Any, signals: SignalSet, arrays: Arrays, *, seed: int, **training: Any) -> Checkpoint:
        """What a training on a signal set came to; ``training`` says more of how it went."""
        return Checkpoint(
            representation=self.name,
            config=plain(config),
            domain=domain_of(signals),
            arrays=arrays,
            training={"signals": signals.id, "name": signals.name, "seed": seed, **training},
        )

    @abstractmethod
    def train(
        self, config: Any, signals: SignalSet, *, seed: int, resume: Artifact | None = None, report: Report = silent
    ) -> Checkpoint:
        """Shared parameters for a signal set. Every random draw comes from (seed, step), so a resumed run equals an
        unbroken one. Trivial where nothing is shared."""

    @abstractmethod
    def encode(
        self, checkpoint: Checkpoint, observations: Observations, *, seed: int = 0, report: Report = silent
    ) -> dict[str, np.ndarray]:
        """Code arrays, first axis the signal (ragged ones: see ``codes.take``), with all that any space needs."""

    @abstractmethod
    def decode(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray) -> np.ndarray:
        """Values float32 [n, P, m] at coords [P, d] or [n, P, d] in [-1, 1]; any n, in bounded memory."""

    @abstractmethod
    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        """Vectors float32 [n, dz] of a space of the method's own, any but "function"."""

    def render(
        self,
        checkpoint: Checkpoint,
        codes: Arrays,
        resolution: Sequence[int],
        window: Window | None = None,
    ) -> np.ndarray:
        """Functions on a grid over a window of the domain: float32 [n, *resolution, m]."""
        coords = window_coords(checkpoint.domain, resolution, window)
        return self.decode(checkpoint, codes, coords).reshape(-1, *resolution, checkpoint.domain.m)

    def vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str = "") -> np.ndarray:
        """Codes as points: float32 [n, dz]."""
        space = space or self.spaces[0]
        if space not in self.spaces:
            raise InvalidInput(f"Got space {space!r} for {self.name}; expected one of {', '.join(self.spaces)}.")
        if space != FUNCTION:
            return self.code_vectors(checkpoint, codes, space)
        # Samples on one fixed grid, divided by the root of their number: Euclidean distance is then the L2 distance
        # between the functions, per unit of the domain.
        values = self.decode(checkpoint, codes, quadrature(checkpoint.domain))
        return values.reshape(len(values), -1) / np.float32(np.sqrt(values.shape[1]))

    def interpolate(
        self, checkpoint: Checkpoint, start: Arrays, end: Arrays, at: np.ndarray, method: str = "linear"
    ) -> dict[str, np.ndarray]:
        """Codes along the way between two: arrays [T, ...] at positions ``at`` [T] in [0, 1], from arrays [1, ...]."""
        go = {"linear": linear, "slerp": slerp}[method]
        return {name: go(start[name], end[name], at) for name in self.points}

    def blend(self, checkpoint: Checkpoint, codes: Arrays, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The mean of codes [n, ...] with weights [n] that sum to 1: arrays [1, ...]."""
        return {name: mean(codes[name], weights) for name in self.points}


class Networks(Representation):
    """A method whose codes are networks: layers can move alone, and the order of a layer's units means nothing."""

    paths = ("linear", "aligned", "slerp")

    @abstractmethod
    def parameters(self, checkpoint: Checkpoint, codes: Arrays) -> dict[str, np.ndarray]:
        """The networks' parameters [n, *shape] by name, ``layer.part``, in order. The inverse of ``networks``."""

    @abstractmethod
    def layers(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """The layers that can move alone, the input's first: what stands before the last dot of a parameter's name."""

    @abstractmethod
    def networks(self, checkpoint: Checkpoint, parameters: Arrays) -> dict[str, np.ndarray]:
        """The arrays of codes that hold these parameters [n, *shape]. The inverse of ``parameters``."""

    @abstractmethod
    def symmetry(self, checkpoint: Checkpoint) -> tuple[Units, ...]:
        """The units that can be exchanged without changing the function, layer by layer."""


class Differentiable(Representation):
    """A method whose functions have derivatives in closed form, of any order."""

    @abstractmethod
    def derivative(
        self,
        checkpoint: Checkpoint,
        codes: Arrays,
        orders: Sequence[int],
        resolution: Sequence[int],
        window: Window | None = None,
    ) -> np.ndarray:
        """As ``render``, of the functions differentiated ``orders`` times along each axis, in values per unit of
        [-1, 1]: float32 [n, *resolution, m]."""


class Pointwise(Differentiable):
    """A method whose functions are networks of coordinates."""

    @abstractmethod
    def slopes(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray, orders: Sequence[int]) -> np.ndarray:
        """As ``decode``, of the functions differentiated ``orders`` times along each axis."""

    def decode(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray) -> np.ndarray:
        return self.slopes(checkpoint, codes, coords, ())

    def derivative(
        self,
        checkpoint: Checkpoint,
        codes: Arrays,
        orders: Sequence[int],
        resolution: Sequence[int],
        window: Window | None = None,
    ) -> np.ndarray:
        coords = window_coords(checkpoint.domain, resolution, window)
        return self.slopes(checkpoint, codes, coords, orders).reshape(-1, *resolution, checkpoint.domain.m)


@dataclasses.dataclass(frozen=True, eq=False)
class Drawing:
    """A code on a grid over a window, and what a change of it needs to be drawn quickly.

    Args:
        values: float32 [*S, m].
        reach: float32 [*S], how far each sample looks for what makes its value.
        farthest: float32, the largest reach in each tile of the grid.
    """

    values: np.ndarray
    reach: np.ndarray
    farthest: np.ndarray


class Editable(Representation):
    """A method whose codes are anchored clouds, on which ``edits`` act."""

    edits: ClassVar[tuple[str, ...]]

    @abstractmethod
    def edit(
        self, checkpoint: Checkpoint, codes: Arrays, edits: Sequence[Any], other: Callable[[int], Arrays]
    ) -> dict[str, np.ndarray]:
        """Codes after a list of edits; ``other`` gives the code of another row, which some edits take in."""

    @abstractmethod
    def anchors(self, codes: Arrays) -> np.ndarray:
        """Where all anchors of all codes lie: float32 [A, d]."""

    @abstractmethod
    def draw(
        self, checkpoint: Checkpoint, code: Arrays, resolution: Sequence[int], window: Window | None = None
    ) -> Drawing:
        """One code as ``render`` shows it."""

    @abstractmethod
    def redraw(
        self, checkpoint: Checkpoint, code: Arrays, edited: Arrays, drawing: Drawing, window: Window | None = None
    ) -> tuple[tuple[tuple[int, int], ...], np.ndarray, np.ndarray]:
        """What looks different once ``code``, which was drawn, is ``edited``; only that is computed.

        Returns:
            The box (first, end) along each axis of the grid that holds all changes; its values [*box, m]; and which of
            them changed, bool [*box].
        """


class Fitted(Representation):
    """A method that fits every signal anew: long work that can be taken up again, and that gains by a near start."""

    notes = ("psnr_db", "steps", "snapshots")

    @abstractmethod
    def encode(
        self,
        checkpoint: Checkpoint,
        observations: Observations,
        *,
        seed: int = 0,
        resume: Artifact | None = None,
        start: Arrays | None = None,
        report: Report = silent,
    ) -> dict[str, np.ndarray]:
        """As any encoding.

        Args:
            resume: a state that an earlier, interrupted call handed to its ``report``; the codes are those of a call
                that nothing interrupted.
            start: codes of the same signals, at another resolution, from which the fits go on.

        Returns:
            Where the configuration has ``snapshots``: also ``snapshot_steps`` int32 [N, S]: after which steps
            ``at_step`` can say what the codes were.
        """

    def at_step(self, codes: Arrays, step: int) -> dict[str, np.ndarray]:
        """The codes as they were at one of the S snapshots, counted from 0."""
        (name,) = self.points
        return {name: codes["snapshots"][:, step]}


@lru_cache(maxsize=64)
def _reader(kind: type) -> TypeAdapter[Any]:
    """What checks the fields of a Config; making one takes milliseconds, and every render asks."""
    return TypeAdapter(kind)


def plain(config: Any) -> dict[str, Any]:
    """A Config's fields as JSON has them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(config).items()}


def check_fields(config: Any, *bounds: tuple[tuple[str, ...], float, float]) -> None:
    """Raises InvalidInput for a field, or a number of a field that has many, outside (names, low, high)."""
    for names, low, high in bounds:
        for name in names:
            value = getattr(config, name)
            if not all(low <= number <= high for number in (value if isinstance(value, tuple) else (value,))):
                raise InvalidInput(f"Got {name} {value}; expected {low} to {high}.")


def _explained(kind: type) -> dict[str, str]:
    """What a class's docstring says of its fields."""
    _, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("Args:\n")
    said = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said}


def _values(kind: Any) -> dict[str, Any]:
    """What values a field's type allows, in words for a form: see ``Representation.fields``."""
    parts = [part for part in get_args(kind) if part not in (type(None), ...)]
    if get_origin(kind) is Literal:
        return {"type": type(parts[0]).__name__, "many": False, "optional": False, "choices": parts}
    if get_origin(kind) is tuple:
        return _values(parts[0]) | {"many": True}
    if parts:
        return _values(parts[0]) | {"optional": True}
    return {"type": kind.__name__, "many": False, "optional": False, "choices": []}


@lru_cache(maxsize=32)
def quadrature(domain: Domain, most: int = 1024) -> np.ndarray:
    """The fixed grid on which functions of a domain are compared: coords [P, d], P <= about ``most``."""
    shrink = min(1.0, (most / np.prod(domain.shape)) ** (1 / domain.d))
    return grid_coords([max(2, round(size * shrink)) for size in domain.shape])


def window_coords(domain: Domain, resolution: Sequence[int], window: Window | None = None) -> np.ndarray:
    """Cell centres of a grid over a window of the domain: float32 [P, d]."""
    if len(resolution) != domain.d or (window is not None and len(window) != domain.d):
        raise InvalidInput(f"Got resolution {tuple(resolution)}; expected {domain.d} numbers, and as many windows.")
    return np.stack(np.meshgrid(*window_lines(resolution, window), indexing="ij"), -1).reshape(-1, domain.d)


def window_lines(resolution: Sequence[int], window: Window | None = None) -> list[np.ndarray]:
    """Cell centres along each axis of a grid over a window: float32."""
    lines = [grid_coords((size,))[:, 0] for size in resolution]
    if window is None:
        return lines
    sides = np.asarray(window, np.float32)
    return [low + (line + 1) / 2 * (high - low) for line, (low, high) in zip(lines, sides, strict=True)]


def domain_of(signals: SignalSet) -> Domain:
    """The domain that a signal set's functions live on."""
    return Domain(
        axes=tuple(a.name for a in signals.axes),
        channels=signals.channels,
        value_range=signals.value_range,
        shape=signals.reference_shape,
    )


def check_domain(domain: Domain, signals: SignalSet) -> None:
    """Raises InvalidInput for signals over other axes or with other channels than a checkpoint's."""
    if (signals.d, signals.m) != (domain.d, domain.m):
        raise InvalidInput(
            f"Got signals over {signals.d} axes with {signals.m} channels; this checkpoint expects {domain.d} axes "
            f"({', '.join(domain.axes)}) and {domain.m} channels. Choose another checkpoint or train one."
        )


def training_grids(domain: Domain, resolutions: Sequence[int], multiples: Sequence[float]) -> list[tuple[int, ...]]:
    """The grids seen in training: those of the given sizes, or without any the domain's own and multiples of it."""
    if resolutions:
        return [(size,) * domain.d for size in resolutions]
    others = [tuple(max(2, round(size * by)) for size in domain.shape) for by in multiples]
    return [domain.shape, *(g for g in others if max(g) <= _LONGEST_AXIS and math.prod(g) <= _MOST_POINTS)]


def fine_grids(grids: Sequence[tuple[int, ...]], domain: Domain) -> list[tuple[int, ...]]:
    """Those no coarser than the domain's own, or the finest that there is."""
    return [g for g in grids if math.prod(g) >= math.prod(domain.shape)] or [max(grids, key=math.prod)]


@lru_cache(maxsize=1)
def registered() -> Mapping[str, Callable[[], type[Representation]]]:
    """What loads each representation, by name: the files beside this one, and packages that offer an entry point."""

    def own(name: str) -> type[Representation]:
        module = import_module(f"explorer.representations.{name}")
        return next(c for c in vars(module).values() if isinstance(c, type) and getattr(c, "name", None) == name)

    here = [module.name for module in iter_modules(representations.__path__) if module.name != "base"]
    outside = {entry.name: entry.load for entry in entry_points(group="explorer.representations")}
    return outside | {name: partial(own, name) for name in here}


@lru_cache(maxsize=64)
def get(name: str, device: str = "cpu") -> Representation:
    """The representation of that name on a device; raises NotFound for an unknown one."""
    if name not in registered():
        raise NotFound(f"Got representation {name!r}; expected one of {', '.join(sorted(registered()))}.")
    return registered()[name]()(device)
