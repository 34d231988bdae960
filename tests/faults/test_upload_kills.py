"""Killed at random moments of uploads and deletions: every set is whole or absent, and nothing is left over."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from explorer.artifacts import Artifact
from explorer.local import LocalEngine

KILLS, SEED = 100, 0

# Sends, takes in, deletes and brings back, for ever; says each set that it was told is kept.
WORK = textwrap.dedent("""
    import io, sys
    import numpy as np
    from explorer.local import LocalEngine
    engine = LocalEngine(sys.argv[1], device="cpu")
    number = int(sys.argv[2])
    print("begun", flush=True)
    while True:
        number += 1
        buffer = io.BytesIO()
        np.savez(buffer, a=np.full((4, 64, 64), number % 251, np.uint8) + np.arange(64, dtype=np.uint8))
        signals = engine.upload(buffer.getvalue(), name=f"set {number}")
        print("kept", signals.id, flush=True)
        engine.delete(signals.id)
        engine.restore(signals.id)
""")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_sets_are_whole_or_absent(tmp_path: Path):
    rng = np.random.default_rng(SEED)
    kept: set[str] = set()
    for kill in range(KILLS):
        command = [sys.executable, "-c", WORK, str(tmp_path), str(kill * 1000)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ})
        assert worker.stdout and worker.stdout.readline() == b"begun\n"
        time.sleep(rng.uniform(0, 2.5))
        worker.send_signal(signal.SIGKILL)
        said = [line.split() for line in worker.stdout.read().decode().splitlines() if line.startswith("kept")]
        worker.wait()
        kept |= {words[1] for words in said if len(words) == 2 and len(words[1]) == 64}
        with LocalEngine(tmp_path, device="cpu") as engine:
            engine.drop_upload(engine.start_upload("x", 1).id)  # opens the uploads, which sweeps them
            assert list((tmp_path / "uploads").iterdir()) == []
            assert engine.store.check() == []
            listed = {entry.id: entry for entry in engine.entries("signals") if "original" in entry.details}
            for id, entry in listed.items():
                assert engine.artifact(id).kind == "signals"
                _, pieces = engine.original(id)
                assert sum(map(len, pieces)) == entry.details["original"]["bytes"]
            lost = kept - set(listed)
            assert len(lost) <= kill + 1, "only a deletion that a kill cut short may hide a set"
            for id in lost:  # and it is still whole
                engine.restore(id)
                assert isinstance(engine.artifact(id), Artifact)
    assert len(kept) > KILLS / 4
    print(f"{KILLS} kills, {len(kept)} sets kept")


def test_one_kill(tmp_path: Path):
    """The same once, in the middle of sending."""
    script = "import sys; from explorer.local import LocalEngine\n" + textwrap.dedent("""
        engine = LocalEngine(sys.argv[1], device="cpu")
        engine.upload(b"t,a\\n0,1\\n1,2\\n", name="whole")
        upload = engine.start_upload("cut", 10)
        engine.send(upload.id, 0, [b"12345"])
        print("half", flush=True)
        sys.stdin.read()
    """)
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}
    )
    assert worker.stdout and worker.stdout.readline() == b"half\n"
    worker.kill()
    worker.wait()
    assert len(list((tmp_path / "uploads").iterdir())) == 1
    with LocalEngine(tmp_path, device="cpu") as engine:
        engine.drop_upload(engine.start_upload("x", 1).id)
        assert list((tmp_path / "uploads").iterdir()) == [] and engine.store.check() == []
        assert [entry.name for entry in engine.entries("signals") if "original" in entry.details] == ["whole"]
        assert io.BytesIO(b"".join(engine.original(engine.entries("signals")[0].id)[1])).getvalue().startswith(b"t,a")
