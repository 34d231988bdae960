"""The process in which jobs run: commands come in and events go out, a line of JSON each. ``jobs.py`` is the other end.

It ends when its input ends, which also happens when the process that started it is killed.
"""

import argparse
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

from pydantic import Field, TypeAdapter

from explorer.analysis import projection
from explorer.errors import Cancelled, ExplorerError, OutOfMemory, Paused
from explorer.messages import LANES, MAPS, AnyRecipe, CancelJob, JobEvent, Progress, RunJob

if TYPE_CHECKING:
    from explorer.local import LocalEngine

PROGRESS_EVERY_S = 0.1
LOWER_PRIORITY = 10

_COMMAND: TypeAdapter[RunJob | CancelJob] = TypeAdapter(Annotated[RunJob | CancelJob, Field(discriminator="op")])
_RECIPE: TypeAdapter[Any] = TypeAdapter(Annotated[AnyRecipe, Field(discriminator="op")])


class Worker:
    """Runs jobs one after the other on one engine."""

    def __init__(self, home: Path, device: str | None, events: TextIO):
        self._home, self._device, self._events = home, device, events
        self._changed = threading.Condition()
        self._waiting: dict[str, RunJob] = {}
        self._stopped: dict[str, Cancelled] = {}

    def listen(self, commands: TextIO) -> None:
        """Take commands while jobs run; end the process when there can be no more."""
        for line in commands:
            command = _COMMAND.validate_json(line)
            with self._changed:
                match command:
                    case CancelJob(job=job, keep=keep):
                        why = Paused("The job was paused.") if keep else Cancelled("The job was cancelled.")
                        if self._waiting.pop(job, None):  # the worker still prepares itself
                            self._send(JobEvent(job=job, state="cancelled"))
                        else:
                            self._stopped[job] = why
                    case RunJob():
                        self._stopped.pop(command.job, None)  # it was paused, and goes on
                        self._waiting[command.job] = command
                        self._changed.notify()
        os._exit(0)

    def work(self) -> None:
        """Run what comes, for ever."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                command = self._waiting.pop(next(iter(self._waiting)))
                self._send(JobEvent(job=command.job, state="running"))
            self._send(self._end_of(command))

    def _end_of(self, command: RunJob) -> JobEvent:
        try:
            self._run(command.job, command.recipe)
        except Cancelled:
            return JobEvent(job=command.job, state="cancelled")
        except ExplorerError as error:
            return _failed(command.job, str(error), type(error).__name__)
        except MemoryError:
            sentence = "The job ran out of memory. Use fewer signals, a lower resolution or a smaller network."
            return _failed(command.job, sentence, OutOfMemory.__name__)
        except Exception as error:
            traceback.print_exc()
            return _failed(command.job, f"The job failed, by a fault of Explorer: {type(error).__name__}: {error}")
        return JobEvent(job=command.job, state="done")

    def _run(self, job: str, recipe: Mapping[str, Any]) -> None:
        sent = 0.0

        def report(progress: Progress) -> None:
            nonlocal sent
            if job in self._stopped:
                raise self._stopped[job]
            if time.monotonic() - sent >= PROGRESS_EVERY_S or progress.step == progress.total:
                finite = {name: value for name, value in progress.metrics.items() if math.isfinite(value)}
                moved = replace(progress, metrics=finite)
                self._send(JobEvent(job=job, state="running", progress=moved, memory_bytes=engine.used_bytes()))
                sent = time.monotonic()

        engine = _engine(self._home, self._device)
        engine.run(_RECIPE.validate_python(recipe), report)

    def _send(self, event: JobEvent) -> None:
        print(json.dumps(asdict(event)), file=self._events, flush=True)


def _failed(job: str, sentence: str, error_type: str = "") -> JobEvent:
    return JobEvent(job=job, state="failed", error=sentence, error_type=error_type)


@cache
def _engine(home: Path, device: str | None) -> "LocalEngine":
    from explorer.local import LocalEngine  # imports torch, which takes seconds

    return LocalEngine(home=home, device=device)


def _own_stdout() -> TextIO:
    """Standard output for this module alone: what libraries print goes to standard error from now on."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--device")
    parser.add_argument("--lane", choices=LANES, default=LANES[0])
    options = parser.parse_args()
    os.nice(LOWER_PRIORITY)
    worker = Worker(options.home, options.device, _own_stdout())
    threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True).start()
    if options.lane == MAPS:
        projection.prepare()
    worker.work()


if __name__ == "__main__":
    main()
