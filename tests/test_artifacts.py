"""Artifacts: the same bytes for the same content, and a sentence for anything else."""

import json
import struct

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.artifacts import Artifact, canonical_json
from explorer.errors import InvalidInput

names = st.text("abcdefghij/_", min_size=1, max_size=8)
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.int64, np.uint8, bool]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.text(max_size=10), st.dictionaries(names, arrays, max_size=4), st.dictionaries(st.text(), json_values))
def test_bytes_and_back(kind, arrays, meta):
    artifact = Artifact(kind, arrays, meta)
    again = Artifact.from_bytes(artifact.to_bytes())
    assert (again.kind, again.meta, set(again.arrays)) == (kind, meta, set(arrays))
    for name, array in arrays.items():
        assert again.arrays[name].dtype == array.dtype and not again.arrays[name].flags.writeable
        np.testing.assert_array_equal(again.arrays[name], array)
    assert again.id == artifact.id


def test_equal_content_has_equal_bytes_whatever_the_order():
    a, b = np.arange(3.0), np.ones(2, np.uint8)
    one, other = Artifact("x", {"a": a, "b": b}, {"p": 1, "q": 2}), Artifact("x", {"b": b, "a": a}, {"q": 2, "p": 1})
    assert one.to_bytes() == other.to_bytes()


@given(st.binary(max_size=200))
def test_nonsense_is_refused(data):
    with pytest.raises(InvalidInput, match="expected safetensors"):
        Artifact.from_bytes(data)


def test_every_truncation_and_every_flipped_header_byte_is_refused_or_harmless():
    data = Artifact("signals", {"v": np.arange(6, dtype=np.float32)}, {"name": "x"}).to_bytes()
    for end in range(len(data)):
        with pytest.raises(InvalidInput):
            Artifact.from_bytes(data[:end])
    header = 8 + int.from_bytes(data[:8], "little")
    for place in range(header):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            try:
                Artifact.from_bytes(bytes(flipped))
            except InvalidInput:
                pass


def test_a_header_that_promises_too_much_allocates_nothing():
    header = json.dumps(
        {"__metadata__": {"explorer": '{"kind":"x","meta":{}}'},
         "v": {"dtype": "F32", "shape": [10**9, 10**3], "data_offsets": [0, 4 * 10**12]}}
    ).encode()  # fmt: skip
    with pytest.raises(InvalidInput):
        Artifact.from_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(InvalidInput):
        Artifact.from_bytes(struct.pack("<Q", 2**63) + b"{}")


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError):
        canonical_json({"x": float("nan")})
