"""The Train page: a checkpoint in the making, from its configuration to its use on all pages."""

import io
import time
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard import theme
from explorer.dashboard.calls import change
from explorer.dashboard.feed import EVERY_S, jobs_of
from explorer.dashboard.listener import Listener
from explorer.dashboard.page import Page
from explorer.dashboard.runs import actions, numbers, share, told, training_name
from explorer.dashboard.scrub import Replay, can_replay, replay
from explorer.dashboard.views.form import ConfigForm, dumped, field_of, parsed
from explorer.dashboard.views.listing import Line, Listing
from explorer.dashboard.views.pixels import Picture, Pictures, picture
from explorer.dashboard.views.progress_plot import OVER, ProgressPlot, summary
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.scrub import Scrub
from explorer.dashboard.views.snippet import training_snippet
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Workspace
from explorer.errors import ExplorerError, InvalidInput, NotFound
from explorer.messages import Entry, JobState, Moment
from explorer.messages import Train as Training
from explorer.signals import SignalSet

SPLITS = ("train", "validation", "test", "all")
LOOK_EVERY_S = 4.0
"""How often it is looked at what a running training has come to; its worker keeps a state every ten seconds."""
RUNS, COMPARED = 30, 6
LOOKS, LOOK_SIZE = 5, 64

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": (6, 0)}

HELP = {
    "representation": "How a signal becomes a code. Each method has a configuration of its own, below.",
    "preset": "A named configuration. “default” is ours; those of a paper begin with “paper”.",
    "split": "The signals that are learned from. A set without a split is used whole.",
    "seed": "All random draws come from it and the step: the same seed gives the same checkpoint.",
}


class Train(Page):
    """A form, the run that is looked at with its live curves, the queue, and what was trained before."""

    keys = {"t": "start the training", "p": "pause and go on"}
    address = {
        "representation": "tm", "preset": "tp", "split": "ts", "seed": "tn", "config": "tc", "run": "tr",
        "compared": "tj", "over": "to",
    }  # fmt: skip

    representation = param.String("", doc="The method; empty takes that of the codes that were open last.")
    preset = param.String("default", doc="The named configuration from which fields differ.")
    split = param.Selector(default="train", objects=SPLITS, doc="What is learned from.")
    seed = param.Integer(0, bounds=(0, 2**31), doc="Of all random draws.")
    config = param.String("", doc="Fields that differ from the preset, as JSON.")
    run = param.String("", doc="Id of the job that is looked at; empty takes the latest training.")
    compared = param.List([], item_type=str, doc="Ids of the jobs whose curves are drawn beside it.")
    over = param.Selector(default="steps", objects=OVER, doc="What curves are drawn over.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        state = workspace.state
        self._methods: Mapping[str, Any] = {}
        self._device = ""
        self._jobs: list[JobState] = []
        self._entries: list[Entry] = []
        self._deleted: Entry | None = None
        self._histories: dict[str, list[Moment]] = {}
        self._looked = 0.0
        self._looks: list[tuple[int, float, np.ndarray, np.ndarray]] = []  # step, PSNR, render, signal
        self.form = ConfigForm()
        self.plot = ProgressPlot(dark=state.dark, over=self.over)
        self.runs = Listing(self._act_on_run, label="trainings", empty="No training has been asked for yet.", **WIDE)
        self.checkpoints = Listing(
            self._act_on_checkpoint, label="checkpoints", empty="No checkpoint for signals like these yet.", **WIDE
        )
        self.pictures = Pictures(box=LOOK_SIZE, **WIDE)
        self.scrub = Scrub(**WIDE)
        self._curves = pn.Column(self.plot, visible=False, margin=0, **WIDE)  # no axes around nothing
        self._queue = Listener(workspace.calls, self._show_jobs)
        self._following, self._offer = "", 0
        self._build()
        follow = self.follow
        follow(self, self._show_form, "representation", "preset")
        follow(self, self._take_config, "config")
        follow(self.form, self._on_changes, "changes")
        follow(self, self._look_at_run, "run", "compared")
        follow(self, lambda event: self.plot.param.update(over=event.new), "over")
        follow(state, lambda event: self._dress(), "dark")
        follow(state, self._show_checkpoints, "checkpoint")
        follow(state, self._forget_looks, "selection")
        follow(state, self._offer_replay, "selection", "resolution", "uneven", "dark")

    # -- what stands where

    def _build(self) -> None:
        choice: dict[str, Any] = {**SMALL, **WIDE}
        self._method = pmui.Select(label="representation", options=["–"], description=HELP["representation"], **choice)
        self._preset = pmui.Select(label="preset", options=["default"], description=HELP["preset"], **choice)
        self._split = pmui.Select.from_param(self.param.split, label="split", description=HELP["split"], **choice)
        self._seed = pmui.IntInput.from_param(self.param.seed, label="seed", description=HELP["seed"], **choice)
        self._start = pmui.Button(label="start", variant="contained", size="small", align="end", margin=(6, 0))
        self._reset = pmui.Button(label="as in the preset", variant="text", visible=False, **SMALL)
        self._said = words(margin=(2, 0, 6, 0))
        self._alternative = words(margin=0)
        self._title, self._numbers, self._fault = words(), words(), words()
        self._pause = pmui.Button(label="pause", variant="outlined", visible=False, **SMALL)
        self._cancel = pmui.Button(label="cancel", variant="outlined", visible=False, **SMALL)
        self._use = pmui.Button(label="use on all pages", variant="contained", visible=False, **SMALL)
        self._undo = pmui.Button(label="undo", variant="text", visible=False, **SMALL)
        self._looking = words()
        self._replayed = words(visible=False, margin=(18, 0, 6, 0))
        self._replay = pmui.Button(label="", variant="outlined", visible=False, **SMALL)
        self._download = pmui.FileDownload(
            callback=self._bytes, filename="checkpoint.safetensors", label="download", variant="outlined", **SMALL
        )
        follow = self.follow
        follow(self._method, lambda event: self._choose_method(event.new), "value")
        follow(self._preset, lambda event: self._choose_preset(event.new), "value")
        self._start.on_click(lambda event: self.start())
        self._reset.on_click(lambda event: self.form.reset())
        self._pause.on_click(lambda event: self._toggle_pause())
        self._cancel.on_click(lambda event: self._act_on_run("cancel", self._chosen, {}))
        self._use.on_click(lambda event: self._use_result())
        self._undo.on_click(lambda event: self._restore())
        self._replay.on_click(lambda event: change(self.workspace.calls.doc, self._ask_replay))

    def middle(self) -> Viewable:
        over = pmui.Select.from_param(self.param.over, label="over", width=110, size="small", margin=0, align="center")
        return pn.Column(
            pn.Row(self._method, self._preset, self._split, self._seed, self._start, styles={"gap": "12px"}, **WIDE),
            pn.Row(heading("configuration"), self._reset, **WIDE),
            pn.Column(self.form, styles={"overflow": "auto", "max-height": "44vh"}, margin=0, **WIDE),
            self._said,
            pn.Row(heading("curves"), pn.layout.HSpacer(), over, **WIDE),
            self._curves,
            self._alternative,
            self._replayed,
            self._replay,
            self.scrub,
            heading("trainings"),
            self.runs,
            sizing_mode="stretch_both",
            margin=(8, 16, 0, 16),
            styles={"overflow": "auto"},
        )

    def side(self) -> Viewable:
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        return pn.Column(
            heading("run"),
            self._title,
            self._numbers,
            self._fault,
            pn.Row(self._pause, self._cancel, self._use, styles={"gap": "8px"}, **WIDE),
            self._looking,
            self.pictures,
            pn.Row(heading("checkpoints"), pn.layout.HSpacer(), self._undo, **WIDE),
            pn.Column(self.checkpoints, max_height=300, styles={"overflow": "auto"}, margin=0, **WIDE),
            pn.Row(copy, self._download, styles={"gap": "8px"}, margin=(8, 0), **WIDE),
            margin=(0, 16),
            **WIDE,
        )

    # -- living

    def missing(self) -> str:
        return ""  # a checkpoint is what this page is for

    def look(self) -> None:
        self._dress()
        self.ask("methods", "asking what can be trained", self.workspace.engine.describe, self._show_methods)
        self._ask_entries()
        self._offer_replay()
        self._queue.listen(self._polled)

    def leave(self) -> None:
        super().leave()
        self._queue.stop()
        self._following = ""
        self._stale = True

    def pressed(self, key: str) -> None:
        if key == "t":
            self.start()
        elif key == "p":
            self._toggle_pause()

    def _polled(self) -> Iterator[list[JobState]]:
        while True:
            try:
                yield jobs_of(self.workspace.engine)
            except ExplorerError:
                pass  # between two servers; the next question may be answered
            time.sleep(EVERY_S)

    def _dress(self) -> None:
        self.plot.dark = self.workspace.state.dark

    # -- the form

    def _show_methods(self, described: Mapping[str, Any]) -> None:
        self._methods, self._device = described["representations"], described["device"]
        if self.representation not in self._methods:
            self.representation = self.workspace.representation
        self._method.param.update(options=list(self._methods), value=self.representation)
        self._show_form()

    def _show_form(self, *events: param.parameterized.Event) -> None:
        method = self._methods.get(self.representation)
        if method is None:
            return
        presets = method["presets"]
        if self.preset not in presets:
            self.preset = "default"
        self._preset.param.update(options=list(presets), value=self.preset)
        self._method.value = self.representation
        self.form.param.update(
            fields=method["fields"],
            preset=dict(presets[self.preset]),
            changes=parsed(self.config, method["fields"]),
            errors={},
        )
        self._check()

    def _choose_method(self, name: str) -> None:
        if name in self._methods and name != self.representation:
            self.param.update(representation=name, preset="default", config="")

    def _choose_preset(self, name: str) -> None:
        if self.representation in self._methods and name in self._methods[self.representation]["presets"]:
            if name != self.preset:
                self.param.update(preset=name, config="")

    def _take_config(self, *events: param.parameterized.Event) -> None:
        if self.config != dumped(self.form.changes):
            self.form.changes = parsed(self.config, self.form.fields)

    def _on_changes(self, *events: param.parameterized.Event) -> None:
        self.config = dumped(self.form.changes)
        self._reset.visible = bool(self.form.changes)
        self._check()

    def _check(self) -> None:
        """Have the engine look at the configuration, so that what is wrong is said before it is started."""
        name, preset, changes = self.representation, self.preset, dict(self.form.changes)

        def work() -> str:
            try:
                self.workspace.engine.configure(name, preset, **changes)
            except InvalidInput as error:
                return str(error)
            return ""

        self.ask("check", "checking the configuration", work, self._show_fault)

    def _show_fault(self, sentence: str) -> None:
        """What is wrong stands beside the field that it is about, or over the start."""
        where = field_of(sentence, self.form.fields) if sentence else ""
        self.form.errors = {where: sentence} if where else {}
        self._said.object = f'<span class="wrong">{escape(sentence)}</span>' if sentence and not where else "&nbsp;"
        self._start.disabled = not self.form.valid

    def start(self) -> None:
        """Ask for the training that the form describes."""
        signals = self.workspace.signals
        if signals is None or not self.form.valid or self.representation not in self._methods:
            return
        name, preset, split, seed = self.representation, self.preset, self.split, self.seed
        changes = dict(self.form.changes)

        def work() -> tuple[str, str]:
            try:
                job = self.workspace.engine.train(
                    name, signals, preset=preset, split=split, seed=seed, wait=False, **changes
                )
            except InvalidInput as error:
                return "", str(error)
            return job.id, ""

        self.ask("start", "asking for a training", work, self._show_started)

    def _show_started(self, answer: tuple[str, str]) -> None:
        id, fault = answer
        self._show_fault(fault)
        if id:
            self.run = id
            self._queue.listen(self._polled)

    # -- runs

    @property
    def _chosen(self) -> str:
        """The run that is looked at: the one that is named, else the latest."""
        known = [job.id for job in self._jobs]
        return self.run if self.run in known else next(iter(known), "")

    def _job(self, id: str) -> JobState | None:
        return next((job for job in self._jobs if job.id == id), None)

    def _show_jobs(self, jobs: list[JobState]) -> None:
        trainings = [job for job in reversed(jobs) if job.recipe.get("op") == "train"][:RUNS]
        before = {job.id: job for job in self._jobs}
        self._jobs = trainings
        if any(job.state == "done" and not (job.id in before and before[job.id].ended) for job in trainings):
            self._ask_entries()
        self._look_at_run()
        chosen = self._job(self._chosen)
        if chosen is not None and chosen != before.get(chosen.id):
            self._show_state(chosen)

    def _look_at_run(self, *events: param.parameterized.Event) -> None:
        """Show the chosen run, and fetch how those went whose curves are missing."""
        chosen = self._chosen
        if chosen and chosen != self._following:
            self._following = chosen
            self._forget_looks()
        wanted = [id for id in dict.fromkeys([chosen, *self.compared[:COMPARED]]) if self._job(id)]
        missing = [id for id in wanted if id not in self._histories]
        if missing:
            self.ask("histories", "fetching curves", lambda: self._fetched(missing), self._show_histories)
        self._draw_runs()

    def _fetched(self, ids: list[str]) -> dict[str, list[Moment]]:
        return {id: self.workspace.engine.job_history(id) for id in ids}

    def _show_histories(self, histories: dict[str, list[Moment]]) -> None:
        self._histories |= histories
        self._draw_runs()

    def _show_state(self, state: JobState) -> None:
        """A change of the run that is looked at."""
        if state.progress and state.state == "running" and state.id in self._histories:
            moments = self._histories[state.id]
            if not moments or moments[-1].progress != state.progress:
                self._histories[state.id] = [*moments, Moment(seconds=state.seconds, progress=state.progress)]
        if state.ended or state.state == "paused":
            ended = [state.id]
            self.ask("histories", "fetching curves", lambda: self._fetched(ended), self._show_histories)
        if state.state in ("running", "paused"):
            self._peek(state)
        self._draw_runs()

    def _draw_runs(self) -> None:
        chosen = self._chosen
        drawn = [id for id in dict.fromkeys([chosen, *self.compared[:COMPARED]]) if id in self._histories]
        names = {job.id: f"{i + 1}. {training_name(job)}" for i, job in enumerate(reversed(self._jobs))}
        palette = theme.categorical(len(drawn), self.workspace.state.dark)
        colors = dict(zip(drawn, palette, strict=True))
        runs = {names[id]: self._histories[id] for id in drawn if id in names}
        self.plot.param.update(colors={names[id]: colors[id] for id in drawn if id in names}, runs=runs)
        self._curves.visible = bool(runs)
        said = summary(runs) if runs else "No curve yet: start a training, or choose one below."
        self._alternative.object = f'<span class="quiet">{escape(said)}</span>'
        self.runs.show(
            [
                Line(
                    id=job.id,
                    title=names[job.id],
                    text=told(job),
                    color=colors.get(job.id, ""),
                    checked=job.id == chosen or job.id in self.compared,
                    share=share(job),
                    actions=actions(job),
                    chosen=job.id == chosen,
                    wrong=job.state == "failed",
                )
                for job in self._jobs
            ]
        )
        self._draw_run(self._job(chosen), names.get(chosen, ""))

    def _draw_run(self, job: JobState | None, name: str) -> None:
        if job is None:
            self._title.object = '<span class="quiet">Nothing runs. Fill in the form and start.</span>'
            self._numbers.object = self._fault.object = "&nbsp;"
        else:
            self._title.object = f"<b>{escape(name)}</b>"
            self._numbers.object = numbers(job, self._histories.get(job.id, []), self._device)
            self._fault.object = f'<span class="wrong">{escape(job.error)}</span>' if job.error else "&nbsp;"
        live = job is not None and not job.ended
        self._pause.param.update(visible=live, label="go on" if job and job.state == "paused" else "pause")
        self._cancel.visible = live
        self._use.visible = job is not None and job.state == "done"

    def _act_on_run(self, action: str, id: str, values: dict[str, Any]) -> None:
        engine = self.workspace.engine
        if action == "choose":
            self.run = id
        elif action == "check":
            others = [other for other in self.compared if other != id]
            self.compared = [*others, id][-COMPARED:] if values.get("on") else others
        elif action in ("pause", "resume", "cancel") and self._job(id):
            do = {"pause": engine.pause_job, "resume": engine.resume_job, "cancel": engine.cancel_job}[action]
            word = {"pause": "pausing", "resume": "going on", "cancel": "cancelling"}[action]

            def act() -> list[JobState]:
                do(id)
                return engine.jobs()  # not those of a second ago

            self.ask(f"act {id}", word, act, self._show_jobs)
        elif action == "again":
            self._fill_from(self._job(id))

    def _toggle_pause(self) -> None:
        job = self._job(self._chosen)
        if job is not None and not job.ended:
            self._act_on_run("resume" if job.state == "paused" else "pause", job.id, {})

    def _fill_from(self, job: JobState | None) -> None:
        """The form as it was for a run."""
        if job is not None and job.recipe["representation"] in self._methods:
            self.param.update(
                representation=job.recipe["representation"],
                preset=job.recipe["preset"],
                split=job.recipe["split"],
                seed=job.recipe["seed"],
                config=dumped(job.recipe["config"]),
            )
            self._show_form()

    # -- what it has come to

    def _forget_looks(self, *events: param.parameterized.Event) -> None:
        self._looked, self._looks = 0.0, []
        self.pictures.show([])
        self._looking.object = "&nbsp;"

    def _peek(self, state: JobState) -> None:
        """From time to time, render the one signal as the training has it now."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S or not state.progress:
            return
        self._looked = now
        recipe, row, after = Training(**state.recipe), self.workspace.row, state.progress.step
        self.ask("look", "looking at it", lambda: self._seen(recipe, row, after), lambda seen: self._show_look(seen))

    def _seen(self, recipe: Training, row: int, after: int) -> tuple[int, float, np.ndarray, np.ndarray] | None:
        """The step, the PSNR, and pictures of the render and of the signal; None while there is nothing."""
        signals = self.workspace.library.signals(recipe.signals)
        row = min(row, len(signals) - 1)
        longest = max(signals.reference_shape)
        size = LOOK_SIZE if signals.d < 3 else longest
        shape = [max(1, round(side * size / longest)) for side in signals.reference_shape]
        try:
            step, values, psnr_db = self.workspace.engine.preview(recipe, [row], shape, after)
        except (NotFound, InvalidInput):
            return None
        render = SignalSet.from_grids(values, axes=signals.axes, value_range=signals.value_range)
        return (
            step,
            float(psnr_db[0]),
            thumbnails(render, [0], LOOK_SIZE)[0],
            thumbnails(signals, [row], LOOK_SIZE)[0],
        )

    def _show_look(self, seen: tuple[int, float, np.ndarray, np.ndarray] | None) -> None:
        if seen is None or (self._looks and self._looks[-1][0] == seen[0]):
            return
        self._looks = [*self._looks, seen][-LOOKS:]
        shown: list[Picture] = [picture(self._looks[-1][3], LOOK_SIZE, "signal", f"row {self.workspace.row}")]
        shown += [picture(render, LOOK_SIZE, f"at {step:,}", f"{psnr:.1f} dB") for step, psnr, render, _ in self._looks]
        self._looking.object = "<h2>as it improves</h2>"
        self.pictures.show(shown)

    # -- scrubbing a fit

    def _offer_replay(self, *events: param.parameterized.Event) -> None:
        """Where signals are fitted, and have been: the fit of the one signal can be gone through again."""
        workspace = self.workspace
        subject, opened = workspace.subject, workspace.opened
        self._offer += 1
        self.scrub.show(None)
        possible = subject is not None and workspace.fitted and can_replay(opened.capabilities)
        self._replayed.param.update(object="<h2>scrub the fit</h2>", visible=possible)
        name = name_of(subject.signals, workspace.row) if subject is not None else ""
        self._replay.param.update(label=f"replay the fit of {name}", visible=possible)

    def _ask_replay(self) -> None:
        subject, row, dark = self.workspace.subject, self.workspace.row, self.workspace.state.dark
        if subject is None:
            return
        name, offer = name_of(subject.signals, row), self._offer

        def show(found: Replay) -> None:
            if offer == self._offer:  # else another signal is looked at by now
                self.scrub.show(found, name=name, dark=dark)

        self.ask("replay", "replaying the fit", lambda: replay(subject, row, dark), show, long=True)

    # -- checkpoints

    def _ask_entries(self) -> None:
        self.ask(
            "entries", "listing checkpoints", lambda: self.workspace.engine.entries("checkpoint"), self._show_entries
        )

    def _show_entries(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._show_checkpoints()

    def _show_checkpoints(self, *events: param.parameterized.Event) -> None:
        signals, used = self.workspace.signals, self._used
        fitting = [entry for entry in self._entries if signals is None or fits(entry, signals)]
        self.checkpoints.show(
            [
                Line(
                    id=entry.id,
                    title=entry.name,
                    text=about(entry),
                    note="" if entry.details.get("shipped") else entry.note,
                    chosen=entry.id == used,
                    editable=not entry.details.get("shipped"),
                    actions={} if entry.details.get("shipped") else {"delete": "delete"},
                )
                for entry in fitting
            ]
        )
        entry = self._entry(used)
        self._download.param.update(
            disabled=entry is None, filename=f"{entry.name if entry else 'checkpoint'}.safetensors".replace("/", "-")
        )

    @property
    def _used(self) -> str:
        """The checkpoint through which all pages look now."""
        opened = self.workspace.opened
        return opened.entry.id if opened and opened.entry else ""

    def _entry(self, id: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.id == id), None)

    def _act_on_checkpoint(self, action: str, id: str, values: dict[str, Any]) -> None:
        engine, entry = self.workspace.engine, self._entry(id)
        if entry is None:
            return
        if action == "choose":
            self.use(id)
        elif action == "edit":
            name, note = str(values.get("name", ""))[:200], str(values.get("note", ""))[:10_000]
            self.ask("edit", "renaming", lambda: engine.rename(id, name, note), lambda _: self._ask_entries())
        elif action == "delete":
            self.ask("delete", "deleting", lambda: engine.delete(id), lambda _: self._show_deleted(entry))

    def _show_deleted(self, entry: Entry | None) -> None:
        self._deleted = entry
        self._undo.param.update(visible=entry is not None, label=f"undo: {entry.name} was deleted" if entry else "")
        self._ask_entries()
        if entry is not None and entry.id == self.workspace.state.checkpoint:
            self.workspace.state.checkpoint = ""

    def _restore(self) -> None:
        entry = self._deleted
        if entry is not None:
            work = lambda: self.workspace.engine.restore(entry.id)  # noqa: E731
            self.ask("delete", "bringing it back", work, lambda _: self._show_deleted(None))

    def use(self, id: str) -> None:
        """Look through a checkpoint on all pages."""
        self.workspace.state.param.update(checkpoint=id, space="")

    def _use_result(self) -> None:
        job = self._job(self._chosen)
        if job is None:
            return

        def show(id: str) -> None:
            state, signals = self.workspace.state, self.workspace.signals
            other = {} if signals and signals.id == job.recipe["signals"] else {"signals": job.recipe["signals"]}
            state.param.update(checkpoint=id, space="", **other)

        self.ask("use", "opening the checkpoint", lambda: self.workspace.engine.result_id(job.key), show)

    def _bytes(self) -> io.BytesIO:
        return io.BytesIO(self.workspace.engine.artifact(self._used).to_bytes())

    def _copy(self) -> None:
        signals = self.workspace.signals
        if signals is not None:
            self.clipboard = training_snippet(
                signals, self.workspace.state.signals, self.representation, self.preset, self.split, self.seed,
                self.form.changes,
            )  # fmt: skip


def fits(entry: Entry, signals: SignalSet) -> bool:
    """Whether a checkpoint speaks of functions like these."""
    domain = entry.details["domain"]
    return (len(domain["axes"]), len(domain["channels"])) == (signals.d, signals.m)


def about(entry: Entry) -> str:
    """A checkpoint in one line."""
    details, training = entry.details, entry.details["training"]
    said = f"{details['representation']} of {training.get('name', 'unnamed signals')}, seed {training.get('seed', '–')}"
    return f"{said}, {details['parameters']:,} parameters" + (", shipped" if details.get("shipped") else "")
