"""Files of the series archives: ``.ts`` (UEA, aeon, sktime) and ``.arff`` (Weka), with their classes."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, refusal
from explorer.readers.tabular import text_of
from explorer.readings import Options
from explorer.signals import SignalSet

_PAIR = re.compile(r"\(\s*([^(),]+)\s*,\s*([^()]+?)\s*\)")
_SIGNALS_LIMIT = 1_000_000


def is_ts(head: bytes) -> bool:
    return bool(re.search(rb"(?im)^@(problemname|timestamps|univariate|classlabel|serieslength)\b", head))


def is_arff(head: bytes) -> bool:
    return bool(re.search(rb"(?im)^@relation\b", head))


def read_ts_file(file: File, options: Options, found: Findings) -> SignalSet:
    """Series of any lengths and channels, with time stamps or without."""
    header, lines = _cut(file, text_of(file, found))
    stamped = re.search(r"(?im)^@timestamps\s+true", header) is not None
    classes = re.search(r"(?im)^@(classlabel|targetlabel)\s+true", header) is not None
    continuous = re.search(r"(?im)^@targetlabel\s+true", header) is not None
    if continuous:
        found.warn("The targets are numbers to be predicted, no classes; they were left out.")
    series, labels = [], []
    for line in lines:
        parts = [part for part in _dimensions(line, stamped)]
        if classes and len(parts) > 1:
            labels.append(parts.pop().strip())
        try:
            series.append([_stamped(part) if stamped else _values(part, ",") for part in parts])
        except ValueError as error:
            raise refusal(file, error, "numbers, '?' where one is missing") from None
    return _set(series, [] if continuous else labels, stamped, file, options, found)


def _dimensions(line: str, stamped: bool) -> list[str]:
    """Channels of a line, which colons divide; dates inside brackets have colons of their own."""
    return re.split(r":(?![^(]*\))", line) if stamped else line.split(":")


def _values(text: str, mark: str) -> np.ndarray:
    cells = [cell.strip() for cell in text.split(mark)]
    return np.array([np.nan if cell in ("?", "", "NaN", "nan") else float(cell) for cell in cells], np.float64)


def _stamped(text: str) -> np.ndarray:
    """``(time,value),(time,value)`` as [P, 2]."""
    pairs = _PAIR.findall(text)
    if not pairs:
        raise ValueError(f"no (time, value) in {text[:40]!r}")
    return np.array([[_time(t), np.nan if v in ("?", "NaN") else float(v)] for t, v in pairs], np.float64)


def _time(text: str) -> float:
    """A number, or a date as seconds since 1970."""
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def read_arff_file(file: File, options: Options, found: Findings) -> SignalSet:
    """A row for each series; a relational attribute holds the channels of one, a line each."""
    header, lines = _cut(file, text_of(file, found))
    attributes = re.findall(r"(?im)^@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+(.+?)\s*$", header)
    relational = any(kind.lower().startswith("relational") for *_, kind in attributes)
    names = [next(filter(None, a[:3]), "") for a in attributes]
    nominal = attributes[-1][3].startswith("{") if attributes else False
    labelled = nominal or (bool(names) and re.fullmatch(r"(?i)class\w*|target|label", names[-1]) is not None)
    series, labels = [], []
    for line in lines:
        try:
            if relational:
                match = re.match(r"""\s*(['"])(.*?)\1\s*(?:,\s*(.*))?$""", line, re.S)
                if not match:
                    raise ValueError("a row without its quoted channels")
                series.append([_values(part, ",") for part in match[2].replace("\\n", "\n").split("\n")])
                labels.append((match[3] or "?").strip(" '\""))
            else:
                cells = [cell.strip(" '\"") for cell in line.split("," if "," in line else None)]
                if labelled:
                    labels.append(cells.pop())
                series.append([_values(",".join(cells), ",")])
        except ValueError as error:
            raise refusal(file, error, "numbers, '?' where one is missing") from None
    return _set(series, labels, False, file, options, found)


def _cut(file: File, text: str) -> tuple[str, Iterator[str]]:
    """The description, and the lines of data."""
    match = re.search(r"(?im)^@data[ \t]*$", text)
    if not match:
        raise refusal(file, "no line '@data'", "a description, '@data' and a line for each series")
    lines = (line for line in text[match.end() :].splitlines() if line.strip() and line[0] not in "#%")
    return text[: match.start()], islice(lines, _SIGNALS_LIMIT)


def _set(
    series: list[list[np.ndarray]], labels: list[str], stamped: bool, file: File, options: Options, found: Findings
) -> SignalSet:
    if not series:
        raise InvalidInput(f"Got {file.label!r} without series; expected a line for each behind '@data'.")
    counts = {len(channels) for channels in series}
    if len(counts) != 1:
        raise InvalidInput(f"Got series with {sorted(counts)[:5]} channels in {file.label!r}; expected one number.")
    fields: dict[str, Any] = {
        "name": options.name or file.stem,
        "channels": [f"channel {i}" for i in range(counts.pop())],
    }
    if labels:
        names, numbers = np.unique(labels, return_inverse=True)
        known = [n for n in names if n != "?"]
        known.sort(key=lambda name: (len(name), name) if name.isdigit() else (0, name))
        rank = {name: place for place, name in enumerate(known)}
        fields["labels"] = np.array([rank.get(str(names[n]), -1) for n in numbers], np.int64)
        fields["class_names"] = [str(name) for name in known]
    if stamped:
        pairs = []
        for own in series:
            times = np.unique(np.concatenate([channel[:, 0] for channel in own]))
            values = np.full((len(times), len(own)), np.nan)
            for k, channel in enumerate(own):
                values[np.searchsorted(times, channel[:, 0]), k] = channel[:, 1]
            pairs.append((times, values))
        return SignalSet.from_points(pairs, axes=options.axes or "t", **fields)
    for i, own in enumerate(series):
        lengths = {len(channel) for channel in own}
        if len(lengths) != 1:
            raise InvalidInput(f"Got series {i} of {file.label!r} with channels of several lengths; expected one.")
    whole = [np.stack(own, -1).astype(np.float32) for own in series]
    if len({len(signal) for signal in whole}) > 1:
        found.warn("The series have several lengths; each fills the whole axis.")
    return SignalSet.from_grids(whole, axes=options.axes or "t", **fields)
