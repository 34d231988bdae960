"""The command line as a person types it: what it prints, and how it says no."""

import json
from pathlib import Path

import numpy as np
import pytest

import explorer
from explorer import engine
from explorer.artifacts import Artifact
from explorer.cli import main


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(folder))
        patch.delenv("EXPLORER_SERVER", raising=False)
        engine._connect.cache_clear()
        yield folder
    engine._connect.cache_clear()


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str):
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def waves(home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    t = np.linspace(0, 1, 20)
    rng = np.random.default_rng(0)
    series = np.stack([np.sin(2 * np.pi * (1 + k) * t) + 0.1 * rng.normal(size=20) for k in (0, 1, 2) * 10])[..., None]
    path = tmp_path_factory.mktemp("files") / "waves.npz"
    np.savez(
        path,
        x_train=series.astype(np.float32),
        y_train=np.arange(30) % 3,
        x_test=series[:9].astype(np.float32),
        y_test=np.arange(9) % 3,
        class_names=np.array(["one", "two", "three"]),
    )
    return str(path)


def test_data_lists_describes_and_adds(run, waves: str):
    assert "digits" in run("data")
    about = run("data", waves)
    assert (about["count"], about["shape"], about["splits"]["test"]) == (39, [20], 9)
    added = run("data", "add", waves, "--name", "my waves")
    assert added["count"] == 39
    assert run("data", "my waves")["id"] == added["signals"]


def test_train_encode_evaluate(run, waves: str, tmp_path: Path):
    options = ["--set", "min_steps=1", "--set", "max_steps=50", "--set", "width=4", "--seed", "1"]
    trained = run("train", "hypernetwork", waves, *options)
    assert trained["config"]["max_steps"] == 50 and trained["seconds"] > 0
    start = trained["checkpoint"][:16]

    output = tmp_path / "codes.safetensors"
    assert run("encode", start, waves, "--resolution", "32", "-o", str(output))["codes"] == 39
    assert run("encode", start, waves, "-o", str(tmp_path / "given"))["codes"] == 39
    assert len(explorer.CodeSet.load(tmp_path / "given").labels) == 39
    artifact = Artifact.from_bytes(output.read_bytes())
    assert artifact.arrays["vectors/function"].shape[0] == 39 and len(artifact.meta["ids"]) == 39

    rows = run("evaluate", start, waves, "--resolutions", "10", "20", "--seeds", "0")["rows"]
    assert {row["space"] for row in rows} == {"code", "pooled", "function", "raw"}
    assert {row["resolution"] for row in rows} == {10, 20}
    assert all(row["k"] == 3 for row in rows)


def test_the_store_is_sound(run, waves: str):
    assert run("store", "check") == {"problems": []}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data", "no such thing"], "no such thing"),
        (["data", "add"], "data add FILE"),
        (["train", "nothing", "digits"], "nothing"),
        (["train", "hypernetwork", "digits", "--set", "width"], "FIELD=VALUE"),
        (["train", "hypernetwork", "digits", "--set", "width=wide"], "width"),
        (["evaluate", "nothing", "digits", "--with", "nothing", "digits"], "without --classify"),
        (["encode", "nothing", "digits", "-o", "x"], "nothing"),
        (["bench", "nothing"], "nothing"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(home, capsys, arguments: list[str], words: str):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("explorer: ") and words in said and "Traceback" not in said


def test_evaluate_by_classification(run, waves: str):
    settings = ("--set", "steps=30", "--set", "widths=[8, 8]", "--set", "standards=10")
    checkpoint = run("train", "siren", waves, *settings)["checkpoint"]
    rows = run("evaluate", checkpoint, waves, "--resolutions", "10", "20", "--classify", "knn", "--seeds", "0")["rows"]
    assert [(row["resolution"], row["space"]) for row in rows] == [
        (resolution, space) for resolution in (10, 20) for space in ("code", "function", "raw")
    ]
    assert {"classifier", "accuracy", "accuracy_std", "macro_f1", "per_class", "confusion"} <= rows[0].keys()
    assert all(row["accuracy"] == 1 for row in rows if row["space"] != "code")
    joined = run("evaluate", checkpoint, waves, "--classify", "knn", "--seeds", "0", "--with", checkpoint, waves)[
        "rows"
    ]
    assert [row["space"] for row in joined] == ["code", "function", "raw"] and joined[-1]["accuracy"] == 1


def test_evaluate_by_classification_of_clouds(run, waves: str, capsys: pytest.CaptureFixture[str]):
    quick = {"anchors": 4, "latent": 4, "train_steps": 5, "train_points": 8, "steps": 2, "least": 4}
    settings = [part for name, value in quick.items() for part in ("--set", f"{name}={value}")]
    checkpoint = run("train", "arc", waves, *settings)["checkpoint"]
    rows = run("evaluate", checkpoint, waves, "--classify", "cloud", "--seeds", "0")["rows"]
    assert [row["space"] for row in rows] == [None, "raw"]
    assert rows[0]["classifier"] == "cloud" != rows[1]["classifier"] and 0 <= rows[0]["accuracy"] <= 1
    assert main(["evaluate", checkpoint, waves, "--classify", "cloud", "--with", checkpoint, waves]) == 2
    assert "expected one" in capsys.readouterr().err


def test_evaluate_by_classification_of_a_set_without_a_split(run, capsys: pytest.CaptureFixture[str]):
    settings = ("--set", "steps=2", "--set", "widths=[4]", "--set", "standards=2", "--set", 'start="random"')
    checkpoint = run("train", "siren", "digits", *settings)["checkpoint"]
    (*_, raw) = run("evaluate", checkpoint, "digits", "--classify", "knn", "--seeds", "0")["rows"]
    assert raw["space"] == "raw" and 0.95 < raw["accuracy"] < 1


def test_a_pass_is_made_from_the_token(run, monkeypatch: pytest.MonkeyPatch):
    from explorer.tokens import opens

    monkeypatch.setenv("EXPLORER_TOKEN", token := "a token that is long enough for it")
    assert opens(run("pass", "--hours", "0.1")["pass"].encode(), token)
    monkeypatch.delenv("EXPLORER_TOKEN")
    assert main(["pass"]) == 2
