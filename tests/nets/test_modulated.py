"""Modulated SIRENs against their formula, their derivatives against automatic ones."""

import itertools

import pytest
import torch

from explorer.nets.modulated import ModulatedSiren

N, P = 3, 11


def net_of(**changed) -> ModulatedSiren:
    shape = dict(d=2, m=2, width=6, layers=4, latent=5, omega_1=3.0, omega_k=9.0)
    return ModulatedSiren(**(shape | changed))


def drawn(net: ModulatedSiren, seed: int = 0):
    """Parameters in double precision, latents, coordinates and values."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {name: tensor.double() for name, tensor in net.initial(generator).items()}
    latents = torch.randn(N, net.latent, generator=generator, dtype=torch.float64)
    coords = 2 * torch.rand(N, P, net.d, generator=generator, dtype=torch.float64) - 1
    return parameters, latents, coords, torch.rand(N, P, net.m, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("skip", "offset", "d"), list(itertools.product((True, False), (0.0, 0.5), (1, 2, 3))))
def test_values_follow_the_formula(skip: bool, offset: float, d: int):
    net = net_of(skip=skip, offset=offset, d=d)
    parameters, latents, coords, _ = drawn(net)
    folded = net.fold(parameters, torch.float64)
    given = net.values(folded, net.shifts(folded, latents), coords)
    for n in range(N):
        hidden = coords[n]
        for k, omega in enumerate((3.0, 6.0, 9.0)):
            weight = parameters["first"] if k == 0 else parameters["hidden"][k - 1]
            shift = parameters["bias"][k] + parameters["modulation"][k] @ latents[n]
            sine = torch.sin(omega * (hidden @ weight.T + shift))
            hidden = hidden + sine if skip and k else sine
        expected = hidden @ parameters["last"].T + parameters["last_bias"] + offset
        torch.testing.assert_close(given[n], expected)


def test_shared_coordinates_are_everybodys():
    net = net_of()
    parameters, latents, coords, _ = drawn(net)
    folded = net.fold(parameters, torch.float64)
    shifts = net.shifts(folded, latents)
    each = net.values(folded, shifts, coords[:1].expand(N, -1, -1))
    torch.testing.assert_close(net.values(folded, shifts, coords[0]), each)


@pytest.mark.parametrize("skip", [True, False])
def test_gradients_are_those_of_finite_differences(skip: bool):
    net = net_of(skip=skip, width=4)
    parameters, latents, coords, _ = drawn(net)

    def values(latents: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        folded = net.fold(dict(zip(parameters, tensors, strict=True)), torch.float64)
        return net.values(folded, net.shifts(folded, latents), coords[:, :2])

    leaves = [tensor.requires_grad_() for tensor in (latents, *parameters.values())]
    assert torch.autograd.gradcheck(values, leaves)


@pytest.mark.parametrize("skip", [True, False])
def test_the_loss_and_its_gradient_are_the_automatic_ones(skip: bool):
    net = net_of(skip=skip)
    parameters, latents, coords, values = drawn(net)
    folded = net.fold(parameters, torch.float64)
    weights = torch.rand(N, P, dtype=torch.float64)
    latents.requires_grad_()
    shifts = net.shifts(folded, latents)
    losses = ((net.values(folded, shifts, coords) - values).square() * weights.unsqueeze(-1)).sum((1, 2))
    (expected,) = torch.autograd.grad(losses.sum(), latents)
    found, gradient = net.loss_and_gradient(folded, shifts.detach(), coords, values, weights)
    torch.testing.assert_close(found, losses.detach())
    torch.testing.assert_close(net.pull_back(folded, gradient), expected)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("skip", [True, False])
def test_the_gradients_of_a_slope_are_the_automatic_ones(skip: bool, shared: bool):
    net = net_of(skip=skip)
    parameters, latents, coords, values = drawn(net)
    coords = coords[0] if shared else coords
    folded = net.fold(parameters, torch.float64)
    weights = torch.rand(N, P, dtype=torch.float64)
    shifts = net.shifts(folded, latents).requires_grad_()
    tangents = torch.randn_like(shifts, requires_grad=True)
    network = [tensor.requires_grad_() for tensor in (folded.first, folded.last, folded.offset, *folded.hidden)]
    loss = ((net.values(folded, shifts, coords) - values).square() * weights.unsqueeze(-1)).sum()
    (gradient,) = torch.autograd.grad(loss, shifts, create_graph=True)
    expected = torch.autograd.grad((gradient * tangents).sum(), [shifts, tangents, *network], materialize_grads=True)

    totals = folded._replace(
        **{name: torch.ones_like(getattr(folded, name)) for name in ("first", "last", "offset")},
        hidden=tuple(torch.ones_like(weight) for weight in folded.hidden),
    )
    found = net.slope_gradients(folded, shifts, tangents, coords, values, weights, totals)
    added = [tensor - 1 for tensor in (totals.first, totals.last, totals.offset, *totals.hidden)]
    for one, other in zip([*found, *added], expected, strict=True):
        torch.testing.assert_close(one, other)


def test_low_precision_is_near():
    net = net_of(width=32, layers=6)
    parameters, latents, coords, values = drawn(net)
    single = {name: tensor.float() for name, tensor in parameters.items()}
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        folded = net.fold(single, dtype)
        shifts = net.shifts(folded, latents.float())
        _, found[dtype] = net.loss_and_gradient(folded, shifts, coords.float(), values.float(), torch.ones(N, P))
    exact, near = found.values()
    assert near.dtype == torch.float32
    assert (exact - near).norm() < 0.1 * exact.norm()


def test_equal_layers_learn_alike_when_rate_times_omega_squared_is_equal():
    """lr_i omega_i² = lr_j omega_j² (MedFuncta, equation 3): two sine layers of other frequencies that start as one
    function stay one function."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    bias = torch.randn(6, generator=generator, dtype=torch.float64)
    inputs = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    wanted = torch.rand(9, 6, generator=generator, dtype=torch.float64)
    omegas, rate = (10.0, 40.0), 1e-2
    layers = [[weight / omega, bias / omega] for omega in omegas]

    def outputs(layer: int) -> torch.Tensor:
        return torch.sin(omegas[layer] * (inputs @ layers[layer][0].T + layers[layer][1]))

    def learn(rates: tuple[float, float]) -> None:
        for layer, step in enumerate(rates):
            leaves = [tensor.requires_grad_() for tensor in layers[layer]]
            slopes = torch.autograd.grad((outputs(layer) - wanted).square().mean(), leaves)
            layers[layer] = [(leaf - step * slope).detach() for leaf, slope in zip(leaves, slopes, strict=True)]

    before = outputs(0)
    for _ in range(20):
        learn((rate, rate * (omegas[0] / omegas[1]) ** 2))
        torch.testing.assert_close(outputs(0), outputs(1), rtol=1e-10, atol=1e-10)
    assert (outputs(0) - before).abs().max() > 1e-2  # they did learn
    learn((rate, rate))
    assert (outputs(0) - outputs(1)).abs().max() > 1e-3  # and equal rates do not keep them equal
