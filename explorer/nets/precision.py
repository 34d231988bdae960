"""In which number format large matrix products are quickest."""

from functools import lru_cache

import torch


@lru_cache(maxsize=8)
def matmul_dtype(device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32. Sums and parameters stay float32."""
    kind = torch.device(device).type
    if kind == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:  # not public in torch, so asked for with care
        supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        fast = kind == "cpu" and supported()
    return torch.bfloat16 if fast else torch.float32
