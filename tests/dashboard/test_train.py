"""The Train page without a browser: forms, runs, checkpoints."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest

import explorer
from explorer.dashboard.library import Library
from explorer.dashboard.pages.train import Train
from explorer.dashboard.runs import rate, told, training_name
from explorer.dashboard.state import State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.form import ConfigForm, dumped, field_of, parsed, read, written
from explorer.dashboard.views.listing import Line, Listing
from explorer.dashboard.views.progress_plot import ProgressPlot, curve, summary
from explorer.dashboard.views.snippet import training_snippet
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import InvalidInput
from explorer.messages import JobState, Moment, Progress

INT = {"name": "width", "help": "of a layer.", "type": "int", "many": False, "optional": False, "choices": []}
MANY = {**INT, "name": "resolutions", "many": True}
FLOAT = {**INT, "name": "rate", "type": "float"}
CHOICE = {**INT, "name": "decay", "type": "str", "choices": ["cosine", "power"]}
SWITCH = {**INT, "name": "across", "type": "bool"}
FIELDS = [INT, MANY, FLOAT, CHOICE, SWITCH]
PRESET = {"width": 16, "resolutions": [], "rate": 1e-3, "decay": "cosine", "across": True}


# -- the form


@pytest.mark.parametrize(
    ("field", "value"),
    [(INT, 7), (MANY, [8, 16]), (MANY, []), (FLOAT, 0.003), (FLOAT, 1e-5), ({**INT, "optional": True}, None)],
)
def test_what_is_written_is_read_again(field, value):
    assert read(field, written(field, value)) == value


@pytest.mark.parametrize(("field", "text"), [(INT, "wide"), (INT, "1.5"), (INT, ""), (MANY, "8, x"), (FLOAT, "nan")])
def test_what_cannot_be_read_is_said_in_words(field, text):
    with pytest.raises(InvalidInput, match="^Got “.*expected a"):
        read(field, text)


def test_a_form_knows_what_differs_and_says_what_is_wrong_beside_the_field():
    form = ConfigForm(fields=FIELDS, preset=PRESET)
    controls = form._controls
    assert (controls["width"].value, controls["resolutions"].value, controls["decay"].value) == ("16", "", "cosine")
    controls["width"].value = "32"
    controls["resolutions"].value = "8 16"
    controls["across"].value = False
    assert form.changes == {"width": 32, "resolutions": [8, 16], "across": False} and form.valid
    controls["width"].value = "wide"
    assert not form.valid and "width" not in form.changes
    assert controls["width"].error_state and "expected a whole number" in controls["width"].helper_text
    controls["width"].value = "16"
    assert form.valid and "width" not in form.changes
    form.errors = {"rate": "Got rate 0; expected more."}
    assert controls["rate"].helper_text == "Got rate 0; expected more." and not form.valid
    form.reset()
    assert form.changes == {} and form.valid and controls["resolutions"].value == ""


def test_every_field_of_every_representation_has_a_control(engine: Engine):
    for method in engine.describe()["representations"].values():
        for preset in method["presets"].values():
            form = ConfigForm(fields=method["fields"], preset=dict(preset))
            assert set(form._controls) == set(preset) and form.changes == {}
            assert all(control.description for control in form._controls.values())


def test_changes_survive_an_address_and_nonsense_is_left_out():
    changes = {"width": 3, "resolutions": [4]}
    assert parsed(dumped(changes), FIELDS) == changes and dumped({}) == ""
    for text in ("[", "[1]", '{"no": 1}', "", '"x"'):
        assert parsed(text, FIELDS) == {}


def test_an_error_finds_its_field():
    assert field_of("Got width 0; expected 1 to 4096.", FIELDS) == "width"
    assert field_of("Got nothing known.", FIELDS) == ""


# -- curves and lists


def moments(steps: list[int], message: str = "training", **metrics: float) -> list[Moment]:
    return [
        Moment(seconds=s / 10, progress=Progress(step=s, total=100, message=message, metrics=metrics)) for s in steps
    ]


def test_curves_part_between_stages_and_can_be_drawn_over_seconds():
    both = [*moments([10, 20], loss=0.5), *moments([5], "fitting", loss=0.25)]
    assert np.array_equal(curve(both, "loss", "steps")["x"], [10, 20, np.nan, 5], equal_nan=True)
    assert np.array_equal(curve(both, "loss", "seconds")["y"], [0.5, 0.5, np.nan, 0.25], equal_nan=True)
    assert len(curve(both, "psnr_db", "steps")["x"]) == 0


def test_runs_come_into_the_plot_and_go():
    plot = ProgressPlot(runs={"a": moments([1, 2], loss=1.0), "b": moments([1], psnr_db=20.0)})
    assert [len(p.renderers) for p in plot._plots.values()] == [2, 2]
    plot.runs = {"b": moments([1, 2, 3], psnr_db=20.0)}
    assert [len(p.renderers) for p in plot._plots.values()] == [1, 1]
    assert len(plot._sources["psnr_db", "b"].data["x"]) == 3
    assert summary(plot.runs) == "b: PSNR [dB] 20"


def test_a_rate_is_of_the_last_seconds_of_a_stage():
    assert rate(moments(list(range(0, 300, 10)))) == pytest.approx(10)
    assert rate([*moments([50, 60]), *moments([1], "fitting")]) is None
    assert rate([]) is None


def test_a_list_answers_by_name_and_id():
    said: list[object] = []
    listing = Listing(lambda *what: said.append(what))
    listing.show([Line(id="1", title="one", actions={"cancel": "cancel"})])
    assert listing.lines[0]["title"] == "one"
    listing._handle_msg({"action": "cancel", "id": "1"})
    assert said == [("cancel", "1", {})]


# -- the page


def trained(
    library: Library, play: Callable[[Train], object], ready: Callable[[Train], object], **params: object
) -> Train:
    """A Train page that was played with, once ``ready`` says so."""

    async def until(page: Train, happened: Callable[[Train], object]) -> None:
        end = time.monotonic() + 60
        while page.workspace.calls.running or not happened(page):
            assert time.monotonic() < end, (page.workspace.calls.running, page.workspace.calls.errors)
            await asyncio.sleep(0.02)

    async def live() -> Train:
        signals = params.pop("signals")
        page = Train(Workspace(library.engine, State(signals=signals), library), **params)
        page.middle(), page.side()
        page.open()
        page.workspace.load()
        await until(page, lambda page: page.form.fields)
        play(page)
        await until(page, ready)
        page.leave()
        return page

    return asyncio.run(live())


QUICK = {"min_steps": 1, "max_steps": 150, "width": 8, "point_width": 16}


def test_a_training_runs_from_the_form_to_a_checkpoint_on_all_pages(library: Library, digits: Subject):
    def done(page: Train) -> bool:
        job = page._job(page._chosen)
        ours = job is not None and job.recipe.get("seed") == 77  # and none of those that others asked for before
        return bool(ours and job.state == "done" and len(page.plot.runs) == 1 and page._use.visible)

    page = trained(
        library,
        Train.start,
        done,
        signals=digits.signals.id,
        config=dumped(QUICK),
        seed=77,
        split="all",
        representation="hypernetwork",
    )
    assert page.workspace.calls.errors == {}
    (run,) = page.plot.runs.values()
    assert run[-1].progress.step >= 100 and "loss" in run[0].progress.metrics
    assert page.run and page._job(page.run).recipe["config"]["width"] == 8
    id = library.engine.result_id(page._job(page.run).key)
    assert id in [line["id"] for line in page.checkpoints.lines]
    assert "steps/s" not in page._numbers.object and "PSNR" in page._numbers.object


def test_a_run_is_paused_and_goes_on(library: Library, digits: Subject):
    slow = {**QUICK, "max_steps": 10**6, "min_steps": 10**6}

    def play(page: Train) -> None:
        page.start()

    def paused(page: Train) -> bool:
        job = page._job(page._chosen) if page.run else None
        if job and job.state == "running" and job.progress:
            page._toggle_pause()
        return bool(job and job.state == "paused" and page._pause.label == "go on")

    page = trained(
        library,
        play,
        paused,
        signals=digits.signals.id,
        config=dumped(slow),
        seed=78,
        split="all",
        representation="hypernetwork",
    )
    job = library.engine.job(page.run)
    assert job.state == "paused" and "paused" in told(job)
    library.engine.cancel_job(page.run)


def test_what_is_wrong_stands_beside_its_field_before_anything_starts(library: Library, digits: Subject):
    jobs = len(library.engine.jobs())
    page = trained(
        library,
        Train.start,
        lambda page: page.form.errors,
        signals=digits.signals.id,
        config='{"width":0}',
        representation="hypernetwork",
    )
    assert page.form.errors == {"width": "Got width 0; expected 1 to 4096."}
    assert page._start.disabled and len(library.engine.jobs()) == jobs


def test_checkpoints_are_named_deleted_and_brought_back(library: Library, curves: Subject):
    id = curves.checkpoint.id

    def play(page: Train) -> None:
        page._act_on_checkpoint("edit", id, {"name": "mine", "note": "of waves"})

    def lines(page: Train) -> dict[str, dict]:
        return {line["id"]: line for line in page.checkpoints.lines}

    def named(page: Train) -> bool:
        return lines(page).get(id, {}).get("note") == "of waves"

    signals = curves.signals.id
    ready = trained(
        library,
        lambda page: page._ask_entries(),
        lambda page: id in lines(page),
        signals=signals,
    )
    assert lines(ready)[id]["editable"]

    async def live() -> None:
        page = Train(Workspace(library.engine, State(signals=signals), library))
        page.middle(), page.side()
        page.open()
        page.workspace.load()

        async def until(happened: Callable[[], object]) -> None:
            end = time.monotonic() + 60
            while page.workspace.calls.running or not happened():
                assert time.monotonic() < end, page.workspace.calls.errors
                await asyncio.sleep(0.02)

        await until(lambda: id in lines(page))
        play(page)
        await until(lambda: named(page))
        page._act_on_checkpoint("delete", id, {})
        await until(lambda: id not in lines(page) and page._undo.visible)
        page._restore()
        await until(lambda: id in lines(page))
        assert lines(page)[id]["title"] == "mine" and not page._undo.visible
        page.leave()

    asyncio.run(live())


def test_runs_are_named_by_what_sets_them_apart():
    recipe = {"representation": "siren", "preset": "exact", "seed": 3, "config": {"steps": 4}}
    job = JobState(id="a", state="queued", key="k", recipe=recipe, position=2)
    assert training_name(job) == "siren exact, seed 3, steps 4" and told(job) == "waits; 2 before it"


def test_the_copied_program_trains_what_the_form_says(
    library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch
):
    program = training_snippet(
        digits.signals, digits.signals.id, "hypernetwork", "default", "all", 77, {**QUICK, "max_steps": 2}
    )
    monkeypatch.setattr(explorer, "connect", lambda: library.engine)
    names: dict = {}
    exec(compile(program, "snippet", "exec"), names)
    assert names["model"].config["width"] == 8 and len(names["codes"]) == len(digits.signals)
