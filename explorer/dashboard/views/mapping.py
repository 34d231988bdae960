"""The mapping step of a table: which column is the time, the signal's id, its label, and which are its channels."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.views.words import words

_WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}
_CHIPS: dict[str, Any] = {"visual_size": "small", "sizing_mode": "stretch_width", "margin": (4, 0)}

NONE = "–"
ALWAYS = {"time": "time", "id": "signal id", "label": "label", "channel": "names of channels"}
RARE = {"x": "x", "y": "y", "z": "z", "split": "split"}
"""Roles that are asked for where a column seems to have one, or when all are wished for."""
NUMBERS = ("time", "x", "y", "z")
MEASURED = ("value", "signal")
VALUES_SHOWN = 24

HELP = {
    "time": "The column of times. Steps may be uneven. Without one, rows follow each other evenly.",
    "id": "The column that names the signal to which a row belongs. Without one, all rows are one signal.",
    "label": "The column of the signals' class. It colours the map and is what clusters are compared with.",
    "channel": "Where one column names what another one measures: the one that names it.",
    "split": "The column that says train, validation or test.",
}


class ColumnMapping(Viewer):
    """Columns and their roles, as ``readings.ROLES`` names them; ``changed`` says that a person chose another one."""

    changed = param.Event()

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._columns: tuple[str, ...] = ()
        self._guessed: dict[str, str] = {}
        self._roles: dict[str, str] = {}
        self._touched = self._filling = False
        self._selects = {
            role: pmui.Select(label=title, options=[NONE], description=HELP.get(role), **_WIDE)
            for role, title in {**ALWAYS, **RARE}.items()
        }
        for role, select in self._selects.items():
            select.param.watch(lambda event, role=role: self._say(role, event.new), "value")
        self._values = pmui.MultiChoice(label="values", options=[], solid=False, **_CHIPS)
        self._values.param.watch(lambda event: self._say_values(event.new), "value")
        self._many = words(visible=False, margin=(4, 0))
        self._each = pmui.Switch(label="each of them is a signal", margin=(4, 0))
        self._each.param.watch(lambda event: self._say_each(event.new), "value")
        self._all = pmui.Switch(label="places and split as well", margin=(4, 0))
        self._all.param.watch(lambda event: self._draw(), "value")
        parts = *self._selects.values(), self._values, self._many, self._each, self._all
        self._body = pn.Column(*parts, margin=0, visible=False)

    @property
    def columns(self) -> dict[str, str]:
        """The role of each column, as soon as a person has chosen one; nothing as long as the guess stands."""
        return dict(self._roles) if self._touched else {}

    def show(self, columns: Sequence[str], taken: Mapping[str, str]) -> None:
        """The columns that there are, and the roles in which they were read; those without one are values."""
        self._columns = tuple(columns)
        roles = {column: taken.get(column, "value") for column in columns}
        if set(taken.values()) == {"value"}:
            roles = {column: taken.get(column, "ignore") for column in columns}
        if not self._touched:
            self._guessed = roles
        self._roles = roles
        self._body.visible = bool(columns)
        self._draw()

    def _draw(self) -> None:
        self._filling = True
        by_role = {role: column for column, role in self._roles.items()}
        for role, select in self._selects.items():
            select.param.update(options=[NONE, *self._columns], value=by_role.get(role, NONE))
            select.visible = role in ALWAYS or role in by_role or self._all.value
        values = [column for column in self._columns if self._roles[column] in MEASURED]
        few = len(values) <= VALUES_SHOWN
        self._values.param.update(options=list(self._columns), value=values if few else [], visible=few)
        said = "" if few else f"{len(values):,} columns of values: {values[0]}, {values[1]}, … {values[-1]}"
        self._many.param.update(object=f'<span class="quiet">{escape(said)}</span>', visible=not few)
        self._each.value = "signal" in by_role
        self._each.visible = len(values) > 1 and not {"id", "channel"} & set(by_role)
        self._filling = False

    def _say(self, role: str, column: str) -> None:
        """A column has a role; the one that had it goes back to what it was taken for."""
        if self._filling:
            return
        for other in [name for name, own in self._roles.items() if own == role]:
            guess = self._guessed[other]
            self._roles[other] = guess if guess != role else "value" if role in NUMBERS else "ignore"
        if column != NONE:
            self._roles[column] = role
            if role in ("id", "channel"):  # rows tell the signals apart, so columns do not
                self._measure_by("value")
        self._tell()

    def _say_values(self, columns: Sequence[str]) -> None:
        if self._filling:
            return
        measured = "signal" if self._each.value else "value"
        for name, role in self._roles.items():
            if name in columns:
                self._roles[name] = measured
            elif role in MEASURED:
                self._roles[name] = "ignore"
        self._tell()

    def _say_each(self, each: bool) -> None:
        if not self._filling:
            self._measure_by("signal" if each else "value")
            self._tell()

    def _measure_by(self, measured: str) -> None:
        self._roles = {name: measured if role in MEASURED else role for name, role in self._roles.items()}

    def _tell(self) -> None:
        self._touched = True
        self._draw()
        self.param.trigger("changed")

    def __panel__(self) -> Viewable:
        return self._body
