"""The one form in which anything is kept or sent: named arrays and a JSON description, as safetensors bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from explorer.errors import InvalidInput

Arrays = Mapping[str, np.ndarray]

_HEADER_LIMIT = 100 * 2**20


def canonical_json(value: Any) -> str:
    """JSON with one spelling for equal values: sorted keys, no spaces, no NaN or infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def sha256(data: bytes | memoryview) -> str:
    """The lower-case hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, eq=False)
class Artifact:
    """Immutable arrays with a description.

    Args:
        kind: what it is: ``signals``, ``checkpoint``, ``codes`` or the name of the operation that made it.
        arrays: C-contiguous numpy arrays by name.
        meta: whatever JSON holds.
    """

    kind: str
    arrays: Arrays = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """SHA-256 of the bytes."""
        return sha256(self.to_bytes())

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values()) + 256

    def to_bytes(self) -> bytes:
        """The same bytes for the same content, on every machine."""
        description = canonical_json({"kind": self.kind, "meta": self.meta})
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        return save(arrays, metadata={"explorer": description})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Artifact":
        """Raises InvalidInput for bytes that are not one of our artifacts."""
        try:
            size = int.from_bytes(data[:8], "little")
            if len(data) < 8 or size > min(len(data) - 8, _HEADER_LIMIT):
                raise ValueError(f"a header of {size} bytes in a file of {len(data)}")
            description = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["explorer"])
            kind, meta = description["kind"], description["meta"]
            if not isinstance(kind, str) or not isinstance(meta, dict):
                raise ValueError("a description of another form")
            arrays = load(data)
        except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
            raise InvalidInput(
                f"Got bytes that are not an Explorer artifact ({error}); expected safetensors with an "
                "'explorer' description. Save again with Artifact.to_bytes()."
            ) from None
        for array in arrays.values():
            array.flags.writeable = False
        return cls(kind, arrays, meta)
