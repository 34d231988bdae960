"""Meta-gradients against automatic differentiation through the whole inner loop, and against finite differences."""

import numpy as np
import pytest
import torch

from explorer.nets import cavia
from explorer.nets.modulated import Folded, ModulatedSiren
from explorer.nets.samples import Samples

N, P, STEPS, RATE = 3, 9, 4, 0.3
NET = ModulatedSiren(d=2, m=2, width=5, layers=4, latent=4, omega_1=2.0, omega_k=5.0)


def drawn(seed: int = 0, weighted: bool = False):
    """Parameters, the samples of each inner step, and those of the outer loss, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {name: tensor.double().requires_grad_() for name, tensor in NET.initial(generator).items()}

    def samples() -> Samples:
        coords = 2 * torch.rand(*((N,) if weighted else ()), P, 2, generator=generator, dtype=torch.float64) - 1
        values = torch.rand(N, P, 2, generator=generator, dtype=torch.float64)
        weights = torch.rand(N, P, generator=generator, dtype=torch.float64)
        return Samples(coords, values, weights / weights.sum(1, keepdim=True) if weighted else None)

    return parameters, [samples() for _ in range(STEPS)], samples()


def loss_of(parameters, contexts, outer, first_order: bool = False) -> torch.Tensor:
    return cavia.meta_loss(
        NET,
        parameters,
        lambda step, latents: contexts[step],
        outer,
        steps=STEPS,
        rate=RATE,
        first_order=first_order,
        dtype=torch.float64,
    )


def plain_loss(parameters, contexts, outer, first_order: bool = False) -> torch.Tensor:
    """The same from the formula, by automatic differentiation of the inner loop."""

    def errors(latents: torch.Tensor, samples: Samples) -> torch.Tensor:
        hidden = samples.coords
        for k, omega in enumerate(NET.omegas):
            weight = parameters["hidden"][k - 1] if k else parameters["first"]
            shift = parameters["bias"][k] + latents @ parameters["modulation"][k].T
            sine = torch.sin(omega * (hidden @ weight.T + shift[:, None]))
            hidden = hidden + sine if k else sine
        given = hidden @ parameters["last"].T + parameters["last_bias"] + NET.offset
        squares = (given - samples.values).square().mean(-1)
        return squares.mean(1) if samples.weights is None else (squares * samples.weights).sum(1)

    latents = torch.zeros(N, NET.latent, dtype=torch.float64, requires_grad=True)
    for context in contexts:
        slope = torch.autograd.grad(errors(latents, context).sum(), latents, create_graph=not first_order)[0]
        latents = latents - RATE * slope
    return errors(latents, outer).mean()


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("first_order", [True, False])
def test_the_meta_gradient_is_the_automatic_one(first_order: bool, weighted: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cavia, "_ACTIVATIONS_CPU", 4 * NET.width)  # many blocks, also within a signal
    parameters, *samples = drawn(weighted=weighted)
    ours, theirs = (loss(parameters, *samples, first_order) for loss in (loss_of, plain_loss))
    torch.testing.assert_close(ours, theirs)
    for name in parameters:
        found, expected = (torch.autograd.grad(loss, parameters[name], retain_graph=True)[0] for loss in (ours, theirs))
        torch.testing.assert_close(found, expected, msg=lambda text, name=name: f"{name}: {text}")


def test_the_meta_gradient_is_that_of_finite_differences():
    parameters, *samples = drawn(seed=1)
    names = list(parameters)
    gradients = torch.autograd.grad(loss_of(parameters, *samples), list(parameters.values()))
    for name, gradient in zip(names, gradients, strict=True):
        direction = torch.randn_like(gradient)
        sides = []
        for size in (1e-5, -1e-5):
            moved = parameters | {name: parameters[name].detach() + size * direction}
            sides.append(float(loss_of(moved, *samples).detach()))
        assert float((gradient * direction).sum()) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5)


def waves() -> tuple[ModulatedSiren, Folded, Samples]:
    """A network, and signals that it can follow for a while."""
    net = ModulatedSiren(d=2, m=1, width=16, layers=4, latent=8, omega_1=3.0, omega_k=6.0)
    folded = net.fold(net.initial(torch.Generator().manual_seed(0)), torch.float32)
    coords = 2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(1)) - 1
    values = torch.sin(3 * coords @ torch.tensor([[1.0, 0.3, -1.0], [0.2, 1.0, 1.0]])).T.unsqueeze(-1) / 4 + 0.5
    return net, folded, Samples(coords, values, None)


def decibels(net: ModulatedSiren, folded: Folded, samples: Samples, latents: torch.Tensor) -> torch.Tensor:
    errors = net.values(folded, net.shifts(folded, latents), samples.coords) - samples.values
    return -10 * errors.square().mean((1, 2)).log10()


def test_a_fit_in_shares_ends_near_one_on_all_samples():
    net, folded, samples = waves()
    counts = {}

    def counting(net, folded, latents, seen, rate, step=cavia.descend):
        counts[ratio].append(seen.values.shape[1])
        return step(net, folded, latents, seen, rate)

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cavia, "descend", counting)
        for ratio in (1.0, 0.25, 0.01):
            counts[ratio] = []
            latents = cavia.fit(net, folded, samples, steps=20, rate=1.0, ratio=ratio)
            found[ratio] = float(decibels(net, folded, samples, latents).mean())
    assert counts == {
        1.0: [400] * 20,
        0.25: [100] * 17 + [400] * 3,
        0.01: [67, 67, 67, 67, 66, 66] * 2 + [67] * 4 + [66] + [400] * 3,
    }
    assert abs(found[0.25] - found[1.0]) < 1


def test_with_momentum_a_fit_comes_as_far_as_the_released_longer_steps():
    net, folded, samples = waves()
    released, rng = torch.zeros(3, net.latent), np.random.default_rng(0)
    for _ in range(20):  # along the slope of all samples, as far as a step on a random quarter of them would go
        some = samples.take(rng.permutation(400)[:100])
        length = (cavia.descend(net, folded, released, some, RATE)[0] - released).norm(dim=1, keepdim=True)
        move = cavia.descend(net, folded, released, samples, RATE)[0] - released
        released = released + move * length / move.norm(dim=1, keepdim=True)
    found = [
        decibels(net, folded, samples, latents)
        for latents in (
            released,
            *(cavia.fit(net, folded, samples, steps=20, rate=RATE, ratio=0.25, momentum=m) for m in (0.7, 0.0)),
        )
    ]
    assert (found[1] > found[0] - 0.1).all()
    assert (found[1] > found[2] + 0.1).all()


def test_second_order_terms_matter():
    parameters, *samples = drawn()
    first, second = (
        torch.autograd.grad(loss_of(parameters, *samples, order), parameters["modulation"])[0]
        for order in (True, False)
    )
    assert (first - second).norm() > 0.1 * second.norm()


def test_a_signals_steps_depend_on_itself_alone():
    parameters, contexts, _ = drawn(weighted=True)
    parameters = {name: tensor.detach() for name, tensor in parameters.items()}
    folded = NET.fold(parameters, torch.float64)
    latents = torch.zeros(N, NET.latent, dtype=torch.float64)
    together, _ = cavia.descend(NET, folded, latents, contexts[0], RATE)
    alone, _ = cavia.descend(NET, folded, latents[1:2], Samples(*(part[1:2] for part in contexts[0])), RATE)
    torch.testing.assert_close(together[1:2], alone)


def test_padding_does_not_count():
    parameters, contexts, _ = drawn(weighted=True)
    folded = NET.fold({name: tensor.detach() for name, tensor in parameters.items()}, torch.float64)
    coords, values, weights = contexts[0]
    padded = Samples(
        torch.cat([coords, torch.zeros(N, 3, 2)], 1),
        torch.cat([values, torch.full((N, 3, 2), 7.0, dtype=torch.float64)], 1),
        torch.cat([weights, torch.zeros(N, 3)], 1),
    )
    latents = torch.zeros(N, NET.latent, dtype=torch.float64)
    for ours, theirs in zip(
        cavia.descend(NET, folded, latents, padded, RATE),
        cavia.descend(NET, folded, latents, contexts[0], RATE),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
