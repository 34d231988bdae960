"""Tables as signals: which column is time, which names the signal, which are its channels.

Four shapes are told apart. *Long*: a row is one sample, with its time (or place) and its signal's id. *Tidy*: as long,
but one column names the channel that another one measures. *Wide*: a row is a whole signal. *Columns*: a column is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings
from explorer.readings import Options
from explorer.signals import SPLITS, Axis, SignalSet

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_NAMES = {
    "time": r"t|time|times|timestamp|time_?stamp|date|datetime|seconds?|sec|ms|hours?|days?|frame|step",
    "x": r"x|lon|longitude|coord_?x",
    "y": r"y|lat|latitude|coord_?y",
    "z": r"z|depth|coord_?z",
    "id": (
        r"id|ids|name|signal|series|sample|subject|case|trial|uid|item|patient|person|participant|user|device|station|"
        r"animal|record|recording|run|session|track|(signal|series|sample|subject|case|trial|patient|item)id|\w+_id"
    ),
    "label": r"label|labels|class|classes|target|category|group|diagnosis|activity",
    "split": r"split|set|partition|fold",
    "channel": r"channel|variable|dim|dimension|feature|sensor",
    "value": r"value|values|measurement|reading",
}
_COLUMNS_LIMIT = 100_000
_SIGNALS_LIMIT = 1_000_000
_STEADY = 1e-3  # of a step: so far may time stamps stray and still stand on a grid


def check_width(columns: int, file: File) -> None:
    """Raises InvalidInput for more columns than are looked at one by one in a reasonable time."""
    if columns > _COLUMNS_LIMIT:
        raise InvalidInput(f"Got {columns} columns in {file.label!r}; expected at most {_COLUMNS_LIMIT}.")


def from_table(table: "DataFrame", file: File, options: Options, found: Findings) -> SignalSet:
    """A table as signals, by the roles that its columns were given or seem to have."""
    if not len(table) or not len(table.columns):
        raise InvalidInput(f"Got {file.label!r} without rows or columns; expected a table with numbers.")
    check_width(len(table.columns), file)
    table.columns = [str(name).strip() for name in table.columns]
    if table.columns.has_duplicates:
        raise InvalidInput(f"Got {file.label!r}, in which columns share a name; expected one name for each.")
    if unknown := set(options.columns) - set(table.columns):
        raise InvalidInput(f"Got the column {min(unknown)[:80]!r}; expected one of {file.label!r}: {_some(table)}.")
    roles = guess(table) | dict(options.columns)
    found.chose("columns", list(table.columns), {n: r for n, r in roles.items() if r != "value"} or roles)
    options = replace(options, name=options.name or file.stem)
    by_role: dict[str, list[str]] = {}
    for name in table.columns:
        by_role.setdefault(roles[name], []).append(name)
    for role in ("time", "x", "y", "z", "id", "label", "split", "channel"):
        if len(by_role.get(role, ())) > 1:
            raise InvalidInput(f"Got {len(by_role[role])} columns as {role}; expected one.")
    values, signals = by_role.get("value", []), by_role.get("signal", [])
    one = {role: names[0] for role, names in by_role.items() if role not in ("value", "signal", "ignore")}
    places = [one[role] for role in ("z", "y", "x", "time") if role in one]
    if signals:
        if values or one.keys() - {"z", "y", "x", "time"}:
            raise InvalidInput(
                f"Got columns of {file.label!r} that are signals, beside others that hold values, ids or labels; "
                "expected all columns of numbers to be signals, or none."
            )
        return _columns(table, one, places, signals, file, options, found)
    if not values:
        raise InvalidInput(f"Got {file.label!r} without a column of values; expected numbers among {_some(table)}.")
    if "channel" in one:
        table, values = _spread(table, one, values, file)
    if places or "channel" in one or ("id" in one and table[one["id"]].duplicated().any()) or len(values) < 3:
        return _long(table, one, places, values, file, options, found)
    if _is_wide(values):
        return _wide(table, one, values, file, options)
    return _long(table, one, [], values, file, options, found)


def guess(table: "DataFrame") -> dict[str, str]:
    """What each column seems to be: by its name, else by what it holds."""
    roles: dict[str, str] = {}
    kinds, bare = _kinds(table), {name: _bare(name) for name in table.columns}
    wide = _is_wide([name for name, kind in kinds.items() if kind in "buif"])
    for role, pattern in _NAMES.items():
        fits = [n for n in table.columns if n not in roles and re.fullmatch(pattern, bare[n])]
        if fits and not (wide and role in ("time", "x", "y", "z", "channel", "value")):
            roles[fits[0]] = role
    taken = set(roles.values())
    if not wide and "time" not in taken:
        dates = [name for name, kind in kinds.items() if name not in roles and kind == "M"]
        if dates:
            roles[dates[0]] = "time"
    if "x" in taken and "y" not in taken:  # one coordinate, or just a column of that name
        roles = {n: ("time" if role == "x" and "time" not in taken else role) for n, role in roles.items()}
    if {"y", "z"} & taken and "x" not in taken:
        roles = {n: role for n, role in roles.items() if role not in ("y", "z")}
    if "channel" in taken and "value" not in taken:
        roles = {n: role for n, role in roles.items() if role != "channel"}
    if not wide and "id" not in roles.values() and (id := _id_by_content(table, roles)) is not None:
        roles[id] = "id"
    if wide and not roles and (time := _clock(table, kinds, bare)) is not None:
        return {name: "time" if name == time else "signal" if kinds[name] in "buif" else "ignore" for name in kinds}
    for name, kind in kinds.items():
        if name not in roles:
            words = kind not in "buif"
            roles[name] = ("label" if wide and "label" not in roles.values() else "ignore") if words else "value"
    return roles


def _clock(table: "DataFrame", kinds: Mapping[str, str], bare: Mapping[str, str]) -> str | None:
    """The column of rising times beside columns that are counted: there a column is a signal, and not a row."""
    for name, kind in kinds.items():
        if kind == "M" or (kind in "buif" and re.fullmatch(_NAMES["time"], bare[name])):
            return name if table[name].is_monotonic_increasing and table[name].is_unique else None
    return None


def _kinds(table: "DataFrame") -> dict[str, str]:
    """What numpy calls the kind of each column, all at once: to take out one takes 50 µs, and there may be many."""
    return {name: dtype.kind for name, dtype in table.dtypes.items()}


def _id_by_content(table: "DataFrame", roles: Mapping[str, str]) -> str | None:
    """Where the time begins anew in the middle of a table: the column within whose values it goes on rising."""
    time = next((name for name, role in roles.items() if role == "time"), None)
    if time is None or table[time].dtype.kind not in "buifM" or table[time].is_monotonic_increasing:
        return None
    for name in table.columns:
        column = table[name]
        if name in roles or column.dtype.kind == "f" or not 1 < column.nunique() <= len(table) // 2:
            continue
        if table[time].groupby(column, sort=False).is_monotonic_increasing.all():
            return name
    return None


def _bare(name: str) -> str:
    """A column's name without its unit: ``Time [s]`` is ``time``."""
    return re.sub(r"\s*[\[(].*?[\])]\s*$", "", name).strip().lower().replace(" ", "_")


def _unit(name: str) -> str:
    match = re.search(r"[\[(](.{1,20}?)[\])]\s*$", name)
    return match[1] if match else ""


def _is_wide(names: Sequence[str]) -> bool:
    """Whether the columns are one signal's samples: at least three that are numbers, or a word and a counter."""
    counted = [re.fullmatch(r"(\D*?)[-_ .]?(\d+(?:\.\d+)?)", name) for name in names]
    stems = [match[1] for match in counted if match]
    return len(names) >= 3 and len(stems) >= 0.8 * len(names) and len(set(stems)) <= max(1, len(stems) // 8)


def _wide(table: "DataFrame", one: Mapping[str, str], values: list[str], file: File, options: Options) -> SignalSet:
    grids = _numbers(table, values, file)[:, :, None]
    return SignalSet.from_grids(
        grids,
        axes=options.axes or "t",
        name=options.name or "series",
        ids=_ids(table, one),
        **_labels(table, one, slice(None)),
    )


def _columns(
    table: "DataFrame",
    one: Mapping[str, str],
    places: list[str],
    signals: list[str],
    file: File,
    options: Options,
    found: Findings,
) -> SignalSet:
    """A column for each signal; all share the places of their samples."""
    samples = _numbers(table, signals, file)
    fields: dict[str, Any] = {"name": options.name, "ids": signals}
    if not places:
        return SignalSet.from_grids(samples.T[:, :, None], axes=options.axes or "t", **fields)
    coords, names, units = _placed(table, one, places, file, options)
    known = np.isfinite(coords).all(1)
    if not known.any():
        raise InvalidInput(f"Got {file.label!r} without a sample that has a place; expected at least one.")
    if not known.all():
        found.warn(f"{int((~known).sum())} rows of {file.label} without a place were left out.")
    order = np.lexsort(coords[known].T[::-1])
    coords, samples = coords[known][order], samples[known][order]
    steady = _steady([coords[:, 0]]) if len(names) == 1 else None
    if steady is not None:
        return SignalSet.from_grids(samples.T[:, :, None], axes=[Axis(names[0], units[0], *steady)], **fields)
    low, high = coords.min(0), coords.max(0)
    axes = [Axis(n, u, float(a), float(b)) for n, u, a, b in zip(names, units, low, high, strict=True)]
    there = [np.flatnonzero(~np.isnan(column)) for column in samples.T]
    kept = [i for i, rows in enumerate(there) if len(rows)]
    if len(kept) < len(signals):
        found.warn(f"{len(signals) - len(kept)} signals without any sample were left out.")
    fields["ids"] = [signals[i] for i in kept]
    return SignalSet.from_points([(coords[there[i]], samples[there[i], i, None]) for i in kept], axes=axes, **fields)


def _placed(
    table: "DataFrame", one: Mapping[str, str], places: list[str], file: File, options: Options
) -> tuple[np.ndarray, list[str], list[str]]:
    """Where each row lies, [rows, D], and the axes' names and units."""
    columns = [_coordinates(table[name], name, file) for name in places]
    roles = {column: role for role, column in one.items()}
    names = ["t" if roles[name] == "time" else roles[name] for name in places]
    if options.axes is not None:
        names = [a.name if isinstance(a, Axis) else a for a in options.axes]
    units = [unit or _unit(name) for (_, unit), name in zip(columns, places, strict=True)]
    return np.stack([column for column, _ in columns], -1), names, units


def _long(
    table: "DataFrame",
    one: Mapping[str, str],
    places: list[str],
    values: list[str],
    file: File,
    options: Options,
    found: Findings,
) -> SignalSet:
    """A row for each sample; signals in the order in which they first appear."""
    ids, rows_of = _rows_of(table, one)
    if len(ids) > _SIGNALS_LIMIT:
        raise InvalidInput(f"Got {len(ids)} signals in {file.label!r}; expected at most {_SIGNALS_LIMIT}.")
    samples = _numbers(table, values, file)
    first = np.array([rows[0] for rows in rows_of])
    fields: dict[str, Any] = {
        "name": options.name, "channels": values, "ids": ids, **_labels(table, one, first)
    }  # fmt: skip
    if not places:
        return SignalSet.from_grids([samples[rows] for rows in rows_of], axes=options.axes or "t", **fields)
    coords, names, units = _placed(table, one, places, file, options)
    known = np.isfinite(coords).all(1) & ~np.isnan(samples).all(1)
    if not known.all():
        found.warn(f"{int((~known).sum())} rows of {file.label} without a place or a value were left out.")
    kept = [rows[known[rows]] for rows in rows_of]
    whole = [i for i, rows in enumerate(kept) if len(rows)]
    if len(whole) < len(kept):
        found.warn(f"{len(kept) - len(whole)} signals without any sample were left out.")
        kept = [kept[i] for i in whole]
        fields["ids"] = [ids[i] for i in whole]
        fields |= _labels(table, one, first[whole])
    if not kept:
        raise InvalidInput(f"Got {file.label!r} without a sample that has a place and a value; expected at least one.")
    if len(names) == 1:
        kept = [rows[np.argsort(coords[rows, 0], kind="stable")] for rows in kept]
        steady = _steady([coords[rows, 0] for rows in kept])
        if steady is not None:
            axis = Axis(names[0], units[0], *steady)
            return SignalSet.from_grids([samples[rows] for rows in kept], axes=[axis], **fields)
    low, high = coords[np.concatenate(kept)].min(0), coords[np.concatenate(kept)].max(0)
    axes = [Axis(n, u, float(a), float(b)) for n, u, a, b in zip(names, units, low, high, strict=True)]
    return SignalSet.from_points([(coords[rows], samples[rows]) for rows in kept], axes=axes, **fields)


def _steady(times: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """The extent of series that all stand on even grids over one time; None where they do not."""
    ends = set()
    for own in times:
        steps = np.diff(own)
        if not len(steps) or steps[0] <= 0 or np.abs(steps - steps.mean()).max() > _STEADY * steps.mean():
            return None
        half = float(steps.mean()) / 2
        ends.add((float(own[0]) - half, float(own[-1]) + half))
    low, high = zip(*ends, strict=True)
    width = min(high) - max(low)
    if max(max(low) - min(low), max(high) - min(high)) > _STEADY * width:
        return None
    return low[0], high[0]


def _spread(table: "DataFrame", one: dict[str, str], values: list[str], file: File) -> tuple["DataFrame", list[str]]:
    """A tidy table with a column for each channel."""
    if len(values) != 1:
        raise InvalidInput(f"Got {len(values)} columns of values beside one of channels; expected one of values.")
    names = table[one["channel"]].astype(str)
    channels = list(dict.fromkeys(names))
    if len(channels) > 4096:
        raise InvalidInput(f"Got {len(channels)} channels in {file.label!r}; expected at most 4096.")
    keys = [one[role] for role in ("id", "time", "x", "y", "z", "label", "split") if role in one]
    if not keys:
        raise InvalidInput(f"Got channels in {file.label!r} without time or id; expected one of them.")
    wide = table.assign(**{one["channel"]: names}).pivot_table(
        index=keys, columns=one["channel"], values=values[0], aggfunc="mean", sort=False, dropna=True
    )
    wide.columns = [str(name) for name in wide.columns]
    return wide.reset_index(), [name for name in channels if name in wide.columns]


def _rows_of(table: "DataFrame", one: Mapping[str, str]) -> tuple[list[str], list[np.ndarray]]:
    """The signals' ids and the positions of their rows."""
    if "id" not in one:
        return ["0"], [np.arange(len(table))]
    codes, names = table[one["id"]].astype(str).factorize()
    order = np.argsort(codes, kind="stable")
    return [str(n) for n in names], np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])


def _numbers(table: "DataFrame", columns: list[str], file: File) -> np.ndarray:
    """Columns as float32 [rows, columns], NaN where nothing is."""
    kinds = _kinds(table)
    wrong = next((name for name in columns if kinds[name] not in "buif"), None)
    if wrong is not None:
        raise InvalidInput(
            f"Got the column {wrong[:80]!r} of {file.label!r} as values, which holds text; expected numbers."
        )
    with np.errstate(over="ignore"):
        values = table[columns].to_numpy(np.float64, na_value=np.nan).astype(np.float32)
    if np.isinf(values).any():
        raise InvalidInput(
            f"Got values in {file.label!r} that are infinite or too large; expected finite ones, empty where missing."
        )
    return values


def _coordinates(column: "Series", name: str, file: File) -> tuple[np.ndarray, str]:
    """Places as float64, and their unit; dates become seconds since the first."""
    import pandas

    if column.dtype.kind not in "buifM":
        dates = pandas.to_datetime(column, errors="coerce", format="mixed")
        if dates.isna().mean() > 0.5:
            raise InvalidInput(f"Got the column {name[:80]!r} of {file.label!r}, expected numbers or dates in it.")
        column = dates
    if column.dtype.kind == "M":
        if getattr(column.dt, "tz", None) is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        seconds = (column - column.min()).dt.total_seconds().to_numpy(np.float64, na_value=np.nan)
        return seconds, "s"
    return column.to_numpy(np.float64, na_value=np.nan), ""


def _ids(table: "DataFrame", one: Mapping[str, str]) -> list[str] | None:
    if "id" not in one:
        return None
    ids = table[one["id"]].astype(str).tolist()
    return ids if len(set(ids)) == len(ids) else None


def _labels(table: "DataFrame", one: Mapping[str, str], rows: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "label" in one:
        column = table[one["label"]].iloc[rows]
        words = column.map(_word, na_action="ignore")
        names = sorted({str(w) for w in words.dropna()}, key=_in_order)
        number = {name: i for i, name in enumerate(names)}
        if names:
            fields["labels"] = np.array([number.get(str(w), -1) if w == w else -1 for w in words], np.int64)
            fields["class_names"] = names
    if "split" in one:
        words = (
            table[one["split"]]
            .iloc[rows]
            .astype(str)
            .str.lower()
            .map({"val": "validation", "valid": "validation"} | {s: s for s in SPLITS})
        )
        if not words.isna().any():
            fields["split"] = np.array([SPLITS.index(word) for word in words], np.uint8)
    return fields


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def _in_order(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _some(table: "DataFrame") -> str:
    return ", ".join(map(repr, list(table.columns)[:20]))
