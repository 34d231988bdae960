"""Jobs run in order, can be stopped at any moment, and outlive whatever is killed around them."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer.artifacts import Artifact
from explorer.catalog import Catalog
from explorer.errors import InvalidInput, NotFound
from explorer.jobs import Eta, History, JobQueue
from explorer.local import LocalEngine
from explorer.messages import LANES, MAPS, Encode, Fit, JobState, Load, Moment, Progress, Project, Train
from explorer.observations import Sampling
from explorer.readers import load
from explorer.store import Store

ENDLESS = 10**7


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def engine(home: Path) -> LocalEngine:
    return LocalEngine(home, device="cpu")


@pytest.fixture(scope="module")
def queue(home: Path):
    queue = JobQueue(home, Catalog(home), device="cpu")
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def training(engine: LocalEngine) -> Callable[..., Train]:
    """A small training, of as many steps as wanted."""
    signals = engine.put_signals(load("digits")[:24])

    def recipe(steps: int, seed: int = 0, **config: int) -> Train:
        small = {"min_steps": steps, "max_steps": steps, "width": 8, "point_width": 16, "batch": 4, "points": 16}
        return Train(representation="hypernetwork", signals=signals, config=small | config, split="all", seed=seed)

    return recipe


def until(happened: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def step(queue: JobQueue, job: JobState) -> int:
    progress = queue.state(job.id).progress
    return progress.step if progress else 0


def running(process: int) -> bool:
    """Whether it has not ended; one that has may stay listed until somebody asks how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def worker_of(queue: JobQueue) -> int:
    process = queue._workers[0]._process
    assert process
    return process.pid


# -- a job's life


def test_progress_comes_and_the_result_is_found(queue: JobQueue, engine: LocalEngine, training: Callable[..., Train]):
    recipe = training(1500, seed=1)
    states = list(queue.events(queue.submit(recipe).id))
    steps = [s.progress.step for s in states if s.progress and s.progress.message == "training"]
    assert [s.state for s in states[-1:]] == ["done"] and states[-1] == queue.state(states[-1].id)
    assert len(steps) > 3 and steps == sorted(steps) and steps[-1] == 1500
    assert all(0 <= s.eta_s < 60 for s in states if s.eta_s is not None)
    assert any(s.eta_s for s in states) and states[-1].seconds > 0
    assert "loss" in next(s.progress.metrics for s in states if s.progress)
    assert engine.store.find(recipe.key)


def test_what_is_asked_for_twice_runs_once(queue: JobQueue, training: Callable[..., Train]):
    first = queue.submit(training(ENDLESS, seed=2))
    waiting = queue.submit(training(10, seed=3))
    assert queue.submit(training(ENDLESS, seed=2)).id == first.id
    assert queue.submit(training(10, seed=3)).id == waiting.id
    assert queue.state(waiting.id).position == 1
    assert [job.id for job in queue.jobs()][-2:] == [first.id, waiting.id]
    queue.cancel(first.id)
    assert queue.wait(waiting.id).state == "done"


def test_what_cannot_work_says_why(queue: JobQueue, training: Callable[..., Train]):
    for recipe, why in ((Load(name="no such set"), "no such set"), (training(10, no_such_field=1), "no_such_field")):
        state = queue.wait(queue.submit(recipe).id)
        assert state.state == "failed" and why in state.error
    with pytest.raises(NotFound):
        queue.state("no such job")
    with pytest.raises(NotFound):
        queue.cancel("no such job")


def test_everybody_hears_the_end(queue: JobQueue, training: Callable[..., Train]):
    job, ends = queue.submit(training(200, seed=4)), []
    listeners = [threading.Thread(target=lambda: ends.append([*queue.events(job.id)][-1].state)) for _ in range(5)]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join()
    assert ends == ["done"] * 5
    assert queue.wait(job.id, timeout_s=0).state == "done"


def test_waiting_has_an_end(queue: JobQueue, training: Callable[..., Train]):
    job = queue.submit(training(ENDLESS, seed=5))
    assert not queue.wait(job.id, timeout_s=0.1).ended
    queue.cancel(job.id)


# -- cancel


@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.slow)], ids=["some", "many"])
def test_cancel_works_at_any_moment(queue: JobQueue, training: Callable[..., Train], times: int):
    """Also while a fresh worker still imports torch and hears nothing. It prints how long one took at the most."""
    chance, longest_s = random.Random(0), 0.0
    for i in range(times):
        if i % 2 and queue._workers[0]._process:
            os.kill(worker_of(queue), signal.SIGKILL)
        job = queue.submit(training(ENDLESS, seed=100 + i))
        time.sleep(chance.uniform(0, 2))
        began = time.monotonic()
        assert queue.cancel(job.id).state == "cancelled"
        longest_s = max(longest_s, time.monotonic() - began)
    print(f"\n{times} times, at most {1000 * longest_s:.0f} ms")
    assert queue.wait(queue.submit(training(10, seed=6)).id).state == "done"


def test_a_worker_that_does_not_listen_is_killed(queue: JobQueue, training: Callable[..., Train]):
    job = queue.submit(training(ENDLESS, seed=7))
    until(lambda: step(queue, job))
    worker = worker_of(queue)
    os.kill(worker, signal.SIGSTOP)  # from which only a kill ends it
    assert queue.cancel(job.id).state == "cancelled"
    until(lambda: not running(worker))
    assert queue.wait(queue.submit(training(10, seed=8)).id).state == "done"


def maps_worker(queue: JobQueue) -> int:
    process = queue._workers[LANES.index(MAPS)]._process
    assert process
    return process.pid


def test_a_map_whose_worker_still_compiles_is_cancelled_and_the_compiling_goes_on(
    engine: LocalEngine, training: Callable[..., Train], tmp_path: Path
):
    checkpoint = engine.run(training(5, seed=11)).id
    queue = JobQueue(engine.home, Catalog(engine.home), device="cpu")
    try:
        queue.prepare()
        worker = maps_worker(queue)
        until(lambda: "llvmlite" in Path(f"/proc/{worker}/maps").read_text())
        codes = Encode(checkpoint=checkpoint, signals=training(5).signals, sampling=Sampling(kind="grid", size=(8, 8)))
        job = queue.submit(Project(codes=codes, method="umap"))
        until(lambda: queue.state(job.id).state == "running")
        assert queue.cancel(job.id).state == "cancelled"
        assert maps_worker(queue) == worker and running(worker)
    finally:
        queue.close()


@pytest.mark.slow
def test_a_map_is_cancelled_between_epochs_and_the_next_one_finds_a_warm_worker(home: Path):
    engine = LocalEngine(home, device="cpu")
    signals = load("digits")
    checkpoint = engine.train("hypernetwork", signals, split="all", min_steps=5, max_steps=5, width=8, point_width=16)
    codes = engine.encode(checkpoint, signals)
    queue = JobQueue(home, Catalog(home), device="cpu")
    try:
        queue.prepare()
        first = queue.submit(Project(codes=codes.recipe, method="umap"))
        until(lambda: step(queue, first) > 20, 120)
        worker = maps_worker(queue)
        assert queue.cancel(first.id).state == "cancelled" and maps_worker(queue) == worker
        assert queue.wait(queue.submit(Project(codes=codes.recipe, method="umap")).id, 60).state == "done"
    finally:
        queue.close()


def test_cancelling_what_waits_or_has_ended(queue: JobQueue, training: Callable[..., Train]):
    running, waiting = queue.submit(training(ENDLESS, seed=8)), queue.submit(training(ENDLESS, seed=9))
    assert queue.cancel(waiting.id).state == "cancelled"
    assert queue.cancel(running.id).state == "cancelled"
    done = queue.wait(queue.submit(training(10, seed=10)).id)
    assert queue.cancel(done.id) == done


# -- pause


def test_a_paused_training_goes_on_where_it_was(
    queue: JobQueue, engine: LocalEngine, training: Callable[..., Train], unbroken: tuple[Train, str | None]
):
    """Its result has the bytes of one that was never paused, and its history holds all of it."""
    (recipe, result), store = unbroken, engine.store
    store.delete(result)
    store.unbind(recipe.key)
    job = queue.submit(recipe)
    until(lambda: step(queue, job) > 300)
    paused = queue.pause(job.id)
    assert paused.state == "paused" and not paused.ended and queue.state(job.id) == paused
    kept = Artifact.from_bytes(store.load_state(recipe.key)).meta["step"]
    assert kept >= 300 and paused.seconds > 0
    after = queue.wait(queue.submit(training(10, seed=30)).id)
    assert after.state == "done" and after.position == 0  # what is paused holds up nobody
    assert queue.resume(job.id).id == queue.submit(recipe).id == job.id
    done = queue.wait(job.id)
    assert done.state == "done" and done.seconds > paused.seconds
    assert store.find(recipe.key) == result and store.load_state(recipe.key) is None
    moments = queue.history(job.id)
    steps = [m.progress.step for m in moments if m.progress.total == 1200]
    assert steps == sorted(steps) and steps[0] < kept < steps[-1] == 1200
    assert [m.seconds for m in moments] == sorted(m.seconds for m in moments)


def test_what_waits_is_paused_and_what_is_paused_is_cancelled(queue: JobQueue, training: Callable[..., Train]):
    running, waiting = queue.submit(training(ENDLESS, seed=31)), queue.submit(training(ENDLESS, seed=32))
    until(lambda: queue.state(running.id).state == "running")
    assert queue.pause(waiting.id).state == "paused"
    with pytest.raises(InvalidInput, match="running; expected one that was paused"):
        queue.resume(running.id)
    assert queue.cancel(waiting.id).state == queue.cancel(running.id).state == "cancelled"
    for call in (queue.pause, queue.resume):
        with pytest.raises(InvalidInput, match="cancelled"):
            call(running.id)


def test_a_fit_waits_for_its_training_while_that_is_paused(tmp_path: Path):
    """Also in the queue that goes on with the jobs of one that has ended; others go before it."""
    signals = LocalEngine(tmp_path, device="cpu").put_signals(load("digits")[:4])

    def recipes(steps: int) -> tuple[Train, Fit]:
        config = {"widths": (8, 8), "standards": 4, "steps": steps}
        train = Train(representation="siren", signals=signals, config=config, split="all")
        return train, Fit(train=train, sampling=Sampling().on(load("digits")))

    first = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    training, fit = map(first.submit, recipes(ENDLESS))
    first.pause(training.id)
    assert (first.state(fit.id).state, first.state(fit.id).position) == ("queued", 1)
    first.close()
    second = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    try:
        others = [job.id for job in map(second.submit, recipes(3))]
        assert [second.wait(id).state for id in others] == ["done", "done"]
        assert [second.state(job.id).state for job in (training, fit)] == ["paused", "queued"]
        second.cancel(training.id)
        assert "given no checkpoint" in second.wait(fit.id).error
    finally:
        second.close()


def test_a_paused_job_stays_paused_when_its_queue_has_ended(tmp_path: Path):
    first = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    signals = LocalEngine(tmp_path, device="cpu").put_signals(load("digits")[:24])
    busy, other = (
        first.submit(Train(representation="hypernetwork", signals=signals, config={"max_steps": ENDLESS}, seed=seed))
        for seed in (0, 1)
    )
    first.pause(other.id)
    first.cancel(busy.id)
    first.close()
    second = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    assert second.state(other.id).state == "paused"
    assert second.submit(Load(name="no such set")).position == 0
    second.cancel(other.id)
    second.close()


def test_a_history_is_thinned_evenly_and_keeps_its_ends():
    history = History()
    for step in range(10_000):
        history.add(Moment(seconds=step, progress=Progress(step=step, total=10_000)))
    steps = [moment.progress.step for moment in history.moments]
    assert History.MOMENTS / 2 <= len(steps) <= History.MOMENTS + 1
    assert steps[0] == 0 and steps[-1] == 9_999 and len(set(np.diff(steps[:-1]))) == 1


# -- workers that die


def test_a_killed_worker_is_a_sentence_and_the_next_job_runs(queue: JobQueue, training: Callable[..., Train]):
    job, after = queue.submit(training(ENDLESS, seed=11)), queue.submit(training(10, seed=12))
    until(lambda: step(queue, job))
    os.kill(worker_of(queue), signal.SIGKILL)
    assert "memory ran out" in queue.wait(job.id).error
    assert queue.wait(after.id).state == "done"
    os.kill(worker_of(queue), signal.SIGKILL)  # while it is idle: no job is harmed
    assert queue.wait(queue.submit(training(10, seed=13)).id).state == "done"


def test_a_job_without_enough_memory_is_a_sentence_and_the_next_one_runs(
    queue: JobQueue, training: Callable[..., Train]
):
    assert queue.wait(queue.submit(training(10, seed=14)).id).state == "done"
    worker = worker_of(queue)
    used = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(worker, resource.RLIMIT_AS, (used + 2**28, used + 2**28))
    state = queue.wait(queue.submit(training(10, seed=15, point_width=4096)).id)
    assert state.state == "failed" and "memory" in state.error and "smaller" in state.error
    assert queue.wait(queue.submit(training(10, seed=16)).id).state == "done"
    assert worker_of(queue) == worker
    os.kill(worker, signal.SIGKILL)  # and its limit with it


def test_what_libraries_print_does_not_reach_the_protocol():
    script = (
        "import os; from explorer.worker import _own_stdout; own = _own_stdout();"
        "print('stray'); os.write(1, b'stray'); print('event', file=own)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "event\n" and result.stderr.count("stray") == 2


# -- resume

KEEPS_EVERY_STATE = "from explorer import local, worker; local.STATE_EVERY_S = 0.0; worker.main()"


@pytest.fixture
def eager(tmp_path: Path, training: Callable[..., Train]):
    """A queue whose worker keeps a training's state whenever it could, not only every ten seconds."""
    LocalEngine(tmp_path, device="cpu").put_signals(load("digits")[:24])
    queue = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    worker = queue._workers[0]
    worker._command = [sys.executable, "-c", KEEPS_EVERY_STATE, *worker._command[3:]]
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def unbroken(queue: JobQueue, engine: LocalEngine, training: Callable[..., Train]) -> tuple[Train, str | None]:
    """A training, and the hash of what it gives when nobody interrupts it."""
    recipe = training(1200, seed=20)
    assert queue.wait(queue.submit(recipe).id).state == "done"
    return recipe, engine.store.find(recipe.key)


def test_a_training_goes_on_from_its_last_state(eager: JobQueue, unbroken: tuple[Train, str | None], tmp_path: Path):
    """The result has the bytes of one that was never interrupted."""
    (recipe, result), store = unbroken, Store(tmp_path)
    job = eager.submit(recipe)
    until(lambda: step(eager, job) > 400)
    os.kill(worker_of(eager), signal.SIGKILL)
    assert "Try again: a training goes on from its last state" in eager.wait(job.id).error
    kept = Artifact.from_bytes(store.load_state(recipe.key)).meta["step"]
    states = list(eager.events(eager.submit(recipe).id))
    assert 200 < kept < min(s.progress.step for s in states if s.progress and s.progress.total == 1200)
    assert store.find(recipe.key) == result and store.load_state(recipe.key) is None


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kills_at_every_state_and_at_random_moments_change_nothing(
    eager: JobQueue, unbroken: tuple[Train, str | None], tmp_path: Path
):
    (recipe, result), store = unbroken, Store(tmp_path)
    chance, kills, results = random.Random(0), 0, 0

    def finish_or_kill(moment: Callable[[JobState], None]) -> None:
        nonlocal kills, results
        job = eager.submit(recipe)
        moment(job)
        if eager.state(job.id).ended:
            assert store.find(recipe.key) == result and store.check() == []
            store.delete(result)
            results += 1
        else:
            kills += 1
        until(lambda: eager._workers[0]._process)
        os.kill(worker_of(eager), signal.SIGKILL)
        eager.wait(job.id)

    def next_state(job: JobState) -> None:
        before = store.load_state(recipe.key)
        until(lambda: store.load_state(recipe.key) != before or eager.state(job.id).ended)

    while not results:
        finish_or_kill(next_state)
    states = kills
    while kills < states + 100:
        finish_or_kill(lambda job: time.sleep(chance.uniform(0, 5)))
    print(f"\n{states} kills at states, {kills - states} at random moments; {results} results, all the same")
    assert states > 5 and results > 2


QUEUE = """
import sys
from pathlib import Path
from explorer.catalog import Catalog
from explorer.jobs import JobQueue
from explorer.messages import Load, Train
home, signals = Path(sys.argv[1]), sys.argv[2]
queue = JobQueue(home, Catalog(home), device="cpu")
config = {"min_steps": 10**7, "max_steps": 10**7, "width": 8, "point_width": 16}
job = queue.submit(Train(representation="hypernetwork", signals=signals, config=config, split="all"))
for i in range(100):
    queue.submit(Load(name=f"no such set {i}"))
for state in queue.events(job.id):
    if state.progress:
        print(queue._workers[0]._process.pid, flush=True)
"""


def test_jobs_outlive_their_queue_in_order(tmp_path: Path):
    """A queue that is killed with SIGKILL leaves no worker; the next one goes on with its jobs, each in its place."""
    signals = LocalEngine(tmp_path, device="cpu").put_signals(load("digits")[:24])
    process = subprocess.Popen([sys.executable, "-c", QUEUE, str(tmp_path), signals], stdout=subprocess.PIPE)
    with process:
        worker = int(process.stdout.readline())
        bystander = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
        first, *waiting = bystander.jobs()
        assert first.state == "running" and [job.state for job in waiting] == ["queued"] * 100
        with pytest.raises(InvalidInput, match="another process runs"):
            bystander.cancel(first.id)
        bystander.close()
        process.kill()
    until(lambda: not running(worker), timeout_s=5)

    queue = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    assert [job.id for job in queue.jobs()] == [first.id, *(job.id for job in waiting)]
    assert queue.state(waiting[41].id).position == 42
    until(lambda: step(queue, first))
    queue.cancel(first.id)
    assert queue.wait(waiting[-1].id, timeout_s=60).state == "failed"
    queue.close()
    ended = sqlite3.connect(tmp_path / "catalog.sqlite").execute("SELECT id FROM jobs ORDER BY ended").fetchall()
    assert [id for (id,) in ended] == [first.id, *(job.id for job in waiting)]
    assert not list((tmp_path / "queues").iterdir())


def test_a_closed_queue_leaves_its_jobs_to_the_next(tmp_path: Path):
    first = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    jobs = [first.submit(Load(name=f"no such set {i}")) for i in range(3)]
    first.close()
    assert [*first.events(jobs[2].id)][-1].state == "queued"
    second = JobQueue(tmp_path, Catalog(tmp_path), device="cpu")
    assert [second.wait(job.id).state for job in jobs] == ["failed"] * 3
    second.close()


# -- time left


def test_a_steady_rate_gives_the_time_left():
    eta = Eta()
    assert eta(500, 1000, 10.0) is None
    for second in range(1, 20):
        assert eta(500 + 10 * second, 1000, 10.0 + second) == pytest.approx(50 - second)


def test_the_time_left_follows_a_change_of_rate_and_stage():
    eta = Eta()
    for second in range(60):
        eta(second, 10_000, second)
    for second in range(60, 120):
        slow = eta(60 + 10 * (second - 60), 10_000, second)
    assert slow == pytest.approx((10_000 - 650) / 10, rel=0.05)
    assert eta(0, 20, 120) is None
    assert eta(10, 20, 121) == pytest.approx(1)
