"""The Classify page: what codes know of labels, beside what the raw samples know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable

from explorer.codes import Codes
from explorer.dashboard.listener import Listener
from explorer.dashboard.modalities import Modality, modalities
from explorer.dashboard.page import Page
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.confusion import Confusion, classes_html, scores_html, shown_classes
from explorer.dashboard.views.fit_scores import FitScores
from explorer.dashboard.views.jobs import seconds
from explorer.dashboard.views.pixels import Pictures, picture
from explorer.dashboard.views.sample import SamplePane, forms_of, name_of, numbers_of
from explorer.dashboard.views.snippet import classify_snippet
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import heading, words
from explorer.dashboard.workspace import Workspace
from explorer.errors import InvalidInput, NotFound
from explorer.messages import CLOUD, RAW, JobState, control_method
from explorer.messages import Classify as Classification
from explorer.signals import SignalSet
from explorer.splits import holdout, own_parts

HELD_OUT = 0.2
MOST_SEEDS, BEHIND, THUMBNAIL = 20, 32, 48

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
SMALL: dict[str, Any] = {"size": "small", "margin": (6, 0)}

HELP = {
    "space": "What the classifier is given: the code itself, a space made of it, or the raw samples.",
    "method": "“best” tries all on a fifth of the training signals, held out for that, and takes the best; “cloud” "
    "is given anchored clouds themselves.",
    "seeds": "So many classifiers are fitted, with seeds 0, 1, …; the spread of their scores is shown.",
    "split_seed": "A set without test signals is split by this seed: a fifth of every class is held out.",
    "joined": "Other codes of the same samples. Their vectors stand side by side with those of the open ones.",
    "moment": "The networks that were kept on the way of the fits; the last is where they ended.",
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


OURS, CONTROL = "ours", "control"


@dataclass(frozen=True)
class Question:
    """Something that can be classified: codes, or several of the same samples with their vectors joined.

    Args:
        name: what it is called.
        recipe: what is asked of the engine.
        codes: whose PSNR belongs to the answer; None where it does not matter.
    """

    name: str
    recipe: Classification
    codes: Codes | None = None


Found = dict[str, Any]
"""A result's description and its arrays."""


@dataclass(frozen=True)
class Known:
    """What is known of a choice.

    Args:
        parts: how signals are parted; None where they cannot be.
        offered: what could be joined.
        questions: what can be asked; those of ``moments`` on the way of the fits are asked apart.
        found: the answers that are there already.
        fault: what is wrong, in words.
    """

    parts: Parts | None = None
    offered: tuple[Modality, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)
    moments: tuple[str, ...] = ()
    found: Mapping[str, Found] = field(default_factory=dict)
    fault: str = ""


def questions_of(
    subject: Subject, joined: Sequence[Modality], parts: Parts, space: str, method: str, seeds: int
) -> tuple[dict[str, Question], tuple[str, ...]]:
    """The codes and their control; each modality alone, where several are joined; and, apart, the moments of the fits.

    Returns:
        Questions by their names in this page, and which of them are moments, from early to late.
    """
    own, others = subject.codes, [modality.subject.codes for modality in joined]
    first = own.spaces[0]

    def ask(codes: Sequence[Codes], space: str, method: str = method) -> Classification:
        return Classification(
            train=tuple(each[parts.train].recipe for each in codes),
            test=tuple(each[parts.test].recipe for each in codes),
            space=space,
            method=method,
            seeds=tuple(range(seeds)),
        )

    if method == CLOUD:
        found = {OURS: Question("clouds", ask([own], ""))}
        found[CONTROL] = Question("raw samples", ask([own], RAW, control_method(method)))
        return _with_moments(found, subject, lambda codes: ask([codes], ""))
    # Several representations need not share their first space: each takes its own.
    common = (space or first) if not others else "" if space in ("", first) else space
    seen = {(each.signals.id, each.sampling): each.codes for each in (subject, *(m.subject for m in joined))}
    named = f"codes, {space or first}"
    found = {OURS: Question("all joined" if others else named, ask([own, *others], common))}
    if others:
        found["alone"] = Question(f"only {named}", ask([own], space or first))
        found |= {
            f"alone {modality.key}": Question(f"only {modality.name}", ask([codes], codes.spaces[0]))
            for modality, codes in zip(joined, others, strict=True)
        }
    found[CONTROL] = Question("raw samples", ask(list(seen.values()), RAW))
    return _with_moments(found, subject, lambda codes: ask([codes, *others], common))


def _with_moments(
    plain: dict[str, Question], subject: Subject, ask: Callable[[Codes], Classification]
) -> tuple[dict[str, Question], tuple[str, ...]]:
    kept = subject.library.engine.snapshots(subject.codes) if subject.checkpoint.config.get("snapshots") else []
    moments = {
        f"moment {i}": Question(f"moment {i + 1} of the fits", ask(codes), codes) for i, codes in enumerate(kept)
    }
    return plain | moments, tuple(moments)


class Classify(Page):
    """Scores, confusion, the signals behind each of its cells, a table of the classes, and how the fits came to it."""

    keys = {"c": "classify"}
    needs_codes = True
    address = {
        "method": "cm", "space": "cs", "seeds": "cn", "split_seed": "ch", "joined": "cj", "cell": "cc", "seed": "cd",
        "moment": "cf",
    }  # fmt: skip

    method = param.String("best", doc="The classifier.")
    space = param.String("", doc="What it is given; empty takes the representation's first space.")
    seeds = param.Integer(3, bounds=(1, MOST_SEEDS), doc="How many classifiers, with seeds from 0.")
    split_seed = param.Integer(0, bounds=(0, 2**31), doc="Parts a set that has no split.")
    cell = param.List([], item_type=int, doc="The open cell of the confusion matrix: truth and prediction, or none.")
    seed = param.Integer(0, bounds=(0, MOST_SEEDS - 1), doc="The classifier whose confusion is shown.")
    joined = param.List([], item_type=str, doc="Keys of the modalities that are joined with the open codes.")
    moment = param.Integer(-1, bounds=(-1, None), doc="On the way of the fits, whose confusion is shown; -1: the end.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace, **params)
        state = workspace.state
        self._known = Known()
        self._found: dict[str, Found] = {}
        self._states: dict[str, JobState] = {}
        self._classes = np.zeros(0, int)
        self.confusion = Confusion(self._open_cell)
        self.behind = Pictures(box=THUMBNAIL, captions=False, **WIDE)
        self.sample = SamplePane(dark=state.dark, truth=state.truth, error=state.error)
        self.over_fit = FitScores(dark=state.dark)
        self._listeners: dict[str, Listener] = {}
        self._build()
        follow = self.follow
        follow(self, self._look_anew, "method", "space", "seeds", "split_seed", "joined")
        follow(state, self._look_anew, "resolution", "uneven")
        follow(self, self._draw_confusion, "seed", "moment")
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
        self._which = pmui.Select(
            label="seed shown", options=[0], value=0, width=110, size="small", margin=(14, 0, 6, 0)
        )
        self._about_cell, self._name = words(), words(align="center")
        self._join = pmui.MultiChoice(
            label="joined with", options={}, description=HELP["joined"], visible=False, margin=(6, 0), **WIDE
        )
        self._moments = pmui.IntSlider(
            label="moment", start=1, end=2, value=1, size="small", width=200, margin=(0, 8), description=HELP["moment"]
        )
        self._over = pmui.Button(label="classify all moments", variant="outlined", **SMALL)
        self._fit_view = pn.Column(
            heading("accuracy on the way of the fits"),
            pn.Row(self._over, self._moments, styles={"gap": "12px"}, margin=0),
            self.over_fit,
            visible=False,
            margin=0,
        )
        self._results = pn.FlexBox(
            pn.Column(
                pn.Row(heading("confusion", sizing_mode=None, align="end"), self._which, styles={"gap": "16px"}),
                self.confusion,
                margin=0,
            ),
            pn.Column(heading("classes, means over the seeds"), self._classes_table, margin=0),
            self._fit_view,
            gap="0 48px",
            visible=False,
        )
        follow = self.follow
        follow(self._join, self._choose_joined, "value")
        follow(self._moments, self._choose_moment, "value")
        self._over.on_click(lambda event: self.start_moments())
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
            self._join,
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
        self.over_fit.dark = state.dark

    def _show_methods(self, described: Mapping[str, Any]) -> None:
        opened = self.workspace.opened
        names = [*described["classifiers"], *(opened.capabilities["classifiers"] if opened else ())]
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

    def _choose_joined(self, event: param.parameterized.Event) -> None:
        if list(event.new) != [key for key in self.joined if key in self._join.options.values()]:
            self.joined = list(event.new)

    def _choose_moment(self, event: param.parameterized.Event) -> None:
        last = event.new == len(self._known.moments)
        self.moment = -1 if last else event.new - 1

    # -- asking

    def _look_anew(self, *events: param.parameterized.Event) -> None:
        """Show what is known of this choice: a result that is there is found, one that is not is offered."""
        subject, seed, joined = self.workspace.subject, self.split_seed, tuple(self.joined)
        space, method, seeds = self.space, self.method, self.seeds
        if subject is None:
            return
        for listener in self._listeners.values():
            listener.stop()
        self._listeners = {}
        self._known, self._found, self._states = Known(), {}, {}

        def work() -> Known:
            try:
                parts = parts_of(subject.signals, seed)
            except InvalidInput as error:
                return Known(fault=str(error))
            offered = modalities(subject)
            chosen = [modality for modality in offered if modality.key in joined]
            questions, moments = questions_of(subject, chosen, parts, space, method, seeds)
            found = {kind: self._answer(question) for kind, question in questions.items()}
            there = {kind: answer for kind, answer in found.items() if answer}
            return Known(parts, offered, questions, moments, there)

        self.ask("known", "looking for a result", work, self._show_known)

    def _answer(self, question: Question) -> Found | None:
        """A result that is there already."""
        engine = self.workspace.engine
        try:
            artifact = engine.artifact(engine.result_id(question.recipe.key))
        except NotFound:
            return None
        found = {**artifact.meta, **artifact.arrays}
        if question.codes is not None:
            found["psnr_db"] = float(engine.quality(question.codes)["psnr_db"].mean())
        return found

    def _show_known(self, known: Known) -> None:
        self._known, self._found = known, dict(known.found)
        if known.fault:
            self._said.object = f'<span class="wrong">{escape(known.fault)}</span>'
        elif known.parts is not None:
            self._said.object = f'<span class="quiet">{escape(known.parts.how)}</span>'
        self._split_seed.visible = own_parts(self.workspace.signals) is None
        vectors = self.method != CLOUD
        self._space.disabled = not vectors
        options = {modality.name: modality.key for modality in known.offered if vectors}
        self._join.param.update(
            options=options, value=[key for key in self.joined if key in options.values()], visible=bool(options)
        )
        last = len(known.moments)
        self._fit_view.visible = last > 1
        if last > 1:
            self._moments.param.update(end=last, value=self.moment + 1 if 0 <= self.moment < last else last)
        self._draw()

    @property
    def _plain(self) -> list[str]:
        """What the table shows: all but the moments."""
        return [kind for kind in self._known.questions if kind not in self._known.moments]

    def start(self) -> None:
        """Ask for the classification, and for its control."""
        self._ask_for(self._plain)

    def start_moments(self) -> None:
        """Ask for the classification of all moments of the fits."""
        self._ask_for(self._known.moments)

    def _ask_for(self, kinds: Sequence[str]) -> None:
        missing = {kind: self._known.questions[kind].recipe for kind in kinds if kind not in self._found}
        if not missing:
            return
        engine = self.workspace.engine
        work = lambda: {kind: engine.submit(recipe).id for kind, recipe in missing.items()}  # noqa: E731
        self.ask("start", "asking for a classification", work, self._show_started)

    def _show_started(self, jobs: dict[str, str]) -> None:
        engine = self.workspace.engine
        for kind, id in jobs.items():
            listener = self._listeners[kind] = Listener(self.workspace.calls, partial(self._show_state, kind))
            listener.listen(partial(engine.job_events, id))

    def _show_state(self, kind: str, state: JobState) -> None:
        question = self._known.questions.get(kind)
        if question is None or state.key != question.recipe.key:
            return
        self._states[kind] = state
        if state.state == "done" and kind not in self._found:
            work = lambda: self._answer(question)  # noqa: E731
            self.ask(f"result {kind}", "fetching the result", work, self._keep(kind, question))
        self._draw_progress()

    def _keep(self, kind: str, question: Question) -> Any:
        def keep(result: Found | None) -> None:
            if result is not None and self._known.questions.get(kind) is question:
                self._found[kind] = result
                self._draw()

        return keep

    def _cancel_jobs(self) -> None:
        live = [state.id for state in self._states.values() if not state.ended]
        engine = self.workspace.engine
        self.ask("cancel", "cancelling", lambda: [engine.cancel_job(id) for id in live], lambda _: None)

    # -- showing

    @property
    def _shown(self) -> Found | None:
        """What the matrix shows: the end of the fits, or a moment on their way."""
        kind = f"moment {self.moment}"
        return self._found.get(kind if kind in self._known.moments else OURS)

    def _draw(self) -> None:
        ours, control = self._found.get(OURS), self._found.get(CONTROL)
        self._results.visible = ours is not None
        rows = {self._known.questions[kind].name: self._found.get(kind) for kind in self._plain}
        self._scores.object = scores_html(rows) if self._found or self._states else "&nbsp;"
        if ours is not None:
            self._classes_table.object = classes_html(ours["per_class"], control["per_class"] if control else ())
        else:
            self._classes_table.object = "&nbsp;"
        options = list(range(len(ours["accuracy"]))) if ours else [0]
        self._which.param.update(options=options, value=min(self.seed, options[-1]), visible=len(options) > 1)
        self.over_fit.param.update(
            moments={i: self._found[kind] for i, kind in enumerate(self._known.moments) if kind in self._found},
            control=float(np.mean(control["accuracy"])) if control else None,
        )
        self._draw_confusion()
        self._draw_progress()

    def _draw_progress(self) -> None:
        live = {kind: state for kind, state in self._states.items() if not state.ended}
        faults = [state.error for state in self._states.values() if state.error]
        known = self._known
        done = bool(self._plain) and all(kind in self._found for kind in self._plain)
        self._cancel.visible = bool(live)
        self._start.param.update(
            disabled=bool(live) or done or not known.questions, label="done" if done else "classify"
        )
        self._over.disabled = bool(live) or all(kind in self._found for kind in known.moments)
        if faults:
            text = f'<span class="wrong">{escape(" ".join(dict.fromkeys(faults)))}</span>'
        elif live:
            shown = list(live)[:3]
            text = "; ".join(f"{escape(known.questions[kind].name)}: {escape(waiting(live[kind]))}" for kind in shown)
            text += f"; {len(live) - len(shown)} more" if len(live) > len(shown) else ""
        elif any(state.state == "cancelled" for state in self._states.values()) and not done:
            text = "Cancelled. Start again when you like."
        elif not self._found and known.questions:
            text = '<span class="quiet">Not classified yet.</span>'
        else:
            text = "&nbsp;"
        self._progress.object = text

    def _draw_confusion(self, *events: param.parameterized.Event) -> None:
        ours = self._shown
        self.over_fit.moment = self.moment if self.moment >= 0 else len(self._known.moments) - 1
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
        ours, parts, signals = self._shown, self._known.parts, self.workspace.signals
        if ours is None or parts is None or signals is None or len(self.cell) != 2:
            return np.zeros(0, int)
        which = min(self.seed, len(ours["accuracy"]) - 1)
        truth, said = self.cell
        return parts.test[(signals.labels[parts.test] == truth) & (ours["predictions"][which] == said)]

    def _look_behind(self, *events: param.parameterized.Event) -> None:
        self.confusion.cell = self._shown_cell()
        rows, signals = self._rows_behind(), self.workspace.signals
        ours = self._shown
        if len(self.cell) != 2 or ours is None:
            self._about_cell.object = '<span class="quiet">Click a cell to see the signals behind it.</span>'
            self.behind.show([])
            return
        names = ours["class_names"]
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
            joined = [m.subject for m in self._known.offered if m.key in self.joined and self.method != CLOUD]
            self.clipboard = classify_snippet(
                subject, self.workspace.state.signals, self.space, self.method, self.seeds, self.split_seed, joined
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
