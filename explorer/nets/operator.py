"""Signals as convolution operators on positional encodings (O-INR), many at once.

Source: "Operator-theoretic implicit neural representation", sections 3 and 5. Convolutions with sines between them, no
omega; what lies outside of the domain counts as zero.

Shape legend: N networks, B functions that each is given, C channels, M channels of the values, S a lattice's shape.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from explorer.interpolation import Units
from explorer.nets.kernels import Continuous, Discrete, Kernel
from explorer.nets.parameters import Layout

_CONVOLUTIONS = (torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d)
_MOST_TAPS = 4  # times as many as nodes; beyond, it is quicker to filter along each axis first


@dataclass(frozen=True, kw_only=True)
class Operator:
    """The shape of an operator; its parameters are passed in.

    Args:
        d: axes of the domain.
        inputs: channels of the encoding.
        widths: outputs of each sine layer.
        m: channels of the values.
        kernel: what a layer's parameters are, and the taps that they make.
        bias: whether layers have one.
        gain: what the first weights are multiplied by, against those of the released code.
        pointwise: whether kernels are zero but for their middle nodes at first.
    """

    d: int
    inputs: int
    widths: tuple[int, ...]
    m: int
    kernel: Kernel
    bias: bool = False
    gain: float = 1.0
    pointwise: bool = False

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of each layer."""
        return tuple(zip((*self.widths, self.m), (self.inputs, *self.widths), strict=True))

    @cached_property
    def layout(self) -> Layout:
        """Layer by layer: ``0.weight`` [outputs, inputs, *taps] (or a kernel network's), ``0.bias`` [outputs] …"""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for layer, (outputs, inputs) in enumerate(self.sizes):
            shapes += [(f"{layer}.{name}", shape) for name, shape in self.kernel.shapes(outputs, inputs).items()]
            if self.bias:
                shapes.append((f"{layer}.bias", (outputs,)))
        return Layout(tuple(shapes))

    @cached_property
    def bounds(self) -> torch.Tensor:
        """Every parameter starts uniform in plus or minus this: [layout.size]."""
        bounds = []
        for name, shape in self.layout.shapes:
            layer, _, parameter = name.partition(".")
            outputs, inputs = self.sizes[int(layer)]
            bound = 1 / math.sqrt(inputs)
            if parameter != "bias":
                bound = self.gain * self.kernel.bound(parameter, inputs)
            part = torch.full(shape, bound)
            if self.pointwise and parameter != "bias":  # of the same size together as all nodes have
                part = torch.zeros(shape)
                part[self._middle] = bound * math.sqrt(math.prod(shape[2:]))
            bounds.append(part.flatten())
        return torch.cat(bounds)

    @property
    def _middle(self) -> tuple[Any, ...]:
        """Where a kernel's middle node lies in weights [..., *Q]."""
        assert isinstance(self.kernel, Continuous | Discrete)
        return (..., *(self.kernel.size // 2,) * self.d)

    def initial(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Fresh networks: [N, layout.size], on the CPU."""
        return (2 * torch.rand(n, self.layout.size, generator=generator) - 1) * self.bounds

    @property
    def symmetry(self) -> tuple[Units, ...]:
        """A sine layer's channels may change places, and their signs, since sin(-x) = -sin(x)."""
        own, bias = self.kernel.by_channel, ("bias",) if self.bias else ()
        return tuple(
            Units(
                tuple(f"{layer}.{name}" for name in (*own, *bias)),
                tuple(f"{layer + 1}.{name}" for name in own),
                odd=True,
            )
            for layer in range(len(self.widths))
        )

    def reach(self, spacing: Sequence[float]) -> tuple[int, ...]:
        """How many cells away, along each axis, a value still depends on."""
        return tuple(len(self.sizes) * cells for cells in self.kernel.reach(spacing))

    def copies(self, spacing: Sequence[float]) -> int:
        """How many numbers are held for each of an activation's: one, or one for each node of a kernel."""
        return math.prod(self.kernel.shapes(1, 1)["weight"]) if self._filters(spacing) else 1

    def __call__(
        self,
        networks: torch.Tensor,
        functions: torch.Tensor,
        spacing: Sequence[float],
        dtype: torch.dtype = torch.float32,
        inner: Sequence[slice] | None = None,
    ) -> torch.Tensor:
        """Values [B, N, M, *S] of networks [N, layout.size] on functions [B, C, *S] sampled so far apart.

        Args:
            dtype: of the convolutions' factors; sums, sines and parameters are float32.
            inner: the cells whose values are asked for, all by default; layers then leave out what none of these sees.
        """
        parameters = self.layout.split(networks)
        inner = inner or tuple(slice(0, size) for size in functions.shape[2:])
        margins = tuple((i.start, size - i.stop) for i, size in zip(inner, functions.shape[2:], strict=True))
        hidden = functions.unsqueeze(1)
        for layer, sizes in enumerate(self.sizes):
            own = {name: parameters[f"{layer}.{name}"] for name in self.kernel.shapes(*sizes)}
            bias = parameters[f"{layer}.bias"] if self.bias else None
            if layer:
                hidden = torch.sin(hidden)
            reach, later = self.kernel.reach(spacing), len(self.sizes) - layer - 1
            needed = tuple((min(a, later * r), min(b, later * r)) for (a, b), r in zip(margins, reach, strict=True))
            spare = tuple((a - c, b - d) for (a, b), (c, d) in zip(margins, needed, strict=True))
            if self._filters(spacing):
                hidden = self._filtered(hidden, own["weight"], bias, spacing)
                for axis, (a, b) in enumerate(spare, start=3):
                    hidden = hidden.narrow(axis, a, hidden.shape[axis] - a - b)
            else:
                padding = tuple((r - a, r - b) for (a, b), r in zip(spare, reach, strict=True))
                hidden = self._convolved(hidden, self.kernel.taps(own, spacing), bias, padding, dtype)
            margins = needed
        return hidden

    def at_points(self, networks: torch.Tensor, functions: torch.Tensor) -> torch.Tensor:
        """Values [B, N, M, P] of the middle nodes of networks [N, layout.size] alone, which see no neighbours, where
        functions have values [B, C, P]."""
        parameters = self.layout.split(networks)
        hidden = functions.unsqueeze(1)
        for layer in range(len(self.sizes)):
            if layer:
                hidden = torch.sin(hidden)
            hidden = parameters[f"{layer}.weight"][self._middle] @ hidden
            if self.bias:
                hidden = hidden + parameters[f"{layer}.bias"].unsqueeze(-1)
        return hidden

    def _filters(self, spacing: Sequence[float]) -> bool:
        """Whether nodes are spread over so many taps that it pays to filter first."""
        if not isinstance(self.kernel, Continuous) or self.d == 1:
            return False
        taps = math.prod(2 * cells + 1 for cells in self.kernel.reach(spacing))
        return taps > _MOST_TAPS * self.kernel.size**self.d

    def _convolved(
        self,
        hidden: torch.Tensor,
        taps: torch.Tensor,
        bias: torch.Tensor | None,
        padding: tuple[tuple[int, int], ...],
        dtype: torch.dtype,
    ) -> torch.Tensor:
        """[B, N, I, *S] with taps [N, O, I, *T]: [B, N, O, *S], larger by the padding below and above each axis."""
        # What all networks are given is convolved at once with all their kernels, else by one group for each.
        n, groups = len(taps), hidden.shape[1]
        image, kernels = hidden.flatten(1, 2).to(dtype), taps.flatten(0, 1).to(dtype)
        even = tuple(min(sides) for sides in padding)
        odd = [side - e for sides, e in zip(padding[::-1], even[::-1], strict=True) for side in sides]
        if any(odd):  # where the domain ends on one side of a box alone
            image = torch.nn.functional.pad(image, odd)
        if n == 1 and self.d == 2:  # some 7 % quicker; solids are not
            image, kernels = (part.contiguous(memory_format=torch.channels_last) for part in (image, kernels))
        found = _CONVOLUTIONS[self.d - 1](image, kernels, None, padding=even, groups=groups)
        found = found.unflatten(1, (n, -1)).float()
        return found if bias is None else found + bias.view(*bias.shape, *(1,) * self.d)

    def _filtered(
        self, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, spacing: Sequence[float]
    ) -> torch.Tensor:
        """The same from nodes [N, O, I, *Q] of a continuous kernel: it is the sum over its nodes of what each takes in,
        which is found along one axis after the other."""
        assert isinstance(self.kernel, Continuous)
        shape = hidden.shape[3:]
        for axis, shares in enumerate(self.kernel.shares(spacing)):
            band = torch.from_numpy(_band(shares, shape[axis])).to(hidden)
            hidden = torch.tensordot(hidden, band, dims=([3 + 2 * axis], [2]))
            hidden = hidden.movedim((-2, -1), (3 + axis, 4 + 2 * axis))
        taken = hidden.flatten(2, 2 + self.d).flatten(3)
        found = torch.matmul(weight.flatten(2), taken).unflatten(-1, shape)
        return found if bias is None else found + bias.view(*bias.shape, *(1,) * self.d)


def _band(shares: np.ndarray, size: int) -> np.ndarray:
    """What each node takes in of ``size`` cells at each of them: float32 [Q, size, size] from shares [T, Q]."""
    reach, cells = len(shares) // 2, np.arange(size)
    offset = cells - cells[:, None] + reach
    inside = (offset >= 0) & (offset < len(shares))
    return np.where(inside, shares.T[:, np.clip(offset, 0, len(shares) - 1)], np.float32(0))
