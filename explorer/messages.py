"""Everything that crosses a process: recipes (what is asked for), progress and the state of jobs.

A recipe names its inputs and parameters and nothing else: signal sets and checkpoints by the hash of their bytes,
anything computed by the recipe that makes it. So every result has one name on every machine, whoever asks for it, and
whoever has the inputs can make it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from explorer.artifacts import canonical_json, sha256
from explorer.edits import MOST_EDITS, AnyEdit
from explorer.errors import InvalidInput
from explorer.interpolation import METHODS
from explorer.observations import Sampling
from explorer.sequences import Few, Many

RAW = "raw"
"""The control's space: the samples themselves, resampled to one common grid."""

CLOUD = "cloud"
"""The classifier of anchored clouds, which is given no vectors."""


def control_method(method: str) -> str:
    """By which classifier the raw samples are told apart beside ``method``."""
    return "best" if method == CLOUD else method


def check_hash(value: str) -> None:
    """Raises InvalidInput unless ``value`` is a SHA-256 in lower-case hexadecimal."""
    if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise InvalidInput(f"Got the id {value[:80]!r}; expected 64 hexadecimal digits.")


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidInput(f"Got {name} {value}; expected {low} to {high}.")


def _check_grid(resolution: tuple[int, ...], window: tuple[tuple[float, float], ...] | None) -> None:
    for size in resolution:
        _between("resolution", size, 1, 2**24)
    for low, high in window or ():
        if not -1 <= low < high <= 1:
            raise InvalidInput(f"Got a window from {low} to {high}; expected -1 <= low < high <= 1.")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to compute. Subclasses state an ``op`` and their inputs.

    ``version`` rises when the same recipe would give other numbers; ``kept`` says that results go to the store, the
    rest live in memory for as long as there is room.
    """

    version: ClassVar[int] = 1
    kept: ClassVar[bool] = False

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in ("signals", "checkpoint"):
                check_hash(value)
            elif f.name == "seed":
                _between("seed", value, 0, 2**63 - 1)
            elif f.name == "codes" and depth(value) > MOST_NESTED:
                raise InvalidInput(f"Got codes of codes more than {MOST_NESTED} deep; expected fewer steps.")
            elif f.name in ("rows", "ends") and value is not None and not (len(value) and min(value) >= 0):
                raise InvalidInput(f"Got {f.name} {str(value)[:80]}; expected positions from 0 up, at least one.")

    def parts(self) -> "Iterator[Recipe]":
        """What has to be there before it, the innermost first, and itself at the end."""
        for f in fields(self):
            value = getattr(self, f.name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Recipe) and not isinstance(part, Train):  # a training is looked at, not awaited
                    yield from part.parts()
        yield self

    def to_json(self) -> dict[str, Any]:
        """Plain dicts and lists, which the server's types read back."""
        return asdict(self)

    @cached_property
    def key(self) -> str:
        """The name of the result: SHA-256 of the recipe and the versions of all that it is made of."""
        return sha256(canonical_json(_versioned(self)).encode())


MOST_DERIVATIVES = 6
"""Of what order a derivative may be in all: each takes twice as long as the one before."""

MOST_NESTED = 8
"""How often codes may be made from codes: a path between edits of parts …"""


def depth(codes: "CodesRecipe") -> int:
    """How many steps lie between codes and the encoding that they come from."""
    return 0 if isinstance(codes, Encode) else 1 + depth(codes.codes)


_UNNAMED: Mapping[str, Any] = {"unnamed": "while it is None, so that results from before it was there keep their name"}


def _versioned(value: Any) -> Any:
    if isinstance(value, Recipe):
        named = {f.name: getattr(value, f.name) for f in fields(value) if not f.metadata or getattr(value, f.name)}
        return {"version": value.version} | {name: _versioned(part) for name, part in named.items()}
    if isinstance(value, tuple):
        return [_versioned(part) for part in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


# ---------------------------------------------------------------------------------------------------------------------
# Inputs


@dataclass(frozen=True, kw_only=True)
class Load(Recipe):
    """A built-in signal set, by name."""

    op: Literal["load"] = "load"
    name: str


@dataclass(frozen=True, kw_only=True)
class Observe(Recipe):
    """Signals as an encoder sees them: ``values`` [n, P, m], ``coords`` [P, d] or [n, P, d], ``mask`` [n, P] if any.

    On a whole grid ``values`` is [n, *size, m] and ``coords`` is left out.
    """

    op: Literal["observe"] = "observe"
    signals: str
    sampling: Sampling
    rows: Many[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Train(Recipe):
    """A checkpoint of a representation, trained on a signal set. ``config`` overrides fields of the preset.

    The recipe names a preset, not its numbers, which whoever asks need not know; so ``version`` rises with them too.
    """

    op: Literal["train"] = "train"
    version: ClassVar[int] = 3
    kept: ClassVar[bool] = True
    representation: str
    signals: str
    preset: str = "default"
    config: Mapping[str, Any] = field(default_factory=dict)
    split: str = "train"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Configure(Recipe):
    """The whole configuration of a training, as meta ``config``; what is wrong with one is an error in words."""

    op: Literal["configure"] = "configure"
    representation: str
    preset: str = "default"
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Preview(Recipe):
    """What an unfinished training has come to: some signals as its last kept state encodes and renders them.

    ``after`` is the step that was last heard of, which tells one question from the next. Result: ``values`` float32
    [n, *resolution, m] and ``psnr_db`` [n] against the whole signals; as meta the ``step`` of the state.
    """

    op: Literal["preview"] = "preview"
    train: Train
    rows: Many[int]
    resolution: Few[int]
    after: int = 0

    def __post_init__(self):
        super().__post_init__()
        _between("signals", len(self.rows), 1, 64)
        _between("resolution", int(np.prod(self.resolution, dtype=object)), 1, 2**20)
        _between("step", self.after, 0, 2**53)


# ---------------------------------------------------------------------------------------------------------------------
# Codes


@dataclass(frozen=True, kw_only=True)
class Encode(Recipe):
    """The codes of all signals of a set, as a sampling shows them to a checkpoint.

    With ``start``, where each signal is fitted: the fits go on from the codes of that sampling, which began afresh.
    ``version`` rises with the way in which any method encodes or fits; what ships is then renamed or made again.
    """

    op: Literal["encode"] = "encode"
    version: ClassVar[int] = 2
    kept: ClassVar[bool] = True
    checkpoint: str
    signals: str
    sampling: Sampling
    seed: int = 0
    start: Sampling | None = field(default=None, metadata=_UNNAMED)


@dataclass(frozen=True, kw_only=True)
class Fit(Recipe):
    """The codes of all signals of a training, by the checkpoint that it gave.

    It can be queued behind the training at once, so that nobody has to wait for the one to ask for the other.
    """

    op: Literal["fit"] = "fit"
    version: ClassVar[int] = Encode.version
    kept: ClassVar[bool] = True
    train: Train
    sampling: Sampling


@dataclass(frozen=True, kw_only=True)
class Take(Recipe):
    """Some of the codes, by position."""

    op: Literal["take"] = "take"
    codes: "CodesRecipe"
    rows: Many[int]


@dataclass(frozen=True, kw_only=True)
class Interpolate(Recipe):
    """Codes along a path through some of the codes.

    Args:
        ends: the codes that it passes, by position.
        at: where: 0 is the first of the ends, 1 the second, and so on.
        method: of the representation's ``paths``.
        layers: what moves, while the rest stays as at the end before; empty for everything.
    """

    op: Literal["interpolate"] = "interpolate"
    codes: "CodesRecipe"
    ends: Few[int]
    at: Many[float]
    method: str = "linear"
    layers: Few[str] = ()

    def __post_init__(self):
        super().__post_init__()
        _between("ends", len(self.ends), 2, 64)
        _between("positions", len(self.at), 1, 4096)
        for position in self.at:
            _between("position", position, 0, len(self.ends) - 1)
        if self.method not in METHODS:
            raise InvalidInput(f"Got method {self.method[:40]!r}; expected one of {', '.join(METHODS)}.")


@dataclass(frozen=True, kw_only=True)
class Blend(Recipe):
    """One code: the mean of some of the codes. ``weights`` are positive and sum to 1; empty for equal ones."""

    op: Literal["blend"] = "blend"
    codes: "CodesRecipe"
    rows: Many[int]
    weights: Many[float] = ()

    def __post_init__(self):
        super().__post_init__()
        if not self.weights:
            return
        if len(self.weights) != len(self.rows) or not min(self.weights) >= 0 or not abs(sum(self.weights) - 1) < 1e-3:
            raise InvalidInput(
                f"Got {len(self.weights)} weights for {len(self.rows)} codes; expected one for each, none below 0, "
                "that sum to 1."
            )


@dataclass(frozen=True, kw_only=True)
class Edit(Recipe):
    """One code after a list of edits; where one takes in another row, it is that row of the same codes, unedited."""

    op: Literal["edit"] = "edit"
    codes: "CodesRecipe"
    row: int
    edits: Few[AnyEdit]

    def __post_init__(self):
        super().__post_init__()
        _between("row", self.row, 0, 2**53)
        _between("edits", len(self.edits), 0, MOST_EDITS)


@dataclass(frozen=True, kw_only=True)
class AtStep(Recipe):
    """Codes as they were on the way of their fits. ``step`` counts the networks that were kept there, from 0."""

    op: Literal["atstep"] = "atstep"
    codes: "CodesRecipe"
    step: int

    def __post_init__(self):
        super().__post_init__()
        _between("step", self.step, 0, 2**31)


# Told apart by ``op`` before anything else is looked at: trying each in turn takes exponentially long when nested.
CodesRecipe = Annotated[Encode | Take | Interpolate | Blend | Edit | AtStep, Field(discriminator="op")]


@dataclass(frozen=True, kw_only=True)
class Draw(Recipe):
    """One code drawn so that changes of it can be: ``values`` [*resolution, m] and ``reach`` [*resolution]."""

    op: Literal["draw"] = "draw"
    codes: CodesRecipe
    resolution: Few[int]
    window: Few[tuple[float, float]] | None = None


@dataclass(frozen=True, kw_only=True)
class RenderEdit(Recipe):
    """What one more edit changes in the render of an edited code, as a person who drags sees it.

    As arrays ``values`` float32 [*box, m] and ``changed`` bool [*box]; as meta ``box``, (first, end) for each axis.
    """

    op: Literal["renderedit"] = "renderedit"
    codes: CodesRecipe
    row: int
    edits: Few[AnyEdit]
    edit: AnyEdit
    resolution: Few[int]
    window: Few[tuple[float, float]] | None = None

    def __post_init__(self):
        super().__post_init__()
        _check_grid(self.resolution, self.window)
        _between("row", self.row, 0, 2**53)
        _between("edits", len(self.edits), 0, MOST_EDITS - 1)


@dataclass(frozen=True, kw_only=True)
class Layers(Recipe):
    """Which layers of a checkpoint's networks can be interpolated alone; as meta ``layers``."""

    op: Literal["layers"] = "layers"
    checkpoint: str


# ---------------------------------------------------------------------------------------------------------------------
# What is shown of codes. ``space`` "" is the representation's first; "raw" is the control.


@dataclass(frozen=True, kw_only=True)
class Vectors(Recipe):
    """``vectors`` float32 [n, dz]."""

    op: Literal["vectors"] = "vectors"
    codes: CodesRecipe
    space: str = ""


@dataclass(frozen=True, kw_only=True)
class Render(Recipe):
    """``values`` float32 [n, *resolution, m]; ``window`` = (low, high) for each axis within [-1, 1].

    With ``derivative`` they are those of the functions differentiated so often along each axis.
    """

    op: Literal["render"] = "render"
    codes: CodesRecipe
    resolution: Few[int]
    window: Few[tuple[float, float]] | None = None
    derivative: Few[int] = ()

    def __post_init__(self):
        super().__post_init__()
        _check_grid(self.resolution, self.window)
        _between("derivative", min(self.derivative, default=0), 0, MOST_DERIVATIVES)
        _between("order of the derivative", sum(self.derivative), 0, MOST_DERIVATIVES)


@dataclass(frozen=True, kw_only=True)
class Project(Recipe):
    """``layout`` float32 [n, 2]. With ``reference`` points keep the places that those codes have in their own map."""

    op: Literal["project"] = "project"
    kept: ClassVar[bool] = True
    codes: CodesRecipe
    space: str = ""
    method: str = "umap"
    seed: int = 0
    reference: CodesRecipe | None = None


@dataclass(frozen=True, kw_only=True)
class Cluster(Recipe):
    """``labels`` int64 [n], -1 for none. With ``reference`` the clustering is fitted there and these are assigned."""

    op: Literal["cluster"] = "cluster"
    kept: ClassVar[bool] = True
    codes: CodesRecipe
    space: str = ""
    method: str = "kmeans"
    k: int | None = None
    seed: int = 0
    reference: CodesRecipe | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.k is not None:
            _between("k", self.k, 1, 10_000)


@dataclass(frozen=True, kw_only=True)
class Neighbors(Recipe):
    """``indices`` int64 [k] and ``distances`` float32 [k] of the codes nearest to one of them."""

    op: Literal["neighbors"] = "neighbors"
    codes: CodesRecipe
    row: int
    k: int = 8
    space: str = ""

    def __post_init__(self):
        super().__post_init__()
        _between("row", self.row, 0, 2**53)
        _between("k", self.k, 1, 10_000)


@dataclass(frozen=True, kw_only=True)
class Nearest(Recipe):
    """``indices`` int64 [n, k] and ``distances`` float32 [n, k]: for each code the nearest ones of a reference.

    Without a reference among the codes themselves, where none is its own neighbour.
    """

    op: Literal["nearest"] = "nearest"
    codes: CodesRecipe
    k: int = 1
    space: str = ""
    reference: CodesRecipe | None = None

    def __post_init__(self):
        super().__post_init__()
        _between("k", self.k, 1, 10_000)


@dataclass(frozen=True, kw_only=True)
class KeptNeighbors(Recipe):
    """``share`` float32 [n]: of each code's nearest ``k``, those that a map also shows among the nearest ``k``."""

    op: Literal["kept_neighbors"] = "kept_neighbors"
    kept: ClassVar[bool] = True
    layout: Project
    k: int = 10

    def __post_init__(self):
        super().__post_init__()
        _between("k", self.k, 1, 1000)


@dataclass(frozen=True, kw_only=True)
class Quality(Recipe):
    """Each code against its whole signal: ``psnr_db`` float32 [n], and ``ssim`` [n] for images of one shape."""

    op: Literal["quality"] = "quality"
    kept: ClassVar[bool] = True
    codes: CodesRecipe


@dataclass(frozen=True, kw_only=True)
class Control(Recipe):
    """As ``Quality``, of what interpolation alone makes of the samples on a grid, without any representation.

    ``method`` is ``nearest``, ``linear`` or ``cubic``.
    """

    op: Literal["control"] = "control"
    signals: str
    sampling: Sampling
    rows: Many[int] | None = None
    method: Literal["nearest", "linear", "cubic"] = "cubic"


@dataclass(frozen=True, kw_only=True)
class Timing(Recipe):
    """How long one signal takes here, the median of three: as meta ``encode_s`` and ``render_s``.

    ``encode_s`` is None where every signal is fitted anew. The one result that is of a machine, and so never kept.
    """

    op: Literal["timing"] = "timing"
    codes: Encode
    row: int
    resolution: Few[int]

    def __post_init__(self):
        super().__post_init__()
        _between("row", self.row, 0, 2**53)
        for size in self.resolution:
            _between("resolution", size, 1, 2**24)


@dataclass(frozen=True, kw_only=True)
class Score(Recipe):
    """``ami``, ``ari`` against the labels (None without), ``silhouette``, ``drift`` against the reference; as meta."""

    op: Literal["score"] = "score"
    kept: ClassVar[bool] = True
    codes: CodesRecipe
    space: str = ""
    method: str = "kmeans"
    k: int | None = None
    seed: int = 0
    reference: CodesRecipe | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluate(Recipe):
    """A table over resolutions, spaces and seeds of the clustering, the control beside it; as meta ``rows``."""

    op: Literal["evaluate"] = "evaluate"
    kept: ClassVar[bool] = True
    checkpoint: str
    signals: str
    samplings: Few[Sampling]
    method: str = "kmeans"
    k: int | None = None
    seeds: Few[int] = (0, 1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Classify(Recipe):
    """Classifiers, one for each seed, fitted to the vectors of labelled codes and asked about others.

    Several codes stand for several modalities of the same samples: their vectors are joined. ``method`` is
    ``xgboost``, ``logistic``, ``knn``, ``mlp``, or ``best``: the one that tells a fifth of the training codes best,
    held out for that; ``cloud`` tells anchored clouds themselves apart, in no ``space``. Result: ``predictions``
    int64 [S, n] and ``confusion`` int64 [S, C, C]; as meta the ``method``, ``accuracy`` and ``macro_f1`` for each seed,
    ``per_class`` rows and ``class_names``.
    """

    op: Literal["classify"] = "classify"
    kept: ClassVar[bool] = True
    train: Few[CodesRecipe]
    test: Few[CodesRecipe]
    space: str = ""
    method: str = "xgboost"
    seeds: Few[int] = (0,)

    def __post_init__(self):
        super().__post_init__()
        _between("modalities", len(self.train), 1, 16)
        _between("seeds", len(self.seeds), 1, 100)
        for seed in self.seeds:
            _between("seed", seed, 0, 2**32 - 1)
        if len(self.test) != len(self.train):
            raise InvalidInput(
                f"Got {len(self.train)} modalities to train on and {len(self.test)} to test; expected as many."
            )


RECIPES: tuple[type[Recipe], ...] = (
    Load, Observe, Train, Configure, Preview, Encode, Fit, Take, Interpolate, Blend, Edit, AtStep, RenderEdit, Layers,
    Vectors, Render, Project,
    Cluster, Neighbors, Nearest, KeptNeighbors, Quality, Control, Timing, Score, Evaluate, Classify,
)  # fmt: skip

AnyRecipe = (
    Load
    | Observe
    | Train
    | Configure
    | Preview
    | Encode
    | Fit
    | Take
    | Interpolate
    | Blend
    | Edit
    | AtStep
    | RenderEdit
    | Layers
    | Vectors
    | Render
    | Project
    | Cluster
    | Neighbors
    | Nearest
    | KeptNeighbors
    | Quality
    | Control
    | Timing
    | Score
    | Evaluate
    | Classify
)


# ---------------------------------------------------------------------------------------------------------------------
# What people named


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that people named: a signal set or a checkpoint that the engine keeps.

    Args:
        id: the content's hash.
        kind: ``signals`` or ``checkpoint``.
        name: what people call it.
        note: what people say of it.
        details: sizes, axes, representation, trained resolutions; enough to draw a menu.
    """

    id: str
    kind: str
    name: str
    note: str = ""
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class UploadState:
    """Bytes on their way in.

    Args:
        name: what the person calls them; a label, never a path.
        size: how many there will be.
        received: how many have come, which is where to go on.
    """

    id: str
    name: str
    size: int
    received: int


# ---------------------------------------------------------------------------------------------------------------------
# Jobs


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far long work has come. ``metrics`` are figures to plot, such as ``loss`` and ``psnr_db``."""

    step: int
    total: int
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How far a job had come after some seconds of work."""

    seconds: float
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class JobState:
    """One job as the server sees it.

    Args:
        state: ``queued``, ``running``, ``paused``, ``done``, ``failed`` or ``cancelled``.
        recipe: what it computes, as JSON; its result is found under ``key``.
        position: how many jobs run before it.
        eta_s: seconds left, None while unknown.
        error: what went wrong, in words.
        error_type: the name of the error's class.
        memory_bytes: what its worker holds: of the GPU where there is one, else of the machine.
    """

    id: str
    state: str
    key: str
    recipe: Mapping[str, Any]
    position: int = 0
    progress: Progress | None = None
    eta_s: float | None = None
    seconds: float = 0.0
    error: str = ""
    error_type: str = ""
    memory_bytes: int | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


LONG, MAPS = "long", "maps"
LANES = (LONG, MAPS)
"""Each has a worker of its own, so that a map, which takes seconds, never waits for a training, which takes minutes."""


def lane(recipe: Mapping[str, Any]) -> str:
    """Where a job runs."""
    return MAPS if recipe["op"] == "project" else LONG


# Between the queue and its worker, a line of JSON each.


@dataclass(frozen=True, kw_only=True)
class RunJob:
    """To the worker: compute a recipe."""

    op: Literal["run"] = "run"
    job: str
    recipe: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CancelJob:
    """To the worker: leave that job, if it is the one that runs; ``keep`` what it needs to go on later."""

    op: Literal["cancel"] = "cancel"
    job: str
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """From the worker: how far a job is, or how it ended, in the words of JobState."""

    job: str
    state: Literal["running", "done", "failed", "cancelled"]
    progress: Progress | None = None
    error: str = ""
    error_type: str = ""
    memory_bytes: int | None = None
