"""What was done, what was undone, and how it is said: the edits of one cloud as a tree that can be walked."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from explorer.edits import MOST_EDITS, AnyEdit
from explorer.errors import InvalidInput

_EDITS: TypeAdapter[list[Any]] = TypeAdapter(list[AnyEdit])
BYTES_LIMIT = 2**22


@dataclass(frozen=True)
class History:
    """All that was done to a cloud, as a tree: who undoes and then does something else keeps what was before.

    States are numbered as they came to be; 0 is the cloud as it was encoded.

    Args:
        edits: what led to each state but the first.
        parents: the state that each of these edits was done to.
        at: the state that stands.
        tip: the state that doing again leads to; ``at`` or one that came of it.
    """

    edits: tuple[Any, ...] = ()
    parents: tuple[int, ...] = ()
    at: int = 0
    tip: int = 0

    @classmethod
    def of(cls, *edits: Any) -> Self:
        """One edit after the other."""
        return cls().add(*edits)

    @property
    def done(self) -> tuple[Any, ...]:
        """The edits that stand, the first one first."""
        return tuple(self.edits[state - 1] for state in self.line(self.at)[1:])

    @property
    def undone(self) -> tuple[Any, ...]:
        """The edits that doing again brings back, the next one first."""
        return tuple(self.edits[state - 1] for state in self.line(self.tip)[len(self.line(self.at)) :])

    def line(self, state: int) -> tuple[int, ...]:
        """The states that lead to one, from the first."""
        line = [state]
        while line[-1]:
            line.append(self.parents[line[-1] - 1])
        return tuple(reversed(line))

    def add(self, *edits: Any) -> Self:
        """Do something. What was done here before, and undone, remains beside it."""
        history = self
        for edit in edits:
            known = [
                s
                for s, pair in enumerate(zip(history.parents, history.edits, strict=True), 1)
                if pair == (history.at, edit)
            ]
            history = history.to(known[0]) if known else history._grown(edit)
        return history

    def _grown(self, edit: Any) -> Self:
        new = len(self.edits) + 1
        return type(self)((*self.edits, edit), (*self.parents, self.at), new, new)

    def to(self, state: int) -> Self:
        """As it was in a state. Doing again leads where it led, or else to the newest of what came of that state."""
        if state in self.line(self.tip):
            return replace(self, at=state)
        came = {state}
        for child, parent in enumerate(self.parents, 1):
            if parent in came:
                came.add(child)
        return replace(self, at=state, tip=max(came))

    def undo(self) -> Self:
        return self.to(self.parents[self.at - 1]) if self.at else self

    def redo(self) -> Self:
        ahead = self.line(self.tip)[len(self.line(self.at)) :]
        return self.to(ahead[0]) if ahead else self

    def rows(self) -> list[tuple[int, int]]:
        """All states with the depth at which they are listed: the line to ``tip`` as it goes, after each of its states
        the branches that were left there, one deeper."""
        line = set(self.line(self.tip))
        children: dict[int, list[int]] = {0: []}
        for state, parent in enumerate(self.parents, 1):
            children[parent].append(state)
            children[state] = []
        rows, ahead = [], [(0, 0)]  # the next one last
        while ahead:
            state, depth = ahead.pop()
            rows.append((state, depth))
            came = sorted(children[state], key=lambda child: (child not in line, -child))  # what goes on, the others
            ahead += [(child, depth + (place > 0)) for place, child in enumerate(came)]
        return rows


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
