"""A small classifier of vectors: three linear layers with dropout between them."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

_WIDTH, _DROPOUT, _SMOOTHING = 256, 0.3, 0.05
_BATCH, _EPOCHS, _MIN_STEPS = 128, 60, 300
_LEARNING_RATE, _WEIGHT_DECAY = 1e-3, 1e-2


def fit_mlp(vectors: np.ndarray, classes: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Train it, with AdamW down a cosine; on the CPU, so that one seed is one classifier everywhere.

    Args:
        vectors: float32 [n, dz], of about mean 0 and deviation 1.
        classes: int64 [n], from 0 up.
        seed: of the weights, the batches and the dropout.

    Returns:
        From vectors [N, dz] to classes [N].
    """
    generator = torch.Generator().manual_seed(seed)  # of its own: other threads draw from the one they all share
    x, y = torch.from_numpy(vectors), torch.from_numpy(classes)
    sizes = [x.shape[1], _WIDTH, _WIDTH, int(y.max()) + 1]
    weights = [_uniform(o, i, generator) for i, o in zip(sizes, sizes[1:], strict=False)]
    biases = [torch.zeros(size, requires_grad=True) for size in sizes[1:]]

    def scores(hidden: torch.Tensor, dropout: float) -> torch.Tensor:
        for weight, bias in zip(weights[:-1], biases, strict=False):
            hidden = functional.relu(functional.linear(hidden, weight, bias))
            if dropout:
                kept = torch.rand(hidden.shape, generator=generator) >= dropout
                hidden = hidden * kept / (1 - dropout)
        return functional.linear(hidden, weights[-1], biases[-1])

    steps = max(_EPOCHS * math.ceil(len(x) / _BATCH), _MIN_STEPS)
    optimiser = torch.optim.AdamW([*weights, *biases], lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (min(_BATCH, len(x)),), generator=generator)
        optimiser.zero_grad()
        functional.cross_entropy(scores(x[rows], _DROPOUT), y[rows], label_smoothing=_SMOOTHING).backward()
        optimiser.step()
        schedule.step()

    @torch.inference_mode()
    def predict(asked: np.ndarray) -> np.ndarray:
        return scores(torch.from_numpy(asked), 0.0).argmax(1).numpy()

    return predict


def _uniform(outputs: int, inputs: int, generator: torch.Generator) -> torch.Tensor:
    """A layer's weights before a ReLU (He et al. 2015)."""
    weight = (2 * torch.rand(outputs, inputs, generator=generator) - 1) * math.sqrt(6 / inputs)
    return weight.requires_grad_(True)
