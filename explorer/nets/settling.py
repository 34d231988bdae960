"""Layers that make what a coarse grid gives of a signal into what the signal's own samples give.

They act on features of whole signals, not on samples, so that learning them costs seconds. They are learned when all
else has been: their target stands still, and no feature becomes steady by saying less.
"""

import math
from collections.abc import Mapping

import torch
from torch.nn import functional

Parameters = Mapping[str, torch.Tensor]

_LAYERS = 3

# A feature is not blown up beyond this share of the typical deviation.
_LEAST_DEVIATION = 0.03


def settled(parameters: Parameters, features: torch.Tensor) -> torch.Tensor:
    """Features [..., F], corrected by such layers; as they are where there are none among the parameters."""
    if "settle.mean" not in parameters:
        return features
    correction = (features - parameters["settle.mean"]) / parameters["settle.deviation"]
    for layer in range(_LAYERS):
        weight, bias = parameters[f"settle.{layer}.weight"], parameters[f"settle.{layer}.bias"]
        correction = functional.linear(functional.silu(correction) if layer else correction, weight, bias)
    return features + correction


def standards(features: torch.Tensor) -> dict[str, torch.Tensor]:
    """What brings features [..., F] to mean 0 and deviation 1 before such layers."""
    features = features.flatten(0, -2)
    deviation = features.std(0)
    least = _LEAST_DEVIATION * float(deviation.square().mean().sqrt())
    return {"settle.mean": features.mean(0), "settle.deviation": deviation.clamp_min(max(least, 1e-6))}


def initial(features: int, width: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Fresh layers for F features, the inner ones of a width, which correct nothing yet."""
    parameters = {}
    sizes = [features, *[width] * (_LAYERS - 1), features]
    for layer in range(_LAYERS):
        inputs, outputs = sizes[layer], sizes[layer + 1]
        bound = math.sqrt(1 / inputs) if layer < _LAYERS - 1 else 0.0
        parameters[f"settle.{layer}.weight"] = (2 * torch.rand(outputs, inputs, generator=generator) - 1) * bound
        parameters[f"settle.{layer}.bias"] = torch.zeros(outputs)
    return parameters
