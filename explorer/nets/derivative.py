"""Derivatives of any order in closed form, by forward-mode differentiation along a move of all places."""

from collections.abc import Callable, Sequence

import torch

Function = Callable[[torch.Tensor], torch.Tensor]


def derivative(function: Function, places: torch.Tensor, orders: Sequence[int]) -> torch.Tensor:
    """A function's values at places [..., D], differentiated so often along each axis; without orders, its values."""
    for axis, order in enumerate(orders):
        for _ in range(order):
            function = _along(function, axis)
    return function(places)


def _along(function: Function, axis: int) -> Function:
    def slope(places: torch.Tensor) -> torch.Tensor:
        direction = torch.zeros_like(places)
        direction[..., axis] = 1
        return torch.func.jvp(function, (places,), (direction,))[1]

    return slope
