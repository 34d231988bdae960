"""The jobs of the model server: how many there are, how far they have come, and a way to stop them."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard import style
from explorer.dashboard.views.later import Later
from explorer.messages import JobState

SHOWN = 12


class Jobs(Viewer):
    """A button that counts the unfinished jobs, and a dialog that lists them."""

    jobs = param.List([], item_type=JobState, doc="All jobs, as the engine lists them: oldest first.")
    cancel = param.Callable(doc="Called with the id of a job that is to be stopped.")

    def __init__(self, cancel: Callable[[str], None], **params: Any):
        super().__init__(cancel=cancel, **params)
        self._button = pmui.Button(
            variant="text", size="small", margin=0, align="center", sx=style.ON_HEADER, on_click=self._open
        )
        self._list = pn.Column(sizing_mode="stretch_width")
        self.dialog = pmui.Dialog(self._list, title="jobs", title_variant="h6", close_on_click=True)
        self._redraw()

    def _open(self, event: Any) -> None:
        self.dialog.open = True

    @param.depends("jobs", watch=True)
    def _redraw(self) -> None:
        jobs = listed(self.jobs)
        active = [job for job in jobs if not job.ended]
        self._button.param.update(label=f"jobs ● {len(active)}" if active else "jobs", visible=bool(jobs))
        self._list[:] = [self._line(job) for job in jobs[:SHOWN]] or [pn.pane.HTML("No job has been asked for yet.")]

    def _line(self, job: JobState) -> Viewable:
        row = pn.Row(
            pn.pane.HTML(escape(line(job)), sizing_mode="stretch_width", margin=(6, 0)), sizing_mode="stretch_width"
        )
        if not job.ended:
            stop = pmui.Button(label="cancel", variant="text", size="small", margin=0)
            stop.on_click(lambda event: self.cancel(job.id))
            row.append(stop)
        return row

    def __panel__(self) -> Viewable:
        return Later(self._button, align="center")


def listed(jobs: Sequence[JobState]) -> list[JobState]:
    """Those that a person asked for, newest first: maps are made as pages need them, and have their own word there."""
    return [job for job in reversed(jobs) if job.recipe["op"] != "project"]


def line(job: JobState) -> str:
    """A job in one line."""
    recipe = job.recipe.get("train", {}) | job.recipe if job.recipe["op"] == "fit" else job.recipe
    subject = " ".join(str(recipe[name]) for name in ("op", "representation") if name in recipe)
    if job.state == "queued":
        return f"{subject}: waiting, {job.position} before it"
    if job.state == "running" and job.progress:
        left = "" if job.eta_s is None else f", {seconds(job.eta_s)} left"
        return f"{subject}: {job.progress.message} {job.progress.step:,} of {job.progress.total:,}{left}"
    if job.state == "running":
        return f"{subject}: starting"
    return f"{subject}: {job.state}{f', {job.error}' if job.error else f' in {seconds(job.seconds)}'}"


def seconds(value: float) -> str:
    """A duration in words."""
    return f"{value:.0f} s" if value < 100 else f"{value / 60:.0f} min"
