"""Convolution operators: what they are given, their kernels, parts and wholes, and derivatives."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import explorer.nets.operator as operators
from explorer.nets.derivative import derivative
from explorer.nets.kernels import Continuous, Discrete, Kernel, Released
from explorer.nets.lattice import Encoding, Lattice, levels_within
from explorer.nets.operator import Operator

SHAPES = {1: (20,), 2: (11, 14), 3: (5, 6, 7)}
CONVOLUTIONS = {1: nn.functional.conv1d, 2: nn.functional.conv2d, 3: nn.functional.conv3d}


def kernel(kind: str, d: int) -> Kernel:
    if kind == "continuous":
        return Continuous(d=d, pitch=tuple(2 / n for n in SHAPES[d]))
    return Discrete(d=d) if kind == "discrete" else Released(d=d)


def operator(kind: str, d: int, encoding: Encoding, bias: bool = True) -> Operator:
    return Operator(d=d, inputs=encoding.channels, widths=(7, 5), m=2, kernel=kernel(kind, d), bias=bias, gain=2.0)


def networks(shape: Operator, n: int = 3) -> torch.Tensor:
    return shape.initial(n, torch.Generator().manual_seed(0))


def encoding(d: int) -> Encoding:
    return Encoding(levels=levels_within(SHAPES[d], 3))


@pytest.fixture(params=[1, 2, 3])
def d(request) -> int:
    return request.param


@pytest.fixture(params=["discrete", "continuous", "released"])
def kind(request) -> str:
    return request.param


def test_the_papers_networks_have_the_papers_sizes():
    def size(widths, kernel, inputs=40, m=3):
        return Operator(d=kernel.d, inputs=inputs, widths=widths, m=m, kernel=kernel).layout.size

    assert size((64, 128, 64), Discrete(d=2)) == 172_224
    assert size((64, 64, 64, 64), Discrete(d=2)) == 135_360
    assert size((64, 128, 128, 64), Discrete(d=3), inputs=48, m=1) == 969_408
    assert 106_000 < size((64, 128, 128, 64), Released(d=2)) < 108_000


def test_the_encoding_is_that_of_the_paper():
    lattice = Lattice.over((4, 6))
    found = Encoding(levels=(1, 2))(lattice).numpy()
    y, x = np.meshgrid(*map(lattice.centres, range(2)), indexing="ij")
    angles = [np.pi * y, np.pi * x, 2 * np.pi * x]
    expected = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-6)


def test_levels_stay_below_half_a_period_a_sample():
    assert levels_within((8, 64, 256, 3, 1), 10) == (2, 5, 7, 1, 1)
    assert levels_within((4096,), 6) == (6,)
    for size in (8, 9, 64, 100):
        (levels,) = levels_within((size,), 10)
        assert 2 ** (levels - 1) < size / 2 <= 2**levels


def test_noise_is_its_samples_and_smooth_between_them():
    noise = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    encoding = Encoding(levels=(1, 1), noise=noise)
    assert encoding.channels == 5
    np.testing.assert_allclose(encoding(Lattice.over((6, 5)))[-1], noise, atol=1e-5)
    still = torch.zeros(2, dtype=torch.float64)
    slope = derivative(lambda shift: encoding(Lattice.over((6, 5)), shift), still, (0, 1))[-1]
    np.testing.assert_allclose(slope[:, 1:-1], (noise[:, 2:] - noise[:, :-2]) / (4 / 5), atol=1e-4)


def test_a_batch_equals_each_network_alone(d: int, kind: str):
    lattice, encode = Lattice.over(SHAPES[d]), encoding(d)
    shape = operator(kind, d, encode)
    vectors, given = networks(shape), torch.stack([encode(lattice), encode(lattice) + 0.3])
    together = shape(vectors, given, lattice.spacing)
    assert together.shape == (2, 3, 2, *SHAPES[d])
    for row, vector in enumerate(vectors):
        hidden, parameters = given, shape.layout.split(vector)
        for layer, sizes in enumerate(shape.sizes):
            own = {name: parameters[f"{layer}.{name}"][None] for name in shape.kernel.shapes(*sizes)}
            taps = shape.kernel.taps(own, lattice.spacing)[0]
            hidden = CONVOLUTIONS[d](hidden, taps, parameters[f"{layer}.bias"], padding=1)
            hidden = torch.sin(hidden) if layer < 2 else hidden
        torch.testing.assert_close(together[:, row], hidden, atol=1e-5, rtol=1e-5)


def test_a_continuous_kernel_at_its_own_pitch_is_a_discrete_one(d: int):
    lattice, encode = Lattice.over(SHAPES[d]), encoding(d)
    discrete, continuous = operator("discrete", d, encode), operator("continuous", d, encode)
    vectors = networks(discrete)
    given = encode(lattice)[None]
    assert torch.equal(discrete(vectors, given, lattice.spacing), continuous(vectors, given, lattice.spacing))


@pytest.mark.parametrize("finer", [0.6, 1.5, 2, 3])
def test_a_continuous_kernel_takes_in_as_much_at_every_resolution(d: int, finer: float):
    lattice = Lattice.over([round(finer * n) for n in SHAPES[d]])
    weight = torch.randn(1, 2, 3, *(3,) * d, generator=torch.Generator().manual_seed(0))
    taps = kernel("continuous", d).taps({"weight": weight}, lattice.spacing)
    torch.testing.assert_close(taps.flatten(3).sum(-1), weight.flatten(3).sum(-1), atol=1e-5, rtol=0)


def test_a_continuous_kernel_acts_alike_on_finer_and_finer_grids():
    encode = Encoding(levels=(1, 2))
    shape = operator("continuous", 2, encode)
    vectors = networks(shape)

    def means(finer: int) -> torch.Tensor:
        lattice = Lattice.over([finer * n for n in SHAPES[2]])
        return nn.functional.avg_pool2d(shape(vectors, encode(lattice)[None], lattice.spacing)[0], finer)

    one, two, four, eight = (means(finer) for finer in (1, 2, 4, 8))
    steps = [(b - a).abs().mean() for a, b in ((one, two), (two, four), (four, eight))]
    assert steps[1] < steps[0] / 2 and steps[2] < steps[1] / 2  # the sums go to the integral
    assert steps[0] < eight.std() / 4


def test_filtering_first_changes_nothing(d: int, monkeypatch):
    lattice, encode = Lattice.over([3 * n for n in SHAPES[d]]), encoding(d)
    shape = operator("continuous", d, encode)
    vectors, given = networks(shape), encode(lattice)[None]
    filtered = shape(vectors, given, lattice.spacing)
    monkeypatch.setattr(operators, "_MOST_TAPS", math.inf)
    torch.testing.assert_close(shape(vectors, given, lattice.spacing), filtered, atol=1e-4, rtol=1e-4)


def test_a_part_that_has_grown_by_the_reach_is_a_part_of_the_whole(d: int, kind: str):
    lattice, encode = Lattice.over(SHAPES[d]), encoding(d)
    shape = operator(kind, d, encode)
    vectors = networks(shape)
    whole = shape(vectors, encode(lattice)[None], lattice.spacing)
    for start in (0, 2, max(SHAPES[d])):
        box = tuple(slice(min(start, n - 2), min(start, n - 2) + 2) for n in SHAPES[d])
        grown, inner = lattice[box].grown(shape.reach(lattice.spacing))
        part = shape(vectors, encode(grown)[None], lattice.spacing)[(..., *inner)]
        torch.testing.assert_close(part, whole[(..., *box)], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_kernels_that_begin_at_their_middle_see_points(d: int, bias: bool):
    for kind in ("discrete", "continuous"):
        own, lattice = encoding(d), Lattice.over(SHAPES[d])
        whole = operator(kind, d, own, bias)
        shape = replace(whole, pointwise=True)
        weights, functions = networks(shape), own(lattice)[None]
        found = shape.at_points(weights, functions.flatten(2))
        torch.testing.assert_close(found, shape(weights, functions, lattice.spacing).flatten(3), atol=1e-5, rtol=1e-4)
        assert 0.5 < found.std() / whole(networks(whole), functions, lattice.spacing).std() < 2


def test_half_as_many_bits_lose_little(d: int, kind: str):
    lattice, encode = Lattice.over(SHAPES[d]), encoding(d)
    shape = operator(kind, d, encode)
    vectors, given = networks(shape), encode(lattice)[None]
    exact, rough = (shape(vectors, given, lattice.spacing, dtype) for dtype in (torch.float32, torch.bfloat16))
    assert rough.dtype == torch.float32
    assert (rough - exact).square().mean() < 1e-3 * exact.var()  # 30 dB below what a signal varies


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives


def moved(shape: Operator, vectors: torch.Tensor, encode: Encoding, lattice: Lattice, order: int = 2):
    return lambda shift: shape(vectors, encode(lattice, shift, order)[None], lattice.spacing)


def test_derivatives_equal_automatic_ones_and_differences(d: int, kind: str):
    lattice, encode = Lattice.over(SHAPES[d]), encoding(d)
    shape = operator(kind, d, encode)
    function, still = moved(shape, networks(shape, 1), encode, lattice), torch.zeros(d, dtype=torch.float64)
    for axis in range(d):
        orders = tuple(int(a == axis) for a in range(d))
        slopes = derivative(function, still, orders)
        flat = torch.autograd.functional.jacobian(lambda shift: function(shift).flatten(), still)[:, axis]
        scale = slopes.abs().max()
        torch.testing.assert_close(slopes.flatten() / scale, flat.float() / scale, atol=1e-5, rtol=0)
        step = 1e-3 * torch.tensor(orders, dtype=torch.float64)
        differences = (function(step) - function(-step)) / 2e-3
        torch.testing.assert_close(slopes / scale, differences / scale, atol=2e-3, rtol=0)
        twice = derivative(function, still, tuple(2 * order for order in orders))
        second = (function(step) - 2 * function(still) + function(-step)) / 1e-6
        torch.testing.assert_close(twice / twice.abs().max(), second / twice.abs().max(), atol=0.1, rtol=0)


def test_the_chain_rule_of_the_paper_is_a_derivative_with_sobels_slope():
    lattice = Lattice.over((12, 9))
    encode = Encoding(levels=(3, 2), sobel=True)
    shape = operator("discrete", 2, encode, bias=False)
    vectors, given = networks(shape, 1), encode(lattice)[None]

    def sobel(image: torch.Tensor) -> torch.Tensor:  # on more cells than the lattice has, then cut
        taps = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]).flip(1) / 8 / lattice.spacing[1]
        return nn.functional.conv2d(image.transpose(0, 1), taps[None, None]).transpose(0, 1)

    wide = Lattice.over((12, 9))[(slice(-1, 13), slice(-1, 10))]
    slope = sobel(Encoding(levels=(3, 2))(wide)[None])
    hidden, tangent, parameters = given, slope, shape.layout.split(vectors[0])
    for layer in range(3):  # eq. 12, layer by layer
        taps = parameters[f"{layer}.weight"]
        angle = nn.functional.conv2d(hidden, taps, padding=1)
        tangent = nn.functional.conv2d(tangent, taps, padding=1)
        if layer < 2:
            hidden, tangent = angle.sin(), angle.cos() * tangent
    found = derivative(moved(shape, vectors, encode, lattice, 1), torch.zeros(2, dtype=torch.float64), (0, 1))
    torch.testing.assert_close(found[0], tangent, atol=1e-4, rtol=1e-4)
