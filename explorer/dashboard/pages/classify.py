"""The Classify page: what codes know of labels, beside what the raw samples know."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.dashboard.listener import Listener
from explorer.dashboard.page import Page
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.confusion import Confusion, classes_html, scores_html, shown_classes
from explorer.dashboard.views.jobs import seconds
from explorer.dashboard.views.pixels import Pictures, picture
from explorer.dashboard.views.sample import SamplePane, forms_of, name_of, numbers_of
from explorer.dashboard.views.snippet import classify_snippet
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Workspace
from explorer.errors import InvalidInput, NotFound
from explorer.messages import RAW, JobState
from explorer.messages import Classify as Classification
from explorer.signals import SignalSet
from explorer.splits import holdout, own_parts

HELD_OUT = 0.2
MOST_SEEDS, BEHIND, THUMBNAIL = 20, 32, 48

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": (6, 0)}

HELP = {
    "space": "What the classifier is given: the code itself, a space made of it, or the raw samples.",
    "method": "“best” tries all on a fifth of the training signals, held out for that, and takes the best.",
    "seeds": "So many classifiers are fitted, with seeds 0, 1, …; the spread of their scores is shown.",
    "split_seed": "A set without test signals is split by this seed: a fifth of every class is held out.",
}


@dataclass(frozen=True)
class Parts:
    """Signals to learn from and to be asked about, by position, and how they were parted, in words."""

    train: np.ndarray
    test: np.ndarray
    how: str


def parts_of(signals: SignalSet, seed: int) -> Parts:
    """The set's own split, or a fifth of every class held out. Raises InvalidInput for a set without two classes."""
    if signals.labels is None or len(np.unique(signals.labels[signals.labels >= 0])) < 2:
        raise InvalidInput(
            f"Got {signals.name!r}, which has no labels of two classes; expected some to tell apart. Choose another "
            "signal set on the left."
        )
    if (own := own_parts(signals)) is not None:
        train, test = (part[signals.labels[part] >= 0] for part in own)
        return Parts(train, test, f"the set's own split: {len(train):,} to learn from, {len(test):,} asked about")
    train, test = holdout(signals.labels, share=HELD_OUT, seed=seed)
    said = f"a fifth of every class held out by seed {seed}: {len(train):,} to learn from, {len(test):,} asked about"
    return Parts(train, test, said)


def wish(subject: Subject, parts: Parts, space: str, method: str, seeds: int) -> Classification:
    """What is asked of the engine."""
    return Classification(
        train=(subject.codes[parts.train].recipe,),
        test=(subject.codes[parts.test].recipe,),
        space=space or subject.reference.spaces[0],
        method=method,
        seeds=tuple(range(seeds)),
    )


Found = dict[str, Any]
"""A result's description and its arrays."""


Known = tuple[Parts | None, dict[str, Classification], dict[str, Found], str]
"""How signals are parted, what is asked, what of it is there already, and what is wrong, in words."""


class Classify(Page):
    """Scores, confusion, the signals behind each of its cells, and a table of the classes."""

    keys = {"c": "classify"}
    address = {"method": "cm", "space": "cs", "seeds": "cn", "split_seed": "ch", "cell": "cc", "seed": "cd"}

    method = param.String("best", doc="The classifier.")
    space = param.String("", doc="What it is given; empty takes the representation's first space.")
    seeds = param.Integer(3, bounds=(1, MOST_SEEDS), doc="How many classifiers, with seeds from 0.")
    split_seed = param.Integer(0, bounds=(0, 2**31), doc="Parts a set that has no split.")
    cell = param.List([], item_type=int, doc="The open cell of the confusion matrix: truth and prediction, or none.")
    seed = param.Integer(0, bounds=(0, MOST_SEEDS - 1), doc="The classifier whose confusion is shown.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        state = workspace.state
        self._parts: Parts | None = None
        self._wishes: dict[str, Classification] = {}
        self._found: dict[str, Found] = {}
        self._states: dict[str, JobState] = {}
        self._classes = np.zeros(0, int)
        self.confusion = Confusion(self._open_cell)
        self.behind = Pictures(box=THUMBNAIL, captions=False, **WIDE)
        self.sample = SamplePane(dark=state.dark, truth=state.truth, error=state.error)
        self._listeners = {
            kind: Listener(workspace.calls, partial(self._show_state, kind)) for kind in ("ours", "control")
        }
        self._build()
        follow = self.follow
        follow(self, self._look_anew, "method", "space", "seeds", "split_seed")
        follow(state, self._look_anew, "resolution", "uneven")
        follow(self, self._draw_confusion, "seed")
        follow(self, self._look_behind, "cell")
        follow(self.behind, self._go_to, "clicked")
        follow(state, self._look_at_one, "selection")
        follow(state, self._dress, "dark", "truth", "error")

    # -- what stands where

    def _build(self) -> None:
        choice: dict[str, Any] = {**SMALL, **WIDE}
        self._method = pmui.Select(label="classifier", options=[self.method], description=HELP["method"], **choice)
        self._space = pmui.Select(label="space", options=["–"], description=HELP["space"], **choice)
        self._seeds = pmui.IntInput.from_param(self.param.seeds, label="seeds", description=HELP["seeds"], **choice)
        self._split_seed = pmui.IntInput.from_param(
            self.param.split_seed, label="split seed", description=HELP["split_seed"], **choice
        )
        self._start = pmui.Button(label="classify", variant="contained", size="small", align="end", margin=(6, 0))
        self._cancel = pmui.Button(label="cancel", variant="outlined", size="small", visible=False, margin=0)
        self._said, self._scores, self._classes_table = words(), words(), words(sizing_mode=None)
        self._progress = words(align="center")
        self._which = pmui.Select(label="seed shown", options=[0], value=0, width=110, size="small", margin=0)
        self._about_cell, self._name = words(), words(align="center")
        self._results = pn.FlexBox(
            pn.Column(pn.Row(heading("confusion"), self._which, styles={"gap": "16px"}), self.confusion, margin=0),
            pn.Column(heading("classes, means over the seeds"), self._classes_table, margin=0),
            gap="0 48px",
            visible=False,
        )
        follow = self.follow
        follow(self._method, lambda event: self._choose("method", event.new), "value")
        follow(self._space, lambda event: self._choose("space", event.new), "value")
        follow(self._which, lambda event: self.param.update(seed=event.new or 0), "value")
        self._start.on_click(lambda event: self.start())
        self._cancel.on_click(lambda event: self._cancel_jobs())

    def middle(self) -> Viewable:
        return pn.Column(
            pn.Row(
                self._space, self._method, self._seeds, self._split_seed, self._start, styles={"gap": "12px"}, **WIDE
            ),
            self._said,
            pn.Row(self._progress, self._cancel, **WIDE),
            self._scores,
            self._results,
            sizing_mode="stretch_both",
            margin=(8, 16),
            styles={"overflow": "auto"},
        )

    def side(self) -> Viewable:
        copy = pmui.Button(label="copy as Python", icon="content_copy", variant="outlined", **SMALL)
        copy.on_click(lambda event: self._copy())
        explore = pmui.Button(label="open in Explore", variant="outlined", **SMALL)
        explore.on_click(lambda event: self.workspace.state.param.update(page="Explore"))
        return pn.Column(
            heading("behind the cell"),
            self._about_cell,
            pn.Column(self.behind, max_height=260, styles={"overflow": "auto"}, margin=0, **WIDE),
            heading("signal"),
            self._name,
            self.sample,
            pn.Row(explore, copy, styles={"gap": "8px"}, margin=(8, 0), **WIDE),
            margin=(0, 16),
            **WIDE,
        )

    # -- living

    def pressed(self, key: str) -> None:
        if key == "c":
            self.start()

    def look(self) -> None:
        self._dress()
        opened = self.workspace.opened
        spaces = list(opened.spaces) if opened else []
        if self.space not in spaces:
            self.space = ""
        self._space.param.update(options=spaces, value=self.space or next(iter(spaces), "–"))
        self.ask("methods", "asking for classifiers", self.workspace.engine.describe, self._show_methods)
        self._look_anew()
        self._look_at_one()

    def leave(self) -> None:
        super().leave()
        for listener in self._listeners.values():
            listener.stop()
        self._stale = True

    def _dress(self, *events: param.parameterized.Event) -> None:
        state = self.workspace.state
        self.sample.param.update(dark=state.dark, truth=state.truth, error=state.error)

    def _show_methods(self, described: Mapping[str, Any]) -> None:
        names = list(described["classifiers"])
        if self.method not in names:
            self.method = names[0]
        self._method.param.update(options=names, value=self.method)

    def _choose(self, name: str, value: str) -> None:
        spaces = list(self.workspace.opened.spaces) if self.workspace.opened else []
        if name == "space":
            if value in spaces:
                self.space = "" if value == spaces[0] else value
        elif value:
            self.method = value

    # -- asking

    def _look_anew(self, *events: param.parameterized.Event) -> None:
        """Show what is known of this choice: a result that is there is found, one that is not is offered."""
        subject, seed = self.workspace.subject, self.split_seed
        space, method, seeds = self.space, self.method, self.seeds
        if subject is None:
            return
        for listener in self._listeners.values():
            listener.stop()
        self._wishes, self._found, self._states, self._parts = {}, {}, {}, None

        def work() -> Known:
            try:
                parts = parts_of(subject.signals, seed)
            except InvalidInput as error:
                return None, {}, {}, str(error)
            wishes = {
                "ours": wish(subject, parts, space, method, seeds),
                "control": wish(subject, parts, RAW, method, seeds),
            }
            found = {kind: self._result(recipe) for kind, recipe in wishes.items()}
            return parts, wishes, {kind: result for kind, result in found.items() if result}, ""

        self.ask("known", "looking for a result", work, self._show_known)

    def _result(self, recipe: Classification) -> Found | None:
        """A result that is there already."""
        engine = self.workspace.engine
        try:
            artifact = engine.artifact(engine.result_id(recipe.key))
        except NotFound:
            return None
        return {**artifact.meta, **artifact.arrays}

    def _show_known(self, known: Known) -> None:
        self._parts, self._wishes, self._found, fault = known
        if fault:
            self._said.object = f'<span class="wrong">{escape(fault)}</span>'
        elif self._parts is not None:
            self._said.object = f'<span class="quiet">{escape(self._parts.how)}</span>'
        self._split_seed.visible = own_parts(self.workspace.signals) is None
        self._draw()

    def start(self) -> None:
        """Ask for the classification, and for its control."""
        missing = {kind: recipe for kind, recipe in self._wishes.items() if kind not in self._found}
        if not missing:
            return
        engine = self.workspace.engine
        work = lambda: {kind: engine.submit(recipe).id for kind, recipe in missing.items()}  # noqa: E731
        self.ask("start", "asking for a classification", work, self._show_started)

    def _show_started(self, jobs: dict[str, str]) -> None:
        engine = self.workspace.engine
        for kind, id in jobs.items():
            self._listeners[kind].listen(partial(engine.job_events, id))

    def _show_state(self, kind: str, state: JobState) -> None:
        recipe = self._wishes.get(kind)
        if recipe is None or state.key != recipe.key:
            return
        self._states[kind] = state
        if state.state == "done" and kind not in self._found:
            self.ask(f"result {kind}", "fetching the result", lambda: self._result(recipe), self._keep(kind, recipe))
        self._draw_progress()

    def _keep(self, kind: str, recipe: Classification) -> Any:
        def keep(result: Found | None) -> None:
            if result is not None and self._wishes.get(kind) is recipe:
                self._found[kind] = result
                self._draw()

        return keep

    def _cancel_jobs(self) -> None:
        live = [state.id for state in self._states.values() if not state.ended]
        engine = self.workspace.engine
        self.ask("cancel", "cancelling", lambda: [engine.cancel_job(id) for id in live], lambda _: None)

    # -- showing

    def _draw(self) -> None:
        ours, control = self._found.get("ours"), self._found.get("control")
        self._results.visible = ours is not None
        space = self.space or (self.workspace.opened.spaces[0] if self.workspace.opened else "")
        self._scores.object = scores_html(ours, control, space) if self._found or self._states else "&nbsp;"
        if ours is not None:
            self._classes_table.object = classes_html(ours["per_class"], control["per_class"] if control else ())
        else:
            self._classes_table.object = "&nbsp;"
        options = list(range(len(ours["accuracy"]))) if ours else [0]
        self._which.param.update(options=options, value=min(self.seed, options[-1]))
        self._draw_confusion()
        self._draw_progress()

    def _draw_progress(self) -> None:
        live = {kind: state for kind, state in self._states.items() if not state.ended}
        faults = [state.error for state in self._states.values() if state.error]
        done = len(self._found) == 2
        self._cancel.visible = bool(live)
        self._start.param.update(disabled=bool(live) or done or not self._wishes, label="done" if done else "classify")
        if faults:
            text = f'<span class="wrong">{escape(" ".join(dict.fromkeys(faults)))}</span>'
        elif live:
            named = {"ours": "codes", "control": "raw samples"}
            text = "; ".join(f"{named[kind]}: {escape(waiting(state))}" for kind, state in live.items())
        elif any(state.state == "cancelled" for state in self._states.values()) and not done:
            text = "Cancelled. Start again when you like."
        elif not self._found and self._wishes:
            text = '<span class="quiet">Not classified yet.</span>'
        else:
            text = "&nbsp;"
        self._progress.object = text

    def _draw_confusion(self, *events: param.parameterized.Event) -> None:
        ours = self._found.get("ours")
        if ours is None:
            self._classes = np.zeros(0, int)
            self.confusion.param.update(counts=[], names=[], cell=[])
            self._look_behind()
            return
        which = min(self.seed, len(ours["accuracy"]) - 1)
        whole = ours["confusion"][which]
        self._classes = shown_classes(whole)
        names = [ours["class_names"][c] for c in self._classes]
        self.confusion.param.update(
            counts=whole[np.ix_(self._classes, self._classes)].tolist(), names=names, cell=self._shown_cell()
        )
        self._look_behind()

    def _shown_cell(self) -> list[int]:
        """The open cell, as positions in the matrix that is shown."""
        if len(self.cell) != 2 or not set(self.cell) <= set(self._classes.tolist()):
            return []
        return [int(np.flatnonzero(self._classes == c)[0]) for c in self.cell]

    def _open_cell(self, truth: int, said: int) -> None:
        self.cell = [int(self._classes[truth]), int(self._classes[said])]

    def _rows_behind(self) -> np.ndarray:
        """The signals of the open cell, by position."""
        ours, parts, signals = self._found.get("ours"), self._parts, self.workspace.signals
        if ours is None or parts is None or signals is None or len(self.cell) != 2:
            return np.zeros(0, int)
        which = min(self.seed, len(ours["accuracy"]) - 1)
        truth, said = self.cell
        return parts.test[(signals.labels[parts.test] == truth) & (ours["predictions"][which] == said)]

    def _look_behind(self, *events: param.parameterized.Event) -> None:
        self.confusion.cell = self._shown_cell()
        rows, signals = self._rows_behind(), self.workspace.signals
        if len(self.cell) != 2 or "ours" not in self._found:
            self._about_cell.object = '<span class="quiet">Click a cell to see the signals behind it.</span>'
            self.behind.show([])
            return
        names = self._found["ours"]["class_names"]
        truth, said = (names[c] if c < len(names) else "?" for c in self.cell)
        more = f", the first {BEHIND} shown" if len(rows) > BEHIND else ""
        what = f"“{truth}” told right" if truth == said else f"“{truth}” taken for “{said}”"
        self._about_cell.object = f"{escape(what)}, seed {self.seed}: <b>{len(rows)}</b> signals{more}"
        shown = rows[:BEHIND]
        self.ask("behind", "drawing", lambda: _pictures(signals, shown), self.behind.show)

    def _go_to(self, event: param.parameterized.Event) -> None:
        if event.new >= 0:
            self.workspace.state.selection = [event.new]

    def _look_at_one(self, *events: param.parameterized.Event) -> None:
        subject, row = self.workspace.subject, self.workspace.row
        if subject is None:
            return
        self._name.object = f"<b>{escape(name_of(subject.signals, row))}</b>"
        self.ask("picture", "rendering", lambda: forms_of(subject, row), self._show_forms)
        self.ask("numbers", "comparing", lambda: numbers_of(subject, row), self._show_numbers)

    def _show_forms(self, forms: Any) -> None:
        self.sample.forms = forms

    def _show_numbers(self, numbers: dict[str, Any]) -> None:
        self.sample.numbers = numbers

    def _copy(self) -> None:
        subject = self.workspace.subject
        if subject is not None:
            self.clipboard = classify_snippet(
                subject, self.workspace.state.signals, self.space, self.method, self.seeds, self.split_seed
            )


def _pictures(signals: SignalSet, rows: np.ndarray) -> list[Any]:
    if not len(rows):
        return []
    images = thumbnails(signals, rows, THUMBNAIL)
    return [
        picture(image, THUMBNAIL, name_of(signals, int(row)), "", int(row))
        for row, image in zip(rows, images, strict=True)
    ]


def waiting(state: JobState) -> str:
    """How far a classification is, in words."""
    if state.state == "queued":
        return "next" if state.position == 0 else f"waits, {state.position} before it"
    if state.progress is None:
        return "starting"
    left = f", {seconds(state.eta_s)} left" if state.eta_s is not None else ""
    return f"{state.progress.message} {state.progress.step} of {state.progress.total}{left}"
