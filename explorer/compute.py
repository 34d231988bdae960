"""How each recipe is made from its inputs. Every function here is pure: the engine only fetches what it names."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import singledispatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import classification, clustering, load_sklearn, metrics, neighbors, projection
from explorer.analysis.alignment import align
from explorer.artifacts import Arrays, Artifact
from explorer.clouds import Cloud
from explorer.codes import Checkpoint, encoding_of, join, source_of, take
from explorer.errors import InvalidInput, NotFound
from explorer.fitting import ended_here
from explorer.grids import nearest_on_grid, resample
from explorer.interpolation import only
from explorer.messages import (
    CLOUD,
    RAW,
    AtStep,
    Blend,
    Classify,
    Cluster,
    CodesRecipe,
    Configure,
    Control,
    Draw,
    Edit,
    Encode,
    Evaluate,
    Fit,
    Interpolate,
    KeptNeighbors,
    Layers,
    Load,
    Nearest,
    Neighbors,
    Observe,
    Preview,
    Progress,
    Project,
    Quality,
    Recipe,
    Render,
    RenderEdit,
    Score,
    Take,
    Timing,
    Train,
    Vectors,
)
from explorer.nets.classifier import fit_mlp
from explorer.nets.cloud_transformer import fit_clouds
from explorer.observations import Observations, Sampling
from explorer.readers import builtin
from explorer.representations.base import (
    Differentiable,
    Drawing,
    Editable,
    Fitted,
    Networks,
    Report,
    Representation,
    check_domain,
    plain,
    silent,
)
from explorer.signals import SignalSet

if TYPE_CHECKING:
    from explorer.local import LocalEngine

RENDER_LIMIT_BYTES = 2**30
PREVIEWED = 10_000
"""Signals of a training beyond which what it has come to is not shown: every look would read them all."""

CLASSIFIERS = {**classification.METHODS, "mlp": fit_mlp}


def classifiers() -> dict[str, classification.Fit]:
    """Those whose packages are installed."""
    return {name: fit for name, fit in CLASSIFIERS.items() if name != "xgboost" or find_spec("xgboost")}


@singledispatch
def compute(recipe: Recipe, engine: "LocalEngine", report: Report) -> Artifact:
    """The result of a recipe. ``engine.run`` is the one who calls, and remembers."""
    raise InvalidInput(f"Got a recipe {type(recipe).__name__}; nothing here makes it.")


def _method(codes: CodesRecipe, engine: "LocalEngine") -> tuple[Representation, Checkpoint]:
    """The representation of codes, and their checkpoint."""
    checkpoint = engine.loaded_checkpoint(encoding_of(codes).checkpoint)
    return engine.representation(checkpoint.representation), checkpoint


def _signals(codes: CodesRecipe, engine: "LocalEngine") -> SignalSet:
    encode, rows = source_of(codes)
    signals = engine.signals(encode.signals)
    return signals if rows is None else signals[rows]


def _are_signals(codes: CodesRecipe) -> bool:
    return isinstance(codes, Encode) or (isinstance(codes, Take | AtStep) and _are_signals(codes.codes))


def _count(codes: CodesRecipe, engine: "LocalEngine") -> int:
    """How many codes there are."""
    match codes:
        case Encode():
            return len(engine.signals(codes.signals))
        case Take():
            return len(codes.rows)
        case AtStep():
            return _count(codes.codes, engine)
        case Interpolate():
            return len(codes.at)
        case _:
            return 1


@compute.register(Load)
def _(recipe: Load, engine: "LocalEngine", report: Report) -> Artifact:
    return builtin.load_builtin(recipe.name).artifact


@compute.register(Observe)
def _(recipe: Observe, engine: "LocalEngine", report: Report) -> Artifact:
    signals = engine.signals(recipe.signals)
    if recipe.rows is not None:
        signals = signals[np.array(recipe.rows)]
    sampling = recipe.sampling.on(signals)
    observations = Observations(signals, sampling)
    _affordable(len(signals) * observations.points * signals.m)
    batch = observations.batch(slice(None))
    if sampling.is_grid and batch.mask is None:
        values = batch.values.reshape(len(signals), *sampling.size, signals.m)
        return Artifact("observe", {"values": values})
    arrays = {"values": batch.values, "coords": batch.coords, "mask": batch.mask}
    return Artifact("observe", {name: array for name, array in arrays.items() if array is not None})


@compute.register(Train)
def _(recipe: Train, engine: "LocalEngine", report: Report) -> Artifact:
    representation = engine.representation(recipe.representation)
    config = representation.config(recipe.preset, recipe.config)
    signals = engine.signals(recipe.signals).part(recipe.split)
    if not len(signals):
        raise InvalidInput(f"Got split {recipe.split!r}, which is empty in this set; expected another or 'all'.")
    resume, saving = engine.training_state(recipe.key, report)
    checkpoint = representation.train(config, signals, seed=recipe.seed, resume=resume, report=saving)
    return checkpoint.artifact


@compute.register(Configure)
def _(recipe: Configure, engine: "LocalEngine", report: Report) -> Artifact:
    config = engine.representation(recipe.representation).config(recipe.preset, recipe.config)
    return Artifact("configure", {}, {"config": plain(config)})


@compute.register(Preview)
def _(recipe: Preview, engine: "LocalEngine", report: Report) -> Artifact:
    train = recipe.train
    kept = engine.last_state(train.key)
    state = kept and ended_here(kept)
    if kept is None or state is None:
        raise NotFound("Got a training that has kept nothing to look at yet; ask again in some seconds.")
    representation, whole = engine.representation(train.representation), engine.signals(train.signals)
    signals = whole.part(train.split)
    if len(signals) > PREVIEWED:
        raise InvalidInput(f"Got a training on {len(signals)} signals; expected at most {PREVIEWED} for a preview.")
    config = representation.config(train.preset, train.config)
    checkpoint = representation.train(config, signals, seed=train.seed, resume=state)
    chosen = whole[_within(recipe.rows, len(whole))]
    codes = representation.encode(checkpoint, Observations(chosen))
    values = representation.render(checkpoint, codes, recipe.resolution)
    quality = _quality(representation, checkpoint, codes, chosen, silent)
    return Artifact("preview", {"values": values, "psnr_db": quality["psnr_db"]}, {"step": kept.meta["step"]})


@compute.register(Encode)
def _(recipe: Encode, engine: "LocalEngine", report: Report) -> Artifact:
    checkpoint = engine.loaded_checkpoint(recipe.checkpoint)
    signals = engine.signals(recipe.signals)
    check_domain(checkpoint.domain, signals)
    representation = engine.representation(checkpoint.representation)
    observations = Observations(signals, recipe.sampling)
    if isinstance(representation, Fitted):
        start = None
        if recipe.start is not None:
            start = engine.run(replace(recipe, sampling=recipe.start, start=None), report).arrays
        resume, saving = engine.training_state(recipe.key, report)
        arrays = representation.encode(
            checkpoint, observations, seed=recipe.seed, resume=resume, start=start, report=saving
        )
    elif recipe.start is not None:
        raise InvalidInput(f"Got a start for {representation.name}, which fits no signals; expected none.")
    else:
        arrays = representation.encode(checkpoint, observations, seed=recipe.seed, report=report)
    return Artifact(
        "codes", arrays, {"representation": checkpoint.representation, "spaces": list(representation.spaces)}
    )


@compute.register(Fit)
def _(recipe: Fit, engine: "LocalEngine", report: Report) -> Artifact:
    checkpoint = engine.store.find(recipe.train.key)
    if checkpoint is None:
        raise NotFound("Got a training that has given no checkpoint; expected one that is done. Train first.")
    return engine.run(Encode(checkpoint=checkpoint, signals=recipe.train.signals, sampling=recipe.sampling), report)


@compute.register(Take)
def _(recipe: Take, engine: "LocalEngine", report: Report) -> Artifact:
    codes = engine.run(recipe.codes, report)
    rows = _within(recipe.rows, _count(recipe.codes, engine))
    return Artifact("codes", take(codes.arrays, rows), codes.meta)


@compute.register(Interpolate)
def _(recipe: Interpolate, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _method(recipe.codes, engine)
    if recipe.method not in method.paths:
        raise InvalidInput(
            f"Got method {recipe.method!r} for {method.name}; expected one of {', '.join(method.paths)}."
        )
    if recipe.layers and not isinstance(method, Networks):
        raise InvalidInput(f"Got layers for {method.name}, whose codes have none; expected none.")
    codes, rows = engine.run(recipe.codes, report), _within(recipe.ends, _count(recipe.codes, engine))
    ends = [take(codes.arrays, [row]) for row in rows]
    at = np.array(recipe.at)
    leg = np.minimum(at.astype(int), len(ends) - 2)  # the last end is reached by the last leg
    parts = []
    for i in np.unique(leg):
        start, end, how = ends[i], ends[i + 1], recipe.method
        if isinstance(method, Networks):
            end, how = _matched(method, checkpoint, start, end, recipe)
        parts.append(method.interpolate(checkpoint, start, end, at[leg == i] - i, how))
    order = np.argsort(np.argsort(leg, kind="stable"), kind="stable")
    return Artifact("codes", take(join(parts), order), codes.meta)


def _matched(
    method: Networks, checkpoint: Checkpoint, start: Arrays, end: Arrays, recipe: Interpolate
) -> tuple[Arrays, str]:
    """The end as the path is to go to it: its units matched, its other layers left; and how to go there."""
    if recipe.method != "aligned" and not recipe.layers:
        return end, recipe.method
    if unknown := set(recipe.layers) - set(method.layers(checkpoint)):
        raise InvalidInput(f"Got layers {sorted(unknown)}; expected some of {', '.join(method.layers(checkpoint))}.")
    first, last = method.parameters(checkpoint, start), method.parameters(checkpoint, end)
    if recipe.method == "aligned":
        last = align(first, last, method.symmetry(checkpoint))
    if recipe.layers:
        last = only(recipe.layers, first, last)
    return {**end, **method.networks(checkpoint, last)}, "linear" if recipe.method == "aligned" else recipe.method


@compute.register(Blend)
def _(recipe: Blend, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _method(recipe.codes, engine)
    codes, rows = engine.run(recipe.codes, report), _within(recipe.rows, _count(recipe.codes, engine))
    weights = np.array(recipe.weights) if recipe.weights else np.full(len(rows), 1 / len(rows))
    return Artifact("codes", method.blend(checkpoint, take(codes.arrays, rows), weights / weights.sum()), codes.meta)


@compute.register(AtStep)
def _(recipe: AtStep, engine: "LocalEngine", report: Report) -> Artifact:
    method, _ = _method(recipe.codes, engine)
    codes = engine.run(recipe.codes, report)
    kept = codes.arrays["snapshot_steps"].shape[1] if "snapshot_steps" in codes.arrays else 0
    if recipe.step >= kept:
        raise InvalidInput(f"Got step {recipe.step} of {kept} kept ones; train with snapshots= to keep more.")
    assert isinstance(method, Fitted)
    return Artifact("codes", method.at_step(codes.arrays, recipe.step), codes.meta)


@compute.register(Edit)
def _(recipe: Edit, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _editable(recipe.codes, engine)
    codes, n = engine.run(recipe.codes, report), _count(recipe.codes, engine)
    code = take(codes.arrays, _within((recipe.row,), n))
    edited = method.edit(checkpoint, code, recipe.edits, lambda row: take(codes.arrays, _within((row,), n)))
    return Artifact("codes", edited, codes.meta)


@compute.register(Draw)
def _(recipe: Draw, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _editable(recipe.codes, engine)
    drawing = method.draw(checkpoint, engine.run(recipe.codes, report).arrays, recipe.resolution, recipe.window)
    return Artifact("draw", dict(vars(drawing)))


@compute.register(RenderEdit)
def _(recipe: RenderEdit, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _editable(recipe.codes, engine)
    resolution = _for_each_axis(recipe.resolution, checkpoint)
    _affordable(int(np.prod(resolution, dtype=object)) * (checkpoint.domain.m + 1))
    before = Edit(codes=recipe.codes, row=recipe.row, edits=recipe.edits)
    drawn = engine.run(Draw(codes=before, resolution=resolution, window=recipe.window), report).arrays
    code, codes = engine.run(before, report).arrays, engine.run(recipe.codes, report).arrays
    n = _count(recipe.codes, engine)
    edited = method.edit(checkpoint, code, (recipe.edit,), lambda row: take(codes, _within((row,), n)))
    box, values, changed = method.redraw(checkpoint, code, edited, Drawing(**drawn), recipe.window)
    return Artifact("renderedit", {"values": values, "changed": changed}, {"box": [list(side) for side in box]})


def _editable(codes: CodesRecipe, engine: "LocalEngine") -> tuple[Editable, Checkpoint]:
    method, checkpoint = _method(codes, engine)
    if not isinstance(method, Editable):
        raise InvalidInput(f"Got codes of {method.name}, which have no anchors; expected those of 'arc'.")
    return method, checkpoint


@compute.register(Layers)
def _(recipe: Layers, engine: "LocalEngine", report: Report) -> Artifact:
    checkpoint = engine.loaded_checkpoint(recipe.checkpoint)
    method = engine.representation(checkpoint.representation)
    return Artifact("layers", {}, {"layers": list(method.layers(checkpoint)) if isinstance(method, Networks) else []})


def _within(rows: Sequence[int], n: int) -> np.ndarray:
    """Positions that a set of ``n`` has."""
    if max(rows) >= n:
        raise InvalidInput(f"Got row {max(rows)} of {n} codes; expected 0 to {n - 1}.")
    return np.array(rows)


@compute.register(Vectors)
def _(recipe: Vectors, engine: "LocalEngine", report: Report) -> Artifact:
    if isinstance(recipe.codes, Take):  # of one computation, so that a part has the very numbers of the whole
        whole = _vectors(recipe.codes.codes, recipe.space, engine, report)
        return Artifact("vectors", {"vectors": whole[_within(recipe.codes.rows, len(whole))]})
    if recipe.space == RAW:
        encode, _ = source_of(recipe.codes)
        signals = _signals(recipe.codes, engine)
        return Artifact("vectors", {"vectors": raw_vectors(signals, encode.sampling)})
    representation, checkpoint = _method(recipe.codes, engine)
    codes = engine.run(recipe.codes, report)
    return Artifact("vectors", {"vectors": representation.vectors(checkpoint, codes.arrays, recipe.space)})


def raw_vectors(signals: SignalSet, sampling: Sampling) -> np.ndarray:
    """The control: what the sampling saw, resampled to the set's reference grid, as rows. float32 [n, P m].

    Uneven observations are put on the grid by their nearest sample.
    """
    observations = Observations(signals, sampling)
    shape = signals.reference_shape
    result = np.empty((len(signals), int(np.prod(shape)) * signals.m), np.float32)
    for rows, batch in observations.batches():
        if observations.sampling.is_grid and batch.mask is None:
            grids = batch.values.reshape(len(batch.values), *observations.sampling.size, signals.m)
            grids = resample(grids, shape)
        else:
            grids = nearest_on_grid(batch.coords, batch.values, batch.mask, shape)
        result[rows] = grids.reshape(len(grids), -1)
    return result


@compute.register(Render)
def _(recipe: Render, engine: "LocalEngine", report: Report) -> Artifact:
    representation, checkpoint = _method(recipe.codes, engine)
    domain, resolution = checkpoint.domain, _for_each_axis(recipe.resolution, checkpoint)
    _affordable(_count(recipe.codes, engine) * int(np.prod(resolution, dtype=object)) * domain.m)
    codes = engine.run(recipe.codes, report)
    if not any(recipe.derivative):
        values = representation.render(checkpoint, codes.arrays, resolution, recipe.window)
    elif not isinstance(representation, Differentiable):
        raise InvalidInput(f"Got a derivative of {representation.name}, which has none in closed form; expected none.")
    elif len(recipe.derivative) != domain.d:
        raise InvalidInput(
            f"Got derivative {recipe.derivative}; expected how often to differentiate along each of {domain.d} axes "
            f"({', '.join(domain.axes)})."
        )
    else:
        values = representation.derivative(checkpoint, codes.arrays, recipe.derivative, resolution, recipe.window)
    return Artifact("render", {"values": values})


def _for_each_axis(resolution: tuple[int, ...], checkpoint: Checkpoint) -> tuple[int, ...]:
    return resolution * checkpoint.domain.d if len(resolution) == 1 else resolution


def _affordable(numbers: int) -> None:
    if numbers * 4 > RENDER_LIMIT_BYTES:
        raise InvalidInput(
            f"Got a request for {numbers * 4 / 2**30:.1f} GiB of values; expected at most "
            f"{RENDER_LIMIT_BYTES / 2**30:.0f} GiB. Ask for fewer signals or a lower resolution."
        )


def _vectors(codes: CodesRecipe, space: str, engine: "LocalEngine", report: Report) -> np.ndarray:
    load_sklearn()  # whoever asks for vectors is about to analyse them, in one of several threads
    return engine.run(Vectors(codes=codes, space=space), report).arrays["vectors"]


@compute.register(Project)
def _(recipe: Project, engine: "LocalEngine", report: Report) -> Artifact:
    vectors = _vectors(recipe.codes, recipe.space, engine, report)
    reference = None
    if recipe.reference is not None:
        own = Project(codes=recipe.reference, space=recipe.space, method=recipe.method, seed=recipe.seed)
        layout = engine.run(own, report).arrays["layout"]
        reference = (_vectors(recipe.reference, recipe.space, engine, report), layout)
        if recipe.method != "pca" and not _are_signals(
            recipe.codes
        ):  # a few points among many have no map of their own
            return Artifact("project", {"layout": projection.place(vectors, *reference)})
    layout = projection.project(vectors, method=recipe.method, seed=recipe.seed, reference=reference, report=report)
    return Artifact("project", {"layout": layout})


@compute.register(Cluster)
def _(recipe: Cluster, engine: "LocalEngine", report: Report) -> Artifact:
    fitted_to = recipe.reference or recipe.codes
    fitted = engine.clustering(
        Cluster(codes=fitted_to, space=recipe.space, method=recipe.method, k=recipe.k, seed=recipe.seed),
        lambda: clustering.fit(
            _vectors(fitted_to, recipe.space, engine, report), method=recipe.method, k=recipe.k, seed=recipe.seed
        ),
    )
    labels = fitted.labels
    if recipe.reference is not None:
        labels = fitted.assign(_vectors(recipe.codes, recipe.space, engine, report))
    return Artifact("cluster", {"labels": labels}, {"k": fitted.k})


@compute.register(Neighbors)
def _(recipe: Neighbors, engine: "LocalEngine", report: Report) -> Artifact:
    vectors = _vectors(recipe.codes, recipe.space, engine, report)
    _within((recipe.row,), len(vectors))
    indices, distances = neighbors.neighbors(vectors, recipe.row, recipe.k)
    return Artifact("neighbors", {"indices": indices, "distances": distances})


@compute.register(Nearest)
def _(recipe: Nearest, engine: "LocalEngine", report: Report) -> Artifact:
    queries = _vectors(recipe.codes, recipe.space, engine, report)
    reference = None if recipe.reference is None else _vectors(recipe.reference, recipe.space, engine, report)
    indices, distances = neighbors.nearest_of_all(queries, recipe.k, reference)
    return Artifact("nearest", {"indices": indices, "distances": distances})


@compute.register(KeptNeighbors)
def _(recipe: KeptNeighbors, engine: "LocalEngine", report: Report) -> Artifact:
    layout = engine.run(recipe.layout, report).arrays["layout"]
    vectors = _vectors(recipe.layout.codes, recipe.layout.space, engine, report)
    return Artifact("kept_neighbors", {"share": neighbors.kept_neighbors(vectors, layout, recipe.k)})


@compute.register(Quality)
def _(recipe: Quality, engine: "LocalEngine", report: Report) -> Artifact:
    representation, checkpoint = _method(recipe.codes, engine)
    codes, signals = engine.run(recipe.codes, report), _signals(recipe.codes, engine)
    return Artifact("quality", _quality(representation, checkpoint, codes.arrays, signals, report))


def _quality(
    representation: Representation, checkpoint: Checkpoint, codes: Arrays, signals: SignalSet, report: Report
) -> dict[str, np.ndarray]:
    """Codes against their whole signals: ``psnr_db`` [n], and ``ssim`` [n] where there is one."""
    found: list[dict[str, np.ndarray]] = []
    for rows, batch in Observations(signals).batches():
        values = representation.decode(checkpoint, take(codes, rows), batch.coords)
        truth = batch.values if batch.mask is None else np.where(batch.mask[..., None], batch.values, np.nan)
        found.append(_compared(signals, truth, values))
        report(Progress(step=rows.stop, total=len(signals), message="comparing"))
    return join(found)


@compute.register(Control)
def _(recipe: Control, engine: "LocalEngine", report: Report) -> Artifact:
    signals = engine.signals(recipe.signals)
    if recipe.rows is not None:
        signals = signals[_within(recipe.rows, len(signals))]
    sampling = recipe.sampling.on(signals)
    if not sampling.is_grid or signals.shape is None:
        raise InvalidInput("Got uneven samples; expected whole grids of one shape, between which to interpolate.")
    found: list[dict[str, np.ndarray]] = []
    for rows, batch in Observations(signals, sampling).batches():
        grids = batch.values.reshape(-1, *sampling.size, signals.m)
        values = resample(grids, signals.shape, recipe.method).reshape(len(grids), -1, signals.m)
        found.append(_compared(signals, Observations(signals).batch(rows).values, values))
    return Artifact("control", join(found))


def _compared(signals: SignalSet, truth: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """``psnr_db`` [n], for images of one shape also ``ssim``, of values [n, P, m]; NaN in ``truth`` is no sample."""
    low, high = signals.value_range
    scores = {"psnr_db": metrics.psnr_db(truth, values, peak=high - low)}
    if signals.d == 2 and signals.shape is not None:
        shape = (-1, *signals.shape, signals.m)
        scores["ssim"] = metrics.ssim(truth.reshape(shape), values.reshape(shape), peak=high - low)
    return {name: score.astype(np.float32) for name, score in scores.items()}


@compute.register(Timing)
def _(recipe: Timing, engine: "LocalEngine", report: Report) -> Artifact:
    method, checkpoint = _method(recipe.codes, engine)
    signals = engine.signals(recipe.codes.signals)
    signal = signals[_within((recipe.row,), len(signals))]
    resolution = recipe.resolution * signal.d if len(recipe.resolution) == 1 else recipe.resolution
    _affordable(int(np.prod(resolution, dtype=object)) * signal.m)
    observations = Observations(signal, recipe.codes.sampling)
    codes = take(engine.run(recipe.codes, report).arrays, [recipe.row])

    def median_s(work: Callable[[], Any]) -> float:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        return sorted(seconds)[1]

    encode_s = None
    if not isinstance(method, Fitted):
        encode_s = median_s(lambda: method.encode(checkpoint, observations, seed=recipe.codes.seed))
    render_s = median_s(lambda: method.render(checkpoint, codes, resolution))
    return Artifact("timing", {}, {"encode_s": encode_s, "render_s": render_s})


@compute.register(Score)
def _(recipe: Score, engine: "LocalEngine", report: Report) -> Artifact:
    def clusters(codes: CodesRecipe, reference: CodesRecipe | None) -> np.ndarray:
        made = Cluster(
            codes=codes, space=recipe.space, method=recipe.method, k=recipe.k, seed=recipe.seed, reference=reference
        )
        return engine.run(made, report).arrays["labels"]

    labels, truth = clusters(recipe.codes, recipe.reference), _signals(recipe.codes, engine).labels
    vectors = _vectors(recipe.codes, recipe.space, engine, report)
    scores = {"silhouette": metrics.silhouette(vectors, labels, seed=recipe.seed)}
    if truth is not None:
        scores |= {"ami": metrics.ami(labels, truth), "ari": metrics.ari(labels, truth)}
    if recipe.reference is not None:
        scores["drift"] = metrics.drift(labels, clusters(recipe.reference, None))
    known = {name: score for name, score in scores.items() if np.isfinite(score)}
    nothing: dict[str, Any] = dict.fromkeys(("ami", "ari", "drift", "silhouette"))
    return Artifact("score", {}, nothing | known | {"k": len(set(labels.tolist()) - {-1})})


@compute.register(Evaluate)
def _(recipe: Evaluate, engine: "LocalEngine", report: Report) -> Artifact:
    signals = engine.signals(recipe.signals)
    k = recipe.k or len(signals.class_names) or None
    spaces = (*engine.representation(engine.loaded_checkpoint(recipe.checkpoint).representation).spaces, RAW)
    native = Encode(checkpoint=recipe.checkpoint, signals=recipe.signals, sampling=Sampling().on(signals))
    rows = []
    for step, sampling in enumerate(recipe.samplings):
        codes = Encode(checkpoint=recipe.checkpoint, signals=recipe.signals, sampling=sampling.on(signals))
        psnr = float(engine.run(Quality(codes=codes), silent).arrays["psnr_db"].mean())
        for space in spaces:
            report(Progress(step=step, total=len(recipe.samplings), message=f"{_label(sampling)} {space}"))
            scores = [
                engine.run(
                    Score(
                        codes=codes,
                        space=space,
                        method=recipe.method,
                        k=k,
                        seed=seed,
                        reference=None if codes == native else native,
                    ),
                    silent,
                ).meta
                for seed in recipe.seeds
            ]
            row = {"resolution": _label(sampling), "space": space, "clustering": recipe.method, "k": k}
            for name in ("ami", "ari", "drift"):
                # The native resolution is its own reference: nothing can have moved.
                values = [0.0 if name == "drift" and codes == native else score[name] for score in scores]
                known = [v for v in values if v is not None]
                row[name] = float(np.mean(known)) if known else None
                row[f"{name}_std"] = float(np.std(known)) if known else None
            row["psnr_db"] = None if space == RAW else psnr
            rows.append(row)
    return Artifact("evaluate", {}, {"rows": rows, "seeds": list(recipe.seeds)})


def _label(sampling: Sampling) -> Any:
    """A resolution as people write it: one number for a square grid, numbers for others, words for uneven ones."""
    if not sampling.is_grid:
        return f"{sampling.kind} {'x'.join(map(str, sampling.size))} jitter {sampling.jitter} drop {sampling.drop}"
    return sampling.size[0] if len(set(sampling.size)) == 1 else list(sampling.size)


@compute.register(Classify)
def _(recipe: Classify, engine: "LocalEngine", report: Report) -> Artifact:
    if recipe.method not in ("best", CLOUD, *CLASSIFIERS):
        raise InvalidInput(f"Got classifier {recipe.method!r}; expected best, {CLOUD} or {', '.join(CLASSIFIERS)}.")
    _apart(recipe)
    (labels, class_names), (truth, others) = (_classes(codes, engine) for codes in (recipe.train, recipe.test))
    if class_names != others:
        raise InvalidInput(
            f"Got training classes {', '.join(class_names)} and test classes {', '.join(others)}; expected the same. "
            "Take both from one signal set."
        )
    method = recipe.method
    if method == CLOUD:
        result = _classified_clouds(recipe, labels, truth, len(class_names), engine, report)
    else:
        train, test = (_joined(codes, recipe.space, engine, report) for codes in (recipe.train, recipe.test))
        if method == "best":
            method = classification.choose(train, labels, classifiers())

        def heard(done: int) -> None:
            report(Progress(step=done, total=len(recipe.seeds), message=f"classifying by {method}"))

        heard(0)
        result = classification.classify(
            train,
            labels,
            test,
            truth,
            classes=len(class_names),
            fit=CLASSIFIERS[method],
            seeds=recipe.seeds,
            heard=heard,
        )
    meta = {
        "method": method,
        "accuracy": result.accuracy.tolist(),
        "macro_f1": result.macro_f1.tolist(),
        "per_class": result.per_class(class_names),
        "class_names": list(class_names),
    }
    return Artifact("classify", {"predictions": result.predictions, "confusion": result.confusion}, meta)


def _apart(recipe: Classify) -> None:
    """Refuse to test on what was trained on."""
    for (train, rows), (test, others) in zip(map(source_of, recipe.train), map(source_of, recipe.test), strict=True):
        if train.signals == test.signals and (rows is None or others is None or np.intersect1d(rows, others).size):
            raise InvalidInput(
                "Got the same signals to train on and to test; expected two parts. Take codes[...] of other rows, or "
                "encode signals.train and signals.test."
            )


def _classified_clouds(
    recipe: Classify, labels: np.ndarray, truth: np.ndarray, classes: int, engine: "LocalEngine", report: Report
) -> classification.Classification:
    """By a transformer of the clouds themselves."""
    if len(recipe.train) > 1:
        raise InvalidInput(f"Got {len(recipe.train)} modalities for {CLOUD!r}; expected one.")
    if recipe.space:
        raise InvalidInput(f"Got space {recipe.space!r} for {CLOUD!r}; expected none: clouds are told, not vectors.")
    classification.check_known(truth)
    for codes in (*recipe.train, *recipe.test):
        _editable(codes, engine)
    train, test = (engine.run(codes[0], report).arrays for codes in (recipe.train, recipe.test))
    known = np.flatnonzero(labels >= 0)
    seen, index = np.unique(labels[known], return_inverse=True)
    if len(seen) < 2:
        raise InvalidInput(f"Got training signals of {len(seen)} classes; expected two or more, to be told apart.")
    clouds, asked = Cloud.of(take(train, known)), Cloud.of(test)

    def predicted(done: int, seed: int) -> np.ndarray:
        def heard(step: int, total: int) -> None:
            whole = len(recipe.seeds) * total
            report(Progress(step=done * total + step, total=whole, message="training the cloud transformer"))

        return seen[fit_clouds(clouds, index, seed, report=heard)(asked)]

    predictions = [predicted(*which) for which in enumerate(recipe.seeds)]
    return classification.scored(np.stack(predictions), truth, classes)


def _classes(codes: Sequence[CodesRecipe], engine: "LocalEngine") -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels [n] that several modalities of the same samples share, and the names of the classes."""
    sets = [_signals(part, engine) for part in codes]
    first = sets[0]
    if first.labels is None:
        raise InvalidInput(f"Got {first.name!r}, which has no labels; expected a labelled signal set.")
    for other in sets[1:]:
        same = other.labels is not None and np.array_equal(other.labels, first.labels)
        if not same or other.class_names != first.class_names:
            raise InvalidInput(
                f"Got {first.name!r} and {other.name!r} with other labels; expected modalities of the same samples."
            )
    return first.labels, first.class_names


def _joined(codes: Sequence[CodesRecipe], space: str, engine: "LocalEngine", report: Report) -> np.ndarray:
    """Vectors of several modalities side by side: [n, dz]."""
    return np.concatenate([_vectors(part, space, engine, report) for part in codes], 1)
