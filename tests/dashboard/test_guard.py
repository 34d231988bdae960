import pytest

from explorer.dashboard import guard


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_loopback_is_open(host: str):
    assert guard.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "localhost.evil.org", "2130706433", "my-machine"])
def test_anything_else_is_not_loopback(host: str):
    assert not guard.is_loopback(host)


def test_without_a_word_the_server_listens_on_loopback_alone():
    bound = []
    guard.guarded(lambda host, port: bound.append((host, port)))(None, 5006)
    assert bound == [("127.0.0.1", 5006)]


def test_elsewhere_a_login_is_required(monkeypatch: pytest.MonkeyPatch):
    bound = []
    bind = guard.guarded(lambda host, port: bound.append(host))
    with pytest.raises(SystemExit, match="--basic-auth"):
        bind("0.0.0.0", 5006)
    monkeypatch.setattr(guard, "has_login", lambda: True)
    bind("0.0.0.0", 5006)
    assert bound == ["0.0.0.0"]
