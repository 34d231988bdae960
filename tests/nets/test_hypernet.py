"""Laws of the hypernetwork: shapes in any dimension, and what must not matter."""

import pytest
import torch

from explorer.nets.hypernet import Hypernet
from explorer.nets.siren import Siren


def made(d: int = 2, m: int = 1) -> tuple[Hypernet, dict[str, torch.Tensor]]:
    siren = Siren(d=d, m=m, widths=(6,) * 3, omega_0=10.0, hidden_omega=10.0)
    net = Hypernet(siren=siren, width=24, features=8, trunk=1, head_gain=0.5)
    generator = torch.Generator().manual_seed(0)
    return net, {"frequencies": net.frequencies(1.0, generator)} | net.initial(generator)


def observed(d: int = 2, m: int = 1, n: int = 3, p: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, p, d, generator=generator), torch.rand(n, p, m, generator=generator)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("m", [1, 3, 4])
def test_shapes_in_any_dimension(d: int, m: int):
    net, parameters = made(d, m)
    coords, values = observed(d, m)
    for places in (coords, coords[0]):
        pooled = net.pool(parameters, places, values)
        weights = net.predict(parameters, pooled)
        assert pooled.shape == (3, 24) and weights.shape == (3, net.siren.layout.size)
        assert net.siren(weights, places).shape == values.shape


def test_the_order_of_the_points_does_not_matter():
    net, parameters = made()
    coords, values = observed()
    order = torch.randperm(coords.shape[1], generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        net.pool(parameters, coords, values), net.pool(parameters, coords[:, order], values[:, order])
    )


def test_padding_does_not_matter():
    net, parameters = made()
    coords, values = observed()
    weights = torch.full(coords.shape[:2], 1 / 20)
    padded = [torch.cat([x, torch.full((3, 5, *x.shape[2:]), fill)], 1) for x, fill in ((coords, 9.0), (values, 7.0))]
    torch.testing.assert_close(
        net.pool(parameters, coords, values),
        net.pool(parameters, *padded, weights=torch.cat([weights, torch.zeros(3, 5)], 1)),
    )


def test_a_point_of_double_weight_counts_as_two():
    net, parameters = made()
    coords, values = observed()
    twice = [torch.cat([x, x[:, :1]], 1) for x in (coords, values)]
    weights = torch.full((3, 20), 1 / 21)
    weights[:, 0] *= 2
    torch.testing.assert_close(
        net.pool(parameters, *twice), net.pool(parameters, coords, values, weights=weights), rtol=1e-4, atol=1e-5
    )


def test_what_is_seen_changes_the_network():
    net, parameters = made()
    coords, values = observed()
    weights = net.predict(parameters, net.pool(parameters, coords[0], values))
    assert (weights[0] - weights[1]).abs().max() > 1e-4
