"""What people may change: names, notes, owners and deletion of what the store keeps, and the jobs they asked for."""

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from explorer.artifacts import canonical_json
from explorer.errors import NotFound, StoreError
from explorer.messages import Entry, JobState, Moment, Progress, Recipe

BUSY_S = 10.0
"""How long one process waits while another one writes."""

JOBS_LISTED = 500

# Each step brings a catalog one version further; steps are added, never changed.
_MIGRATIONS = (
    (
        """CREATE TABLE entries (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL, owner TEXT NOT NULL,
            created REAL NOT NULL, deleted REAL, details TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE jobs (
            place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, key TEXT NOT NULL,
            recipe TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, ended REAL, seconds REAL NOT NULL,
            progress TEXT NOT NULL, error TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX unfinished ON jobs (queue) WHERE ended IS NULL",
    ),
    ("ALTER TABLE jobs ADD COLUMN history TEXT NOT NULL DEFAULT '[]'",),
    ("ALTER TABLE jobs ADD COLUMN error_type TEXT NOT NULL DEFAULT ''",),
)


class Catalog:
    """An SQLite file in ``home``. Any number of threads and processes may share one.

    Raises StoreError, in words, when the file cannot be read or written, and NotFound for an unknown id.
    """

    def __init__(self, home: Path):
        self.path = home / "catalog.sqlite"
        self._lock = threading.Lock()
        try:
            home.mkdir(parents=True, exist_ok=True)
            # One connection, under a lock: no statement takes longer than a write to the disk.
            self._connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"Could not open the catalog {self.path}: {error}. Check the folder.") from error
        self.close = weakref.finalize(self, self._connection.close)
        with self._statements() as connection:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
        self._migrate()

    def _migrate(self) -> None:
        with self._transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise StoreError(
                    f"Got a catalog of version {version}; expected at most {len(_MIGRATIONS)}. Update Explorer."
                )
            for step in _MIGRATIONS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    @contextmanager
    def _statements(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreError(f"Could not use the catalog {self.path}: {error}. Check the disk.") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Statements that are written together, durably, or not at all."""
        with self._statements() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _change(self, what: str, id: str, statement: str, *values: Any) -> None:
        with self._transaction() as connection:
            if not connection.execute(statement, (*values, id)).rowcount:
                raise _unknown(what, id)

    # -- entries

    def add(self, entry: Entry, owner: str = "", instead_of: str = "") -> None:
        """List an entry. One that is listed keeps the name that people gave it; a deleted one comes back, renamed.

        Args:
            instead_of: id of a listed entry that is deleted at the same moment.
        """
        with self._transaction() as connection:
            if instead_of:
                gone = "UPDATE entries SET deleted = ? WHERE deleted IS NULL AND id = ?"
                if not connection.execute(gone, (time.time(), instead_of)).rowcount:
                    raise _unknown("entry", instead_of)
            connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT (id) DO UPDATE "
                "SET name = iif(deleted IS NULL, name, excluded.name), deleted = NULL",
                (entry.id, entry.kind, entry.name, entry.note, owner, time.time(), canonical_json(entry.details)),
            )

    def entries(self, kind: str, owner: str | None = None) -> list[Entry]:
        """What is listed, newest first; of one owner or of all."""
        with self._statements() as connection:
            rows = connection.execute(
                "SELECT id, kind, name, note, details FROM entries "
                "WHERE kind = ? AND deleted IS NULL AND (? IS NULL OR owner = ?) ORDER BY created DESC, rowid DESC",
                (kind, owner, owner),
            ).fetchall()
        return [_entry(row) for row in rows]

    def entry(self, id: str) -> Entry:
        """One that is listed."""
        with self._statements() as connection:
            row = connection.execute(
                "SELECT id, kind, name, note, details FROM entries WHERE id = ? AND deleted IS NULL", (id,)
            ).fetchone()
        if row is None:
            raise _unknown("entry", id)
        return _entry(row)

    def rename(self, id: str, name: str, note: str | None = None) -> None:
        """Another name; None leaves the note as it is."""
        statement = "UPDATE entries SET name = ?, note = coalesce(?, note) WHERE deleted IS NULL AND id = ?"
        self._change("entry", id, statement, name, note)

    def delete(self, id: str) -> None:
        """Take an entry from the list; ``restore`` brings it back."""
        self._change("entry", id, "UPDATE entries SET deleted = ? WHERE deleted IS NULL AND id = ?", time.time())

    def restore(self, id: str) -> None:
        """List a deleted entry again."""
        self._change("entry", id, "UPDATE entries SET deleted = NULL WHERE deleted IS NOT NULL AND id = ?")

    # -- jobs. ``queue`` names the JobQueue that runs them.

    def add_job(self, queue: str, recipe: Recipe) -> JobState:
        """Note a new job, behind all others."""
        state = JobState(id=uuid4().hex, state="queued", key=recipe.key, recipe=recipe.to_json())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO jobs VALUES (NULL, ?, ?, ?, ?, 'queued', ?, NULL, 0.0, 'null', '', '[]', '')",
                (state.id, queue, state.key, canonical_json(state.recipe), time.time()),
            )
        return state

    def save_job(self, state: JobState) -> None:
        """Note where a job stands."""
        progress = canonical_json(None if state.progress is None else asdict(state.progress))
        ended = time.time() if state.ended else None
        statement = (
            "UPDATE jobs SET state = ?, ended = ?, seconds = ?, progress = ?, error = ?, error_type = ? WHERE id = ?"
        )
        values = (state.state, ended, state.seconds, progress, state.error, state.error_type)
        self._change("job", state.id, statement, *values)

    def save_history(self, id: str, moments: Sequence[Moment]) -> None:
        """Note how a job went until now."""
        history = canonical_json([asdict(moment) for moment in moments])
        self._change("job", id, "UPDATE jobs SET history = ? WHERE id = ?", history)

    def history(self, id: str) -> list[Moment]:
        """How a job went, as it was last noted."""
        with self._statements() as connection:
            row = connection.execute("SELECT history FROM jobs WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise _unknown("job", id)
        return [Moment(seconds=m["seconds"], progress=Progress(**m["progress"])) for m in json.loads(row[0])]

    def job(self, id: str) -> JobState:
        """Where a job stood when it was last noted."""
        jobs = self._jobs("WHERE id = ?", id)
        if not jobs:
            raise _unknown("job", id)
        return jobs[0]

    def jobs(self) -> list[JobState]:
        """The latest jobs, in the order in which they were asked for."""
        return self._jobs("ORDER BY place DESC LIMIT ?", JOBS_LISTED)[::-1]

    def unfinished_jobs(self, queue: str) -> list[JobState]:
        """Those of a queue that have not ended, in order."""
        return self._jobs("WHERE ended IS NULL AND queue = ? ORDER BY place", queue)

    def queues(self) -> list[str]:
        """The queues that have unfinished jobs."""
        with self._statements() as connection:
            return [queue for (queue,) in connection.execute("SELECT DISTINCT queue FROM jobs WHERE ended IS NULL")]

    def adopt_jobs(self, queue: str, heir: str) -> None:
        """Give what a queue has not finished to another one; what is paused stays so."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET queue = ?, state = iif(state = 'paused', state, 'queued') "
                "WHERE ended IS NULL AND queue = ?",
                (heir, queue),
            )

    def _jobs(self, which: str, value: Any) -> list[JobState]:
        columns = "id, state, key, recipe, progress, seconds, error, error_type"
        with self._statements() as connection:
            rows = connection.execute(f"SELECT {columns} FROM jobs {which}", (value,)).fetchall()
        return [_job(row) for row in rows]


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; where several processes open a fresh file, SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _unknown(what: str, id: str) -> NotFound:
    return NotFound(f"Got {id[:80]!r}; expected the id of a listed {what}.")


def _entry(row: tuple[str, str, str, str, str]) -> Entry:
    id, kind, name, note, details = row
    return Entry(id=id, kind=kind, name=name, note=note, details=json.loads(details))


def _job(row: tuple[str, str, str, str, str, float, str, str]) -> JobState:
    id, state, key, recipe, progress_json, seconds, error, error_type = row
    progress = json.loads(progress_json)
    return JobState(
        id=id,
        state=state,
        key=key,
        recipe=json.loads(recipe),
        progress=None if progress is None else Progress(**progress),
        seconds=seconds,
        error=error,
        error_type=error_type,
    )
