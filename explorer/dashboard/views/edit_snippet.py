"""The few lines of Python that make an edited cloud."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from explorer.dashboard.subject import Subject
from explorer.dashboard.views.snippet import opening


def edit_snippet(subject: Subject, name: str, row: int, edits: Sequence[Any]) -> str:
    """A program of the public face: the same cloud with the same edits, as a picture.

    Args:
        name: by which the engine knows the signals.
    """
    lines = [
        *opening(subject, name),
        "edits = [",
        *(f"    {_call(edit)}," for edit in edits),
        "]",
        f"edited = engine.edit(codes, {row}, edits)",
        "picture = engine.render(edited, resolution=256)[0]",
    ]
    return "\n".join(lines) + "\n"


def _call(value: Any) -> str:
    """An edit, or a shape in it, as it is written; what is at its default is left out."""
    kept = [f for f in fields(value) if f.name not in ("op", "kind") and getattr(value, f.name) != f.default]
    parts = [f"{f.name}={_written(getattr(value, f.name))}" for f in kept]
    return f"explorer.{type(value).__name__}({', '.join(parts)})"


def _written(value: Any) -> str:
    return _call(value) if hasattr(value, "__dataclass_fields__") else repr(value)
