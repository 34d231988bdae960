"""LocalEngine: everything in this process, remembered in a store."""

import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch

from explorer import readers, store
from explorer.analysis import projection
from explorer.analysis.clustering import Clustering
from explorer.artifacts import Artifact, sha256
from explorer.catalog import Catalog
from explorer.codes import Checkpoint
from explorer.compute import classifiers, compute
from explorer.engine import Engine, Job, OnProgress
from explorer.errors import InvalidInput, NotFound, OutOfMemory, Paused, StoreError
from explorer.jobs import JobQueue
from explorer.memo import Memo
from explorer.messages import (
    CLOUD,
    Classify,
    Cluster,
    Encode,
    Entry,
    Evaluate,
    Fit,
    JobState,
    Moment,
    Progress,
    Project,
    Recipe,
    Train,
    UploadState,
    check_hash,
)
from explorer.readers.joining import united
from explorer.readings import Options, Reading
from explorer.representations import base
from explorer.representations.base import Report, Representation
from explorer.selection import Selection
from explorer.signals import SignalSet
from explorer.uploads import Upload, Uploads, archive_of, pieces_of
from explorer.waiting import heed

STATE_EVERY_S = 10.0
"""How often a training keeps what it needs to go on after a crash."""


def default_device() -> str:
    """``EXPLORER_DEVICE``, or the best that torch finds here."""
    if wanted := os.environ.get("EXPLORER_DEVICE"):
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class LocalEngine(Engine):
    """An engine in this process.

    Args:
        home: where things are kept; default ``EXPLORER_HOME`` or the platform's folder for user data.
        device: "cpu", "cuda", "cuda:1", "mps"; default ``EXPLORER_DEVICE`` or the best there is.
        memory_bytes: how much of what was computed stays at hand.
        cache_bytes: how much of it stays on the disk when an engine starts.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        device: str | None = None,
        memory_bytes: int = 2**30,
        cache_bytes: int = 2**34,
    ):
        self.home = Path(home) if home else store.home()
        self.device = device or default_device()
        self.store = store.Store(self.home, shipped=store.assets_dir())
        self.store.evict(cache_bytes)
        self.catalog = Catalog(self.home)
        self._results: Memo[Artifact] = Memo(memory_bytes, lambda artifact: artifact.nbytes)
        self._inputs: Memo[Any] = Memo(memory_bytes, lambda value: value.artifact.nbytes)
        self._clusterings: Memo[Clustering] = Memo(64, lambda clustering: 1)
        self._opening = threading.Lock()
        self._uploads: Uploads | None = None
        self._opened: JobQueue | None = None

    # -- recipes

    def run(self, recipe: Recipe, report: OnProgress | None = None) -> Artifact:
        if recipe.kept and self.store.find(recipe.key) is None:
            self._results.forget(recipe.key)  # deleted or evicted since
        return self._results(recipe.key, lambda: self._found(recipe) or self._made(recipe, report or heed))

    def ensure(self, recipe: Recipe, report: OnProgress | None = None) -> Mapping[str, Any]:
        return self.run(recipe, report).meta

    def _found(self, recipe: Recipe) -> Artifact | None:
        id = self.store.find(recipe.key) if recipe.kept else None
        try:
            return Artifact.from_bytes(self.store.get(id)) if id else None
        except StoreError:  # damaged, and put aside: make it again
            return None

    def _made(self, recipe: Recipe, report: OnProgress) -> Artifact:
        try:
            artifact = compute(recipe, self, lambda progress, state=None: report(progress))
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"Not enough memory on {self.device} for {type(recipe).__name__.lower()}. "
                "Use fewer signals, a lower resolution or a smaller network."
            ) from error
        if recipe.kept:
            id = self.store.put(artifact.to_bytes(), derived=not isinstance(recipe, Train))
            self.store.bind(recipe.key, id, recipe.to_json())
            if isinstance(recipe, Train):
                self._list(artifact, id, _training_name(recipe, self.signals(recipe.signals)))
            self.store.drop_state(recipe.key)
        return artifact

    def training_state(self, key: str, report: Report) -> tuple[Artifact | None, Report]:
        """What an earlier, interrupted run of the same training left, and a Report that keeps the same for the next."""
        kept = time.monotonic()

        def saving(progress: Progress, state: Callable[[], Artifact] | None = None) -> None:
            nonlocal kept
            try:
                report(progress, state)
            except Paused:
                if state is not None:
                    self.store.save_state(key, state().to_bytes())
                raise
            if state is not None and time.monotonic() - kept > STATE_EVERY_S:
                self.store.save_state(key, state().to_bytes())
                kept = time.monotonic()

        return self.last_state(key), saving

    # -- what recipes are made of

    def signals(self, id: str) -> SignalSet:
        """A signal set that is kept here."""
        return self._inputs(id, lambda: SignalSet.from_artifact(self.artifact(id)))

    def loaded_checkpoint(self, id: str) -> Checkpoint:
        """A checkpoint that is kept here."""
        return self._inputs(id, lambda: Checkpoint.from_artifact(self.artifact(id)))

    def representation(self, name: str) -> Representation:
        return base.get(name, self.device)

    def used_bytes(self) -> int | None:
        """What this process holds of its GPU, or of the machine where there is none; None where nobody can say."""
        if self.device.startswith("cuda"):
            return torch.cuda.memory_reserved(self.device)
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
        except OSError:
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def last_state(self, key: str) -> Artifact | None:
        """What an unfinished training last kept, if anything."""
        saved = self.store.load_state(key)
        return Artifact.from_bytes(saved) if saved else None

    def clustering(self, recipe: Cluster, fit: Callable[[], Clustering]) -> Clustering:
        """A fitted clustering, which stays at hand while other resolutions are assigned to it."""
        return self._clusterings(recipe.key, fit)

    # -- keeping

    def put(self, artifact: Artifact, name: str) -> str:
        if artifact.kind == "signals":
            SignalSet.from_artifact(artifact)
        elif artifact.kind == "checkpoint":
            Checkpoint.from_artifact(artifact)
        elif artifact.kind == "selection":
            Selection.from_artifact(artifact)
            return self.store.put(artifact.to_bytes())  # named by its hash alone, in addresses
        else:
            raise InvalidInput(f"Got a {artifact.kind!r}; expected a signal set, a checkpoint or a selection.")
        id = self.store.put(artifact.to_bytes())
        self._list(artifact, id, name)
        return id

    def _list(self, artifact: Artifact, id: str, name: str) -> None:
        self.catalog.add(Entry(id=id, kind=artifact.kind, name=name, details=_details(artifact)))

    def artifact(self, id: str) -> Artifact:
        check_hash(id)
        return Artifact.from_bytes(self.store.get(id))

    def has(self, id: str) -> bool:
        check_hash(id)
        return self.store.has(id)

    def result_id(self, key: str) -> str:
        check_hash(key)
        if id := self.store.find(key):
            return id
        raise NotFound("Got the key of a result that is not here; run its recipe.")

    def entries(self, kind: str) -> list[Entry]:
        return [*self.catalog.entries(kind), *(e for e in _shipped() if e.kind == kind)]

    def rename(self, id: str, name: str, note: str | None = None) -> None:
        self.catalog.rename(id, name, note)

    def delete(self, id: str) -> None:
        self.catalog.delete(id)

    def restore(self, id: str) -> None:
        self.catalog.restore(id)

    # -- uploads

    @property
    def uploads(self) -> Uploads:
        """Opened when the first one is announced: it sweeps what a killed process left."""
        with self._opening:
            if self._uploads is None:
                self._uploads = Uploads(self.home / "uploads", self._kept_bytes)
            return self._uploads

    def _kept_bytes(self, owner: str) -> int:
        entries = self.catalog.entries("signals", owner)
        return sum(int(original["bytes"]) for entry in entries for original in _originals(entry))

    def start_upload(self, name: str, size: int, owner: str = "") -> UploadState:
        return self.uploads.start(name, size, owner)

    def send(self, upload: str, offset: int, pieces: Iterable[bytes]) -> UploadState:
        return self.uploads.append(upload, offset, pieces)

    def upload_state(self, upload: str) -> UploadState:
        return self.uploads.state(upload)

    def drop_upload(self, upload: str) -> None:
        self.uploads.drop(upload)

    def look_at(self, upload: str, options: Options) -> Reading:
        return self.uploads.read(upload, options).reading

    def take(self, upload: str, options: Options, into: str = "") -> str:
        signals = self.uploads.read(upload, options).signals
        before = self.catalog.entry(into) if into else None
        if before is not None:
            signals = united([self.signals(into), signals], before.name)

        def keep(sent: Upload) -> str:
            original = {"id": self.store.put_file(sent.path), "name": sent.name, "bytes": sent.size}
            id = self.store.put(signals.artifact.to_bytes())
            # Listed last: until then nobody sees it, and a kill leaves nothing half there.
            details = _details(signals.artifact) | {"original": original, "options": options.to_json()}
            if before is not None:
                details["earlier"] = _originals(before)
            self.catalog.add(Entry(id=id, kind="signals", name=signals.name, details=details), sent.owner, into)
            return id

        return self.uploads.take(upload, keep)

    def keep(self, upload: str, id: str, name: str) -> str:
        """Keep an upload that is an artifact, as ``put`` does; its id. Raises InvalidInput for other bytes."""

        def kept(sent: Upload) -> str:
            with store.in_words(f"read {sent.path}"):
                data = sent.path.read_bytes()
            if sha256(data) != id:
                raise InvalidInput("Got bytes whose hash is not the id they were sent for; send them again.")
            return self.put(Artifact.from_bytes(data), name)

        return self.uploads.take(upload, kept)

    def original(self, id: str) -> tuple[str, Iterator[bytes]]:
        entry = self.catalog.entry(id)
        found = [(str(one["name"]), self.store.path(str(one["id"]))) for one in _originals(entry)]
        if not found:
            raise NotFound("Got a signal set that was not read from files that were sent here; expected one that was.")
        if len(found) > 1:
            return f"{entry.name}.tar", archive_of(found)
        name, path = found[0]
        return name, pieces_of(path)

    # -- jobs

    def _queue(self) -> JobQueue:
        """Opened when it is first asked for: it adopts what an earlier process left."""
        with self._opening:
            if self._opened is None:
                self._opened = JobQueue(self.home, self.catalog, device=self.device)
            return self._opened

    def start(self) -> None:
        """Take up the jobs that an earlier process did not finish, and have the worker of maps prepare itself."""
        self._queue().prepare()

    def job_before(self, recipe: Recipe) -> Job | None:
        """A job that has to end before a recipe is made quickly, queued if need be; None where there is none.

        A server asks this before it runs a recipe, so that what takes long, or holds the interpreter, does so in a
        worker, while everybody else is answered.
        """
        for part in recipe.parts():
            if self._is_long(part) and self.store.find(part.key) is None:
                return self.submit(part)
        return None

    def _is_long(self, recipe: Recipe) -> bool:
        match recipe:
            case Train() | Fit() | Evaluate() | Classify():
                return True
            case Project(codes=codes, reference=reference):
                return recipe.method != "pca" and not self._are_few(reference or codes)
            case Encode():
                return not self.representation(self.loaded_checkpoint(recipe.checkpoint).representation).amortised
        return False

    def _are_few(self, codes: Recipe) -> bool:
        """Whether these are too few for a map other than a PCA's."""
        return isinstance(codes, Encode) and len(self.signals(codes.signals)) < projection.FEWEST

    def submit(self, recipe: Recipe) -> Job:
        # What is wrong with a wish is said at once, not after a wait.
        for part in recipe.parts():
            for name in vars(part).keys() & {"signals", "checkpoint"}:
                if not self.has(getattr(part, name)):
                    raise NotFound(f"Got {name} that are not kept here; expected some that are. Upload them first.")
        if isinstance(recipe, Project):
            projection.check_method(recipe.method)
        if isinstance(recipe, Train):
            self.representation(recipe.representation).config(recipe.preset, recipe.config)
            self.signals(recipe.signals).part(recipe.split)
        return Job(self, self._queue().submit(recipe))

    def jobs(self) -> list[JobState]:
        return self._queue().jobs()

    def job(self, id: str) -> JobState:
        return self._queue().state(id)

    def job_events(self, id: str) -> Iterator[JobState]:
        return self._queue().events(id)

    def cancel_job(self, id: str) -> None:
        self._queue().cancel(id)

    def pause_job(self, id: str) -> None:
        self._queue().pause(id)

    def resume_job(self, id: str) -> None:
        self._queue().resume(id)

    def job_history(self, id: str) -> list[Moment]:
        return self._queue().history(id)

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            if self._uploads is not None:
                self._uploads.close()
                self._uploads = None

    # -- itself

    def describe(self) -> Mapping[str, Any]:
        return self._description

    @cached_property
    def _description(self) -> Mapping[str, Any]:
        methods = {name: self.representation(name) for name in base.registered()}
        return {
            "device": self.device,
            "threads": torch.get_num_threads(),
            "datasets": readers.datasets(),
            "classifiers": ["best", *classifiers()],
            "representations": {
                name: {
                    "spaces": list(method.spaces),
                    "amortised": method.amortised,
                    "notes": list(method.notes),
                    "paths": list(method.paths),
                    "layered": isinstance(method, base.Networks),
                    "derivatives": isinstance(method, base.Differentiable),
                    "edits": list(method.edits) if isinstance(method, base.Editable) else [],
                    "classifiers": [CLOUD] if isinstance(method, base.Editable) else [],
                    "presets": {preset: dataclasses.asdict(config) for preset, config in method.presets.items()},
                    "fields": method.fields(),
                }
                for name, method in methods.items()
            },
        }


def _is_out_of_memory(error: Exception) -> bool:
    """For want of CPU memory torch raises a plain RuntimeError."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def _training_name(recipe: Train, signals: SignalSet) -> str:
    preset = "" if recipe.preset == "default" else f" {recipe.preset}"
    return f"{signals.name} {recipe.representation}{preset} {recipe.seed}"


def _originals(entry: Entry) -> list[Mapping[str, Any]]:
    """The uploads that a signal set was read from, oldest first: ``id`` of the bytes, ``name``, ``bytes``."""
    own = entry.details.get("original")
    return [*entry.details.get("earlier", ()), own] if own else list(entry.details.get("earlier", ()))


def _details(artifact: Artifact) -> dict[str, Any]:
    """What a menu shows of an entry, without opening it."""
    if artifact.kind == "checkpoint":
        checkpoint = Checkpoint.from_artifact(artifact)
        domain = dataclasses.asdict(checkpoint.domain)
        return {
            "representation": checkpoint.representation,
            "domain": domain,
            "training": dict(checkpoint.training),
            "parameters": sum(array.size for array in checkpoint.arrays.values()),
        }
    signals = SignalSet.from_artifact(artifact)
    return {
        "count": len(signals),
        "axes": [a.name for a in signals.axes],
        "channels": list(signals.channels),
        "shape": list(signals.reference_shape),
        "classes": len(signals.class_names),
    }


@cache
def _shipped() -> tuple[Entry, ...]:
    """The entries that come with the package."""
    listing = store.assets_dir() / "catalog.json"
    if not listing.exists():
        return ()
    entries = [Entry(**entry) for entry in json.loads(listing.read_text())]
    return tuple(dataclasses.replace(e, details={**e.details, "shipped": True}) for e in entries)
