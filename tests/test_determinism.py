"""Same seed, same device, same number of threads: the same bytes, whatever else a process has done."""

import json
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from explorer.artifacts import Artifact
from explorer.observations import Observations, Sampling
from explorer.readers import load
from explorer.representations.base import get

SETTINGS = {
    "arc": {"latent": 8, "steps": 20, "train_steps": 40, "train_points": 16},
    "functa": {"latent": 8, "width": 16, "layers": 3, "steps": 20},
    "hypernetwork": {"width": 8, "point_width": 32, "min_steps": 150, "max_steps": 150, "whiten": 10},
    "oinr": {"steps": 20, "widths": [6]},
    "siren": {"widths": [12, 12], "steps": 20, "standards": 6},
}


def bytes_of(name: str) -> str:
    """The hash of a checkpoint and of the codes that it gives, on grids and on uneven points."""
    method, digits = get(name), load("digits")[:60]
    checkpoint = method.train(method.config(overrides=SETTINGS[name]), digits, seed=0)
    digest = sha256(checkpoint.artifact.to_bytes())
    for sampling in (None, 6, Sampling(kind="points", size=(40,), seed=2)):
        codes = method.encode(checkpoint, Observations(digits[:12], sampling), seed=0)
        digest.update(Artifact("codes", codes).to_bytes())
        digest.update(np.ascontiguousarray(method.vectors(checkpoint, codes)).tobytes())
    return digest.hexdigest()


def in_a_process_of_its_own(runs: int) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, __file__, str(runs)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[str]]:
    return in_a_process_of_its_own(1)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_fresh_process_gives_the_bytes_of_this_one(name: str, elsewhere: dict[str, list[str]]):
    assert elsewhere[name] == [bytes_of(name)]


@pytest.mark.slow
def test_twenty_runs_in_two_processes_give_the_same_bytes():
    first, second = in_a_process_of_its_own(10), in_a_process_of_its_own(10)
    assert all(len(set(first[name] + second[name])) == 1 for name in SETTINGS)


if __name__ == "__main__":
    runs = int(sys.argv[1])
    json.dump({name: [bytes_of(name) for _ in range(runs)] for name in SETTINGS}, sys.stdout)
