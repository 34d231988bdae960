"""The law of engines: all that one promises holds in this process and over HTTP, with the same numbers."""

import threading
from pathlib import Path

import numpy as np
import pytest
import uvicorn

from explorer.child import ChildServer
from explorer.codes import Checkpoint
from explorer.edits import Mix, Push
from explorer.engine import Engine
from explorer.errors import Cancelled, ExplorerError, InvalidInput, NotFound
from explorer.local import LocalEngine
from explorer.messages import Cluster, Encode, JobState, Progress, Project, Render, Take, Train
from explorer.observations import Sampling
from explorer.readers import load
from explorer.readers.codesets import CodeSet
from explorer.remote import RemoteEngine
from explorer.server import make_server
from explorer.signals import Axis, SignalSet

QUICK = {"min_steps": 1, "max_steps": 200, "width": 8, "point_width": 32}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(tmp_path_factory.mktemp("local"), device="cpu") as engine:
        yield engine


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(tmp_path_factory.mktemp("remote"), device="cpu") as engine:
        server = uvicorn.Server(uvicorn.Config(make_server(engine, "token"), port=0, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            pass
        with RemoteEngine(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", "token") as client:
            yield client
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module", params=["local", "remote"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def digits() -> SignalSet:
    return load("digits")[:300]


@pytest.fixture(scope="module")
def model(engine: Engine, digits: SignalSet) -> Checkpoint:
    return engine.train("hypernetwork", digits, seed=0, **QUICK)


def test_built_in_sets_come_by_name(engine: Engine):
    digits = engine.load("digits")
    assert (len(digits), digits.shape, digits.class_names) == (1797, (8, 8), tuple("0123456789"))
    assert "digits" in engine.describe()["datasets"]
    with pytest.raises(NotFound, match="no such set"):
        engine.load("no such set")


def test_signal_sets_are_kept_listed_renamed_and_deleted(engine: Engine):
    signals = SignalSet.from_grids(np.random.default_rng(1).random((3, 5)), axes=[Axis("t", "s")], name="mine")
    id = engine.put_signals(signals)
    assert engine.has(id) and id == signals.id
    entry = next(e for e in engine.entries("signals") if e.id == id)
    assert (entry.name, entry.details["count"], entry.details["shape"]) == ("mine", 3, [5])
    engine.rename(id, "yours", note="noise")
    assert engine.load("yours").id == id
    engine.delete(id)
    assert all(e.id != id for e in engine.entries("signals"))
    with pytest.raises(NotFound):
        engine.delete(id)
    engine.restore(id)
    assert next(e for e in engine.entries("signals") if e.id == id).note == "noise"
    with pytest.raises(NotFound):
        engine.restore(id)


def test_codes_vectors_and_renders_have_the_promised_shapes(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits, resolution=16)
    assert len(codes) == 300 and codes.ids == digits.ids
    for space in codes.spaces:
        vectors = engine.vectors(codes, space)
        assert vectors.dtype == np.float32 and len(vectors) == 300 and np.isfinite(vectors).all()
    np.testing.assert_array_equal(codes.vectors, engine.vectors(codes, codes.spaces[0]))
    assert engine.vectors(codes, "raw").shape == (300, 64)
    assert engine.render(codes[:5], 20).shape == (5, 20, 20, 1)
    assert engine.render(codes[:5], (4, 6)).shape == (5, 4, 6, 1)
    assert engine.observe(digits, 12, rows=[3, 4]).shape == (2, 12, 12, 1)


def test_a_window_shows_a_part_of_the_whole(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)[:4]
    whole = engine.render(codes, 32)
    corner = engine.render(codes, 16, window=((-1, 0), (0, 1)))
    np.testing.assert_allclose(corner, whole[:, :16, 16:], atol=1e-4)


def test_renders_are_differentiated(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)[:2]
    assert engine.describe()["representations"]["oinr"]["derivatives"]
    slopes = engine.render(codes, 200, derivative=(1, 0))
    whole = engine.render(codes, 200)
    np.testing.assert_allclose(slopes[:, 1:-1], (whole[:, 2:] - whole[:, :-2]) * 50, atol=0.05 * np.abs(slopes).max())
    assert engine.render(codes, 6, derivative=(1, 2)).shape == (2, 6, 6, 1)
    with pytest.raises(InvalidInput, match="each of 2 axes"):
        engine.render(codes, 6, derivative=(1,))
    with pytest.raises(InvalidInput, match="order of the derivative"):
        engine.render(codes, 6, derivative=(5, 5))


def test_a_choice_of_codes_is_the_same_codes(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    some = codes[10:20][[2, 5]]
    assert some.ids == (digits.ids[12], digits.ids[15])
    assert some.recipe == Take(codes=codes.recipe, rows=(12, 15))
    np.testing.assert_array_equal(some.vectors, codes.vectors[[12, 15]])
    np.testing.assert_array_equal(codes[7].arrays["weights"], codes.arrays["weights"][7:8])
    with pytest.raises(InvalidInput, match="empty"):
        codes[[]]


def test_equal_wishes_are_one_recipe(engine: Engine, model: Checkpoint, digits: SignalSet):
    native, eight, both = (engine.encode(model, digits, r) for r in (None, 8, (8, 8)))
    assert native.recipe.key == eight.recipe.key == both.recipe.key
    assert engine.encode(model, digits, 9).recipe.key != native.recipe.key


def test_a_reference_keeps_clusters_and_places(engine: Engine, model: Checkpoint, digits: SignalSet):
    native, coarse = engine.encode(model, digits), engine.encode(model, digits, 6)
    labels = engine.cluster(native, k=10)
    assert labels.dtype == np.int64 and set(labels) == set(range(10))
    np.testing.assert_array_equal(engine.cluster(native, k=10, reference=native), labels)
    assert (engine.cluster(coarse, k=10, reference=native) == labels).mean() > 0.3
    layout = engine.project(native, "pca")
    assert layout.shape == (300, 2) and np.isfinite(layout).all()
    np.testing.assert_array_equal(engine.project(native, "pca", reference=native), layout)
    assert engine.project(coarse, "pca", reference=native).shape == (300, 2)


def test_neighbours_quality_and_scores(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    indices, distances = engine.neighbors(codes, 5, k=4, space="function")
    vectors = engine.vectors(codes, "function")
    expected = np.linalg.norm(vectors - vectors[5], axis=1)
    expected[5] = np.inf
    np.testing.assert_array_equal(np.sort(indices), np.sort(np.argsort(expected)[:4]))
    np.testing.assert_allclose(distances, expected[indices], rtol=1e-4)
    quality = engine.quality(codes)
    error = ((engine.render(codes, 8) - engine.observe(digits)) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(quality["psnr_db"], -10 * np.log10(error), rtol=1e-3)
    assert quality["ssim"].shape == (300,)
    score = engine.score(codes, k=10)
    assert 0 < score["ami"] <= 1 and score["drift"] is None
    control = engine.score(codes, k=10, space="raw")
    assert control["ami"] > 0.6


def test_the_table_has_the_control_beside_each_score(engine: Engine, model: Checkpoint, digits: SignalSet):
    rows = engine.evaluate(model, digits, [6, 8, 16], seeds=[0, 1])
    spaces = ("code", "pooled", "function", "raw")
    assert {(r["resolution"], r["space"]) for r in rows} == {(r, s) for r in (6, 8, 16) for s in spaces}
    for r in rows:
        assert 0 <= r["drift"] <= 1 and r["ami"] <= 1 and (r["psnr_db"] is None) == (r["space"] == "raw")
        assert r["resolution"] != 8 or r["drift"] == 0


def test_training_elsewhere_gives_the_same_bytes(engine: Engine, digits: SignalSet):
    job = engine.train("hypernetwork", digits, seed=3, wait=False, **{**QUICK, "max_steps": 100})
    states = list(job.events())
    assert states[-1].state == "done" and states[-1].progress is not None
    there = job.result()
    assert there.id == engine.train("hypernetwork", digits, seed=3, **{**QUICK, "max_steps": 100}).id
    assert engine.checkpoint(there.id[:12]).id == there.id
    assert any(e.id == there.id for e in engine.entries("checkpoint"))


def test_a_job_can_be_cancelled(engine: Engine, digits: SignalSet):
    job = engine.train("hypernetwork", digits, seed=4, wait=False, **{**QUICK, "min_steps": 10**7, "max_steps": 10**7})
    for state in job.events():
        if state.progress:
            break
    job.cancel()
    with pytest.raises(Cancelled):
        job.wait()
    assert job.state.state == "cancelled"


def test_a_job_can_be_paused_and_tells_how_it_went(engine: Engine, digits: SignalSet):
    endless = {**QUICK, "min_steps": 10**6, "max_steps": 10**6}  # it has not ended before the pause comes
    job = engine.train("hypernetwork", digits, seed=6, wait=False, **endless)
    job.pause()
    assert job.state.state == "paused" and not job.state.ended
    job.resume()
    for state in job.events():
        if state.progress and state.progress.step > 300:
            break
    job.cancel()
    with pytest.raises(Cancelled):
        job.wait()
    losses = [moment.progress.metrics["loss"] for moment in job.history if "loss" in moment.progress.metrics]
    assert losses and losses[-1] < losses[0]
    with pytest.raises(InvalidInput):
        job.pause()


def test_a_configuration_is_checked_and_filled_in(engine: Engine):
    config = engine.configure("hypernetwork", "compact", resolutions=[8, 16])
    assert (config["width"], config["resolutions"]) == (5, [8, 16])
    for wrong in ({"width": 0}, {"width": "wide"}, {"decay": "never"}, {"no_such": 1}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            engine.configure("hypernetwork", **wrong)
    fields = {field["name"]: field for field in engine.describe()["representations"]["hypernetwork"]["fields"]}
    assert fields["decay"]["choices"] == ["cosine", "power"]
    assert (fields["resolutions"]["type"], fields["resolutions"]["many"]) == ("int", True)
    assert all(field["help"] and field["type"] in ("int", "float", "bool", "str") for field in fields.values())


@pytest.mark.parametrize("name", ["hypernetwork", "functa"])
def test_an_unfinished_training_can_be_looked_at(engine: Engine, digits: SignalSet, name: str):
    """What is shown after a pause near the end is close to what the training gives."""
    steps = {"hypernetwork": {"min_steps": 1, "max_steps": 600, "width": 8, "point_width": 32},
             "functa": {"steps": 120, "latent": 8, "width": 16, "layers": 3, "inner_steps": 2}}[name]  # fmt: skip
    job = engine.train(name, digits[:60], seed=8, split="all", wait=False, **steps)
    recipe = Train(**{**job.state.recipe, "op": "train"})
    with pytest.raises(NotFound, match="kept nothing"):
        engine.preview(recipe, [0], (8, 8), after=2**50)
    for state in job.events():
        if state.progress and state.progress.message == "training" and state.progress.step > state.progress.total / 2:
            break
    job.pause()
    if job.state.ended:
        pytest.skip("the training was too quick to be paused")
    step, values, psnr_db = engine.preview(recipe, [0, 5], (12, 12))
    assert 0 < step < state.progress.total and values.shape == (2, 12, 12, 1)
    job.resume()
    model = job.result()
    quality = engine.quality(engine.encode(model, digits[:60])[[0, 5]])["psnr_db"]
    assert np.isfinite(psnr_db).all() and np.abs(psnr_db - quality).max() < 6


def test_a_job_that_cannot_work_says_why(engine: Engine, digits: SignalSet):
    with pytest.raises(Exception, match="does_not_exist"):
        engine.train("hypernetwork", digits, wait=False, does_not_exist=1).wait()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (lambda e, m, s: e.train("no such method", s), "no such method"),
        (lambda e, m, s: e.train("hypernetwork", s, width="wide"), "width"),
        (lambda e, m, s: e.train("hypernetwork", s, seed=-1), "seed"),
        (lambda e, m, s: e.encode(m, s, 0), "resolution"),
        (lambda e, m, s: e.encode(m, s, (8, 8, 8)), "axes"),
        (lambda e, m, s: e.encode(m, SignalSet.from_grids(np.ones((2, 5)), axes=["t"])), "axes"),
        (lambda e, m, s: e.vectors(e.encode(m, s), "nowhere"), "nowhere"),
        (lambda e, m, s: e.render(e.encode(m, s), 10**5), "GiB"),
        (lambda e, m, s: e.render(e.encode(m, s), 8, window=((0, 1),)), "window"),
        (lambda e, m, s: e.render(e.encode(m, s), 8, window=((0, float("nan")), (0, 1))), "window"),
        (lambda e, m, s: e.cluster(e.encode(m, s), k=301), "301"),
        (lambda e, m, s: e.cluster(e.encode(m, s), "guess"), "guess"),
        (lambda e, m, s: e.project(e.encode(m, s), "guess"), "guess"),
        (lambda e, m, s: e.neighbors(e.encode(m, s), 300), "300"),
        (lambda e, m, s: e.checkpoint("nothing"), "nothing"),
        (lambda e, m, s: e.artifact("../../etc/passwd"), "passwd"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(engine: Engine, model: Checkpoint, digits: SignalSet, wish, words):
    with pytest.raises((InvalidInput, NotFound), match=words):
        wish(engine, model, digits)


def test_local_and_remote_give_the_same_numbers(local: Engine, remote: Engine, digits: SignalSet):
    results = []
    for engine in (local, remote):
        model = engine.train("hypernetwork", digits, seed=0, **QUICK)
        codes = engine.encode(model, digits, Sampling(kind="points", size=(40,), seed=2))
        results.append((codes.vectors, engine.render(codes, 10), engine.cluster(codes, k=5)))
    for here, there in zip(*results, strict=True):
        np.testing.assert_array_equal(here, there)


def test_ten_who_ask_at_once_are_served_by_one_computation(tmp_path: Path, digits: SignalSet, monkeypatch):
    import explorer.local

    with LocalEngine(tmp_path, device="cpu") as engine:
        model = engine.train("hypernetwork", digits, **{**QUICK, "max_steps": 10})
        codes = engine.encode(model, digits)
        made, compute = [], explorer.local.compute
        monkeypatch.setattr(explorer.local, "compute", lambda *a: (made.append(type(a[0])), compute(*a))[1])
        results: list[np.ndarray] = []
        threads = [threading.Thread(target=lambda: results.append(engine.cluster(codes, k=7))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made.count(Cluster) == 1 and len(results) == 10


def test_results_are_found_again_after_a_restart(tmp_path: Path, digits: SignalSet, monkeypatch):
    import explorer.local

    with LocalEngine(tmp_path, device="cpu") as engine:
        model = engine.train("hypernetwork", digits, **{**QUICK, "max_steps": 10})
        layout = engine.project(engine.encode(model, digits), "pca")
    monkeypatch.setattr(explorer.local, "compute", lambda recipe, *_: pytest.fail(f"{recipe} was made again"))
    with LocalEngine(tmp_path, device="cpu") as engine:
        model = engine.train("hypernetwork", digits, **{**QUICK, "max_steps": 10})
        np.testing.assert_array_equal(engine.project(engine.encode(model, digits), "pca"), layout)


def test_a_slider_is_answered_while_a_map_is_made_and_a_training_runs(remote: RemoteEngine, digits: SignalSet):
    """Each has a process of its own; a map is made once for all who ask, and later found."""

    def maps() -> list[JobState]:
        return [job for job in remote.jobs() if job.recipe["op"] == "project" and job.recipe["seed"] == 5]

    model = remote.train("hypernetwork", digits, seed=0, **QUICK)
    codes = remote.encode(model, load("digits"))
    long = {**QUICK, "min_steps": 10**7, "max_steps": 10**7}
    training = remote.train("hypernetwork", digits, seed=9, wait=False, **long)
    recipe, results = Project(codes=codes.recipe, space=codes.spaces[0], seed=5), []

    def ask() -> None:
        results.append(RemoteEngine(str(remote._http.base_url), "token").run(recipe).arrays["layout"])

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    while not [job for job in maps() if job.state == "running"]:
        assert not [job for job in maps() if job.ended]
    for resolution in range(4, 12):
        assert remote.render(codes[:3], resolution).shape == (3, resolution, resolution, 1)
    assert [job.state for job in maps()] == ["running"]
    for asker in askers:
        asker.join()
    assert training.state.state == "running" and [job.state for job in maps()] == ["done"]
    training.cancel()
    assert len(results) == 4 and all((result == results[0]).all() for result in results)
    remote.ensure(recipe)
    assert len(maps()) == 1


def test_fits_are_made_in_a_worker_and_can_be_stopped(remote: RemoteEngine, local: LocalEngine, digits: SignalSet):
    few = digits[:12]
    options = {"widths": (16, 16), "steps": 30, "warm_steps": 10, "standards": 4, "snapshots": 3, "seed": 0}
    results = []
    for engine in (local, remote):
        codes = engine.encode(engine.train("siren", few, **options), few)
        results.append((codes.vectors, engine.render(codes[[0, 3]], 10)))
    for here, there in zip(*results, strict=True):
        np.testing.assert_array_equal(here, there)
    assert [job.recipe["op"] for job in remote.jobs()][-1] == "encode"

    model = remote.train("siren", few, **options)
    assert remote.encoded(model, few, [None, 6]) == [True, False]
    warm = remote.encode(model, few, 6, start=8)
    assert warm.arrays["steps"].max() <= 10 < remote.encode(model, few, 6).arrays["steps"].max()
    early, _, late = remote.snapshots(codes)
    errors_db = [float(remote.quality(step)["psnr_db"].mean()) for step in (early, late, codes)]
    assert errors_db == sorted(errors_db) and len(early[2:4].vectors) == 2
    with pytest.raises(InvalidInput, match="fits no signals"):
        remote.encode(remote.train("hypernetwork", digits, seed=0, **QUICK), few, 6, start=8)
    assert remote.snapshots(remote.encode(remote.train("hypernetwork", digits, seed=0, **QUICK), few)) == []

    def stop(progress: Progress) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        remote.encode(remote.train("siren", few, **options), digits, seed=3, report=stop)
    assert remote.jobs()[-1].state == "cancelled"


def test_recipes_name_inputs_and_survive_json(digits: SignalSet):
    from pydantic import TypeAdapter

    from explorer.messages import AnyRecipe

    encode = Encode(checkpoint="0" * 64, signals=digits.id, sampling=Sampling.of(5).on(digits))
    render = Render(codes=Take(codes=encode, rows=(1, 2)), resolution=(7, 7), window=((-1.0, 0.0), (0.0, 1.0)))
    again = TypeAdapter(AnyRecipe).validate_python(render.to_json())
    assert again == render and again.key == render.key
    keys = {Project(codes=encode, seed=s, method=m).key for s in (0, 1) for m in ("pca", "umap")}
    assert len(keys) == 4


def test_a_child_server_lives_and_dies_with_its_parent(tmp_path: Path, monkeypatch, digits: SignalSet):
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    child = ChildServer()
    engine = child.connect()
    assert engine.load("digits").id == load("digits").id
    child.stop()
    assert not child.alive


@pytest.fixture(scope="module")
def parts(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    return codes[:200], codes[200:]


@pytest.mark.parametrize("method", ["xgboost", "logistic", "knn", "mlp"])
def test_classes_are_told_from_codes_and_from_the_control(engine: Engine, parts, digits: SignalSet, method: str):
    found = engine.classify(*parts, method, seeds=(0, 1))
    truth = digits.labels[200:]
    assert found["predictions"].shape == (2, 100) and found["confusion"].shape == (2, 10, 10)
    right = (found["predictions"] == truth).mean(1)
    assert found["accuracy"] == pytest.approx(right.mean()) and found["accuracy_std"] == pytest.approx(right.std())
    assert found["method"] == method and found["accuracy"] > 0.3
    assert [row["class"] for row in found["per_class"]] == list(digits.class_names)
    assert engine.classify(*parts, method, space="raw")["accuracy"] > 0.6


def test_modalities_are_joined_and_the_best_method_is_chosen(engine: Engine, parts):
    train, test = parts[0][:60], parts[1][:30]
    found = engine.classify([train, train], [test, test], "best")
    assert found["method"] in ("xgboost", "logistic", "knn", "mlp") and found["accuracy"] > 0.2


def test_what_cannot_be_classified_is_refused_in_words(engine: Engine, parts, digits: SignalSet, model: Checkpoint):
    train, test = parts
    with pytest.raises(ExplorerError, match="xgboost, logistic, knn, mlp"):
        engine.classify(train, test, "forest")
    with pytest.raises(ExplorerError, match="two parts"):
        engine.classify(train, train[:50], "knn")
    with pytest.raises(InvalidInput, match="2 modalities"):
        engine.classify([train, train], [test], "knn")
    with pytest.raises(ExplorerError, match="modalities of the same samples"):
        engine.classify([train, test], [test, train], "knn")
    plain = SignalSet.from_grids(np.random.default_rng(0).random((4, 8, 8)).astype(np.float32), axes="yx")
    with pytest.raises(ExplorerError, match="no labels"):
        engine.classify(engine.encode(model, plain), test, "knn")


def test_fitted_codes_come_by_the_same_calls(engine: Engine, digits: SignalSet):
    model = engine.train("siren", digits, widths=(10, 10), steps=20, standards=20)
    codes = engine.encode(model, digits[:20])
    assert engine.render(codes, 12).shape == (20, 12, 12, 1)
    np.testing.assert_allclose(engine.quality(codes)["psnr_db"], codes.arrays["psnr_db"], atol=0.05)


def test_paths_start_and_end_at_their_codes(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    for method in engine.describe()["representations"]["hypernetwork"]["paths"]:
        path = engine.interpolate(codes, 3, 7, 5, steps=5, method=method)
        assert len(path) == 5 and path.ids == ("0", "0.5", "1", "1.5", "2")
        np.testing.assert_allclose(engine.render(path, 8)[[0, 2, 4]], engine.render(codes[[3, 7, 5]], 8), atol=1e-3)
    backwards = engine.interpolate(codes, 3, 7, 5, at=[2, 0.5, 1.5])
    np.testing.assert_array_equal(
        engine.vectors(backwards), engine.vectors(engine.interpolate(codes, 3, 7, 5, steps=5))[[4, 1, 3]]
    )
    with pytest.raises(InvalidInput, match="position"):
        engine.interpolate(codes, 3, 7, at=[1.5])
    with pytest.raises(InvalidInput, match="expected 0 to 299"):
        engine.interpolate(codes, 3, 300)


def test_single_layers_move_alone(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    layers = engine.layers(model)
    assert layers == ("0", "1", "2", "3")
    everything, last = (engine.interpolate(codes, 3, 7, at=[1], layers=part) for part in (layers, layers[-1:]))
    np.testing.assert_allclose(everything.arrays["weights"], codes[7].arrays["weights"])
    same = last.arrays["weights"] == codes[3].arrays["weights"]
    assert 0.5 < same.mean() < 1
    with pytest.raises(InvalidInput, match="layers"):
        engine.interpolate(codes, 3, 7, layers=["9"])


def test_a_path_has_its_place_on_the_map(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    path = engine.interpolate(codes, 3, 7, steps=3)
    layout, places = engine.project(codes, "pca"), engine.project(path, "pca", reference=codes)
    np.testing.assert_allclose(places[[0, 2]], layout[[3, 7]], atol=1e-4)
    assert (engine.cluster(path, k=10, reference=codes)[[0, 2]] == engine.cluster(codes, k=10)[[3, 7]]).all()
    with pytest.raises(InvalidInput, match="nobody|made by"):
        engine.quality(path)


def test_a_mean_of_codes_is_a_code(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    mean = engine.blend(codes, [3, 7])
    np.testing.assert_allclose(
        engine.render(mean, 8), engine.render(engine.interpolate(codes, 3, 7, at=[0.5]), 8), atol=1e-4
    )
    np.testing.assert_allclose(
        engine.render(engine.blend(codes, [3, 7], [5, 0]), 8), engine.render(codes[3], 8), atol=1e-4
    )
    with pytest.raises(InvalidInput, match="weights"):
        engine.blend(codes, [3, 7], [float("nan"), 1])


def test_codes_of_codes_of_codes_come_to_an_end(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    with pytest.raises(InvalidInput, match="deep"):
        for _ in range(12):
            codes = engine.interpolate(codes, 0, 1, steps=2)


def test_the_nearest_of_all_are_the_nearest_of_each(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    indices, distances = engine.nearest(codes, 4)
    for row in (0, 9):
        np.testing.assert_array_equal(indices[row], engine.neighbors(codes, row, 4)[0])
        np.testing.assert_allclose(distances[row], engine.neighbors(codes, row, 4)[1], rtol=1e-4)
    indices, distances = engine.nearest(engine.interpolate(codes, 3, 7, steps=3), reference=codes)
    assert indices[[0, 2], 0].tolist() == [3, 7]
    assert distances[1, 0] > distances[[0, 2], 0].max()


def test_interpolation_alone_is_the_control(engine: Engine, digits: SignalSet):
    coarse = engine.observe(digits, 4, rows=[2, 5])
    nearest = coarse.repeat(2, 1).repeat(2, 2)
    error = np.square(nearest - engine.observe(digits, rows=[2, 5])).mean((1, 2, 3))
    found = engine.control(digits, 4, rows=[2, 5], method="nearest")
    np.testing.assert_allclose(found["psnr_db"], -10 * np.log10(error), rtol=1e-4)
    assert found["ssim"].shape == (2,)
    assert engine.control(digits, 4)["psnr_db"].mean() > engine.control(digits, 4, method="nearest")["psnr_db"].mean()
    assert (engine.control(digits, rows=[1])["psnr_db"] > 100).all()
    with pytest.raises(InvalidInput, match="uneven"):
        engine.control(digits, Sampling(kind="grid", size=(8,), jitter=0.5))


def test_one_signal_is_timed(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    seconds = engine.timing(codes, 3, 16)
    assert seconds["encode_s"] > 0 and seconds["render_s"] > 0
    fitted = engine.encode(engine.train("siren", digits, widths=(10, 10), steps=20, standards=20), digits[:20])
    assert engine.timing(fitted, 3, 16)["encode_s"] is None
    with pytest.raises(InvalidInput, match="whole signal set"):
        engine.timing(codes[:4], 0, 16)


# ---------------------------------------------------------------------------------------------------------------------
# Edits of clouds


@pytest.fixture(scope="module")
def clouds(engine: Engine, digits: SignalSet):
    few = digits[:20]
    quick = {"latent": 4, "train_steps": 50, "train_points": 8, "steps": 20}
    return engine.encode(engine.train("arc", few, seed=0, **quick), few)


PUSH = Push(center=(0.0, 0.0), vector=(0.2, 0.0), radius=0.6)


def test_edited_codes_are_codes(engine: Engine, clouds):
    assert "push" in engine.describe()["representations"]["arc"]["edits"]
    assert engine.describe()["representations"]["hypernetwork"]["edits"] == []
    edited = engine.edit(clouds, 3, [PUSH, Mix(other=5, by="stack")])
    assert len(edited) == 1 and edited.ids == clouds.ids[3:4]
    assert engine.anchors(edited, 0).shape == (32, 2)
    np.testing.assert_array_equal(engine.anchors(engine.edit(clouds, 3, []), 0), engine.anchors(clouds, 3))
    assert engine.vectors(edited).shape == (1, engine.vectors(clouds).shape[1])
    with pytest.raises(InvalidInput, match="expected 0 to 19"):
        engine.edit(clouds, 20, [PUSH])
    with pytest.raises(InvalidInput, match="expected 0 to 19"):
        engine.edit(clouds, 0, [Mix(other=20)])
    with pytest.raises(InvalidInput, match="deep"):
        codes = clouds
        for _ in range(12):
            codes = engine.edit(codes, 0, [PUSH])


def test_undoing_is_replaying_less(engine: Engine, clouds):
    before = engine.render(engine.edit(clouds, 3, [PUSH]), 16)
    engine.render(engine.edit(clouds, 3, [PUSH, PUSH]), 16)
    np.testing.assert_array_equal(engine.render(engine.edit(clouds, 3, [PUSH]), 16), before)


def test_a_drag_draws_what_it_changes(engine: Engine, clouds):
    window = [(-1.0, 0.5), (-0.5, 1.0)]
    picture = engine.render(engine.edit(clouds, 3, [PUSH]), 32, window)[0]
    for step in (0.1, 0.2):
        more = Push(center=(0.2, 0.0), vector=(0.0, step), radius=0.3)
        box, values, changed = engine.render_edit(clouds, 3, [PUSH], more, 32, window)
        part = tuple(slice(*side) for side in box)
        shown = picture.copy()
        shown[part] = values
        assert changed.shape == values.shape[:2] and changed.any()
        expected = engine.render(engine.edit(clouds, 3, [PUSH, more]), 32, window)[0]
        np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_clouds_themselves_are_told_apart(engine: Engine, model: Checkpoint, digits: SignalSet):
    whole = load("digits")
    two = whole[np.flatnonzero(whole.labels < 2)[:90]]
    quick = {"latent": 4, "train_steps": 100, "train_points": 16, "steps": 20}
    codes = engine.encode(engine.train("arc", two, seed=0, **quick), two)
    found = engine.classify(codes[:60], codes[60:], "cloud")
    assert found["method"] == "cloud" and found["predictions"].shape == (1, len(two) - 60)
    assert found["accuracy"] > 0.9  # .97 to 1 with three seeds
    with pytest.raises(InvalidInput, match="expected none"):
        engine.classify(codes[:60], codes[60:], "cloud", space="raw")
    others = engine.encode(model, digits)
    with pytest.raises(InvalidInput, match="no anchors"):
        engine.classify(others[:100], others[100:], "cloud")


def test_only_clouds_can_be_edited(engine: Engine, model: Checkpoint, digits: SignalSet):
    codes = engine.encode(model, digits)
    with pytest.raises(InvalidInput, match="no anchors"):
        engine.edit(codes, 0, [PUSH])
    with pytest.raises(InvalidInput, match="expected anchored clouds"):
        engine.anchors(codes, 0)


# ---------------------------------------------------------------------------------------------------------------------
# Codes to give away


def test_exported_codes_are_all_that_another_needs(
    engine: Engine, model: Checkpoint, digits: SignalSet, tmp_path: Path
):
    codes = engine.encode(model, digits, 16)[[7, 2, 30]]
    engine.export(codes, tmp_path / "digits")
    given = CodeSet.load(tmp_path / "digits")
    assert given.checkpoint.id == model.id and given.ids == codes.ids and given.class_names == digits.class_names
    assert given.labels.tolist() == digits.labels[[7, 2, 30]].tolist()
    assert all(np.array_equal(given.codes[name], array) for name, array in codes.arrays.items())
    with LocalEngine(tmp_path / "other", device="cpu") as other:
        again = other.encode(given.checkpoint, digits[[7, 2, 30]], 16)
        np.testing.assert_allclose(again.arrays["weights"], given.codes["weights"], rtol=1e-3, atol=1e-3)
    with pytest.raises(InvalidInput, match="there already"):
        engine.export(codes, tmp_path / "digits")
    with pytest.raises(InvalidInput, match="made by"):
        engine.export(engine.blend(codes, [0, 1]), tmp_path / "mean")
