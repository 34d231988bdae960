"""Laws of fitting many networks at once, on networks so simple that the answer is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from explorer.artifacts import Artifact
from explorer.errors import Cancelled, InvalidInput
from explorer.fits import STEPS, Plan, fit, fit_all, spread
from explorer.representations.base import silent


@dataclass(frozen=True)
class Bowls:
    """Each network is a point, its loss the squared distance to a place of its own, stretched along one axis."""

    places: torch.Tensor

    def __len__(self) -> int:
        return len(self.places)

    def gradient(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        return 2 * torch.tensor([1.0, 9.0]) * (networks - self.places)

    def psnr_db(self, networks: torch.Tensor) -> torch.Tensor:
        return -10 * (networks - self.places).square().mean(1).clamp(min=1e-14).log10()

    def gauss_newton(self, networks: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        return (self.places - networks) / (1 + damping).unsqueeze(1)

    def take(self, rows: torch.Tensor) -> "Bowls":
        return replace(self, places=self.places[rows])


PLAN = Plan(steps=200, learning_rate=0.1, final_learning_rate=1e-4)
PLACES = torch.tensor([[0.13, 0.0], [1.0, 2.0], [-3.0, 1.0], [0.0, 0.3], [5.0, 5.0]])


def fitted(plan: Plan, rows=slice(None), **options):
    places = PLACES[rows]
    return fit(Bowls(places), torch.zeros_like(places), plan, **options)


def whole(plan: Plan, chunk: int = 2, resume: Artifact | None = None, report=silent) -> dict[str, np.ndarray]:
    return fit_all(
        lambda rows: Bowls(PLACES[rows]),
        np.zeros(2, np.float32),
        plan,
        n=len(PLACES),
        device="cpu",
        chunk=chunk,
        resume=resume,
        report=report,
    )


def test_early_steps_come_first_at_a_rate_of_their_own():
    plan = replace(PLAN, early_steps=50, early_rate=1.0)
    assert plan.total == plan.adam_steps == 250
    rates = [plan.rate(step) for step in (0, 25, 49, 50, 249)]
    np.testing.assert_allclose(rates, [1.0, 0.55, 0.1, 0.1, 1e-4], rtol=0.1)
    assert int(fitted(replace(plan, psnr_db=np.inf)).steps.max()) <= 250


def test_every_network_comes_to_its_own_place():
    result = fitted(PLAN)
    torch.testing.assert_close(result.networks, PLACES, atol=1e-2, rtol=0)
    torch.testing.assert_close(result.psnr_db, Bowls(PLACES).psnr_db(result.networks))


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, psnr_db=25.0),
        replace(PLAN, psnr_db=20.0),
        replace(PLAN, steps=5, corrections=3),
    ],  # one is there from the start
)
def test_no_fit_depends_on_its_neighbours(plan: Plan):
    together = fitted(plan)
    for row in range(len(PLACES)):
        alone = fitted(plan, slice(row, row + 1))
        torch.testing.assert_close(alone.networks[0], together.networks[row])
        assert alone.steps[0] == together.steps[row]


def test_a_signal_that_reaches_the_psnr_stops_there():
    result = fitted(replace(PLAN, psnr_db=30.0))
    assert (result.psnr_db >= 30).all() and (result.psnr_db < 60).all()
    assert result.steps[0] < result.steps[4] < PLAN.steps  # the near one first


def test_a_plateau_ends_a_fit():
    result = fitted(replace(PLAN, steps=2000, final_learning_rate=0.1, plateau_db=0.5))
    assert (result.steps < 1900).all()


def test_at_a_plateau_the_rate_falls_until_it_is_the_last():
    plan = Plan(
        steps=1500, learning_rate=0.2, final_learning_rate=1e-4, schedule="plateau", plateau_db=0.5, betas=(0.0, 0.9)
    )
    rates = {}

    class Noted(Bowls):
        def gradient(self, networks, step):  # constant slopes never come to rest by themselves
            rates.setdefault(len(networks), []).append(networks.clone())
            return torch.sign(networks - self.places)

    result = fit(Noted(PLACES), torch.zeros_like(PLACES), plan)
    assert (result.steps < 1500).all() and (result.psnr_db > 50).all()
    rates.clear()
    alone = fit(Noted(PLACES[1:2]), torch.zeros(1, 2), plan)
    torch.testing.assert_close(alone.networks[0], result.networks[1])
    moves = torch.stack(rates[1]).diff(dim=0).abs().amax((1, 2))
    assert moves[0] > 0.1 and moves[-1] < 1e-3
    kept = fit(Noted(PLACES), torch.zeros_like(PLACES), replace(plan, schedule="cosine", final_learning_rate=0.2))
    assert (kept.psnr_db < 40).any()  # without it they oscillate


def test_corrections_finish_what_adam_began():
    rough = fitted(replace(PLAN, steps=20))
    exact = fitted(replace(PLAN, steps=20, corrections=4))
    assert (exact.psnr_db > rough.psnr_db + 20).all()


def test_a_correction_that_leads_astray_is_taken_back():
    class Astray(Bowls):
        def gauss_newton(self, networks, damping):
            return torch.full_like(networks, 50.0)

    plan = replace(PLAN, steps=20, corrections=3)
    result = fit(Astray(PLACES), torch.zeros_like(PLACES), plan)
    torch.testing.assert_close(result.networks, fitted(replace(plan, corrections=0)).networks)


def test_the_best_that_was_seen_is_kept_when_a_fit_diverges():
    class Cliff(Bowls):
        def gradient(self, networks, step):
            return super().gradient(networks, step) * (1 if step < 100 else float("nan"))

    result = fit(Cliff(PLACES), torch.zeros_like(PLACES), PLAN)
    assert torch.isfinite(result.networks).all() and (result.steps <= 100).all() and (result.psnr_db > 15).all()


def test_snapshots_show_the_way_and_stand_still_when_a_fit_is_done():
    plan = replace(PLAN, psnr_db=30.0, snapshots=(1, 10, 50, 200))
    result = fitted(plan)
    seen = torch.stack([Bowls(PLACES).psnr_db(result.snapshots[:, s]) for s in range(4)], 1)
    assert (seen[:, -1] > seen[:, 0]).all()
    torch.testing.assert_close(result.snapshots[:, -1], result.networks)
    torch.testing.assert_close(result.snapshots[:, 0], fitted(replace(PLAN, steps=1, learning_rate=0.1)).networks)


def test_chunks_give_all_signals_in_order():
    result = whole(PLAN)
    np.testing.assert_allclose(result["networks"], PLACES.numpy(), atol=1e-2)
    assert result["steps"].dtype == np.int32 and result["psnr_db"].shape == (5,) and "snapshots" not in result


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, snapshots=(1, 50))])
def test_a_fit_that_was_stopped_goes_on_to_the_same_networks(plan: Plan):
    states = []

    def stop(progress, state=None):
        if state is not None:
            states.append(Artifact.from_bytes(state().to_bytes()))
            if len(states) == 2:
                raise Cancelled("Stopped by the test.")

    with pytest.raises(Cancelled):
        whole(plan, report=stop)
    steps = []
    resumed = whole(plan, resume=states[-1], report=lambda progress, state=None: steps.append(progress.step))
    unbroken = whole(plan)
    assert min(steps) >= 4 and resumed.keys() == unbroken.keys()
    for name in unbroken:
        np.testing.assert_array_equal(resumed[name], unbroken[name])


def test_a_state_of_another_fit_is_refused():
    states = []
    whole(PLAN, report=lambda progress, state=None: states.append(state and state()))
    state = next(s for s in states if s)
    for other in (Artifact("fits", state.arrays, {"n": 9, "chunk": 2}), Artifact("training", state.arrays, state.meta)):
        with pytest.raises(InvalidInput, match="another fit"):
            whole(PLAN, resume=other)


def test_progress_counts_signals_and_ends_with_all():
    steps = []
    whole(PLAN, report=lambda progress, state=None: steps.append((progress.step, progress.total)))
    assert steps == sorted(steps) and steps[-1] == (5, 5)


def test_progress_of_signals_fitted_at_once_counts_steps():
    heard = []
    whole(PLAN, chunk=8, report=lambda progress, state=None: heard.append(progress))
    steps = [progress.step for progress in heard if progress.message == STEPS]
    assert len(steps) > 1 and steps == sorted(steps) and heard[0].total == PLAN.total and heard[-1].step == 5


def test_snapshot_steps_are_dense_at_first():
    assert spread(200, 5) == (1, 4, 14, 53, 200) and spread(200, 0) == () and spread(3, 9) == (1, 2, 3)
