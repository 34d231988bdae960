"""Gradients and Jacobians by hand are those of automatic differentiation."""

import pytest
import torch

from explorer.nets.linearise import Workspace, linearise, loss_gradient
from explorer.nets.siren import Siren

CASES = pytest.mark.parametrize(("m", "sigmoid", "own"), [(1, False, False), (3, True, False), (2, False, True)])


def made(m: int, sigmoid: bool, own: bool) -> tuple[Siren, torch.Tensor, torch.Tensor]:
    siren = Siren(d=2, m=m, widths=(6, 5), omega_0=12.0, hidden_omega=3.0, sigmoid=sigmoid)
    generator = torch.Generator().manual_seed(m)
    coords = 2 * torch.rand(4, 7, 2, generator=generator) - 1
    return siren, siren.initial(4, generator), coords if own else coords[0]


@CASES
def test_the_gradient_is_that_of_autograd(m: int, sigmoid: bool, own: bool):
    siren, vectors, coords = made(m, sigmoid, own)
    values, weights = torch.rand(4, 7, m), torch.rand(4, 7).softmax(1)
    space = Workspace()
    for weighed in (None, weights):
        tracked = vectors.clone().requires_grad_(True)
        errors = (siren(tracked, coords) - values).square().sum(-1)
        loss = errors.mean(1) if weighed is None else (errors * weighed).sum(1)
        (wanted,) = torch.autograd.grad(loss.sum(), tracked)
        given = loss_gradient(siren, vectors, coords, values, weighed, space)
        torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-5)


@CASES
def test_the_jacobian_is_that_of_autograd(m: int, sigmoid: bool, own: bool):
    siren, vectors, coords = made(m, sigmoid, own)

    def values(vector: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        return siren(vector[None], place[None])[0].mT.reshape(-1)

    each = coords if own else coords.expand(4, -1, -1)
    wanted = torch.func.vmap(torch.func.jacrev(values))(vectors, each)
    around = linearise(siren, vectors, coords)
    torch.testing.assert_close(around.values, siren(vectors, coords), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(around.jacobian(), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(around.gram(), wanted @ wanted.mT, rtol=1e-4, atol=1e-4)
    pulled = torch.einsum("nrk,nr->nk", wanted, wanted[..., 0])
    torch.testing.assert_close(around.transposed(wanted[..., 0]), pulled, rtol=1e-4, atol=1e-4)


def test_memory_that_is_used_again_does_not_show():
    siren, vectors, coords = made(1, False, False)
    space, values = Workspace(), torch.rand(4, 7, 1)
    first = loss_gradient(siren, vectors, coords, values, space=space)
    kept = first.clone()
    loss_gradient(siren, vectors[:2] + 1, coords[:5], values[:2, :5], space=space)
    torch.testing.assert_close(first, kept, rtol=0, atol=0)
    torch.testing.assert_close(loss_gradient(siren, vectors, coords, values, space=space), kept, rtol=0, atol=0)
