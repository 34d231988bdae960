"""A form for a configuration: one control for each field, its help beside it, what is wrong in words under it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.errors import InvalidInput

Field = Mapping[str, Any]
"""As ``Representation.fields`` gives them: ``name``, ``help``, ``type``, ``many``, ``optional``, ``choices``."""

COLUMN_WIDTH = 208
NOTHING = "–"
_WORDS = {"int": "a whole number", "float": "a number", "str": "a word"}


def written(field: Field, value: Any) -> str:
    """A value as the form shows it."""
    if value is None:
        return ""
    if field["many"]:
        return ", ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(field: Field, text: str) -> Any:
    """The value that a text stands for; raises InvalidInput, in words, for one that stands for none."""
    if field["many"]:
        parts = [part for part in re.split(r"[\s,;×]+", text.strip()) if part]
        return [_read_one(field, part) for part in parts]
    if not text.strip() and field["optional"]:
        return None
    return _read_one(field, text.strip())


def _read_one(field: Field, text: str) -> Any:
    try:
        value = {"int": int, "float": float, "str": str}[field["type"]](text)
    except ValueError:
        value = math.nan
    if field["type"] != "str" and not math.isfinite(value):
        several = ", or several after commas" if field["many"] else ""
        raise InvalidInput(f"Got “{text[:24]}”; expected {_WORDS[field['type']]}{several}.")
    return value


def field_of(sentence: str, fields: Sequence[Field]) -> str:
    """The field that an error speaks of: the first that it names; empty for none."""
    found = [match[0] for match in re.finditer(r"\w+", sentence)]
    return next((word for word in found if any(word == field["name"] for field in fields)), "")


class ConfigForm(Viewer):
    """Controls for the fields of a configuration, of which it knows what differs from a preset."""

    fields = param.List([], doc="What there is to fill in.")
    preset = param.Dict({}, doc="The preset's values, by field.")
    changes = param.Dict({}, doc="Values that differ from the preset's, by field; what cannot be read is not there.")
    errors = param.Dict({}, doc="What is wrong, in words, by field.")

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._controls: dict[str, Any] = {}
        self._unread: dict[str, str] = {}
        self._filling = False
        self._grid = pn.FlexBox(gap="4px 16px", margin=0, sizing_mode="stretch_width")
        self._build()
        self._fill()

    @property
    def valid(self) -> bool:
        return not self._unread and not any(self.errors.values())

    @param.depends("fields", watch=True)
    def _build(self) -> None:
        self._controls = {field["name"]: self._control(field) for field in self.fields}
        self._unread = {}
        self._grid[:] = list(self._controls.values())

    def _control(self, field: Field) -> Any:
        label, name = field["name"].replace("_", " "), field["name"]
        common: dict[str, Any] = {"label": label, "description": _help(field), "size": "small", "margin": (6, 0)}
        if field["type"] == "bool":
            control = pmui.Switch(width=COLUMN_WIDTH, align="center", **common)
        elif field["choices"]:
            control = pmui.Select(options=field["choices"], width=COLUMN_WIDTH, **common)
        else:
            control = pmui.TextInput(width=COLUMN_WIDTH, **common)
        control.param.watch(lambda event: self._on_value(field, name, event.new), "value")
        return control

    @param.depends("fields", "preset", "changes", watch=True)
    def _fill(self) -> None:
        """Show what the configuration is, except where somebody has just typed what cannot be read."""
        self._filling = True
        try:
            for field in self.fields:
                name = field["name"]
                if name not in self.preset or name in self._unread:
                    continue
                value = self.changes.get(name, self.preset[name])
                plain = field["type"] == "bool" or field["choices"]
                self._controls[name].value = value if plain else written(field, value)
        finally:
            self._filling = False
        self._tell()

    def reset(self) -> None:
        """As the preset has it."""
        self._unread = {}
        self.param.update(changes={}, errors={})
        self._fill()

    def _on_value(self, field: Field, name: str, value: Any) -> None:
        if self._filling:
            return
        self._unread.pop(name, None)
        if not (field["type"] == "bool" or field["choices"]):
            try:
                value = read(field, value)
            except InvalidInput as error:
                self._unread[name] = str(error)
        others = {other: kept for other, kept in self.changes.items() if other != name}
        if name not in self._unread and value != self.preset.get(name):
            others[name] = value
        self.errors = {other: text for other, text in self.errors.items() if other != name}
        self.changes = others
        self._tell()

    @param.depends("errors", watch=True)
    def _tell(self) -> None:
        for name, control in self._controls.items():
            if isinstance(control, pmui.Switch):
                continue
            text = self._unread.get(name) or self.errors.get(name, "")
            changed = "changed" if name in self.changes and not text else ""
            control.param.update(error_state=bool(text), helper_text=text or changed)

    def __panel__(self) -> Viewable:
        return self._grid


def _help(field: Field) -> str:
    text = field["help"] or "no description"
    return text[0].upper() + text[1:].replace("``", "")


def dumped(changes: Mapping[str, Any]) -> str:
    """Changed fields as an address carries them; empty for none."""
    return json.dumps(dict(changes), separators=(",", ":")) if changes else ""


def parsed(text: str, fields: Sequence[Field]) -> dict[str, Any]:
    """Changed fields from an address, those that there are and can be read."""
    try:
        values = json.loads(text or "{}")
    except ValueError:
        return {}
    known = {field["name"] for field in fields}
    return {name: value for name, value in values.items() if name in known} if isinstance(values, dict) else {}
