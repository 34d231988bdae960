"""What a page offers for signals that have no codes yet: ways to get some, each a button, and how far one has come."""

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call, change
from explorer.dashboard.views.jobs import line
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.words import words
from explorer.dashboard.ways import Way, ways
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import ExplorerError
from explorer.messages import Fit, JobState, Train
from explorer.observations import Sampling
from explorer.signals import SignalSet

_SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Offers(Viewer):
    """Buttons for the ways that suit the open signals; while one is gone, its progress and a way to stop it."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)
    jobs = param.List([], item_type=JobState, doc="All jobs, as the engine lists them.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self._ways = pn.Column(margin=0, sizing_mode="stretch_width")
        self._going = words(margin=(0, 0, 8, 0))
        self._bar = pmui.LinearProgress(value=0, margin=(0, 0, 8, 0), width=480)
        self._stop = pmui.Button(label="cancel", variant="text", **_SMALL)
        self._stop.on_click(lambda event: self._cancel())
        self._progress = pn.Column(self._going, self._bar, self._stop, margin=(16, 0), visible=False)
        self._wrong = notice(closeable=True, margin=(8, 0), width=640)
        self._view = Later(self._ways, self._progress, self._wrong, margin=0, sizing_mode="stretch_width")
        follow = workspace.calls.follow
        follow(workspace, self._draw, "opened")
        follow(self, self._show_progress, "jobs")
        self._draw()

    @property
    def job(self) -> JobState | None:
        """What is being done for the open signals."""
        return next(iter(self._going_on), None)

    @property
    def _going_on(self) -> list[JobState]:
        """All that goes on for the open signals, what runs first at the start."""
        signals = self.workspace.signals
        return [job for job in self.jobs if not job.ended and signals is not None and _codes_of(job) == signals.id]

    @property
    def learned(self) -> bool:
        """Whether the checkpoint was trained on the open signals, so that no other is wanted to begin with."""
        opened = self.workspace.opened
        entry = opened.entry if opened else None
        return entry is not None and entry.details["training"].get("signals") == opened.signals.id

    def _draw(self, *events: Any) -> None:
        signals = self.workspace.signals
        self._wrong.visible = False
        self._ways[:] = [] if signals is None or self.learned else [self._line(way, signals) for way in ways(signals)]
        self._show_progress()

    def _line(self, way: Way, signals: SignalSet) -> Viewable:
        button = pmui.Button(label=way.title, variant="outlined", width=190, align="center", **_SMALL)
        button.on_click(lambda event: change(pn.state.curdoc, lambda: self._begin(way, signals)))
        about = words(f'<span class="quiet">{escape(way.about)}</span>', max_width=480, align="center", margin=(0, 16))
        return pn.Row(button, about, margin=(6, 0), sizing_mode="stretch_width")

    def _show_progress(self, *events: Any) -> None:
        job = self.job
        self._progress.visible = job is not None
        self._ways.visible = job is None
        if job is not None:
            done = job.progress
            share = round(100 * done.step / done.total) if done and done.total else 0
            self._going.object = f"{escape(line(job))} …"
            self._bar.value = min(share, 100)

    def _begin(self, way: Way, signals: SignalSet) -> None:
        engine, state = self.workspace.engine, self.workspace.state
        self._wrong.visible = False

        def work() -> tuple[str, str]:
            try:
                return gone(engine, way, signals), ""
            except ExplorerError as error:
                return "", str(error)

        def show(answer: tuple[str, str]) -> None:
            id, fault = answer
            tell(self._wrong, fault)
            opened = self.workspace.signals
            if id and opened is not None and opened.id == signals.id:
                self.workspace.load() if state.checkpoint == id else state.param.update(checkpoint=id, space="")

        self.workspace.calls.latest("way", Call(way.title, work, show, long=True))

    def _cancel(self) -> None:
        engine, ids = self.workspace.engine, [job.id for job in reversed(self._going_on)]
        self.workspace.ask("cancel", "cancelling", lambda: [engine.cancel_job(id) for id in ids], lambda _: None)

    def __panel__(self) -> Viewable:
        return self._view


def gone(engine: Engine, way: Way, signals: SignalSet) -> str:
    """Go a way to its end, by jobs; the checkpoint's id. May take minutes: call it in a thread.

    All jobs are queued at once: they go on when nobody waits for them any more.
    """
    train = Train(
        representation=way.representation,
        signals=engine.put_signals(signals),
        preset=way.preset,
        config=way.changes,
        split="all" if signals.split is None else "train",
    )
    fit = Fit(train=train, sampling=Sampling().on(signals))
    jobs = [engine.submit(recipe) for recipe in ((train, fit) if way.fits else (train,))]
    try:
        for job in jobs:
            job.until_done()
    except ExplorerError:
        jobs[-1].cancel()
        raise
    return engine.result_id(train.key)


def _codes_of(job: JobState) -> str:
    """The signals that a job is to give codes, "" for other jobs."""
    recipe = job.recipe
    if recipe["op"] == "fit":
        recipe = recipe["train"]
    return recipe["signals"] if recipe["op"] in ("train", "encode") else ""
