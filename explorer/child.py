"""The model server that dashboards start for themselves: one for each home, however many processes want it.

Two files are locked (flock, which the kernel lets go of however a process ends). ``server`` is held while the server
lives: who finds it free starts one and hands the lock on to it. ``members`` is shared by all who use the server; it
waits until it has that for itself, and then ends.
"""

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from explorer import store
from explorer.errors import ServerUnavailable
from explorer.remote import RemoteEngine, client

LOOK_EVERY_S = 0.02
STOP_WITHIN_S = 10.0


class ChildServer:
    """The model server of ``EXPLORER_HOME`` on loopback, with a token that only its members know.

    It is started unless it is there, and ends with its last member, also when that is killed. To make one does not
    wait for it to answer.
    """

    def __init__(self) -> None:
        self._folder = folder()
        self._member = _opened(self._folder / "members")
        fcntl.flock(self._member, fcntl.LOCK_SH)  # while a server ends, this waits until it has ended
        self._process: subprocess.Popen[bytes] | None = None
        self._address: dict[str, str] = {}
        self._lock = threading.Lock()
        self._elect()

    def _elect(self) -> None:
        """Start the server where there is none."""
        lock = _opened(self._folder / "server")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            (self._folder / "address").unlink(missing_ok=True)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "explorer", "serve", "--port", "0", "--child"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[lock],
                env={**os.environ, "EXPLORER_TOKEN": secrets.token_urlsafe(32)},
                start_new_session=True,  # Ctrl-C is for one of its members
            )
        finally:
            os.close(lock)

    @property
    def pid(self) -> int:
        """Its process; waits until it answers."""
        return int(self._reached()["pid"])

    @property
    def url(self) -> str:
        """Where it answers; waits until it does."""
        return self._reached()["url"]

    @property
    def token(self) -> str:
        """What it asks for; waits until it answers."""
        return self._reached()["token"]

    @property
    def alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return _is_held(self._folder / "server") and self._address in ({}, _address(self._folder))

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, at the latest after so long."""
        return _within(seconds, lambda: not self.alive)

    def client(self) -> httpx.Client:
        """What speaks to it; waits until it answers."""
        return client(self.url, self.token)

    def connect(self) -> RemoteEngine:
        """An engine on it; waits until it answers."""
        return RemoteEngine(self.url, self.token)

    def _reached(self) -> dict[str, str]:
        with self._lock:
            while not self._address:
                if _is_held(self._folder / "server"):
                    self._address = _address(self._folder)
                elif self._process is None:
                    self._elect()  # who was elected has died before it started one
                elif self._process.poll() is not None:
                    raise ServerUnavailable("The model server ended before it answered; its messages are above.")
                time.sleep(0 if self._address else LOOK_EVERY_S)
            return self._address

    def stop(self) -> None:
        """Use it no longer. The last member waits until it has ended."""
        try:
            fcntl.flock(self._member, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            os.close(self._member)
            self._member = -1
            if not _within(STOP_WITHIN_S, lambda: not _is_held(self._folder / "server")) and self._process is not None:
                self._process.kill()
            if self._process is not None:
                self._process.wait()
        finally:
            if self._member >= 0:
                os.close(self._member)


def folder() -> Path:
    """Where the files stand."""
    found = store.home() / "server"
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def tell_address(url: str) -> None:
    """The server's part, once it answers: its address and token, for its members' eyes."""
    text = json.dumps({"url": url, "token": os.environ["EXPLORER_TOKEN"], "pid": str(os.getpid())})
    part = folder() / f"address.{os.getpid()}"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.replace(folder() / "address")


def wait_until_left() -> None:
    """The server's part: return when it has no members any more. New ones then wait until the process has ended."""
    fcntl.flock(_opened(folder() / "members"), fcntl.LOCK_EX)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _is_held(path: Path) -> bool:
    """Whether some process holds a file's lock for itself."""
    file = _opened(path)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def _address(where: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        return json.loads((where / "address").read_text())
    return {}


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something comes true in so long."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY_S)
    return True
