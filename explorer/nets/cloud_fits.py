"""Latents of many clouds fitted at once, to a frozen decoder. A ``fits.Problem`` whose networks are padded clouds.

Shape legend: N signals, P samples of all of them, S of these in a step, A anchors of the largest cloud, Z latents,
D axes, M channels, n neighbours.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch

from explorer.nets.decoder import CloudDecoder, Parameters

PSNR_LIMIT_DB = 140.0
_SAMPLES = 2**14  # in work at a time where all are looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class CloudFits:
    """Signals, and where their samples lie to their anchors.

    Args:
        decoder: the shape of the decoder.
        parameters: of the decoder, not moved.
        neighbors: int64 [P, n], among the N A slots of the padded clouds.
        places: float32 [P, n D].
        values: float32 [P, M], in the decoder's units.
        weights: float32 [P], what each counts in a fit, of each signal's samples 1 on average; None where all count
            alike.
        stands: float32 [P], what each stands for in the signal as a whole, likewise.
        counts: samples of each signal, int64 [N].
        slots: A.
        share: of the samples that a step looks at.
        seed: draws them.
        dtype: in which the large products run.
        peak: range of the values, in the decoder's units.
    """

    decoder: CloudDecoder
    parameters: Parameters
    neighbors: torch.Tensor
    places: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor | None
    stands: torch.Tensor | None
    counts: np.ndarray
    slots: int
    share: float
    seed: int
    dtype: torch.dtype = torch.float32
    peak: float = 1.0

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def _cast(self) -> dict[str, torch.Tensor]:
        return {name: tensor.to(self.dtype) for name, tensor in self.parameters.items()}

    @cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of every sample of a step: which of its signal's run of samples it comes from, as first, length and number
        within the step; and what it counts."""
        drawn = np.maximum(1, np.ceil(self.share * self.counts)).astype(np.int64)
        number = np.arange(drawn.sum()) - np.repeat(np.cumsum(drawn) - drawn, drawn)
        first = np.repeat(np.cumsum(self.counts) - self.counts, drawn)
        return first, np.repeat(self.counts / drawn, drawn), number, np.repeat(1 / drawn, drawn).astype(np.float32)

    def drawn(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions [S] of the samples that a step looks at, and what each counts.

        One sample out of every run of neighbouring ones, at random; which one depends on the step and the number of
        the run alone, so that it does not matter which signals are fitted together.
        """
        first, length, number, counted = self._runs
        lot = np.random.default_rng((self.seed, step)).random(int(number.max()) + 1)[number]
        index = first + ((number + lot) * length).astype(np.int64)
        device = self.values.device
        return torch.from_numpy(index).to(device), torch.from_numpy(counted).to(device)

    @torch.no_grad()
    def gradient(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """Of each signal's mean squared error, channels summed: [N, A Z]."""
        kept, counted = self.drawn(step)
        latents = networks.view(-1, self.decoder.latent)
        neighbors = self.neighbors.index_select(0, kept)
        places = self.places.index_select(0, kept).to(self.dtype)
        hidden = self.decoder.hidden(self._cast, latents.to(self.dtype), neighbors, places).relu_()
        values = torch.addmm(self._cast["out_bias"], hidden, self._cast["out_weight"]).float()
        if self.weights is not None:
            counted = counted * self.weights[kept]
        slopes = (values - self.values.index_select(0, kept)).mul_(2 * counted.unsqueeze(1)).to(self.dtype)
        return self.decoder.pull_back(self._cast, hidden, slopes, neighbors, len(latents)).view_as(networks)

    @torch.no_grad()
    def psnr_db(self, networks: torch.Tensor) -> torch.Tensor:
        """Against the signals as a whole: [N], at most ``PSNR_LIMIT_DB``."""
        latents = networks.view(-1, self.decoder.latent).to(self.dtype)
        squares = torch.empty(len(self.values), device=self.values.device)
        for first in range(0, len(squares), _SAMPLES):
            part = slice(first, first + _SAMPLES)
            values = self.decoder(self._cast, latents, self.neighbors[part], self.places[part].to(self.dtype))
            squares[part] = (values.float() - self.values[part]).square().mean(1)
        if self.stands is not None:
            squares *= self.stands
        counts = torch.from_numpy(self.counts).to(squares.device)
        means = torch.segment_reduce(squares, "mean", lengths=counts)
        return -10 * (means / self.peak**2).clamp(min=10 ** (-PSNR_LIMIT_DB / 10)).log10()

    def take(self, rows: torch.Tensor) -> Self:
        """Some of the signals, by position."""
        mine = rows.cpu().numpy()
        counts = self.counts[mine]
        first = (np.cumsum(self.counts) - self.counts)[mine]
        runs = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        moved = torch.from_numpy(np.repeat((np.arange(len(mine)) - mine) * self.slots, counts)).to(rows.device)
        kept = torch.from_numpy(runs).to(rows.device)
        return replace(
            self,
            neighbors=self.neighbors[kept] + moved.unsqueeze(1),
            places=self.places[kept],
            values=self.values[kept],
            weights=None if self.weights is None else self.weights[kept],
            stands=None if self.stands is None else self.stands[kept],
            counts=counts,
        )
