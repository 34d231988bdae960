"""Sequences as requests hold them: of bounded length, and refused at the first part that does not fit.

A list of a million wrong parts would be a million errors, which take seconds to write down while nobody is answered.
"""

from typing import Annotated, TypeVar

from pydantic import Field

T = TypeVar("T")

Few = Annotated[tuple[T, ...], Field(max_length=2**10, fail_fast=True)]
"""Sizes, edits, samplings: whatever a person or a page names one by one."""

Many = Annotated[tuple[T, ...], Field(max_length=2**18, fail_fast=True)]
"""Rows of a set, anchors of a cloud."""
