"""Names and jobs outlive their process, and any number of threads and processes may write."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from explorer.catalog import _MIGRATIONS, Catalog
from explorer.errors import NotFound, StoreError
from explorer.messages import Entry, JobState, Load, Moment, Progress


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path)


def entry(id: str, name: str = "digits", kind: str = "signals") -> Entry:
    return Entry(id=id, kind=kind, name=name, details={"count": 3, "axes": ["y", "x"]})


def names(catalog: Catalog, **which: str) -> list[str]:
    return [e.name for e in catalog.entries("signals", **which)]


def test_entries_come_back_newest_first(catalog: Catalog):
    for i in range(3):
        catalog.add(entry(str(i), f"set {i}"), owner="ann" if i else "bob")
    catalog.add(entry("c", "a training", "checkpoint"))
    assert names(catalog) == ["set 2", "set 1", "set 0"]
    assert names(catalog, owner="ann") == ["set 2", "set 1"]
    assert catalog.entries("checkpoint") == [catalog.entry("c")] == [entry("c", "a training", "checkpoint")]


def test_names_and_notes_change(catalog: Catalog):
    catalog.add(entry("1"))
    catalog.rename("1", "mine", "seen twice")
    catalog.rename("1", "ours")
    assert catalog.entry("1") == replace(entry("1", "ours"), note="seen twice")
    catalog.add(entry("1", "from a training"))
    assert names(catalog) == ["ours"]


def test_deletion_can_be_taken_back(catalog: Catalog):
    catalog.add(entry("1"))
    catalog.delete("1")
    assert names(catalog) == []
    catalog.restore("1")
    assert names(catalog) == ["digits"]
    catalog.delete("1")
    catalog.add(entry("1", "put again"))
    assert names(catalog) == ["put again"]


def test_unknown_ids_are_a_sentence(catalog: Catalog):
    catalog.add(entry("deleted"))
    catalog.delete("deleted")
    for id in ("none", "deleted", "' OR 1 = 1 --"):
        for call in (catalog.entry, catalog.delete, catalog.job, lambda id: catalog.rename(id, "x")):
            with pytest.raises(NotFound, match="expected the id of a listed"):
                call(id)
    with pytest.raises(NotFound):
        catalog.restore("none")


def test_text_is_only_text(catalog: Catalog):
    name = "'; DROP TABLE entries; -- \U0001f642 \x00 <script>"
    catalog.add(entry("1", name))
    assert names(Catalog(catalog.path.parent)) == [name]


def test_jobs_keep_their_order_and_state(catalog: Catalog):
    jobs = [catalog.add_job("queue", Load(name=f"set {i}")) for i in range(5)]
    done = replace(jobs[1], state="done", seconds=2.5, progress=Progress(step=3, total=3, metrics={"loss": 0.5}))
    failed = replace(jobs[3], state="failed", error="No memory.")
    catalog.save_job(done)
    catalog.save_job(failed)
    again = Catalog(catalog.path.parent)
    assert again.jobs() == [jobs[0], done, jobs[2], failed, jobs[4]]
    assert again.job(done.id) == done and done.ended
    assert again.unfinished_jobs("queue") == [jobs[0], jobs[2], jobs[4]]
    assert isinstance(again.job(failed.id), JobState)


def test_how_a_job_went_is_kept(catalog: Catalog):
    job = catalog.add_job("queue", Load(name="set"))
    assert catalog.history(job.id) == []
    moments = [Moment(seconds=0.5, progress=Progress(step=3, total=9, metrics={"loss": 0.25}))]
    catalog.save_history(job.id, moments)
    assert Catalog(catalog.path.parent).history(job.id) == moments
    with pytest.raises(NotFound):
        catalog.history("none")


def test_a_catalog_of_the_first_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as then:
        then.setattr("explorer.catalog._MIGRATIONS", _MIGRATIONS[:1])
        old = Catalog(tmp_path)
        with old._transaction() as connection:
            connection.execute(
                "INSERT INTO jobs VALUES (NULL, 'a', 'queue', 'k', '{}', 'done', 0.0, 0.0, 1.0, 'null', '')"
            )
    assert Catalog(tmp_path).history("a") == []
    assert Catalog(tmp_path).job("a").state == "done"


def test_an_heir_takes_only_what_is_not_finished(catalog: Catalog):
    first, second, third = (catalog.add_job("dead", Load(name=str(i))) for i in range(3))
    other = catalog.add_job("alive", Load(name="other"))
    catalog.save_job(replace(first, state="done"))
    catalog.save_job(replace(second, state="running"))
    assert set(catalog.queues()) == {"dead", "alive"}
    catalog.adopt_jobs("dead", "heir")
    assert catalog.unfinished_jobs("heir") == [second, third]
    assert catalog.unfinished_jobs("alive") == [other]
    catalog.save_job(replace(third, state="paused"))
    catalog.adopt_jobs("heir", "next")
    assert [job.state for job in catalog.unfinished_jobs("next")] == ["queued", "paused"]
    catalog.adopt_jobs("next", "heir")
    assert set(catalog.queues()) == {"heir", "alive"}


def test_threads_share_one_catalog(catalog: Catalog):
    def add(thread: int) -> None:
        for i in range(20):
            catalog.add(entry(f"{thread}-{i}"))
            catalog.rename(f"{thread}-{i}", f"{thread} {i}")

    threads = [threading.Thread(target=add, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(catalog)) == sorted(f"{thread} {i}" for thread in range(8) for i in range(20))


WRITER = """
import sys
from pathlib import Path
from explorer.catalog import _MIGRATIONS, Catalog
from explorer.messages import Entry
print("ready", flush=True)
sys.stdin.readline()
catalog = Catalog(Path(sys.argv[1]))
for i in range(50):
    catalog.add(Entry(id=f"{sys.argv[2]}-{i}", kind="signals", name="set", details={}))
"""


def test_processes_share_one_catalog(tmp_path: Path):
    """They also make it together."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(i)], **pipes) for i in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert {e.id for e in Catalog(tmp_path).entries("signals")} == {f"{w}-{i}" for w in range(4) for i in range(50)}


def test_a_damaged_or_newer_catalog_is_a_sentence(tmp_path: Path):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "catalog.sqlite").write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Catalog(tmp_path / "damaged")
    with Catalog(tmp_path)._transaction() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99; expected at most [0-9]+. Update Explorer"):
        Catalog(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Could not open the catalog"):
        Catalog(tmp_path / "file")
