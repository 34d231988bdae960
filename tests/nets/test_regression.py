"""What a fit is told of its signals, and the second-order step."""

import math

import pytest
import torch

from explorer.fits import Plan, fit
from explorer.grids import grid_coords
from explorer.nets import regression
from explorer.nets.regression import PSNR_LIMIT_DB, Regression
from explorer.nets.siren import Siren


def made(
    shape=(5, 6), m: int = 1, widths=(8,), own: bool = False, weighed: bool = False, points: int = 0
) -> Regression:
    generator = torch.Generator().manual_seed(0)
    coords = torch.from_numpy(grid_coords(shape))
    n, p = 3, len(coords)
    weights = torch.rand(n, p, generator=generator)
    return Regression(
        siren=Siren(d=2, m=m, widths=widths, omega_0=5.0, hidden_omega=5.0),
        coords=coords + 0.01 * torch.randn(n, p, 2, generator=generator) if own else coords,
        values=torch.rand(n, p, m, generator=generator),
        weights=weights / weights.sum(1, keepdim=True) if weighed else None,
        units=torch.full((m,), 0.5),
        points=points,
    )


def start(problem: Regression) -> torch.Tensor:
    return problem.siren.initial(len(problem), torch.Generator().manual_seed(1))


@pytest.mark.parametrize("weighed", [False, True])
def test_psnr_counts_points_by_their_weights(weighed: bool):
    problem, networks = made(weighed=weighed, m=2), start(made(m=2))
    squares = (0.5 * (problem.siren(networks, problem.coords) - problem.values)).square().mean(-1)
    wanted = squares.mean(1) if problem.weights is None else (squares * problem.weights).sum(1)
    torch.testing.assert_close(problem.psnr_db(networks), -10 * wanted.log10())


def test_psnr_has_an_end():
    problem = made()
    networks = start(problem)
    perfect = Regression(
        siren=problem.siren,
        coords=problem.coords,
        values=problem.siren(networks, problem.coords),
        weights=None,
        units=problem.units,
    )
    assert (perfect.psnr_db(networks) <= PSNR_LIMIT_DB + 1e-3).all() and (perfect.psnr_db(networks) > 120).all()


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("m", [1, 2])
def test_both_ways_to_the_second_order_step_lead_to_one_place(weighed: bool, m: int):
    """Among values and among weights, with equal damping: two spellings of one least-squares solution."""
    problem = made(weighed=weighed, m=m)
    networks = start(problem)
    jacobian = regression.linearise(problem.siren, networks, problem.coords).jacobian()
    weights = torch.full(problem.values.shape[:2], 1 / 30) if problem.weights is None else problem.weights
    root = (30 * weights).sqrt().repeat(1, m).unsqueeze(2)
    total = (root * jacobian).square().sum((1, 2))
    values = problem.values[0].numel()
    damping = torch.tensor([0.1, 0.01, 1.0])
    # The damping is a share of the mean diagonal, and both diagonals have one sum.
    among_values = problem._among_values(networks, damping)
    scale = 1 / 30 if weighed else 1.0
    mean = scale * total / networks.shape[1]
    among_weights = problem._among_weights(networks, damping * scale * total / values / mean)
    torch.testing.assert_close(among_values, among_weights, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("widths", [(3,), (24,)])
def test_second_order_steps_bring_a_near_fit_nearer(widths: tuple[int, ...]):
    problem = made(widths=widths, shape=(4, 4))
    networks = start(problem)
    before = problem.psnr_db(networks)
    for _ in range(6):
        networks = networks + problem.gauss_newton(networks, torch.full((3,), 1e-2))
    assert (problem.psnr_db(networks) > before + 1).all()


@pytest.mark.parametrize(("own", "weighed"), [(False, False), (True, True)])
def test_signals_are_told_apart_however_they_are_batched(own: bool, weighed: bool):
    problem = made(own=own, weighed=weighed, points=9)
    networks, rows = start(problem), torch.tensor([2, 0])
    alone = problem.take(rows)
    torch.testing.assert_close(alone.gradient(networks[rows], 4), problem.gradient(networks, 4)[rows])
    torch.testing.assert_close(alone.psnr_db(networks[rows]), problem.psnr_db(networks)[rows])


def test_points_are_drawn_from_the_seed_and_the_step():
    problem = made(points=9)
    networks = start(problem)
    torch.testing.assert_close(problem.gradient(networks, 4), problem.gradient(networks, 4), rtol=0, atol=0)
    assert (problem.gradient(networks, 4) - problem.gradient(networks, 5)).abs().max() > 1e-3
    mean = torch.stack([problem.gradient(networks, step) for step in range(400)]).mean(0)
    whole = made().gradient(networks, 0)
    assert (mean - whole).abs().max() < 0.2 * whole.abs().max()


@pytest.mark.parametrize(("shape", "points"), [((28, 28), 261), ((28, 28), 196), ((6, 7, 5), 70), ((50,), 10)])
def test_the_points_of_a_step_lie_all_over_a_grid_and_take_turns(shape: tuple[int, ...], points: int):
    d, count = len(shape), math.prod(shape)
    problem = Regression(
        siren=Siren(d=d, m=1, widths=(4,)),
        coords=torch.from_numpy(grid_coords(shape)),
        values=torch.zeros(2, count, 1),
        weights=None,
        units=torch.ones(1),
        points=points,
        seed=5,
    )
    steps = [problem._drawn(step)[0] for step in range(12)]
    seen = torch.cat(steps)
    each, times = seen.unique(dim=0, return_counts=True)
    assert len(each) == count and times.max() - times.min() <= 1  # all, as often
    for drawn in steps:
        assert drawn.unique(dim=0).shape == (points, d)
        for axis in range(d):
            half = (drawn[:, axis] < 0).float().mean()
            assert abs(half - (problem.coords[:, axis] < 0).float().mean()) < 0.12


def test_padding_is_drawn_last():
    problem = made(points=9)
    weights = torch.zeros(3, 30)
    weights[:, 20:] = 0.1  # ten samples, the rest padding
    padded = Regression(
        siren=problem.siren,
        coords=problem.coords,
        values=problem.values,
        weights=weights,
        units=problem.units,
        points=9,
    )
    _, _, drawn = padded._drawn(0)
    assert (drawn > 0).all()
    torch.testing.assert_close(drawn.sum(1), torch.ones(3))


def test_a_large_problem_is_watched_by_some_of_its_samples(monkeypatch: pytest.MonkeyPatch):
    """The fit goes by them, and says in the end how well all are met."""
    problem = made(points=9)
    networks = start(problem)
    assert problem.watched() is problem
    monkeypatch.setattr(regression, "_WATCHED", 20)
    watched = problem.watched()
    assert watched.values.shape[1] == 20 and made(weighed=True).watched().values.shape[1] == 30
    errors = watched.siren(networks, watched.coords) - watched.values
    torch.testing.assert_close(watched.psnr_db(networks), -10 * (0.25 * errors.square()).mean((1, 2)).log10())
    fitted = fit(problem, networks, Plan(steps=20, learning_rate=1e-2, final_learning_rate=1e-3, psnr_db=12.0))
    torch.testing.assert_close(fitted.psnr_db, problem.psnr_db(fitted.networks))
    assert (watched.psnr_db(fitted.networks) >= watched.psnr_db(networks)).all()
