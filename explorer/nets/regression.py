"""Many SIRENs, each regressed on the samples of its own signal.

Shape legend: N networks, P points, D axes, M channels, R = M P values, K weights of a network.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch

from explorer.nets.linearise import Workspace, linearise, loss_gradient
from explorer.nets.siren import Siren

PSNR_LIMIT_DB = 140.0  # float32 values cannot be told to agree better

_ACTIVATIONS = 2**24  # numbers of one layer that are held at a time where no gradient is kept
_WATCHED = 2**16  # samples of each signal from which the PSNR is known within some hundredths of a dB
_JACOBIAN = 2**26  # numbers of the Jacobian that are held at a time
_GRAM = 2**21  # numbers of the Gram matrices that are held at a time; more leave the processor's cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression:
    """A batch of signals and the shape of the networks that are to follow them.

    Args:
        siren: the shape of every network.
        coords: float32 [P, D] in [-1, 1], shared by all, or [N, P, D].
        values: float32 [N, P, M].
        weights: float32 [N, P] whose rows sum to 1, or None where all points count alike.
        units: float32 [M], what 1 in a channel is as a share of the range of the signals' values.
        points: how many points a step's gradient looks at, others at each; 0 for all.
        seed: says which.
        space: memory for the gradients.
    """

    siren: Siren
    coords: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor | None
    units: torch.Tensor
    points: int = 0
    seed: int = 0
    space: Workspace = field(default_factory=Workspace, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: torch.Tensor) -> Self:
        """Some of the signals, by position."""
        return replace(
            self,
            coords=self.coords if self.coords.ndim == 2 else self.coords[rows],
            values=self.values[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    @torch.no_grad()
    def gradient(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """Of the mean squared error of networks [N, K] at the points of a step, channels summed: [N, K]."""
        coords, values, weights = self._drawn(step)
        return loss_gradient(self.siren, networks, coords, values, weights, self.space)

    @torch.no_grad()
    def psnr_db(self, networks: torch.Tensor) -> torch.Tensor:
        """Against all samples, the peak being the range of the values: [N], at most ``PSNR_LIMIT_DB``."""
        n, p, m = self.values.shape
        total = torch.zeros(n, device=self.values.device)
        for points in self._blocks(_ACTIVATIONS // (n * max(self.siren.widths))):
            errors = self.siren(networks, self.coords[..., points, :]) - self.values[:, points]
            squares = (errors * self.units).square().sum(-1)
            weights = 1 / p if self.weights is None else self.weights[:, points]
            total += (squares * weights).sum(1)
        return -10 * (total / m).clamp(min=10 ** (-PSNR_LIMIT_DB / 10)).log10()

    def watched(self) -> Self:
        """With some samples of large signals, others by other seeds; those that count differently all stay."""
        count = self.values.shape[1]
        if count <= _WATCHED or self.weights is not None:
            return self
        some = torch.from_numpy(np.random.default_rng(self.seed).choice(count, _WATCHED, replace=False))
        some = some.sort().values.to(self.values.device)
        return replace(self, coords=self.coords[..., some, :], values=self.values[:, some])

    @torch.no_grad()
    def gauss_newton(self, networks: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        """The step [N, K] to the least squares of the linearised networks (Levenberg 1944, Marquardt 1963).

        Solved among the values where they are fewer than the weights, else among the weights.

        Args:
            networks: [N, K].
            damping: [N], as shares of the mean of the diagonal.
        """
        values = self.values[0].numel()
        if values > self.siren.layout.size:
            return self._among_weights(networks, damping)
        parts = torch.arange(len(networks), device=networks.device).split(max(1, _GRAM // values**2))
        return torch.cat([self.take(rows)._among_values(networks[rows], damping[rows]) for rows in parts])

    def _among_values(self, networks: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        around = linearise(self.siren, networks, self.coords)
        residuals = (self.values - around.values).mT.flatten(1)
        gram = around.gram(self.space)
        root = None
        if self.weights is not None:
            root = self.weights.sqrt().repeat(1, self.siren.m) * math.sqrt(self.weights.shape[1])
            residuals = residuals * root
            gram *= root.unsqueeze(1) * root.unsqueeze(2)
        solved = _damped_solve(gram, residuals, damping)
        return around.transposed(solved if root is None else solved * root)

    def _among_weights(self, networks: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        n, k = networks.shape
        normal, slope = networks.new_zeros(n, k, k), networks.new_zeros(n, k)
        for points in self._blocks(_JACOBIAN // (n * k * self.siren.m)):
            around = linearise(self.siren, networks, self.coords[..., points, :])
            jacobian = around.jacobian()
            residuals = (self.values[:, points] - around.values).mT.flatten(1)
            weighted = jacobian
            if self.weights is not None:
                weighted = jacobian * self.weights[:, points].repeat(1, self.siren.m).unsqueeze(2)
            normal += torch.bmm(weighted.mT, jacobian)
            slope += torch.bmm(weighted.mT, residuals.unsqueeze(2)).squeeze(2)
        return _damped_solve(normal, slope, damping)

    def _drawn(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Coordinates, values and weights at the points of a step."""
        n, p, _ = self.values.shape
        if not 0 < self.points < p:
            return self.coords, self.values, self.weights
        # One draw for all signals, so that it does not matter which of them are fitted together.
        if self.weights is None:
            kept = torch.from_numpy(np.flatnonzero((self._turns - self.points * step) % p < self.points))
            kept = kept.to(self.values.device)
            return self.coords[..., kept, :], self.values[:, kept], None
        draw = np.random.default_rng((self.seed, step)).random(p, np.float32)
        order = torch.from_numpy(draw).to(self.values.device) + (self.weights == 0)  # points that are padding go last
        index = order.topk(self.points, 1, largest=False).indices
        coords = self.coords.expand(n, -1, -1).gather(1, index[..., None].expand(-1, -1, self.coords.shape[-1]))
        values = self.values.gather(1, index[..., None].expand(-1, -1, self.values.shape[-1]))
        weights = self.weights.gather(1, index)
        return coords, values, weights / weights.sum(1, keepdim=True)

    @cached_property
    def _turns(self) -> np.ndarray:
        """In what order points have their turn: a permutation [P].

        Shared ones lie all over the domain within any run of it, so that a step errs less than by points at random: an
        additive recurrence in their places along each axis (Roberts 2018, "The unreasonable effectiveness of
        quasirandom sequences").
        """
        rng, count = np.random.default_rng(self.seed), self.values.shape[1]
        if self.coords.ndim == 3:
            return rng.permutation(count)
        coords = self.coords.cpu().numpy()
        places = np.stack([np.unique(line, return_inverse=True)[1] for line in coords.T], 1)
        root = 2.0
        for _ in range(64):  # of root ** (d + 1) = root + 1
            root = (1 + root) ** (1 / (coords.shape[1] + 1))
        strides = root ** -np.arange(1.0, coords.shape[1] + 1)
        return ((places @ strides + rng.random()) % 1).argsort(kind="stable").argsort()

    def _blocks(self, size: int) -> list[slice]:
        """All points in runs of ``size``."""
        points = self.values.shape[1]
        step = max(1, min(size, points))
        return [slice(start, start + step) for start in range(0, points, step)]


def _damped_solve(matrix: torch.Tensor, right: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
    """(matrix + damping x its mean diagonal)^-1 right: [N, R]; zero where the matrix is not positive in float32."""
    diagonal = matrix.diagonal(dim1=1, dim2=2)
    diagonal += (damping * diagonal.mean(1)).unsqueeze(1)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    solved = torch.cholesky_solve(right.unsqueeze(2), factor).squeeze(2)
    return torch.where(failed.unsqueeze(1) == 0, solved, 0)
