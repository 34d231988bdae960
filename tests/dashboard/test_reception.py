"""The first answer to a visitor is kept; what is his is not."""

import re
import urllib.request
from collections.abc import Iterator

import pytest

from explorer.bench.page.driving import Served, served


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("reception")) as dashboard:
        yield dashboard


def page(url: str) -> tuple[str, str]:
    """What is sent without its token, and the token."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    (token,) = re.findall(r'"token":"([^"]+)"', text)
    return text.replace(token, ""), token


def test_each_visitor_has_a_token_of_his_own(dashboard: Served):
    first, *others = (page(dashboard.url) for _ in range(4))
    assert {text for text, _ in others} == {first[0]}
    assert len({token for _, token in (first, *others)}) == 4


def test_dark_pages_are_kept_apart(dashboard: Served):
    page(dashboard.url + "?theme=dark")  # Panel's own, which is no reason to show others a dark page
    light, _ = page(dashboard.url)
    dark, _ = page(dashboard.url + "?d=1")
    assert page(dashboard.url + "?p=Edit&i=3")[0] == light != dark
    assert page(dashboard.url + "?d=1&p=Edit")[0] == dark
