"""What was done, what was undone, and how it is said: the edits of one cloud as a list that can be walked."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from explorer.edits import MOST_EDITS, AnyEdit
from explorer.errors import InvalidInput

_EDITS: TypeAdapter[list[Any]] = TypeAdapter(list[AnyEdit])
BYTES_LIMIT = 2**22


@dataclass(frozen=True)
class History:
    """Edits that stand and edits that were undone, the one to be done again first."""

    done: tuple[Any, ...] = ()
    undone: tuple[Any, ...] = ()

    def add(self, *edits: Any) -> Self:
        """Do something; what was undone is forgotten."""
        return type(self)((*self.done, *edits))

    def to(self, count: int) -> Self:
        """As it was, or will be, when ``count`` edits stand."""
        line = (*self.done, *self.undone)
        count = min(max(count, 0), len(line))
        return type(self)(line[:count], line[count:])

    def undo(self) -> Self:
        return self.to(len(self.done) - 1)

    def redo(self) -> Self:
        return self.to(len(self.done) + 1)


def to_json(edits: Sequence[Any]) -> str:
    """Edits as a file that ``from_json`` reads."""
    return json.dumps({"explorer": "edits", "edits": [asdict(edit) for edit in edits]}, indent=1)


def from_json(data: bytes) -> tuple[Any, ...]:
    """Edits from a file. Raises InvalidInput for anything else."""
    if len(data) > BYTES_LIMIT:
        raise InvalidInput(f"Got {len(data) / 2**20:.0f} MiB of edits; expected at most {BYTES_LIMIT >> 20} MiB.")
    try:
        edits = _EDITS.validate_python(json.loads(data)["edits"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"Got an edit that is none, at {where}: {first['msg']}. Save edits with this page."
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput("Got a file that holds no edits; expected one that this page saved.") from None
    if len(edits) > MOST_EDITS:
        raise InvalidInput(f"Got {len(edits)} edits; expected at most {MOST_EDITS}.")
    return tuple(edits)


def in_words(edit: Any) -> str:
    """An edit in a few words, for the list."""
    match edit.op:
        case "push":
            return f"push by {_numbers(edit.vector)}, radius {edit.radius:.2g}"
        case "move":
            return f"move {len(edit.anchors)} anchors by {_numbers(edit.vector)}"
        case "rotate":
            return f"rotate by {edit.angle_deg:g}°" + ("" if edit.frames else ", anchors alone")
        case "flip":
            return f"flip axis {edit.axis}" + ("" if edit.frames else ", anchors alone")
        case "shift":
            return f"shift by {_numbers(edit.vector)}"
        case "scale":
            return f"scale by {_numbers(edit.factors)}" + ("" if edit.frames else ", anchors alone")
        case "mask":
            return f"keep {edit.keep} a {edit.shape.kind}"
        case "thin":
            return f"drop {edit.share:.0%} of the anchors"
        case "noise":
            return f"noise {edit.amount:.2g} on the latents"
        case "mix":
            how = {"side": "half", "shape": "a region", "share": f"{edit.share:.0%}", "stack": "all"}[edit.by]
            return f"mix in {how} of signal {edit.other}"
        case "copy":
            return f"copy a {edit.shape.kind} of signal {edit.other}"
    return str(edit.op)


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)
