"""A memory that makes each value once, forgets the oldest, and passes on what goes wrong."""

import threading
import time

import pytest

from explorer.errors import Cancelled
from explorer.memo import Memo


def test_ten_threads_share_one_making():
    memo: Memo[str] = Memo(100, len)
    made, results = [], []

    def make() -> str:
        made.append(1)
        time.sleep(0.05)
        return "value"

    threads = [threading.Thread(target=lambda: results.append(memo("key", make))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["value"] * 10 and len(made) == 1


def test_the_least_recently_used_goes_first():
    memo: Memo[str] = Memo(2, len)
    for key in "abac":
        memo(key, lambda key=key: key)
    made: list[str] = []
    for key in "acb":
        memo(key, lambda key=key: made.append(key) or key)
    assert made == ["b"]


def test_what_is_too_large_is_given_but_not_kept():
    memo: Memo[str] = Memo(3, len)
    assert memo("a", lambda: "xxxx") == "xxxx"
    assert memo("a", lambda: "y") == "y"


def test_an_error_reaches_all_who_wait_and_is_not_remembered():
    memo: Memo[str] = Memo(10, len)

    def fail() -> str:
        time.sleep(0.05)
        raise ValueError("no")

    errors = []

    def ask() -> None:
        try:
            memo("a", fail)
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 3 and memo("a", lambda: "x") == "x"


def test_one_who_cancels_does_not_cancel_the_others():
    memo: Memo[str] = Memo(10, len)
    started = threading.Event()

    def cancelled() -> str:
        started.set()
        time.sleep(0.05)
        raise Cancelled("enough")

    def first() -> None:
        with pytest.raises(Cancelled):
            memo("a", cancelled)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    assert memo("a", lambda: "mine") == "mine"
    thread.join()
