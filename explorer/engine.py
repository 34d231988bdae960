"""The one door to everything: the Engine interface, and ``connect``.

An engine needs only a few primitives (run a recipe, keep an artifact, queue a job); the face that people use is written
once, here, on top of them. So what works in this process works over HTTP, by construction.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np

from explorer import errors
from explorer.artifacts import Artifact
from explorer.clouds import Cloud
from explorer.codes import Checkpoint, Codes, source_of
from explorer.errors import Cancelled, InvalidInput, JobFailed, NotFound
from explorer.messages import (
    AtStep,
    Blend,
    Classify,
    Cluster,
    CodesRecipe,
    Configure,
    Control,
    Edit,
    Encode,
    Entry,
    Evaluate,
    Interpolate,
    JobState,
    KeptNeighbors,
    Layers,
    Load,
    Moment,
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
    UploadState,
    Vectors,
)
from explorer.observations import Sampling
from explorer.readers.codesets import CodeSet
from explorer.readings import Options, Reading
from explorer.sending import parcel
from explorer.signals import SignalSet
from explorer.waiting import waiting

OnProgress = Callable[[Progress], None]
"""Called while long work goes on. An exception that it raises ends the work."""


class Patch(NamedTuple):
    """A part of a render that an edit changes.

    Args:
        box: where it lies, as (first, end) of the samples along each axis.
        values: float32 [*box, m].
        changed: bool [*box], which of them are not as before.
    """

    box: tuple[tuple[int, int], ...]
    values: np.ndarray
    changed: np.ndarray


class Job:
    """Long work that an engine does elsewhere: ask how it goes, wait for it, or cancel it."""

    def __init__(self, engine: "Engine", state: JobState):
        self.engine, self.id, self._recipe = engine, state.id, state.recipe

    def __repr__(self) -> str:
        state = self.state
        return f"Job({self._recipe['op']}, {state.state}, {state.progress})"

    @property
    def state(self) -> JobState:
        """Where it stands now."""
        return self.engine.job(self.id)

    def events(self) -> Iterator[JobState]:
        """Each change of its state until it ends."""
        return self.engine.job_events(self.id)

    def cancel(self) -> None:
        """Stop it; what it has not finished is gone."""
        self.engine.cancel_job(self.id)

    def pause(self) -> None:
        """Stop it so that it can go on where it was; work that keeps no state begins again."""
        self.engine.pause_job(self.id)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self.engine.resume_job(self.id)

    @property
    def history(self) -> list[Moment]:
        """How it went until now: some hundred moments with their metrics, evenly apart."""
        return self.engine.job_history(self.id)

    def wait(self, report: OnProgress | None = None) -> Artifact:
        """The result, when it is there; raises what ``until_done`` raises."""
        return self.engine.artifact(self.engine.result_id(self.until_done(report).key))

    def until_done(self, report: OnProgress | None = None) -> JobState:
        """Wait until it is done. Raises Cancelled, the error with which it failed, or JobFailed if it had none.

        An exception of ``report`` cancels it.
        """
        state = self.state
        with waiting(self):
            for state in self.events():
                if report and state.progress and not state.ended:
                    try:
                        report(state.progress)
                    except BaseException:
                        self.cancel()
                        raise
        if state.state == "cancelled":
            raise Cancelled("The job was cancelled.")
        if state.state != "done":
            kind = getattr(errors, state.error_type, JobFailed)
            raise kind(state.error or "The job ended without a result.")
        return state

    def result(self) -> Any:
        """The result as people know it: a Checkpoint for a training."""
        artifact = self.wait()
        return Checkpoint.from_artifact(artifact) if artifact.kind == "checkpoint" else artifact


class Engine(ABC):
    """Everything that can be done with signals, checkpoints and codes. Synchronous and thread-safe."""

    # -- primitives

    @abstractmethod
    def run(self, recipe: Recipe, report: OnProgress | None = None) -> Artifact:
        """The result of a recipe: found if it was made before, made if not, and once however many ask."""

    @abstractmethod
    def ensure(self, recipe: Recipe, report: OnProgress | None = None) -> Mapping[str, Any]:
        """As ``run``, but only the result's description; arrays stay where they are."""

    @abstractmethod
    def put(self, artifact: Artifact, name: str) -> str:
        """Keep a signal set or a checkpoint under a name, or a selection; its id."""

    @abstractmethod
    def artifact(self, id: str) -> Artifact:
        """What is kept under an id; raises NotFound."""

    @abstractmethod
    def has(self, id: str) -> bool: ...

    @abstractmethod
    def result_id(self, key: str) -> str:
        """The id of a kept result; raises NotFound."""

    @abstractmethod
    def entries(self, kind: str) -> list[Entry]:
        """What people named, newest first; ``kind`` is ``signals`` or ``checkpoint``."""

    @abstractmethod
    def rename(self, id: str, name: str, note: str | None = None) -> None: ...

    @abstractmethod
    def delete(self, id: str) -> None:
        """Take an entry from the lists; ``restore`` brings it back. Raises NotFound."""

    @abstractmethod
    def restore(self, id: str) -> None:
        """Bring a deleted entry back. Raises NotFound."""

    @abstractmethod
    def start_upload(self, name: str, size: int, owner: str = "") -> UploadState:
        """Announce bytes that are to become a signal set. Raises InvalidInput where they are too many."""

    @abstractmethod
    def send(self, upload: str, offset: int, pieces: Iterable[bytes]) -> UploadState:
        """More of them, from ``offset`` on. Where the connection broke, ``upload_state`` says where to go on."""

    @abstractmethod
    def upload_state(self, upload: str) -> UploadState: ...

    @abstractmethod
    def drop_upload(self, upload: str) -> None: ...

    @abstractmethod
    def look_at(self, upload: str, options: Options) -> Reading:
        """What a whole upload would be as a signal set, read with some choices."""

    @abstractmethod
    def take(self, upload: str, options: Options, into: str = "") -> str:
        """Keep a whole upload as a signal set, and its bytes with it; the set's id. The upload is gone.

        Args:
            into: id of a listed set to which the signals are added. The larger set takes its place and its name; the
                one before is deleted, and ``restore`` brings it back.
        """

    @abstractmethod
    def original(self, id: str) -> tuple[str, Iterator[bytes]]:
        """Name and bytes of the upload that a signal set was read from; a tar archive of several. Raises NotFound."""

    @abstractmethod
    def submit(self, recipe: Recipe) -> Job:
        """Queue a recipe; its result is found by ``run`` when the job is done."""

    @abstractmethod
    def jobs(self) -> list[JobState]: ...

    @abstractmethod
    def job(self, id: str) -> JobState: ...

    @abstractmethod
    def job_events(self, id: str) -> Iterator[JobState]: ...

    @abstractmethod
    def cancel_job(self, id: str) -> None: ...

    @abstractmethod
    def pause_job(self, id: str) -> None:
        """Stop a job so that it can go on where it was. Raises InvalidInput for one that has ended."""

    @abstractmethod
    def resume_job(self, id: str) -> None:
        """Queue a paused job again. Raises InvalidInput for one that is not paused."""

    @abstractmethod
    def job_history(self, id: str) -> list[Moment]:
        """How a job went until now: some hundred moments, evenly apart."""

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """The engine: ``device``, ``datasets``, ``representations`` with their spaces, presets and Config fields."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- signals

    def load(self, name: str) -> SignalSet:
        """A built-in set or one that was put here, by name or id."""
        for entry in self.entries("signals"):
            if name in (entry.id, entry.name):
                return SignalSet.from_artifact(self.artifact(entry.id))
        return SignalSet.from_artifact(self.run(Load(name=name)))

    def put_signals(self, signals: SignalSet) -> str:
        """Keep a signal set; its id."""
        return signals.id if self.has(signals.id) else self.put(signals.artifact, signals.name)

    def upload(self, source: Any, *, name: str | None = None, **choices: Any) -> SignalSet:
        """Send files and keep what they hold.

        Args:
            source: the path of a file, an archive or a folder; a list of files; or bytes.
            name: of the set.
            choices: fields of ``explorer.readings.Options``.
        """
        with self._sent(source) as upload:
            id = self.take(upload.id, Options(name=name, **choices))
        return SignalSet.from_artifact(self.artifact(id))

    def inspect(self, source: Any, *, name: str | None = None, **choices: Any) -> Reading:
        """What ``upload`` would keep; nothing is kept."""
        with self._sent(source) as upload:
            return self.look_at(upload.id, Options(name=name, **choices))

    @contextmanager
    def _sent(self, source: Any) -> Iterator[UploadState]:
        """A whole upload, which is dropped if it was not taken."""
        box = parcel(source)
        upload = self.start_upload(box.name, box.size)
        try:
            self.send(upload.id, 0, box.pieces())
            yield upload
        finally:
            with suppress(NotFound):
                self.drop_upload(upload.id)

    def observe(self, signals: SignalSet, resolution: Any = None, rows: Sequence[int] | None = None) -> np.ndarray:
        """What an encoder is given, on a whole grid: float32 [n, *size, m]."""
        sampling = Sampling.of(resolution).on(signals)
        if not sampling.is_grid:
            raise InvalidInput("Got an uneven sampling; expected a grid. Use explorer.Observations for points.")
        recipe = Observe(signals=self.put_signals(signals), sampling=sampling, rows=_rows(rows))
        return self.run(recipe).arrays["values"]

    # -- representations

    def train(
        self,
        representation: str,
        signals: SignalSet,
        *,
        preset: str = "default",
        split: str = "train",
        seed: int = 0,
        wait: bool = True,
        report: OnProgress | None = None,
        **config: Any,
    ) -> Any:
        """Train a representation on a split of a signal set.

        Args:
            representation: the method's name.
            preset: a named configuration, whose fields the keyword options change.
            split: ``train``, ``validation``, ``test`` or ``all``; a set without splits is used whole.
            wait: False queues the training and gives a Job at once.
            report: called with the Progress while one waits.
            config: fields of the method's Config.

        Returns:
            A Checkpoint, or a Job.
        """
        recipe = Train(
            representation=representation,
            signals=self.put_signals(signals),
            preset=preset,
            config=config,
            split=split,
            seed=seed,
        )
        if not wait:
            return self.submit(recipe)
        self.ensure(recipe, report)
        return Checkpoint.from_artifact(self.artifact(self.result_id(recipe.key)))

    def configure(self, representation: str, preset: str = "default", **config: Any) -> Mapping[str, Any]:
        """The whole configuration that such a training would have, by field; what is wrong with it is said."""
        return self.ensure(Configure(representation=representation, preset=preset, config=config))["config"]

    def preview(
        self, train: Train, rows: Sequence[int], resolution: Sequence[int], after: int = 0
    ) -> tuple[int, np.ndarray, np.ndarray]:
        """What an unfinished training has come to, as far as it was kept.

        Args:
            rows: of the signal set.
            after: the step that was last heard of; what is asked again at the same step is answered the same.

        Returns:
            The step, renders float32 [n, *resolution, m], and their PSNR [n] against the whole signals, in dB.
        """
        recipe = Preview(
            train=train, rows=tuple(map(int, rows)), resolution=tuple(map(int, resolution)), after=int(after)
        )
        found = self.run(recipe)
        return int(found.meta["step"]), found.arrays["values"], found.arrays["psnr_db"]

    def checkpoint(self, id: str) -> Checkpoint:
        """A kept checkpoint by name or id; the start of an id will do."""
        matches = [e.id for e in self.entries("checkpoint") if id == e.name or e.id.startswith(id)]
        return Checkpoint.from_artifact(self.artifact(matches[0] if matches else id))

    def encode(
        self,
        checkpoint: Checkpoint,
        signals: SignalSet,
        resolution: Any = None,
        *,
        seed: int = 0,
        start: Any = None,
        report: OnProgress | None = None,
    ) -> Codes:
        """The codes of all signals of a set, seen at a resolution (None: as they are).

        Args:
            start: where each signal is fitted: another resolution, from whose codes the fits go on; that takes a
                fraction of the steps. ``encoded`` says which are there.
        """
        if not self.has(checkpoint.id):
            self.put(checkpoint.artifact, checkpoint.representation)
        recipe = Encode(
            checkpoint=checkpoint.id,
            signals=self.put_signals(signals),
            sampling=Sampling.of(resolution).on(signals),
            seed=seed,
            start=None if start is None else Sampling.of(start).on(signals),
        )
        meta = self.ensure(recipe, report)
        spaces = tuple(meta["spaces"])
        return Codes(
            recipe=recipe, representation=checkpoint.representation, spaces=spaces, ids=signals.ids, engine=self
        )

    def encoded(
        self, checkpoint: Checkpoint, signals: SignalSet, resolutions: Sequence[Any], *, seed: int = 0
    ) -> list[bool]:
        """At which of these resolutions the codes are there already, begun afresh."""

        def is_there(resolution: Any) -> bool:
            sampling = Sampling.of(resolution).on(signals)
            return self._is_there(Encode(checkpoint=checkpoint.id, signals=signals.id, sampling=sampling, seed=seed))

        return [is_there(resolution) for resolution in resolutions]

    def _is_there(self, recipe: Recipe) -> bool:
        try:
            return bool(self.result_id(recipe.key))
        except NotFound:
            return False

    def snapshots(self, codes: Codes) -> list[Codes]:
        """The codes as they were on the way of their fits, from early to late; none where none were kept."""
        first = self.run(Take(codes=codes.recipe, rows=(0,))).arrays
        kept = first["snapshot_steps"].shape[1] if "snapshot_steps" in first else 0
        return [self._made_from(codes, AtStep(codes=codes.recipe, step=i), codes.ids) for i in range(kept)]

    def export(self, codes: Codes, folder: str | PathLike[str]) -> None:
        """Write codes, their labels and the checkpoint to a new folder, to be given away: safetensors and JSON.

        ``explorer.CodeSet.load`` reads it, without an engine. Raises InvalidInput where there is something already.
        """
        encode, rows = source_of(codes.recipe)
        signals = SignalSet.from_artifact(self.artifact(encode.signals))
        labels = signals.labels if signals.labels is None or rows is None else signals.labels[rows]
        CodeSet(
            checkpoint=Checkpoint.from_artifact(self.artifact(encode.checkpoint)),
            codes=codes.arrays,
            ids=codes.ids,
            labels=labels,
            class_names=signals.class_names,
            resolution=asdict(encode.sampling),
        ).save(folder)

    # -- codes made from codes

    def interpolate(
        self,
        codes: Codes,
        *ends: int,
        steps: int = 9,
        at: Sequence[float] | None = None,
        method: str = "linear",
        layers: Sequence[str] = (),
    ) -> Codes:
        """Codes along a path through some of the codes.

        Args:
            ends: positions of two or more codes.
            steps: how many codes, evenly from the first of the ends to the last.
            at: where instead: 0 is the first of the ends, 1 the second, 0.5 half way.
            method: ``linear``; ``slerp``, along a great circle; ``aligned``, linear after the end's units or anchors
                were matched with the start's (Ainsworth et al. 2023). ``describe`` says which a representation has.
            layers: for codes that are networks, the layers that move, of ``layers``; the others stay as at the start.
        """
        where = np.linspace(0, len(ends) - 1, steps) if at is None else at
        recipe = Interpolate(
            codes=codes.recipe,
            ends=tuple(map(int, ends)),
            at=tuple(round(float(t), 9) for t in where),
            method=method,
            layers=tuple(layers),
        )
        return self._made_from(codes, recipe, [f"{t:g}" for t in recipe.at])

    def blend(self, codes: Codes, rows: Sequence[int], weights: Sequence[float] | None = None) -> Codes:
        """One code: the mean of some of the codes, by default all alike. Weights are scaled to sum to 1."""
        given = np.ones(len(rows)) if weights is None else np.asarray(weights, float)
        if not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
            raise InvalidInput("Got weights below 0 or of sum 0; expected positive numbers.")
        shares = () if weights is None else tuple(map(float, given / given.sum()))
        recipe = Blend(codes=codes.recipe, rows=tuple(map(int, rows)), weights=shares)
        return self._made_from(codes, recipe, ["mean"])

    def edit(self, codes: Codes, row: int, edits: Sequence[Any]) -> Codes:
        """One code after a list of edits (``explorer.Push`` and its like); undoing is giving the shorter list.

        Where an edit takes in another signal, it is that row of the same codes.
        """
        recipe = Edit(codes=codes.recipe, row=int(row), edits=tuple(edits))
        return self._made_from(codes, recipe, codes.ids[int(row) : int(row) + 1])

    def render_edit(
        self,
        codes: Codes,
        row: int,
        edits: Sequence[Any],
        edit: Any,
        resolution: int | Sequence[int],
        window: Sequence[tuple[float, float]] | None = None,
    ) -> Patch:
        """What one more edit changes in the render of ``engine.edit(codes, row, edits)``, as while a person drags.

        Only samples whose nearest anchors change are computed. A drag of many calls differs in ``edit`` alone; the
        render without it stays at hand.
        """
        size, box = _grid(resolution, window)
        recipe = RenderEdit(
            codes=codes.recipe, row=int(row), edits=tuple(edits), edit=edit, resolution=size, window=box
        )
        found = self.run(recipe)
        sides = tuple((first, end) for first, end in found.meta["box"])
        return Patch(sides, found.arrays["values"], found.arrays["changed"])

    def anchors(self, codes: Codes, row: int) -> np.ndarray:
        """Where the anchors of one code lie: float32 [A, d], in the domain [-1, 1]^d or beside it."""
        return Cloud.of(self.run(Take(codes=codes.recipe, rows=(int(row),))).arrays).positions

    def layers(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """The layers that ``interpolate`` can move alone; none where codes are not networks."""
        if not self.has(checkpoint.id):
            self.put(checkpoint.artifact, checkpoint.representation)
        return tuple(self.ensure(Layers(checkpoint=checkpoint.id))["layers"])

    def _made_from(self, codes: Codes, recipe: CodesRecipe, ids: Sequence[str]) -> Codes:
        self.ensure(recipe)  # what cannot be made is said here
        return Codes(
            recipe=recipe, representation=codes.representation, spaces=codes.spaces, ids=tuple(ids), engine=self
        )

    # -- what is shown of codes

    def vectors(self, codes: Codes, space: str = "") -> np.ndarray:
        """Codes as points: float32 [n, dz]. ``space="raw"`` gives the samples themselves, the control."""
        return self.run(Vectors(codes=codes.recipe, space=space or codes.spaces[0])).arrays["vectors"]

    def render(
        self,
        codes: Codes,
        resolution: int | Sequence[int],
        window: Sequence[tuple[float, float]] | None = None,
        derivative: Sequence[int] = (),
    ) -> np.ndarray:
        """Codes on a grid: float32 [n, *resolution, m].

        Args:
            window: (low, high) within [-1, 1] for each axis.
            derivative: how often to differentiate along each axis, where ``describe`` says ``derivatives``: (1, 0) is
                the slope along the first, in values per unit of [-1, 1].
        """
        size, box = _grid(resolution, window)
        recipe = Render(codes=codes.recipe, resolution=size, window=box, derivative=tuple(map(int, derivative)))
        return self.run(recipe).arrays["values"]

    def project(
        self, codes: Codes, method: str = "umap", *, space: str = "", seed: int = 0, reference: Codes | None = None
    ) -> np.ndarray:
        """The map: float32 [n, 2]. With ``reference`` points keep the places of those codes' own map."""
        recipe = Project(method=method, seed=seed, **_seen(codes, space, reference))
        return self.run(recipe).arrays["layout"]

    def has_layout(
        self, codes: Codes, method: str = "umap", *, space: str = "", seed: int = 0, reference: Codes | None = None
    ) -> bool:
        """Whether a map is there already, so that ``project`` finds it."""
        return self._is_there(Project(method=method, seed=seed, **_seen(codes, space, reference)))

    def cluster(
        self,
        codes: Codes,
        method: str = "kmeans",
        *,
        k: int | None = None,
        space: str = "",
        seed: int = 0,
        reference: Codes | None = None,
    ) -> np.ndarray:
        """Cluster numbers int64 [n], -1 for none; k None is suggested by the silhouette. With ``reference`` the
        clustering is fitted to those codes and these are assigned to it."""
        recipe = Cluster(method=method, k=k, seed=seed, **_seen(codes, space, reference))
        return self.run(recipe).arrays["labels"]

    def neighbors(self, codes: Codes, row: int, k: int = 8, *, space: str = "") -> tuple[np.ndarray, np.ndarray]:
        """The codes nearest to one of them: positions int64 [k] and distances float32 [k]."""
        arrays = self.run(Neighbors(codes=codes.recipe, row=row, k=k, space=space or codes.spaces[0])).arrays
        return arrays["indices"], arrays["distances"]

    def nearest(
        self, codes: Codes, k: int = 1, *, space: str = "", reference: Codes | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """For every code the nearest ones of a reference, or of the others: positions int64 [n, k] and distances
        float32 [n, k]."""
        recipe = Nearest(
            codes=codes.recipe,
            k=k,
            space=space or codes.spaces[0],
            reference=None if reference is None else reference.recipe,
        )
        arrays = self.run(recipe).arrays
        return arrays["indices"], arrays["distances"]

    def kept_neighbors(
        self,
        codes: Codes,
        method: str = "umap",
        *,
        k: int = 10,
        space: str = "",
        seed: int = 0,
        reference: Codes | None = None,
    ) -> np.ndarray:
        """How honest the map of ``project`` is about each code: the share of its ``k`` nearest that are also among its
        nearest on the map, float32 [n]."""
        layout = Project(method=method, seed=seed, **_seen(codes, space, reference))
        return self.run(KeptNeighbors(layout=layout, k=k)).arrays["share"]

    def quality(self, codes: Codes) -> Mapping[str, np.ndarray]:
        """Each code against its whole signal: ``psnr_db`` float32 [n], for images of one shape also ``ssim``."""
        return self.run(Quality(codes=codes.recipe)).arrays

    def control(
        self, signals: SignalSet, resolution: Any = None, *, rows: Sequence[int] | None = None, method: str = "cubic"
    ) -> Mapping[str, np.ndarray]:
        """As ``quality``, of what interpolation alone (``nearest``, ``linear``, ``cubic``) makes of the samples."""
        sampling = Sampling.of(resolution).on(signals)
        recipe = Control(
            signals=self.put_signals(signals),
            sampling=sampling,
            rows=_rows(rows),
            method=method,  # type: ignore[arg-type]
        )
        return self.run(recipe).arrays

    def timing(self, codes: Codes, row: int, resolution: int | Sequence[int]) -> Mapping[str, float | None]:
        """Seconds that one of the codes of a signal set takes on this engine, medians of three: ``encode_s`` (None
        where every signal is fitted anew) and ``render_s``."""
        if not isinstance(codes.recipe, Encode):
            raise InvalidInput("Got some of the codes; expected those of a whole signal set, as encode gives them.")
        size = (resolution,) if isinstance(resolution, (int, np.integer)) else tuple(map(int, resolution))
        return self.run(Timing(codes=codes.recipe, row=int(row), resolution=size)).meta

    def score(
        self,
        codes: Codes,
        method: str = "kmeans",
        *,
        k: int | None = None,
        space: str = "",
        seed: int = 0,
        reference: Codes | None = None,
    ) -> Mapping[str, Any]:
        """``ami`` and ``ari`` against the labels, ``silhouette``, ``drift`` against the reference's clusters, ``k``."""
        recipe = Score(method=method, k=k, seed=seed, **_seen(codes, space, reference))
        return self.run(recipe).meta

    def classify(
        self,
        train_codes: Codes | Sequence[Codes],
        test_codes: Codes | Sequence[Codes],
        method: str = "xgboost",
        *,
        space: str = "",
        seeds: Sequence[int] = (0,),
        report: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Fit a classifier for each seed to labelled codes and ask about others.

        Args:
            train_codes: or several, modalities of the same samples in the same order, whose vectors are joined.
            test_codes: as many.
            method: ``xgboost``, ``logistic``, ``knn``, ``mlp``, or ``best``, by a held-out fifth of the training;
                ``cloud``, a transformer of anchored clouds, where the codes are such.
            space: ``raw`` for the control.

        Returns:
            ``method``; ``accuracy`` and ``macro_f1``, means over the seeds, each with its ``_std``; ``per_class`` rows
            of precision, recall, f1 and support; ``class_names``; ``predictions`` int64 [S, n]; ``confusion`` int64
            [S, C, C], rows the truth.
        """
        recipe = Classify(
            train=_recipes(train_codes), test=_recipes(test_codes), space=space, method=method, seeds=tuple(seeds)
        )
        found = self.run(recipe, report)
        scores = {name: found.meta[name] for name in ("accuracy", "macro_f1")}
        means = {name: float(np.mean(each)) for name, each in scores.items()}
        spreads = {f"{name}_std": float(np.std(each)) for name, each in scores.items()}
        return {**found.meta, **means, **spreads, **found.arrays}

    def evaluate(
        self,
        checkpoint: Checkpoint,
        signals: SignalSet,
        resolutions: Sequence[Any] = (),
        *,
        method: str = "kmeans",
        k: int | None = None,
        seeds: Sequence[int] = (0, 1, 2, 3, 4),
        report: OnProgress | None = None,
    ) -> list[dict[str, Any]]:
        """A table: for each resolution and space, and the raw control, one clustering is fitted to the signals as they
        are and assigned at the resolution.

        Returns:
            Rows with ``resolution``, ``space``, ``clustering``, and mean and spread over the seeds of ``ami``, ``ari``,
            ``drift`` (share of signals whose cluster changes); ``psnr_db`` against the whole signal.
        """
        if not self.has(checkpoint.id):
            self.put(checkpoint.artifact, checkpoint.representation)
        recipe = Evaluate(
            checkpoint=checkpoint.id,
            signals=self.put_signals(signals),
            samplings=tuple(Sampling.of(r).on(signals) for r in (resolutions or (None,))),
            method=method,
            k=k,
            seeds=tuple(seeds),
        )
        return list(self.run(recipe, report).meta["rows"])


def _grid(
    resolution: int | Sequence[int], window: Sequence[tuple[float, float]] | None
) -> tuple[tuple[int, ...], tuple[tuple[float, float], ...] | None]:
    """A resolution and a window as recipes spell them."""
    size = (resolution,) if isinstance(resolution, (int, np.integer)) else tuple(resolution)
    box = None if window is None else tuple((float(a), float(b)) for a, b in window)
    return tuple(map(int, size)), box


def _seen(codes: Codes, space: str, reference: Codes | None) -> dict[str, Any]:
    """Codes, space and reference spelt in one way, so that equal wishes are one recipe."""
    recipe = None if reference is None or reference.recipe == codes.recipe else reference.recipe
    return {"codes": codes.recipe, "space": space or codes.spaces[0], "reference": recipe}


def _recipes(codes: Codes | Sequence[Codes]) -> tuple[CodesRecipe, ...]:
    return (codes.recipe,) if isinstance(codes, Codes) else tuple(part.recipe for part in codes)


def _rows(rows: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if rows is None else tuple(int(r) for r in rows)


def connect(url: str | None = None, *, token: str | None = None) -> Engine:
    """An engine: on the model server at ``url``, or in this process.

    Args:
        url: for instance ``http://gpu-machine:8765``; default ``EXPLORER_SERVER``, and without it this process.
        token: what the server asks for; default ``EXPLORER_TOKEN``.
    """
    return _connect(url or os.environ.get("EXPLORER_SERVER"), token or os.environ.get("EXPLORER_TOKEN"))


@lru_cache(maxsize=16)
def _connect(url: str | None, token: str | None) -> Engine:
    if url is None:
        from explorer.local import LocalEngine

        return LocalEngine()
    from explorer.remote import RemoteEngine

    return RemoteEngine(url, token)
