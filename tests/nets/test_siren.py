"""Many SIRENs at once are the same as each alone."""

import math

import pytest
import torch
from torch import nn

from explorer.nets.siren import Siren


def alone(siren: Siren, vector: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
    """One network, as the SIREN paper writes it: values [P, M] at coords [P, D]."""
    parameters, hidden = siren.layout.split(vector), coords
    for layer, (outputs, inputs) in enumerate(siren.sizes):
        linear = nn.Linear(inputs, outputs)
        linear.load_state_dict({"weight": parameters[f"{layer}.weight"], "bias": parameters[f"{layer}.bias"]})
        hidden = linear(hidden)
        if layer < siren.layers - 1:
            hidden = torch.sin((siren.omega_0 if layer == 0 else siren.hidden_omega) * hidden)
    return torch.sigmoid(hidden) if siren.sigmoid else hidden


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("m", [1, 3, 4])
@pytest.mark.parametrize("layers", [2, 4])
def test_a_batch_equals_each_network_alone(d: int, m: int, layers: int):
    siren = Siren(d=d, m=m, widths=(6,) * (layers - 1), omega_0=12.0, hidden_omega=7.0)
    generator = torch.Generator().manual_seed(d + m)
    vectors = siren.initial(5, generator)
    shared, own = torch.rand(11, d, generator=generator), torch.rand(5, 11, d, generator=generator)
    for coords in (shared, own):
        each = [alone(siren, v, coords if coords.ndim == 2 else coords[i]) for i, v in enumerate(vectors)]
        torch.testing.assert_close(siren(vectors, coords), torch.stack(each), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("d", "m", "width", "dz"), [(2, 1, 5, 81), (2, 3, 32, 2307), (1, 4, 5, 94)])
def test_the_papers_networks_have_its_number_of_parameters(d: int, m: int, width: int, dz: int):
    assert Siren(d=d, m=m, widths=(width,) * 3).layout.size == dz


def test_fresh_networks_keep_to_the_original_bounds():
    siren = Siren(d=2, m=1, widths=(16,) * 3, omega_0=30.0, hidden_omega=20.0)
    parameters = siren.layout.split(siren.initial(200, torch.Generator().manual_seed(0)))
    hidden = math.sqrt(6 / 16) / 20
    for name, bound in (("0.weight", 0.5), ("1.weight", hidden), ("3.weight", hidden), ("2.bias", 0.25)):
        assert 0.97 * bound < parameters[name].abs().max() <= bound
