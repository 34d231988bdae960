"""Parameters of the checkpoints used last, kept ready on their device."""

from collections import OrderedDict
from threading import Lock

import torch

from explorer.codes import Checkpoint

_KEPT = 8
_warm: OrderedDict[tuple[str, str], dict[str, torch.Tensor]] = OrderedDict()
_lock = Lock()


def parameters_of(checkpoint: Checkpoint, device: str) -> dict[str, torch.Tensor]:
    """A checkpoint's arrays as tensors on a device, loaded once; not to be written to."""
    key = (checkpoint.id, device)
    with _lock:
        if key not in _warm:
            _warm[key] = {name: torch.tensor(array, device=device) for name, array in checkpoint.arrays.items()}
        _warm.move_to_end(key)
        while len(_warm) > _KEPT:
            _warm.popitem(last=False)
        return _warm[key]
