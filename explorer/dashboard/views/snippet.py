"""The few lines of Python that make what is on the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.dashboard.subject import Subject
from explorer.dashboard.views.portraits import grid_for
from explorer.dashboard.views.side_by_side import Scene
from explorer.messages import CLOUD, RAW, Encode, control_method
from explorer.observations import Sampling
from explorer.signals import SignalSet


def snippet(subject: Subject, name: str, projection: str, row: int, render_size: int) -> str:
    """A program of the public face: the same codes, clusters, map and picture.

    Args:
        name: by which the engine knows the signals.
        projection: how the map is made.
        row: the signal that is shown.
        render_size: samples along each axis of its picture.
    """
    space = f", space={subject.space!r}" if subject.space else ""
    k = f", k={subject.clusters_wanted}" if subject.clusters_wanted else ""
    lines = [
        *opening(subject, name),
        "native = engine.encode(model, signals)",
        f"clusters = engine.cluster(codes, method={subject.method!r}{k}{space}, reference=native)",
        f"layout = engine.project(codes, method={projection!r}{space}, reference=native)",
        f"picture = engine.render(codes[{row}], resolution={render_size})[0]",
    ]
    return "\n".join(lines) + "\n"


def opening(subject: Subject, name: str) -> list[str]:
    """The lines up to ``codes``: the signals through their checkpoint, as they are observed."""
    return [
        "import explorer",
        "",
        "engine = explorer.connect()",
        f"signals = engine.load({name!r})",
        f"assert signals.id == {subject.signals.id!r}",
        f"model = engine.checkpoint({subject.checkpoint.id!r})",
        f"codes = {encoded(subject, 'model', 'signals')}",
    ]


def encoded(subject: Subject, model: str, signals: str) -> str:
    """The codes of a subject, in words of Python: its signals through its checkpoint, as they are observed."""
    recipe = subject.codes.recipe
    start = f", start={_resolution(recipe.start)}" if isinstance(recipe, Encode) and recipe.start else ""
    return f"engine.encode({model}, {signals}, resolution={_resolution(subject.sampling)}{start})"


def walk_snippet(subject: Subject, name: str, ends: Sequence[int], method: str, t: float, render_size: int) -> str:
    """A program of the public face: the same walk, its live picture, and how far it leads from the data.

    Args:
        name: by which the engine knows the signals.
        ends: the signals that it passes.
        t: where the picture is taken, 0 the first signal and 1 the last.
        render_size: samples along the longer axis of the picture.
    """
    resolution = _resolution(subject.sampling)
    space = f", space={subject.space!r}" if subject.space and subject.space in subject.codes.spaces else ""
    shape, window = grid_for(subject.signals, render_size)
    seen = f"resolution={shape!r}" + (f", window={window!r}" if window else "")
    lines = [
        "import explorer",
        "",
        "engine = explorer.connect()",
        f"signals = engine.load({name!r})",
        f"assert signals.id == {subject.signals.id!r}",
        f"model = engine.checkpoint({subject.checkpoint.id!r})",
        f"codes = engine.encode(model, signals, resolution={resolution})",
        f"walk = engine.interpolate(codes, {', '.join(map(str, ends))}, steps=101, method={method!r})",
        f"picture = engine.render(walk[{round(t * 100)}], {seen})[0]",
        f"nearest, distances = engine.nearest(walk, reference=codes{space})",
    ]
    return "\n".join(lines) + "\n"


def training_snippet(
    signals: SignalSet, name: str, representation: str, preset: str, split: str, seed: int, config: Mapping[str, Any]
) -> str:
    """A program that trains what the form describes."""
    options = [f"preset={preset!r}", f"split={split!r}", f"seed={seed}"]
    options += [f"{field}={value!r}" for field, value in config.items()]
    lines = [
        "import explorer",
        "",
        "engine = explorer.connect()",
        f"signals = engine.load({name!r})",
        f"assert signals.id == {signals.id!r}",
        f"model = engine.train({representation!r}, signals, {', '.join(options)})",
        "codes = engine.encode(model, signals)",
    ]
    return "\n".join(lines) + "\n"


def classify_snippet(
    subject: Subject,
    name: str,
    space: str,
    method: str,
    seeds: int,
    split_seed: int,
    joined: Sequence[Subject] = (),
) -> str:
    """A program that classifies the codes, and the raw samples beside them.

    Args:
        name: by which the engine knows the signals.
        joined: other codes of the same samples, whose vectors stand beside those of the subject.
    """
    own = subject.codes.spaces[0]
    if method == CLOUD or (joined and space == own):
        space = ""  # several representations need not share their first space
    own_codes, seen = opening(subject, name), {(subject.signals.id, subject.sampling): "codes"}
    names = ["codes"]
    for number, other in enumerate(joined, 2):
        same = other.signals.id == subject.signals.id
        signals = "signals" if same else f"engine.load({other.signals.id!r})"
        names.append(f"codes{number}")
        own_codes.append(f"{names[-1]} = {encoded(other, f'engine.checkpoint({other.checkpoint.id!r})', signals)}")
        seen.setdefault((other.signals.id, other.sampling), names[-1])

    def asked(names: Sequence[str], space: str, method: str) -> str:
        parts = [", ".join(f"{name}[{part}]" for name in names) for part in ("train", "test")]
        train, test = parts if len(names) == 1 else (f"[{part}]" for part in parts)
        return f"engine.classify({train}, {test}, space={space!r}, method={method!r}, seeds=range({seeds}))"

    lines = [
        *own_codes,
        f"train, test = explorer.train_test_split(signals, seed={split_seed})",
        f"ours = {asked(names, space, method)}",
        f"raw = {asked(list(seen.values()), RAW, control_method(method))}",
        'print(ours["accuracy"], raw["accuracy"])',
    ]
    return "\n".join(lines) + "\n"


def comparison_snippet(scene: Scene, name: str) -> str:
    """A program of the public face: the same signals by the same checkpoints, and how good they are.

    Args:
        name: by which the engine knows the signals.
    """
    rows = list(scene.rows)
    ids = [rival.entry.id for rival in scene.rivals]
    shape, window = grid_for(scene.subject.signals, scene.size, scene.position)
    seen = f"resolution={shape!r}" + (f", window={window!r}" if window else "")
    resolution = _resolution(scene.subject.sampling)
    lines = [
        "import explorer",
        "",
        "engine = explorer.connect()",
        f"signals = engine.load({name!r})",
        f"assert signals.id == {scene.subject.signals.id!r}",
        f"for id in {ids!r}:",
        "    model = engine.checkpoint(id)",
        f"    codes = engine.encode(model, signals, resolution={resolution})[{rows!r}]",
        f"    pictures = engine.render(codes, {seen})",
        "    print(model.representation, engine.quality(codes))",
    ]
    if scene.subject.sampling.is_grid and scene.subject.signals.shape is not None:
        lines.append(f"print('cubic', engine.control(signals, {resolution}, rows={rows!r}))")
    return "\n".join(lines) + "\n"


def _resolution(sampling: Sampling) -> str:
    size = sampling.size[0] if len(set(sampling.size)) == 1 else sampling.size
    if sampling.is_grid:
        return repr(size)
    return (
        f'explorer.Sampling(kind="grid", size={size!r}, jitter={sampling.jitter}, drop={sampling.drop}, '
        f"seed={sampling.seed})"
    )
