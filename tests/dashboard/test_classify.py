"""The Classify page without a browser: scores beside the control, the signals behind a cell, the class table."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest

import explorer
from explorer.dashboard.library import Library
from explorer.dashboard.modalities import modalities
from explorer.dashboard.pages.classify import Classify, parts_of, questions_of
from explorer.dashboard.state import State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.confusion import classes_html, scores_html, shown_classes, spread
from explorer.dashboard.views.snippet import classify_snippet
from explorer.dashboard.workspace import Workspace
from explorer.errors import InvalidInput
from explorer.observations import Sampling
from explorer.signals import SignalSet
from explorer.splits import holdout, own_parts


def classified(
    library: Library, play: Callable[[Classify], object], ready: Callable[[Classify], object], **params: object
) -> Classify:
    """A Classify page that was played with, once ``ready`` says so."""

    async def live() -> Classify:
        state = State(signals=params.pop("signals"), checkpoint=params.pop("checkpoint", ""))
        page = Classify(Workspace(library.engine, state, library), **params)
        page.middle(), page.side()
        page.open()
        page.workspace.load()
        for happened in (lambda page: page._said.object != "&nbsp;", ready):
            end = time.monotonic() + 60
            while page.workspace.calls.running or not happened(page):
                assert time.monotonic() < end, (page.workspace.calls.running, page.workspace.calls.errors)
                await asyncio.sleep(0.02)
            if happened is not ready:
                play(page)
        page.leave()
        return page

    return asyncio.run(live())


@pytest.fixture(scope="module")
def fits(library: Library, digits: Subject) -> Subject:
    """The same digits by networks of their own, three of which are kept along each fit."""
    checkpoint = library.engine.train(
        "siren", digits.signals, split="all", widths=(8, 8), steps=30, standards=6, start="random", snapshots=3
    )
    subject = Subject(library, digits.signals, checkpoint, Sampling().on(digits.signals))
    assert subject.codes.arrays  # fitted now
    return subject


def complete(page: Classify) -> bool:
    return len(page._found) == len(page._known.questions)


def test_a_set_is_parted_by_its_own_split_or_by_class(digits: Subject):
    signals = digits.signals
    parts = parts_of(signals, 0)
    assert own_parts(signals) is None and "held out by seed 0" in parts.how
    assert not np.intersect1d(parts.train, parts.test).size and len(parts.train) + len(parts.test) == len(signals)
    assert set(signals.labels[parts.test]) == set(signals.labels)
    assert not np.array_equal(parts.test, parts_of(signals, 1).test)
    split = SignalSet.from_grids(
        np.zeros((4, 3, 3), np.float32), axes=["y", "x"], labels=np.array([0, 1, 0, -1]), split=np.array([0, 0, 2, 2])
    )
    own = parts_of(split, 0)
    assert own.train.tolist() == [0, 1] and own.test.tolist() == [2] and "own split" in own.how


def test_signals_without_a_label_are_in_neither_part():
    labels = np.array([0] * 10 + [1] * 10 + [-1] * 10)
    train, test = holdout(labels, share=0.2, seed=3)
    assert (labels[train] >= 0).all() and (labels[test] >= 0).all() and len(train) + len(test) == 20
    with pytest.raises(InvalidInput, match="held out"):
        holdout(np.full(5, -1), share=0.2)


def test_scores_come_with_their_spread_beside_the_control(library: Library, digits: Subject):
    page = classified(
        library,
        Classify.start,
        complete,
        signals=digits.signals.id,
        checkpoint=digits.checkpoint.id,
        method="knn",
        seeds=2,
    )
    assert page.workspace.calls.errors == {}
    parts = parts_of(digits.signals, 0)
    codes = digits.codes
    said = library.engine.classify(codes[parts.train], codes[parts.test], "knn", seeds=(0, 1))
    assert page._found["ours"]["accuracy"] == [said["accuracy"]] * 2
    assert spread(page._found["ours"]["accuracy"]) in page._scores.object and "raw samples" in page._scores.object
    assert np.array_equal(page.confusion.counts, said["confusion"][0])
    assert page._start.disabled and page._start.label == "done"


def test_a_cell_opens_the_signals_behind_it_and_a_click_goes_there(library: Library, digits: Subject):
    params = {"signals": digits.signals.id, "checkpoint": digits.checkpoint.id, "method": "knn", "seeds": 2}

    def open_cell(page: Classify) -> None:  # the result is there already, from before
        counts = np.array(page.confusion.counts)
        truth, said = np.argwhere(counts == counts.max())[0]
        page.confusion._handle_msg([int(truth), int(said)])

    classified(library, Classify.start, complete, **params)
    page = classified(library, open_cell, lambda page: page.behind.pictures, **params)
    truth, said = page.cell
    rows = page._rows_behind()
    assert len(page.behind.pictures) == len(rows) == page.confusion.counts[truth][said]
    assert (digits.signals.labels[rows] == truth).all()
    again = classified(
        library,
        lambda page: None,
        lambda page: page.behind.pictures and page.sample.forms is not None,
        **params,
        cell=page.cell,
    )
    assert again.behind.pictures == page.behind.pictures  # an address brings the open cell back

    async def click() -> None:
        again.open()
        again.behind._handle_msg(int(rows[-1]))
        await asyncio.sleep(0)

    asyncio.run(click())
    assert again.workspace.state.selection == [int(rows[-1])]


def test_modalities_are_joined_beside_each_of_them_alone(library: Library, digits: Subject, fits: Subject):
    (other,) = [m for m in modalities(digits) if m.subject.checkpoint.id == fits.checkpoint.id]
    page = classified(
        library,
        Classify.start,
        complete,
        signals=digits.signals.id,
        checkpoint=digits.checkpoint.id,
        method="knn",
        seeds=1,
        joined=[other.key, "of nobody"],
    )
    assert page.workspace.calls.errors == {} and page._join.visible and page._join.value == [other.key]
    parts = parts_of(digits.signals, 0)
    pair = [digits.codes, fits.codes]
    said = library.engine.classify([c[parts.train] for c in pair], [c[parts.test] for c in pair], "knn")
    assert page._found["ours"]["accuracy"] == [said["accuracy"]]
    alone = library.engine.classify(fits.codes[parts.train], fits.codes[parts.test], "knn")
    assert page._found[f"alone {other.key}"]["accuracy"] == [alone["accuracy"]]
    assert "all joined" in page._scores.object and f"only {other.name}" in page._scores.object
    assert len(page._known.questions["control"].recipe.train) == 1  # one set's samples, though in two codes


def test_other_sets_of_the_same_samples_can_be_joined(library: Library, digits: Subject):
    signals, n = digits.signals, len(digits.signals)
    beside = SignalSet.from_grids(
        np.random.default_rng(0).random((n, 9)).astype(np.float32),
        axes="t",
        labels=signals.labels,
        class_names=signals.class_names,
    )
    library.engine.put(beside.artifact, "sounds of digits")
    library.engine.train("hypernetwork", beside, split="all", min_steps=1, max_steps=5, width=8, point_width=16)
    other = SignalSet.from_grids(np.zeros((n, 9), np.float32), axes="t", labels=np.roll(signals.labels, 1))
    library.engine.put(other.artifact, "others")
    names = [modality.name for modality in modalities(digits)]
    assert sum(name.startswith("sounds of digits · ") for name in names) == 1
    assert not any(name.startswith("others") for name in names)


def test_accuracy_is_shown_on_the_way_of_the_fits(library: Library, digits: Subject, fits: Subject):
    params = {"signals": digits.signals.id, "checkpoint": fits.checkpoint.id, "method": "knn", "seeds": 1}
    questions, moments = questions_of(fits, (), parts_of(digits.signals, 0), "", "knn", 1)
    for question in questions.values():  # here and now, not by jobs
        library.engine.run(question.recipe)
    page = classified(library, lambda page: None, complete, **params)
    assert list(page._known.moments) == list(moments) == ["moment 0", "moment 1", "moment 2"]
    assert page.workspace.calls.errors == {} and page._fit_view.visible
    psnr = [page.over_fit.moments[i]["psnr_db"] for i in range(3)]
    assert psnr == sorted(psnr) and psnr[2] > psnr[0] + 1
    assert page.over_fit.moments[2]["accuracy"] == page._found["ours"]["accuracy"]  # where the fits end
    early = classified(library, lambda page: None, complete, **params, moment=0)
    assert np.array_equal(early.confusion.counts, page._found["moment 0"]["confusion"][0])
    assert early._moments.value == 1 and early.over_fit.moment == 0


@pytest.fixture(scope="module")
def clouds(library: Library, digits: Subject) -> Subject:
    quick = {"latent": 4, "train_signals": 20, "train_steps": 20, "train_points": 8, "steps": 2, "snapshots": 2}
    checkpoint = library.engine.train("arc", digits.signals, split="all", **quick)
    subject = Subject(library, digits.signals, checkpoint, Sampling().on(digits.signals))
    assert subject.codes.arrays  # fitted now
    return subject


def test_clouds_are_told_apart_themselves_beside_the_best_of_raw_samples(library: Library, clouds: Subject):
    parts = parts_of(clouds.signals, 0)
    questions, moments = questions_of(clouds, (), parts, "function", "cloud", 2)
    asked = {kind: (question.recipe.method, question.recipe.space) for kind, question in questions.items()}
    assert asked == {"ours": ("cloud", ""), "control": ("best", "raw"), **{m: ("cloud", "") for m in moments}}
    assert len(moments) == 2


def test_a_cloud_classifier_is_offered_for_clouds_and_can_be_cancelled(library: Library, digits: Subject, clouds):
    params = {"signals": digits.signals.id, "method": "cloud", "seeds": 20}
    heard = []

    def start(page: Classify) -> None:
        heard.extend([page._method.options[-1], page._space.disabled, page._join.visible])
        page.start()

    def cancelled(page: Classify) -> bool:
        if page._cancel.visible and "training the cloud transformer" in page._progress.object:
            page._cancel_jobs()
        return "Cancelled" in page._progress.object

    page = classified(library, start, cancelled, checkpoint=clouds.checkpoint.id, **params)
    assert heard == ["cloud", True, False] and page.workspace.calls.errors == {} and "ours" not in page._found
    other = classified(library, lambda page: None, lambda page: True, checkpoint=digits.checkpoint.id, **params)
    assert "cloud" not in other._method.options and other.method == "best" and not other._space.disabled


def test_nothing_is_fitted_before_somebody_asks_for_it(library: Library, digits: Subject, fits: Subject):
    sampling = Sampling(kind="grid", size=(16, 16))
    params = {"signals": digits.signals.id, "checkpoint": fits.checkpoint.id, "resolution": 16}

    async def opened() -> Classify:
        page = Classify(Workspace(library.engine, State(**params), library))
        page.middle(), page.side()
        page.open()
        page.workspace.load()
        while page.workspace.opened is None or page.workspace.calls.running:
            await asyncio.sleep(0.02)
        page.start()
        return page

    page = asyncio.run(opened())
    assert "Not fitted at 16×16" in page.missing() and page.remedy()[0] == f"fit {len(digits.signals)} signals"
    assert library.there(fits.checkpoint.id, digits.signals, sampling) is None


def test_signals_without_labels_say_so(library: Library, volumes: Subject):
    page = classified(library, Classify.start, lambda page: True, signals=volumes.signals.id)
    assert "no labels" in page._said.object and page._start.disabled


def test_a_classifier_that_fails_is_a_sentence(library: Library, digits: Subject):
    def wrong(page: Classify) -> None:
        from dataclasses import replace

        known = page._known
        asked = {
            kind: replace(question, recipe=replace(question.recipe, method="no such"))
            for kind, question in known.questions.items()
        }
        page._known = replace(known, questions=asked)
        page.start()

    page = classified(
        library, wrong, lambda page: "no such" in page._progress.object, signals=digits.signals.id, method="logistic"
    )
    assert "; expected" in page._progress.object and not page._start.disabled


def test_only_the_most_confused_of_many_classes_are_shown():
    confusion = np.eye(100, dtype=int) * 5
    confusion[40, 60] = 3
    shown = shown_classes(confusion, 10)
    assert len(shown) == 10 and {40, 60} <= set(shown) and (np.diff(shown) > 0).all()
    assert len(shown_classes(np.eye(10))) == 10


def test_tables_escape_what_people_named():
    row = {"class": "<script>", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 3}
    assert "<script>" not in classes_html([row]) and "raw F1" in classes_html([row], [row])
    found = {"accuracy": [0.5, 0.7], "macro_f1": [0.5, 0.7], "method": "knn"}
    assert "0.600 ± 0.100" in scores_html({"codes, function": found, "raw samples": None})
    assert "<script>" not in scores_html({"<script>": found})


def test_the_copied_program_gives_the_scores_on_the_page(
    library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    program = classify_snippet(digits, digits.signals.id, "", "knn", 2, 0)
    assert "from explorer" not in program and "import explorer." not in program
    monkeypatch.setattr(explorer, "connect", lambda: library.engine)
    names: dict = {}
    exec(compile(program, "snippet", "exec"), names)
    assert 0 <= names["ours"]["accuracy"] <= 1 and names["raw"]["accuracy"] > 0.3


def test_the_copied_program_joins_what_the_page_joins(library: Library, digits: Subject, fits: Subject, monkeypatch):
    (other,) = [m for m in modalities(digits) if m.subject.checkpoint.id == fits.checkpoint.id]
    questions, _ = questions_of(digits, [other], parts_of(digits.signals, 0), "code", "knn", 1)
    said = {kind: library.engine.run(questions[kind].recipe).meta["accuracy"] for kind in ("ours", "control")}
    program = classify_snippet(digits, digits.signals.id, "code", "knn", 1, 0, [other.subject])
    monkeypatch.setattr(explorer, "connect", lambda: library.engine)
    names: dict = {}
    exec(compile(program, "snippet", "exec"), names)
    assert [names["ours"]["accuracy"]] == said["ours"] and [names["raw"]["accuracy"]] == said["control"]
    alone = library.engine.classify(digits.codes[names["train"]], digits.codes[names["test"]], "knn", space="code")
    assert names["ours"]["accuracy"] != alone["accuracy"]
