"""Long work: a queue whose jobs run in worker processes, so that what goes wrong there is a sentence and not an outage.

Each lane has a worker of its own and keeps its order; what needs a training that is paused lets others go before.

The catalog knows every job and whose it is. A queue holds a file while its process lives; the next queue of the same
home adopts what a dead one left. A training goes on from the state that its engine kept in the store.
"""

import itertools
import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from explorer.artifacts import canonical_json
from explorer.catalog import Catalog
from explorer.errors import InvalidInput, StoreError
from explorer.messages import LANES, MAPS, CancelJob, JobEvent, JobState, Moment, Recipe, RunJob, lane
from explorer.store import in_words, sweep, temporary

CANCEL_GRACE_S = 0.3
"""How long a worker may take to stop by itself."""

PAUSE_GRACE_S = 10.0
"""How long a worker may take to keep the state of a job that is paused."""

HISTORY_EVERY_S = 10.0
"""How often it is noted how a job went; what came since then is lost with the process."""

HEARTBEAT_S = 1.0
"""Events come at least this often, so that whoever passes them on notices that nobody listens any more."""

_EVENT: TypeAdapter[JobEvent] = TypeAdapter(JobEvent)
_log = logging.getLogger(__name__)


class JobQueue:
    """Jobs, in the order in which they were asked for. Thread-safe.

    Args:
        home: the store's folder.
        catalog: where jobs are noted; unfinished ones of processes that have ended go on here at once.
        device: for the workers' engines; None leaves it to them.
    """

    def __init__(self, home: Path, catalog: Catalog, *, device: str | None = None):
        self._catalog = catalog
        self._changed = threading.Condition()
        self._closed = False
        self._held = ExitStack()
        self._name = self._held.enter_context(_name(home / "queues"))
        _adopt(home / "queues", catalog, self._name)
        self._live = {state.id: state for state in catalog.unfinished_jobs(self._name)}
        self._running: dict[str, _Run] = {}
        self._workers = [_WorkerProcess(home, device, lane) for lane in LANES]
        self._threads = [threading.Thread(target=self._work, args=(w,), daemon=True) for w in self._workers]
        for thread in self._threads:
            thread.start()

    def prepare(self) -> None:
        """Start the worker of maps: it compiles for some twenty seconds before it can make one."""
        self._workers[LANES.index(MAPS)].start()

    def submit(self, recipe: Recipe) -> JobState:
        """Queue a recipe. One that waits, runs or is paused already is the same job, and goes on."""
        with self._changed:
            for state in self._live.values():
                if state.key == recipe.key and not state.ended:
                    return self.resume(state.id) if state.state == "paused" else self._state(state.id)
            state = self._catalog.add_job(self._name, recipe)
            self._live[state.id] = state
            self._changed.notify_all()
            return self._state(state.id)

    def state(self, id: str) -> JobState:
        """Where a job stands. Raises NotFound."""
        with self._changed:
            return self._state(id)

    def jobs(self) -> list[JobState]:
        """The latest jobs, in the order in which they were asked for."""
        with self._changed:
            return [self._state(job.id) if job.id in self._live else job for job in self._catalog.jobs()]

    def events(self, id: str) -> Iterator[JobState]:
        """Where a job stands now, and whenever that changes, until it ends or the queue is closed."""
        while True:
            with self._changed:
                seen, state, closed = self._live.get(id), self._state(id), self._closed
            yield state
            if state.ended or closed:
                return
            with self._changed:
                self._changed.wait_for(partial(self._has_changed, id, seen), HEARTBEAT_S)

    def wait(self, id: str, timeout_s: float | None = None) -> JobState:
        """The job's state when it has ended, or after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self._state(id).ended or self._closed, timeout_s)
            return self._state(id)

    def cancel(self, id: str) -> JobState:
        """Stop a job, within half a second: a worker that does not listen is killed. One that has ended stays as it is.

        Raises InvalidInput for a job of another process that still lives.
        """
        with self._changed:
            if id in self._running:
                self._stop(id, "cancelled", CANCEL_GRACE_S)
            elif id in self._live:
                self._end(replace(self._live[id], state="cancelled"))
            state = self._state(id)
        if not state.ended:
            raise InvalidInput("Got a job that another process runs; expected one of this one. Cancel it there.")
        return state

    def pause(self, id: str) -> JobState:
        """Stop a job so that it can go on from the state that it keeps. Raises InvalidInput for one that has ended."""
        with self._changed:
            if id in self._running:
                self._stop(id, "paused", PAUSE_GRACE_S)
            elif id in self._live:
                self._save(replace(self._live[id], state="paused"))
                self._changed.notify_all()
            state = self._state(id)
        if state.state != "paused" and not self._closed:
            raise InvalidInput(f"Got a job that is {state.state}; expected one that waits or runs here.")
        return state

    def resume(self, id: str) -> JobState:
        """Let a paused job go on. Raises InvalidInput for another."""
        with self._changed:
            if id not in self._live or self._live[id].state != "paused":
                raise InvalidInput(f"Got a job that is {self._state(id).state}; expected one that was paused here.")
            self._save(replace(self._live[id], state="queued"))
            self._changed.notify_all()
            return self._state(id)

    def history(self, id: str) -> list[Moment]:
        """How a job went until now."""
        with self._changed:
            return self._running[id].history.moments if id in self._running else self._catalog.history(id)

    def close(self) -> None:
        """Stop the workers. What they have not finished goes on when a queue is opened for the same home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker, thread in zip(self._workers, self._threads, strict=True):
            while thread.is_alive():
                worker.kill()
                thread.join(CANCEL_GRACE_S / 10)
            worker.kill()
            worker.reap()
        self._held.close()

    # -- inside

    def _state(self, id: str) -> JobState:
        if id not in self._live:
            return self._catalog.job(id)
        state = self._live[id]
        if id in self._running:
            return replace(state, seconds=self._running[id].seconds)
        before = itertools.takewhile(lambda other: other.id != id, self._live.values())
        ahead = {o.id for o in before if lane(o.recipe) == lane(state.recipe) and o.state in ("queued", "running")}
        training = self._training_of(state)
        return replace(state, position=len(ahead | ({training.id} if training else set())))

    def _training_of(self, state: JobState) -> JobState | None:
        """The unfinished training whose checkpoint a fit waits for, also while that is paused; None where none is."""
        if state.recipe["op"] != "fit":
            return None
        wanted = canonical_json(state.recipe["train"])
        trainings = (o for o in self._live.values() if o.recipe["op"] == "train" and not o.ended)
        return next((o for o in trainings if canonical_json(o.recipe) == wanted), None)

    def _has_changed(self, id: str, seen: JobState | None) -> bool:
        return self._live.get(id) is not seen or self._closed

    def _stop(self, id: str, wish: str, grace_s: float) -> None:
        """Have a running job end in the state that is wished; a worker that does not listen is killed."""
        run = self._running[id]
        run.wish = wish
        run.worker.send(CancelJob(job=id, keep=wish == "paused"))
        self._changed.wait_for(lambda: id not in self._running, grace_s)
        while id in self._running and not self._closed:
            run.worker.kill()
            self._changed.wait(CANCEL_GRACE_S / 10)

    def _work(self, worker: "_WorkerProcess") -> None:
        while job := self._next(worker):
            for event in worker.run(job.id, job.recipe):
                self._note(event)
            if worker.lane == MAPS and not self._closed:
                worker.start()  # if it was killed, the next one compiles at once and not when it is asked

    def _next(self, worker: "_WorkerProcess") -> JobState | None:
        """The job that is to run now; None when the queue is closed."""
        with self._changed:
            while not self._closed:
                for state in self._live.values():
                    is_next = state.state == "queued" and lane(state.recipe) == worker.lane
                    if is_next and self._training_of(state) is None:
                        self._running[state.id] = _Run(worker, state.seconds, History(self._noted(state.id)))
                        self._save(replace(state, state="running"))
                        return self._live[state.id]
                self._changed.wait()
        return None

    def _note(self, event: JobEvent) -> None:
        with self._changed:
            if self._closed:
                return
            run, state = self._running[event.job], self._live[event.job]
            if event.progress:
                eta_s = run.eta(event.progress.step, event.progress.total, time.monotonic())
                state = replace(state, progress=event.progress, eta_s=eta_s, memory_bytes=event.memory_bytes)
                run.history.add(Moment(seconds=run.seconds, progress=event.progress))
            if event.state != "running" or run.is_to_be_noted():
                self._save_history(event.job, run.history.moments)
            if event.state == "running":
                self._live[event.job] = state
                self._changed.notify_all()
            else:
                del self._running[event.job]
                ended = replace(state, state=event.state, eta_s=None, seconds=run.seconds)
                if run.wish and event.state in ("failed", "cancelled"):
                    self._end(replace(ended, state=run.wish))
                else:
                    self._end(replace(ended, error=event.error, error_type=event.error_type))

    def _end(self, state: JobState) -> None:
        if self._save(state) and state.ended:
            del self._live[state.id]
        self._changed.notify_all()

    def _save(self, state: JobState) -> bool:
        """Note a state; one that the catalog cannot take is known until this process ends."""
        self._live[state.id] = state
        try:
            self._catalog.save_job(state)
        except StoreError as error:
            _log.warning("%s", error)
            return False
        return True

    def _noted(self, id: str) -> Sequence[Moment]:
        try:
            return self._catalog.history(id)
        except StoreError as error:
            _log.warning("%s", error)
            return ()

    def _save_history(self, id: str, moments: Sequence[Moment]) -> None:
        try:
            self._catalog.save_history(id, moments)
        except StoreError as error:
            _log.warning("%s", error)


class History:
    """How a job went, in at most ``MOMENTS`` moments: when there are more, every other one is forgotten."""

    MOMENTS = 400

    def __init__(self, moments: Sequence[Moment] = ()):
        self._moments, self._every, self._seen = list(moments), 1, len(moments)
        self._last: Moment | None = None

    @property
    def moments(self) -> list[Moment]:
        """From the first to the last, which is always there."""
        return [*self._moments, self._last] if self._last else list(self._moments)

    def add(self, moment: Moment) -> None:
        if self._seen % self._every == 0:
            if len(self._moments) >= self.MOMENTS:
                self._moments, self._every = self._moments[::2], 2 * self._every
            self._moments.append(moment)
            self._last = None
        else:
            self._last = moment
        self._seen += 1


class Eta:
    """Seconds left, from a rate in which a step counts for less the longer ago it was.

    Args:
        memory_s: after how long a step counts for 1/e.
    """

    def __init__(self, memory_s: float = 15.0):
        self._memory_s = memory_s
        self._step = self._total = 0
        self._now_s = self._steps = self._seconds = 0.0

    def __call__(self, step: int, total: int, now_s: float) -> float | None:
        """None while there is no rate: at the first step, which is any when a job is resumed, and in a new stage."""
        if total == self._total and step >= self._step:
            elapsed = now_s - self._now_s
            fade = math.exp(-elapsed / self._memory_s)
            self._steps = fade * self._steps + step - self._step
            self._seconds = fade * self._seconds + elapsed
        else:
            self._steps = self._seconds = 0.0
        self._step, self._total, self._now_s = step, total, now_s
        return (total - step) * self._seconds / self._steps if self._steps else None


@dataclass
class _Run:
    """A job while it runs."""

    worker: "_WorkerProcess"
    before_s: float
    history: History
    started: float = field(default_factory=time.monotonic)
    noted: float = field(default_factory=time.monotonic)
    eta: Eta = field(default_factory=Eta)
    wish: str = ""

    @property
    def seconds(self) -> float:
        """Of work, that before a pause included."""
        return self.before_s + time.monotonic() - self.started

    def is_to_be_noted(self) -> bool:
        """Whether the history was last noted long ago; then it counts as noted now."""
        now = time.monotonic()
        if now - self.noted < HISTORY_EVERY_S:
            return False
        self.noted = now
        return True


# ---------------------------------------------------------------------------------------------------------------------
# Workers


class _WorkerProcess:
    """A worker, started when it is first needed and again when it has died."""

    def __init__(self, home: Path, device: str | None, lane: str):
        self.lane = lane
        self._command = [sys.executable, "-m", "explorer.worker", "--home", str(home.absolute()), "--lane", lane]
        if device:
            self._command += ["--device", device]
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(self, job: str, recipe: Mapping[str, Any]) -> Iterator[JobEvent]:
        """The job's events; the last one says how it ended, whatever happens to the process."""
        taken = False
        try:
            process, was_idle = self.start()
        except OSError as error:
            yield JobEvent(job=job, state="failed", error=f"Could not start a worker: {error}. Try again.")
            return
        self.send(RunJob(job=job, recipe=recipe))
        assert process.stdout
        for line in process.stdout:
            if line.endswith(b"\n"):
                event, taken = _EVENT.validate_json(line), True
                yield event
                if event.state != "running":
                    return
        status = self.reap()
        if was_idle and not taken:  # it died before the job came to it
            yield from self.run(job, recipe)
        else:
            yield JobEvent(job=job, state="failed", error=_cause(status))

    def send(self, command: RunJob | CancelJob) -> None:
        """Pass a command on. A worker that is dead does not take it; its reader notices."""
        with self._lock:
            if self._process and self._process.stdin:
                try:
                    self._process.stdin.write(json.dumps(asdict(command)).encode() + b"\n")
                    self._process.stdin.flush()
                except BrokenPipeError:
                    _log.info("The worker %d has ended.", self._process.pid)

    def kill(self) -> None:
        """End the process at once; ``run`` starts another one."""
        with self._lock:
            if self._process:
                self._process.kill()

    def reap(self) -> int:
        """The status of the process, which has ended or is about to; 0 if there is none."""
        process = self._process
        if process is None:
            return 0
        process.communicate()
        with self._lock:
            self._process = None
        return process.returncode

    def start(self) -> "tuple[subprocess.Popen[bytes], bool]":
        """A process, and whether it was there before."""
        if self._process and self._process.poll() is not None:
            self.reap()
        with self._lock:
            if self._process:
                return self._process, True
            threads = str(max(1, (os.cpu_count() or 2) - 1))
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"OMP_NUM_THREADS": threads} | os.environ,
                start_new_session=True,  # Ctrl-C is for the one who started us
            )
            return self._process, False


def _cause(status: int) -> str:
    """Why a worker ended in the middle of a job."""
    if status == -signal.SIGKILL:
        return (
            "The worker was killed, most likely because memory ran out. "
            "Try again: a training goes on from its last state. If memory is short, use a smaller network."
        )
    if status < 0:
        return f"The worker crashed ({signal.Signals(-status).name}). Try again; if it happens again, report it."
    return f"The worker ended with status {status}. Try again; if it happens again, report it."


# ---------------------------------------------------------------------------------------------------------------------
# Who runs which jobs


@contextmanager
def _name(folder: Path) -> Iterator[str]:
    """A name for a queue, which others can see to be taken while this process lives."""
    with in_words(f"open a job queue in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with temporary(folder) as (path, _):
            yield path.name


def _adopt(folder: Path, catalog: Catalog, heir: str) -> None:
    """Take over the jobs of queues whose process has ended."""
    with in_words(f"look for job queues in {folder}"):
        sweep(folder)
    for queue in catalog.queues():
        if not (folder / queue).exists():
            catalog.adopt_jobs(queue, heir)
