"""Laws of fitting latents to a frozen decoder, on random clouds and values."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.fits import Plan, fit
from explorer.nets.cloud_fits import CloudFits
from explorer.nets.decoder import CloudDecoder

COUNTS, SLOTS, NEAR, LATENT = np.array([40, 25]), 6, 3, 5


def problem(m: int = 2, weighted: bool = False) -> CloudFits:
    generator = torch.Generator().manual_seed(0)
    decoder, samples = CloudDecoder(d=2, m=m, neighbors=NEAR, latent=LATENT), int(COUNTS.sum())
    owners = torch.from_numpy(np.repeat(np.arange(2), COUNTS)).unsqueeze(1)
    weights = 0.5 + torch.rand(samples, generator=generator)
    return CloudFits(
        decoder=decoder,
        parameters=decoder.initial(generator),
        neighbors=torch.randint(SLOTS, (samples, NEAR), generator=generator) + SLOTS * owners,
        places=torch.randn(samples, NEAR * 2, generator=generator),
        values=torch.randn(samples, m, generator=generator),
        weights=weights if weighted else None,
        stands=weights.flip(0) if weighted else None,
        counts=COUNTS,
        slots=SLOTS,
        share=0.5,
        seed=0,
    )


def latents() -> torch.Tensor:
    return torch.randn(2, SLOTS * LATENT, generator=torch.Generator().manual_seed(1))


def loss(fits: CloudFits, networks: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """The mean squared error of each signal, channels summed, as automatic derivatives see it: [N]."""
    values = fits.decoder(fits.parameters, networks.view(-1, LATENT), fits.neighbors, fits.places)
    squares = (values - fits.values).square().sum(1)
    squares = squares if weights is None else squares * weights
    return torch.stack([part.mean() for part in squares.split(COUNTS.tolist())])


@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_over_all_samples_follows_the_gradient(weighted):
    fits, networks = replace(problem(weighted=weighted), share=1.0), latents().requires_grad_(True)
    (expected,) = torch.autograd.grad(loss(fits, networks, fits.weights).sum(), networks)
    torch.testing.assert_close(fits.gradient(networks, 0), expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_psnr_is_that_of_the_signal_as_a_whole(weighted):
    fits, networks = problem(m=1, weighted=weighted), latents()
    expected = -10 * loss(fits, networks, fits.stands).log10()
    torch.testing.assert_close(fits.psnr_db(networks), expected)


def test_what_is_fitted_beside_makes_no_difference():
    fits, start = problem(weighted=True), latents()
    plan = Plan(steps=5, learning_rate=1e-2, final_learning_rate=1e-3)
    together = fit(fits, start, plan)
    for row in range(2):
        alone = fit(fits.take(torch.tensor([row])), start[[row]], plan)
        torch.testing.assert_close(alone.networks[0], together.networks[row], rtol=1e-3, atol=1e-4)
