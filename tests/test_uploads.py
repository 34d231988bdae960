"""Uploads, in this process and over HTTP: whole or absent, resumable, counted, and nothing else changes."""

import gc
import gzip
import io
import os
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from explorer import uploads
from explorer.engine import Engine
from explorer.errors import InvalidInput, NotFound
from explorer.local import LocalEngine
from explorer.readers import sandbox
from explorer.readings import Options
from explorer.remote import RemoteEngine
from explorer.server import make_server

TOKEN = "open sesame"
CSV = b"t,a\n0,1\n1,4\n2,9\n"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with LocalEngine(tmp_path_factory.mktemp("home"), device="cpu") as engine:
        yield engine


@pytest.fixture(scope="module")
def address(local: LocalEngine) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_server(local, TOKEN), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module", params=["local", "remote"])
def engine(request: pytest.FixtureRequest, local: LocalEngine) -> Engine:
    return local if request.param == "local" else RemoteEngine(request.getfixturevalue("address"), TOKEN)


def staged(local: LocalEngine) -> list[str]:
    return [path.name for path in (local.home / "uploads").iterdir()]


def png(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8), level, np.uint8)).save(path)
    return path


def test_a_file_is_kept_with_its_bytes(engine, local, tmp_path):
    path = tmp_path / "squares.csv"
    path.write_bytes(CSV)
    signals = engine.upload(path, name=f"squares {id(engine)}")
    assert signals.values.ravel().tolist() == [1, 4, 9] and signals.name == f"squares {id(engine)}"
    assert any(entry.id == signals.id for entry in engine.entries("signals"))
    name, pieces = engine.original(signals.id)
    assert (name, b"".join(pieces)) == ("squares.csv", CSV)
    assert staged(local) == [] and engine.load(signals.id).id == signals.id


def test_a_folder_is_one_upload(engine, local, tmp_path):
    for label, level in (("dark", 10), ("light", 200)):
        png(tmp_path / "pets" / label / "1.png", level)
    signals = engine.upload(tmp_path / "pets")
    assert signals.class_names == ("dark", "light") and signals.name == "pets" and signals.values[-1] == 200
    listed = engine.upload([tmp_path / "pets" / "dark" / "1.png", tmp_path / "pets" / "light"])
    assert listed.ids == ("1.png", "light/1.png")


def test_looking_keeps_nothing(engine, local):
    before = [entry.id for entry in engine.entries("signals")]
    reading = engine.inspect(CSV)
    assert (reading.kind, reading.format, reading.count, reading.sizes) == ("series", "CSV", 1, ((3, 3),))
    assert reading.channels == ("a",) and reading.value_range == (1, 9) and reading.missing == 0
    assert reading.choices[0].option == "columns" and reading.choices[0].taken["t"] == "time"
    assert reading.shown.values.ravel().tolist() == [1, 4, 9] and reading.nbytes > 0
    said = engine.inspect(CSV, columns={"t": "value"}, standardise="set")
    assert said.channels == ("t", "a") and said.id != reading.id
    assert [entry.id for entry in engine.entries("signals")] == before and staged(local) == []


def test_what_cannot_be_read_leaves_nothing(engine, local):
    before = [entry.id for entry in engine.entries("signals")]
    with pytest.raises(InvalidInput, match="pickle"):
        engine.upload(b"\x80\x04K\x01.")
    with pytest.raises(InvalidInput, match="expected"):
        engine.upload(b"")
    assert [entry.id for entry in engine.entries("signals")] == before and staged(local) == []


def test_pieces_and_going_on(engine, local):
    upload = engine.start_upload("squares.csv", len(CSV))
    assert engine.send(upload.id, 0, [CSV[:4], CSV[4:7]]).received == 7
    with pytest.raises(InvalidInput, match="from 7 on"):
        engine.send(upload.id, 3, [CSV[3:]])
    with pytest.raises(InvalidInput, match="7 of"):
        engine.look_at(upload.id, Options())
    assert engine.upload_state(upload.id).received == 7
    assert engine.send(upload.id, 7, [CSV[7:]]).received == len(CSV)
    assert engine.look_at(upload.id, Options()).count == 1
    engine.drop_upload(upload.id)
    with pytest.raises(NotFound):
        engine.upload_state(upload.id)
    assert staged(local) == []


def test_more_than_was_announced(engine, local):
    upload = engine.start_upload("squares.csv", 5)
    with pytest.raises(InvalidInput, match="more than the 5"):
        engine.send(upload.id, 0, [CSV])
    with pytest.raises(NotFound):
        engine.upload_state(upload.id)
    assert staged(local) == []


def test_limits(engine, local, monkeypatch):
    for size in (0, uploads.LIMIT_BYTES + 1):
        with pytest.raises(InvalidInput, match="expected"):
            engine.start_upload("x", size)
    monkeypatch.setattr(uploads, "QUOTA_BYTES", 1000)
    first = engine.start_upload("x", 600, owner="ann")
    with pytest.raises(InvalidInput, match="in all"):
        engine.start_upload("y", 600, owner="ann")
    other = engine.start_upload("y", 600, owner="bob")
    for upload in (first, other):
        engine.drop_upload(upload.id)


def test_names_are_labels(engine, local):
    for i, name in enumerate(("../../etc/passwd", "/etc/passwd", "C:\\x", "a\nb", "\u202ex", "x" * 900)):
        upload = engine.start_upload(name, len(CSV))
        engine.send(upload.id, 0, [CSV])
        signals = engine.artifact(engine.take(upload.id, Options(name=f"label {i} {id(engine)}")))
        assert engine.original(signals.id)[0] == name
    assert staged(local) == [] and all(len(p.name) == 64 for p in (local.home / "objects").iterdir())


def test_delete_and_undo(engine, local):
    signals = engine.upload(gzip.compress(CSV), name=f"gone {id(engine)}")
    engine.delete(signals.id)
    assert all(entry.id != signals.id for entry in engine.entries("signals"))
    engine.restore(signals.id)
    assert any(entry.id == signals.id for entry in engine.entries("signals"))
    assert gzip.decompress(b"".join(engine.original(signals.id)[1])) == CSV


def sent(engine, data: bytes, name: str) -> str:
    """The id of a whole upload."""
    upload = engine.start_upload(name, len(data))
    engine.send(upload.id, 0, [data])
    return upload.id


def test_signals_are_added_to_a_set_and_taken_out_again(engine, local):
    name = f"growing {id(engine)}"
    first = engine.upload(CSV, name=name)
    with pytest.raises(InvalidInput, match="expected the same in all"):
        engine.take(sent(engine, b"t,a,b\n0,1,2\n1,2,3\n", "two.csv"), Options(), first.id)
    assert [entry.id for entry in engine.entries("signals") if entry.name == name] == [first.id]
    more = b"t,a\n0,5\n1,6\n2,7\n"
    both = engine.load(engine.take(sent(engine, more, "more.csv"), Options(), first.id))
    assert (len(both), both.ids, both.name) == (2, ("0", "0 (2)"), name)
    assert both.values.ravel().tolist() == [1, 4, 9, 5, 6, 7] and both.value_range == (1, 9)
    listed = [entry for entry in engine.entries("signals") if entry.name == name]
    assert [entry.id for entry in listed] == [both.id] and engine.load(name).id == both.id
    called, pieces = engine.original(both.id)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        assert called == f"{name}.tar"
        held = [(member.name[:4], archive.extractfile(member).read()) for member in archive]
    assert held == [("001-", CSV), ("002-", more)]
    with pytest.raises(NotFound):  # the set before is not listed any more
        engine.take(sent(engine, more, "more.csv"), Options(), first.id)
    engine.delete(both.id)
    engine.restore(first.id)
    assert engine.load(name).id == first.id and b"".join(engine.original(first.id)[1]) == CSV
    for upload in list(local.uploads._uploads):
        engine.drop_upload(upload)


def test_a_broken_connection_can_be_resumed(address, local):
    http = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    noise = np.random.default_rng(0).bytes(6 * 2**20)
    buffer = io.BytesIO()
    np.savez(buffer, x=np.frombuffer(noise, np.uint8).reshape(6, 1024, 1024))
    data = buffer.getvalue()
    upload = RemoteEngine(address, TOKEN).start_upload("set.npz", len(data))

    def breaks() -> Iterator[bytes]:
        for start in range(0, 5 * 2**20, 2**16):
            yield data[start : start + 2**16]
        raise RuntimeError("the cable was pulled")

    with pytest.raises(RuntimeError):
        http.patch(f"/v1/uploads/{upload.id}", params={"offset": 0}, content=breaks())
    engine = RemoteEngine(address, TOKEN)
    received = engine.upload_state(upload.id).received
    assert 2**21 <= received <= 5 * 2**20
    engine.send(upload.id, received, [data[received:]])
    signals = engine.artifact(engine.take(upload.id, Options()))
    assert signals.arrays["values"].tobytes() == noise


def test_what_was_sent_is_let_go_of_at_once(address):
    """Also before garbage is collected: of a large upload, every block would wait for that."""
    engine, block = RemoteEngine(address, TOKEN), bytes(2**20)
    upload, before = engine.start_upload("blocks", 2**22), sys.getrefcount(block)
    gc.disable()
    try:
        engine.send(upload.id, 0, [block, block])
        assert sys.getrefcount(block) == before
    finally:
        gc.enable()
    engine.drop_upload(upload.id)


def test_what_a_killed_process_left_is_swept(tmp_path):
    script = textwrap.dedent("""
        import sys
        from explorer.local import LocalEngine
        engine = LocalEngine(sys.argv[1], device="cpu")
        upload = engine.start_upload("x", 100)
        engine.send(upload.id, 0, [b"half"])
        print("ready", flush=True)
        sys.stdin.read()
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}
    )
    assert child.stdout and child.stdout.readline() == b"ready\n"
    with LocalEngine(tmp_path, device="cpu") as engine:
        engine.start_upload("y", 5)
        assert len(staged(engine)) == 2  # another process' own, which lives
    child.kill()
    child.wait()
    with LocalEngine(tmp_path, device="cpu") as engine:
        engine.drop_upload(engine.start_upload("y", 5).id)
        assert staged(engine) == [] and engine.store.check() == []


def test_an_upload_that_is_dropped_is_read_no_further(tmp_path, monkeypatch):
    endless = "import sys; print('ready', flush=True); sys.stdin.readline(); sys.stdin.read()"
    monkeypatch.setattr(sandbox, "SECONDS", 600.0)
    monkeypatch.setattr(sandbox, "_COMMAND", ["-c", endless])
    with LocalEngine(tmp_path, device="cpu") as engine, ThreadPoolExecutor() as threads:
        upload = engine.start_upload("x.csv", len(CSV)).id
        engine.send(upload, 0, [CSV])
        reading = threads.submit(engine.look_at, upload, Options())
        while not engine.uploads._uploads[upload].lock.locked():
            time.sleep(0.01)
        engine.drop_upload(upload)
        with pytest.raises(NotFound, match="goes on"):
            reading.result(timeout=60)


def test_a_full_disk_is_a_sentence(tmp_path):
    with LocalEngine(tmp_path, device="cpu") as engine:
        kept = engine.upload(CSV)
        upload = engine.start_upload("x.csv", len(CSV))
        engine.uploads._uploads[upload.id].file = _Full(engine.uploads._uploads[upload.id].file.name, "r+")
        with pytest.raises(OSError, match="Free some space"):
            engine.send(upload.id, 0, [CSV])
        assert staged(engine) == [] and engine.load(kept.id).id == kept.id and engine.store.check() == []


class _Full(io.FileIO):
    def write(self, data) -> int:
        raise OSError(28, "No space left on device")
