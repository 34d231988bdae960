"""What operators are compared with: grids, points, crops, tiles, sequences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import explorer.nets.operator_fits as operator_fits
from explorer.grids import interpolate_grid
from explorer.nets.kernels import Discrete
from explorer.nets.lattice import Encoding, Lattice
from explorer.nets.operator import Operator
from explorer.nets.operator_fits import OperatorFits, Points, Target, tiles

SHAPE, N, M = (40, 37), 3, 2
ENCODING = Encoding(levels=(3, 3))
OPERATOR = Operator(d=2, inputs=12, widths=(5,), m=M, kernel=Discrete(d=2))
LATTICE = Lattice.over(SHAPE)
NETWORKS = OPERATOR.initial(N, torch.Generator().manual_seed(0))


def even(*shape: int) -> torch.Tensor:
    return torch.full(shape, 1 / np.prod(SHAPE))


def problem(**changes) -> OperatorFits:
    generator = torch.Generator().manual_seed(1)
    target = Target(
        lattice=LATTICE,
        functions=ENCODING(LATTICE)[None],
        values=torch.randn(1, N, M, *SHAPE, generator=generator),
        seen=even(1, N, *SHAPE),
        judged=even(1, N, *SHAPE),
    )
    return replace(OperatorFits(operator=OPERATOR, targets=(target,), units=torch.tensor([0.5, 0.25])), **changes)


def plain_loss(networks: torch.Tensor) -> torch.Tensor:
    target = problem().targets[0]
    errors = OPERATOR(networks, target.functions, LATTICE.spacing) - target.values
    return errors.square().sum(2).mean((0, 2, 3))


def test_the_gradient_is_that_of_the_mean_squared_error():
    networks = NETWORKS.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(plain_loss(networks).sum(), networks)
    torch.testing.assert_close(problem().gradient(NETWORKS, 0), expected, atol=1e-6, rtol=1e-4)


def test_the_psnr_is_in_shares_of_the_range():
    target = problem().targets[0]
    errors = (OPERATOR(NETWORKS, target.functions, LATTICE.spacing) - target.values)[0]
    expected = -10 * (errors * torch.tensor([0.5, 0.25]).view(M, 1, 1)).square().mean((1, 2, 3)).log10()
    torch.testing.assert_close(problem().psnr_db(NETWORKS), expected, atol=1e-4, rtol=0)


def test_tiles_change_nothing(monkeypatch):
    whole = problem().gradient(NETWORKS, 0), problem().psnr_db(NETWORKS)
    monkeypatch.setattr(operator_fits, "_ACTIVATIONS", 2**14)
    torch.testing.assert_close(problem().gradient(NETWORKS, 0), whole[0], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(problem().psnr_db(NETWORKS), whole[1], atol=1e-4, rtol=0)


def test_tiles_cover_a_box_once():
    count = np.zeros((100, 333), int)
    boxes = list(tiles((slice(0, 100), slice(0, 333)), 2000))
    for box in boxes:
        count[box] += 1
    assert (count == 1).all() and len(boxes) > 4


def test_crops_are_drawn_from_the_step_and_their_mean_is_the_whole():
    cropped = problem(crop=9, seed=3)
    assert torch.equal(cropped.gradient(NETWORKS, 5), cropped.gradient(NETWORKS, 5))
    assert not torch.equal(cropped.gradient(NETWORKS, 5), cropped.gradient(NETWORKS, 6))
    odds = np.outer(*(operator_fits._odds(size, 9) for size in SHAPE))
    seen, shapes = np.zeros(SHAPE), set()
    for step in range(4000):
        _, box, _ = cropped._look(step)
        shapes.add(seen[box].shape)
        seen[box] += 1 / (4000 * odds[box])
    assert shapes == {(9, 9)}
    assert abs(seen - 1).max() < 0.4 and seen.std() < 0.12  # every cell counts as much, the border's too


def test_early_steps_look_at_scattered_samples_through_middle_nodes():
    start = replace(OPERATOR, pointwise=True).initial(N, torch.Generator().manual_seed(0))
    early = problem(early_steps=300, scattered=200, seed=3)
    found = torch.stack([early.gradient(start, step) for step in range(300)]).mean(0)
    middle = start != 0
    assert torch.equal(found != 0, middle)
    whole = problem().gradient(start, 0)
    assert not torch.equal(whole != 0, middle) and torch.equal(early.gradient(start, 300), whole)
    torch.testing.assert_close(found[middle], whole[middle], atol=0.1 * float(whole[middle].abs().max()), rtol=0)


def test_early_steps_at_uneven_points_look_at_all_of_them():
    coords = np.random.default_rng(0).uniform(-1, 1, (1, 50, 2)).astype(np.float32)
    values, shares = (
        torch.randn(1, N, M, 50, generator=torch.Generator().manual_seed(1)),
        torch.full((1, N, 50), 1 / 50),
    )
    points = Points.on(LATTICE, coords, "cpu")
    target = replace(problem().targets[0], values=values, seen=shares, judged=shares, points=points)
    start = replace(OPERATOR, pointwise=True).initial(N, torch.Generator().manual_seed(0))
    early, later = (problem(targets=(target,), early_steps=steps).gradient(start, 0) for steps in (1, 0))
    torch.testing.assert_close(early[start != 0], later[start != 0], atol=1e-6, rtol=1e-4)


def test_a_step_of_a_sequence_looks_at_some_of_its_functions():
    frames = 6
    functions = ENCODING(LATTICE)[None] + torch.arange(frames).view(-1, 1, 1, 1) / frames
    values = torch.randn(frames, 1, M, *SHAPE, generator=torch.Generator().manual_seed(1))
    shares = even(frames, 1, *SHAPE) / frames
    target = Target(lattice=LATTICE, functions=functions, values=values, seen=shares, judged=shares)
    every = OperatorFits(operator=OPERATOR, targets=(target,), units=torch.ones(M))
    some = replace(every, batch=2, seed=0)
    whole = every.loss(NETWORKS[:1], 0)
    torch.testing.assert_close(
        torch.stack([some.loss(NETWORKS[:1], s) for s in range(60)]).mean(), whole, rtol=0.05, atol=0
    )
    parts = replace(some, crop=11)
    mean = torch.stack([parts.loss(NETWORKS[:1], step) for step in range(400)]).mean()
    torch.testing.assert_close(mean, whole, rtol=0.1, atol=0)
    torch.testing.assert_close(-10 * (whole / M).log10(), every.psnr_db(NETWORKS[:1])[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize("shared", [True, False])
def test_points_are_interpolated_as_everywhere_else(shared: bool):
    rng = np.random.default_rng(0)
    grids = rng.normal(size=(N, *SHAPE, M)).astype(np.float32)
    coords = rng.uniform(-1, 1, (1 if shared else N, 50, 2)).astype(np.float32)
    expected = interpolate_grid(grids, np.broadcast_to(coords, (N, 50, 2)))
    found = Points.on(LATTICE, coords, "cpu")(torch.from_numpy(np.moveaxis(grids, -1, 1).copy()))
    np.testing.assert_allclose(found.transpose(1, 2).numpy(), expected, atol=1e-4)
