"""Every benchmark runs, at sizes that say nothing of speed; figures are taken by ``explorer bench``."""

import math
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from explorer import bench
from explorer.bench import functa, siren

SMALL: dict[str, dict[str, Any]] = {
    "arc": {
        "_LEARNT": 6, "_FITTED": 4, "_DECODER_DB": 12.0, "_DECODER_STEPS": 30, "_LONGER_STEPS": 60,
        "_PHOTOGRAPHS_STEPS": 10, "_GOALS": ((24, 20),), "_PHOTOGRAPH_GOAL": (24, 20), "_MOST_STEPS": 20,
        "_SIDE": 64, "_EDITED": (32,),
    },
    "encode": {"_IMAGES": 8, "_SINGLES": 2, "_MANY": 3},
    "functa": {
        "_FUNCTA": {
            "3x8": functa._FUNCTA["8x64"]._replace(
                net=replace(functa._FUNCTA["8x64"].net, width=8, layers=3, latent=4), batch=2, context=50
            )
        },
    },
    "oinr": {"_SIDE": 32, "_TILE": 32, "_TOGETHER": 2, "_STEPS": {8.0: 100}, "_PATIENCE": 0.1},
    "siren": {"_SIGNALS": 8, "_SINGLES": 1, "_MANY": 20, "_GOALS": siren._GOALS[:1]},
}  # fmt: skip


def once(ours, baseline, *, share: float = 1.0, rounds: int = 7) -> tuple[float, float, float]:
    taken = bench.seconds(ours)
    return taken, bench.seconds(baseline) / share / taken, 0.0


def here(function: str) -> float:
    """The work whose memory is measured, in this process."""
    module, _, called = function.rpartition(".")
    getattr(import_module(f"explorer.bench.{module}"), called)()
    return 1.0


def test_all_benchmarks_are_tried():
    assert {*SMALL, *bench.BY_NAME_ONLY} == set(bench.benchmarks())


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_gives_its_rows(name: str, monkeypatch: pytest.MonkeyPatch):
    module: ModuleType = import_module(f"explorer.bench.{name}")
    for constant, value in SMALL[name].items():
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    for shortcut, instead in (("compared", once), ("peak_mib", here), ("matmul_rate", lambda dtype: 1e9)):
        if hasattr(module, shortcut):
            monkeypatch.setattr(module, shortcut, instead)
    rows = bench.run(name)
    assert len({(row["name"], row["metric"]) for row in rows}) == len(rows) > 1
    for row in rows:
        assert math.isfinite(row["value"]) and (row["ratio"] is None or math.isfinite(row["ratio"]))
        assert row["unit"] or "rate" in row["metric"]


def test_what_is_compared_runs_in_turn_and_is_scaled():
    calls: list[str] = []
    taken, ratio, spread = bench.compared(lambda: calls.append("ours"), lambda: calls.append("theirs"), rounds=3)
    assert calls == ["ours", "theirs"] * 4
    assert taken > 0 and ratio > 0 and spread >= 0
