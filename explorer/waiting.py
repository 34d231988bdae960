"""Who waits for which jobs, so that whoever no longer wants an answer can have the work for it stopped."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from explorer.errors import Cancelled
from explorer.messages import Progress

if TYPE_CHECKING:
    from explorer.engine import Job

_current: ContextVar["Wait | None"] = ContextVar("wait", default=None)
_lock = threading.Lock()
_waits: defaultdict[str, set["Wait"]] = defaultdict(set)  # by the job's id


class Wait:
    """What one caller waits for: a context around calls of an engine. Any other thread may ``cancel`` it."""

    def __init__(self) -> None:
        self.over = False
        self._jobs: dict[str, Job] = {}
        self._outside: Token[Wait | None] | None = None

    def __enter__(self) -> "Wait":
        self._outside = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._outside is not None:
            _current.reset(self._outside)

    def cancel(self) -> None:
        """Have the work stopped, unless somebody else of this process waits for the same job."""
        with _lock:
            self.over = True
            alone = [job for id, job in self._jobs.items() if _waits[id] == {self}]
        for job in alone:
            job.cancel()

    @contextmanager
    def _on(self, job: "Job") -> Iterator[None]:
        with _lock:
            self._jobs[job.id] = job
            _waits[job.id].add(self)
        try:
            heed()  # it may have been over by then
            yield
        finally:
            with _lock:
                del self._jobs[job.id]
                _waits[job.id].discard(self)
                if not _waits[job.id]:
                    del _waits[job.id]


@contextmanager
def waiting(job: "Job") -> Iterator[None]:
    """Around waiting for a job: note it for the one who waits in this thread, if there is one."""
    wait = _current.get()
    if wait is None:
        yield
    else:
        with wait._on(job):
            yield


def heed(progress: Progress | None = None) -> None:
    """Raise Cancelled where the one who waits in this thread no longer does; a Report for work that is no job."""
    wait = _current.get()
    if wait is not None and wait.over:
        raise Cancelled("The work was cancelled.")
