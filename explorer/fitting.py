"""The training loop that every representation with shared parameters uses."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.messages import Progress
from explorer.representations.base import Report

REPORT_INTERVAL_S = 0.1
_MOMENTS = ("exp_avg", "exp_avg_sq")
_NO_STEP_LEFT = 2**53


def draws(seed: int, step: int) -> np.random.Generator:
    """The random numbers of one step; they know nothing of the steps before, so that a training can go on anywhere."""
    return np.random.default_rng((seed, step))


def minimise(
    parameters: Mapping[str, torch.Tensor],
    loss_at: Callable[[int], torch.Tensor],
    *,
    steps: int,
    learning_rate_at: Callable[[int], float],
    report: Report,
    weight_decay: float = 0.0,
    clip: float = math.inf,
    resume: Artifact | None = None,
    metrics: Callable[[float], Mapping[str, float]] = lambda loss: {},
) -> None:
    """AdamW on the parameters, in place; without weight decay it is Adam.

    Args:
        loss_at: the scalar loss of a step, from 0; it must depend on nothing but the step and the parameters.
        learning_rate_at: the learning rate of a step.
        clip: the largest norm of a gradient over all parameters; what is longer is scaled down.
        report: hears of the mean loss since its last call, and more that ``metrics`` makes of it.
        resume: a state that an earlier, interrupted call handed to its ``report``.

    Raises InvalidInput for a loss that is not finite, and for a state of another training.
    """
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(list(parameters.values()), weight_decay=weight_decay, fused=True)
    step = _restore(resume, parameters, optimiser) if resume else 0
    heard, told, total = step, time.monotonic(), torch.zeros((), device=next(iter(parameters.values())).device)
    while step < steps:
        optimiser.param_groups[0]["lr"] = learning_rate_at(step)
        optimiser.zero_grad()
        loss = loss_at(step)
        loss.backward()
        if math.isfinite(clip):
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
        optimiser.step()
        total += loss.detach()
        step += 1
        if step == steps or time.monotonic() - told >= REPORT_INTERVAL_S:
            mean = float(total) / (step - heard)
            if not math.isfinite(mean):
                raise InvalidInput(f"Got a loss of {mean} at step {step}; expected a number. Lower the learning rate.")
            report(
                Progress(step=step, total=steps, message="training", metrics={"loss": mean, **metrics(mean)}),
                state=lambda: _state(step, parameters, optimiser),  # noqa: B023 (called at once or never)
            )
            heard, told = step, time.monotonic()
            total.zero_()
    for parameter in parameters.values():
        parameter.requires_grad_(False)


def ended_here(state: Artifact) -> Artifact | None:
    """A kept state as one of a training that has no step left to do; None for a state of another kind.

    A training that is resumed with it gives the checkpoint that it had come to.
    """
    if state.kind != "training" or not isinstance(state.meta.get("step"), int):
        return None
    return Artifact("training", state.arrays, {**state.meta, "step": _NO_STEP_LEFT})


def _state(step: int, parameters: Mapping[str, torch.Tensor], optimiser: torch.optim.AdamW) -> Artifact:
    arrays = {}
    for name, parameter in parameters.items():
        arrays[f"parameters/{name}"] = parameter.detach().cpu().numpy().copy()
        for moment in _MOMENTS:
            arrays[f"{moment}/{name}"] = optimiser.state[parameter][moment].cpu().numpy().copy()
    return Artifact("training", arrays, {"step": step})


def _restore(state: Artifact, parameters: Mapping[str, torch.Tensor], optimiser: torch.optim.AdamW) -> int:
    step: Any = state.meta.get("step")
    names = {f"{part}/{name}" for part in ("parameters", *_MOMENTS) for name in parameters}
    shapes = {name: tuple(p.shape) for name, p in parameters.items()}
    if (
        state.kind != "training"
        or not isinstance(step, int)
        or set(state.arrays) != names
        or any(array.shape != shapes[name.partition("/")[2]] for name, array in state.arrays.items())
    ):
        raise InvalidInput("Got a state of another training; expected one of the same configuration. Start afresh.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(state.arrays[f"parameters/{name}"].copy()))
            optimiser.state[parameter] = {
                "step": torch.tensor(float(step), device=parameter.device),
                **{m: torch.from_numpy(state.arrays[f"{m}/{name}"].copy()).to(parameter.device) for m in _MOMENTS},
            }
    return step
