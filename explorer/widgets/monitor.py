"""A job while it runs: state, curves, time left, and a way to stop it."""

import threading
import time
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from explorer.engine import Job
from explorer.errors import ExplorerError
from explorer.messages import JobState, Moment

REDRAWN_EVERY_S = 0.25
CURVES = ("loss", "psnr_db")


class FitMonitor(anywidget.AnyWidget):
    """Follows a job from ``engine.train(..., wait=False)``; it knows how the job went before it was opened.

    Args:
        job: any job, also one that has ended.

    The traits can be read from Python while the job runs; ``job`` is the job itself.
    """

    _esm = Path(__file__).with_name("monitor.js")

    state = traitlets.Unicode("", read_only=True, help="As in JobState: queued, running, paused, done …").tag(sync=True)
    text = traitlets.Unicode("", read_only=True, help="What it is doing, or what went wrong.").tag(sync=True)
    at = traitlets.Int(0, read_only=True, help="Steps done.").tag(sync=True)
    total = traitlets.Int(0, read_only=True, help="Steps in all.").tag(sync=True)
    eta_s = traitlets.Float(None, allow_none=True, read_only=True, help="Seconds left, if known.").tag(sync=True)
    seconds = traitlets.Float(0.0, read_only=True, help="Seconds of work.").tag(sync=True)
    metrics = traitlets.Dict(read_only=True, help="The latest figures.").tag(sync=True)
    curves = traitlets.Dict(read_only=True, help="Metric -> [[step, value], …] of the present stage.").tag(sync=True)

    def __init__(self, job: Job, **traits: Any):
        super().__init__(**traits)
        self.job = job
        self._moments: list[Moment] = job.history
        self._show(job.state)
        self.on_msg(self._answer)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> str:
        """Wait until it has ended; its state."""
        self._thread.join(timeout_s)
        return self.state

    def _follow(self) -> None:
        drawn, state = 0.0, None
        try:
            for state in self.job.events():
                if state.progress and (not self._moments or self._moments[-1].progress != state.progress):
                    self._moments.append(Moment(seconds=state.seconds, progress=state.progress))
                if state.ended or time.monotonic() - drawn >= REDRAWN_EVERY_S:
                    drawn = time.monotonic()
                    self._show(state)
            if state is not None:
                self._moments = self.job.history or self._moments
                self._show(state)
        except ExplorerError as error:
            self.set_trait("text", str(error))

    def _show(self, state: JobState) -> None:
        progress = state.progress
        stage = [m for m in self._moments if progress and m.progress.message == progress.message]
        if not any(name in moment.progress.metrics for moment in stage for name in CURVES):
            stage = self._moments  # a last stage without figures does not wipe out the curves
        known: dict[str, float] = {}
        for moment in self._moments:
            known |= moment.progress.metrics
        curves = {
            name: [[m.progress.step, m.progress.metrics[name]] for m in stage if name in m.progress.metrics]
            for name in CURVES
        }
        with self.hold_sync():
            self.set_trait("state", state.state)
            self.set_trait("text", state.error or (progress.message if progress else ""))
            self.set_trait("at", progress.step if progress else 0)
            self.set_trait("total", progress.total if progress else 0)
            self.set_trait("eta_s", state.eta_s)
            self.set_trait("seconds", state.seconds)
            self.set_trait("metrics", known)
            self.set_trait("curves", {name: points for name, points in curves.items() if points})

    def _answer(self, widget: Any, content: Any, buffers: Any) -> None:
        do = {"cancel": self.job.cancel, "pause": self.job.pause, "resume": self.job.resume}.get(content)
        if do is not None:
            threading.Thread(target=self._do, args=(do,), daemon=True).start()

    def _do(self, do: Any) -> None:
        try:
            do()
        except ExplorerError as error:
            self.set_trait("text", str(error))
