"""Many small networks fitted at once, each to its own signal.

What the networks are and how they are compared with their signals is the problem's affair; a network here is a row of
weights. No signal's fit depends on which others are fitted beside it, but for the rounding of batched products.

Shape legend: N signals, B of them in a chunk, K weights of a network, S snapshots.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import torch

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.messages import Progress
from explorer.representations.base import Report, check_fields

_FIRST_DAMPING, _LESS, _MORE, _LEAST_DAMPING = 1e-2, 0.1, 10.0, 1e-7
_SLOWER = 0.5  # a rate after a plateau, against before
_PATIENCE = 2  # checks over which a plateau is seen

STEPS = "fitting, step"
"""What is reported of fits that go on all at once."""

Schedule = Literal["cosine", "plateau"]


class Problem(Protocol):
    """Signals and what it means for networks [B, K] to fit them."""

    def __len__(self) -> int: ...

    def gradient(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """Of each network's own loss: [B, K]. Depends on the networks and the step alone."""

    def psnr_db(self, networks: torch.Tensor) -> torch.Tensor:
        """How well all samples are met: [B]."""

    def take(self, rows: torch.Tensor) -> Self:
        """The same for some of the signals."""


@runtime_checkable
class SecondOrder(Problem, Protocol):
    """A problem for plans that have corrections."""

    def gauss_newton(self, networks: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        """The second-order step [B, K] with damping [B]."""


@runtime_checkable
class Large(Problem, Protocol):
    """A problem whose signals may have so many samples that to look at all of them takes longer than to fit."""

    def watched(self) -> Problem:
        """What tells how a fit goes: the problem, with as many samples as that takes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a fit goes: steps of Adam at a falling rate, then second-order corrections.

    Args:
        steps: of Adam.
        learning_rate: at the first step.
        final_learning_rate: at the last.
        early_steps: of Adam, before those, in which the problem looks at its signals in another way.
        early_rate: the learning rate at the first of them; it falls down a cosine to a tenth.
        schedule: how the rate falls: down a ``cosine``, the same for all; or by half, for each network at its own
            ``plateau``, which ends its fit once the rate would be below the last.
        corrections: Levenberg-Marquardt steps after those of Adam.
        psnr_db: a network that reaches it is done.
        plateau_db: it is at a plateau, where its fit ends, if its PSNR rose by less than this over the last two checks;
            None never.
        check_every: steps of Adam between looks at the PSNR; corrections are all looked at.
        snapshots: after which steps the networks are kept, counting on through the corrections.
        betas: how long Adam remembers gradients and their squares. Short where steps look at all samples: there is no
            noise to average, and fits are short.
    """

    steps: int
    learning_rate: float
    final_learning_rate: float
    early_steps: int = 0
    early_rate: float = 0.0
    schedule: Schedule = "cosine"
    corrections: int = 0
    psnr_db: float = math.inf
    plateau_db: float | None = None
    check_every: int = 10
    snapshots: tuple[int, ...] = ()
    betas: tuple[float, float] = (0.8, 0.95)

    @property
    def total(self) -> int:
        return self.adam_steps + self.corrections

    @property
    def adam_steps(self) -> int:
        """Early ones and others."""
        return self.early_steps + self.steps

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0, of networks that have seen no plateau."""
        if step < self.early_steps:
            return _cosine(self.early_rate, self.early_rate / 10, step / self.early_steps)
        if self.schedule == "plateau":
            return self.learning_rate
        return _cosine(self.learning_rate, self.final_learning_rate, (step - self.early_steps) / self.steps)


def _cosine(first: float, last: float, share: float) -> float:
    """Down from the first value to the last, slowly at both ends."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """What can be chosen about the fits of every method that has a network for each signal.

    Args:
        steps: of Adam, for each signal.
        learning_rate: at the first of them.
        final_learning_rate: at the last.
        warm_steps: steps of Adam where fits go on from codes at a near resolution.
        psnr_db: a signal that reaches it is done; 0 for never.
        plateau_db: a signal whose PSNR rises by less is done, or goes on at half the rate; 0 for never.
        schedule: how the learning rate falls: down a ``cosine``, or by half at each ``plateau``.
        snapshots: how many codes along the way are kept of each signal.
        chunk: signals fitted at once.
    """

    steps: int
    learning_rate: float
    final_learning_rate: float
    warm_steps: int
    psnr_db: float = 0.0
    plateau_db: float = 0.0
    schedule: Schedule = "cosine"
    snapshots: int = 0
    chunk: int = 16

    def __post_init__(self):
        check_fields(self, (("steps", "warm_steps", "chunk"), 1, 10**9), (("snapshots",), 0, 1000))
        if self.schedule == "plateau" and not self.plateau_db:
            raise InvalidInput("Got schedule = 'plateau' without plateau_db; expected what counts as one, as 0.05.")

    @property
    def plan(self) -> Plan:
        """From the start."""
        return self.plan_of(self.steps, self.learning_rate, self.final_learning_rate)

    @property
    def warm_plan(self) -> Plan:
        """From codes of the same signals at another resolution."""
        return self.plan_of(self.warm_steps, self.final_learning_rate, self.final_learning_rate / 3)

    def plan_of(self, steps: int, first: float, last: float, **others: Any) -> Plan:
        """So many steps of Adam, from the first to the last learning rate; ``others`` are fields that a method adds."""
        plan = Plan(
            steps=steps,
            learning_rate=first,
            final_learning_rate=last,
            psnr_db=self.psnr_db or math.inf,
            plateau_db=self.plateau_db or None,
            schedule=self.schedule,
            **others,
        )
        return replace(plan, snapshots=spread(plan.total, self.snapshots))


@dataclass(frozen=True)
class Fit:
    """Fitted networks.

    Args:
        networks: [B, K], the best that a check saw.
        psnr_db: [B].
        steps: int32 [B], after how many steps that was.
        snapshots: [B, S, K], on the way there.
    """

    networks: torch.Tensor
    psnr_db: torch.Tensor
    steps: torch.Tensor
    snapshots: torch.Tensor

    def note(self, rows: torch.Tensor, networks: torch.Tensor, psnr_db: torch.Tensor, step: int) -> None:
        """Keep those networks that are better than what is known of their rows."""
        better = psnr_db > self.psnr_db[rows]
        rows = rows[better]
        self.networks[rows], self.psnr_db[rows], self.steps[rows] = networks[better], psnr_db[better], step

    def finish(self, rows: torch.Tensor, step: int, plan: Plan) -> None:
        """From this step on snapshots of these rows show the network they end with."""
        self.snapshots[rows, sum(at < step for at in plan.snapshots) :] = self.networks[rows].unsqueeze(1)


class _Adam:
    """Kingma and Ba 2015, on rows that can be left out as they are done."""

    def __init__(self, networks: torch.Tensor, plan: Plan):
        self.networks, self._plan = networks.clone(), plan
        self._optimiser = torch.optim.Adam([self.networks], betas=self._plan.betas, fused=True)
        self._shares = torch.ones_like(networks[:, :1])  # of the plan's rate

    def step(self, problem: Problem, step: int) -> None:
        self._optimiser.param_groups[0]["lr"] = self._plan.rate(step)
        self.networks.grad = problem.gradient(self.networks, step)
        before = self.networks.clone() if self._plan.schedule == "plateau" else None
        self._optimiser.step()
        if before is not None:
            torch.lerp(before, self.networks, self._shares, out=self.networks)

    def slow(self, rows: torch.Tensor) -> torch.Tensor:
        """Lower the rate of some networks [B]; which of them would be below the last rate [B]."""
        self._shares[rows] *= _SLOWER
        return rows & (self._shares[:, 0] * self._plan.learning_rate < self._plan.final_learning_rate)

    def keep(self, rows: torch.Tensor) -> None:
        state = self._optimiser.state[self.networks]
        self.networks, self._shares = self.networks[rows], self._shares[rows]
        self._optimiser = torch.optim.Adam([self.networks], betas=self._plan.betas, fused=True)
        if state:  # there is none before the first step
            kept = {name: state[name][rows] for name in ("exp_avg", "exp_avg_sq")}
            self._optimiser.state[self.networks] = {"step": state["step"], **kept}


class _LevenbergMarquardt:
    """Second-order steps; one that makes a network worse is taken back and its damping rises (Marquardt 1963)."""

    def __init__(self, networks: torch.Tensor, problem: Problem):
        self.networks = networks
        self._psnr_db = problem.psnr_db(networks)
        self._damping = torch.full_like(self._psnr_db, _FIRST_DAMPING)

    def step(self, problem: Problem, step: int) -> None:
        assert isinstance(problem, SecondOrder)
        moved = self.networks + problem.gauss_newton(self.networks, self._damping)
        psnr_db = problem.psnr_db(moved)
        better = psnr_db > self._psnr_db
        self.networks = torch.where(better.unsqueeze(1), moved, self.networks)
        self._psnr_db = torch.where(better, psnr_db, self._psnr_db)
        self._damping = torch.where(better, self._damping * _LESS, self._damping * _MORE).clamp(min=_LEAST_DAMPING)

    def keep(self, rows: torch.Tensor) -> None:
        self.networks, self._psnr_db, self._damping = self.networks[rows], self._psnr_db[rows], self._damping[rows]


def fit(
    problem: Problem, start: torch.Tensor, plan: Plan, heard: Callable[[int, float], None] = lambda step, psnr_db: None
) -> Fit:
    """Networks for all signals of a problem at once; those that are done leave the batch.

    Args:
        start: [B, K].
        heard: called at every check with the step and the signals' mean PSNR; an exception of its ends the fit.
    """
    whole, watched = problem, problem.watched() if isinstance(problem, Large) else problem
    best = Fit(
        networks=start.clone(),
        psnr_db=watched.psnr_db(start),
        steps=torch.zeros(len(start), dtype=torch.int32, device=start.device),
        snapshots=start.unsqueeze(1).repeat(1, len(plan.snapshots), 1),
    )
    rows = torch.arange(len(start), device=start.device)  # of the signals that are not done
    going = best.psnr_db < plan.psnr_db
    checks = [best.psnr_db.clone()] * _PATIENCE
    optimiser: _Adam | _LevenbergMarquardt = _Adam(start, plan)
    for step in range(1, plan.total + 1):
        if not going.all():
            kept = going.nonzero().squeeze(1)
            problem, watched, rows, going = problem.take(kept), watched.take(kept), rows[kept], going[kept]
            optimiser.keep(kept)
        if not len(rows):
            break
        if step == plan.adam_steps + 1:
            optimiser = _LevenbergMarquardt(best.networks[rows], problem)
        optimiser.step(problem, step - 1)
        if step in plan.snapshots:
            best.snapshots[rows, plan.snapshots.index(step) :] = optimiser.networks.unsqueeze(1)
        if step % plan.check_every == 0 or step == plan.early_steps or step >= plan.adam_steps:
            best.note(rows, optimiser.networks, watched.psnr_db(optimiser.networks), step)
            going = best.psnr_db[rows] < plan.psnr_db
            if plan.plateau_db is not None:
                flat = (best.psnr_db - checks[-_PATIENCE])[rows] < plan.plateau_db
                if plan.schedule == "plateau" and isinstance(optimiser, _Adam):
                    checks[-1][rows[flat]] = -math.inf  # so that the new rate has as long
                    flat = optimiser.slow(flat)
                going &= ~flat
            best.finish(rows[~going], step, plan)
            checks.append(best.psnr_db.clone())
            heard(step, float(best.psnr_db.mean()))
    return best if watched is problem else replace(best, psnr_db=whole.psnr_db(best.networks))


def hearing(report: Report, rows: slice, n: int, plan: Plan) -> Callable[[int, float], None]:
    """What hears of the fit of some of ``n`` signals and reports how many are done, were they done one by one.

    Where all are fitted at once it reports the steps: one signal would be 0 of 1 until its end.
    """
    at_once = rows.stop - rows.start == n

    def heard(step: int, psnr_db: float) -> None:
        metrics = {"psnr_db": psnr_db}
        if at_once:
            return report(Progress(step=min(step, plan.total - 1), total=plan.total, message=STEPS, metrics=metrics))
        done = rows.start + (rows.stop - rows.start) * step // plan.total
        report(Progress(step=min(done, n - 1), total=n, message="fitting", metrics=metrics))

    return heard


def fit_all(
    problem_of: Callable[[slice], Problem],
    start: np.ndarray,
    plan: Plan,
    *,
    n: int,
    chunk: int,
    device: str,
    resume: Artifact | None,
    report: Report,
) -> dict[str, np.ndarray]:
    """All N signals, chunk after chunk, so that memory is bounded by the result.

    Args:
        problem_of: the problem of some signals.
        start: networks at the start: float32 [K], or [N, K].
        chunk: signals at once. Part of the result's name, for other chunks have other last bits.
        resume: a state that an earlier, interrupted call handed to its ``report``: the chunks it had finished.

    Returns:
        ``networks`` float32 [N, K], ``psnr_db`` float32 [N], ``steps`` int32 [N], and, where the plan asks for any,
        ``snapshots`` float32 [N, S, K] and ``snapshot_steps`` int32 [N, S], after which steps they were.
    """
    results, done = _restored(resume, n, chunk)
    for first in range(done, n, chunk):
        rows = slice(first, min(first + chunk, n))
        own = torch.tensor(np.broadcast_to(start, (n, start.shape[-1]))[rows], device=device)
        fitted = fit(problem_of(rows), own, plan, hearing(report, rows, n, plan))
        found = {"networks": fitted.networks, "psnr_db": fitted.psnr_db, "steps": fitted.steps}
        if plan.snapshots:
            found["snapshots"] = fitted.snapshots
            found["snapshot_steps"] = torch.tensor(plan.snapshots, dtype=torch.int32).repeat(len(fitted.steps), 1)
        for name, tensor in found.items():
            if name not in results:
                results[name] = np.zeros((n, *tensor.shape[1:]), tensor.cpu().numpy().dtype)
            results[name][rows] = tensor.cpu().numpy()
        done = rows.stop
        report(
            Progress(step=done, total=n, message="fitting", metrics={"psnr_db": float(fitted.psnr_db.mean())}),
            state=lambda: Artifact("fits", {k: v[:done] for k, v in results.items()}, {"n": n, "chunk": chunk}),  # noqa: B023
        )
    return results


def finished(state: Artifact, n: int, chunk: int) -> int:
    """How many of ``n`` signals an interrupted fit had done; raises InvalidInput for what another fit left."""
    done = len(state.arrays.get("psnr_db", ()))
    if state.kind != "fits" or state.meta != {"n": n, "chunk": chunk} or not 0 < done <= n:
        raise InvalidInput("Got a state of another fit; expected one of the same signals. Start afresh.")
    return done


def _restored(state: Artifact | None, n: int, chunk: int) -> tuple[dict[str, np.ndarray], int]:
    """Results with those of the finished chunks filled in, and how many signals those are."""
    if state is None:
        return {}, 0
    done = finished(state, n, chunk)
    results = {name: np.zeros((n, *array.shape[1:]), array.dtype) for name, array in state.arrays.items()}
    for name, array in state.arrays.items():
        results[name][:done] = array
    return results, done


def spread(total: int, count: int) -> tuple[int, ...]:
    """``count`` different steps up to ``total``, dense where a fit moves fastest."""
    if not count:
        return ()
    return tuple(np.unique(np.geomspace(1, total, count).round().astype(int)).tolist())
