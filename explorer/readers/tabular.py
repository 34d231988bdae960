"""Files of rows: delimited text, JSON lines, Parquet and Excel."""

import csv
import io
import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.archives import members
from explorer.readers.inputs import File, Findings, allowance, needs_extra, refusal
from explorer.readers.tables import check_width, from_table
from explorer.readings import Options
from explorer.signals import SignalSet

if TYPE_CHECKING:
    from pandas import DataFrame

_DELIMITERS = ",;\t|"
_MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")
_LINE_LIMIT = 64 * 2**20
_BOOK_BYTES = 2**25


def text_of(file: File, found: Findings, limit: int = -1) -> str:
    """The text of a file: UTF-8, UTF-16 with a mark, else Windows-1252 with a word about it."""
    data = file.read(limit)
    if b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise refusal(file, "bytes that are no text", "text")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1252":
            found.warn(f"{file.label} is no UTF-8; it was read as Windows-1252.")
        return text
    raise refusal(file, "text in no encoding known here", "UTF-8")


def read_delimited_file(file: File, options: Options, found: Findings) -> SignalSet:
    """CSV, TSV and their like: the delimiter, the decimal mark and the header are guessed."""
    import pandas

    text = text_of(file, found)
    lines = [line for line in text[:65536].splitlines() if line.strip() and not line.startswith("#")][:20]
    if not lines:
        raise InvalidInput(f"Got {file.label!r} without a line of data; expected a table.")
    delimiter = _delimiter(lines)
    start = text.find(lines[0])
    check_width(1 + text.count(delimiter, start, text.find("\n", start) + 1 or None), file)  # before it is parsed
    decimal = (
        ","
        if delimiter != "," and any("," in line for line in lines[1:]) and not any("." in line for line in lines[1:])
        else "."
    )
    try:
        first = next(csv.reader(lines[:1], delimiter=delimiter if delimiter != r"\s+" else " ", skipinitialspace=True))
        has_header = not all(_is_number(cell, decimal) for cell in first)
        table = pandas.read_csv(
            io.StringIO(text),
            sep=delimiter,
            decimal=decimal,
            header=0 if has_header else None,
            comment="#" if text.lstrip()[:1] == "#" else None,
            na_values=list(_MISSING),
            skipinitialspace=True,
            skip_blank_lines=True,
            low_memory=False,
        )
    except Exception as error:  # pandas and csv each have their own
        raise refusal(file, error, "a table with as many cells in each row") from None
    if not has_header:
        table = _unnamed(table)
    return from_table(_typed(table), file, options, found)


def _delimiter(lines: list[str]) -> str:
    """The mark that cuts every line into as many cells."""
    best, most = "", 0
    for mark in _DELIMITERS:
        counts = {line.count(mark) for line in lines}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = mark, count
    if best:
        return best
    loose = max(_DELIMITERS, key=lambda mark: min(line.count(mark) for line in lines))
    if all(loose in line for line in lines):
        return loose
    return r"\s+" if any(len(line.split()) > 1 for line in lines) else ","


def _is_number(cell: str, decimal: str) -> bool:
    try:
        float(cell.strip().replace(decimal, ".") or "nan")
    except ValueError:
        return cell.strip() in _MISSING
    return True


def _unnamed(table: "DataFrame") -> "DataFrame":
    """Names for columns without: few small whole numbers before many samples are the label, as in the UCR archive."""
    count = len(table.columns)
    names = [f"s{i}" for i in range(count)]
    first = table.iloc[:, 0]
    whole = first.dtype.kind in "iu" or (first.dtype.kind == "f" and bool((first.dropna() % 1 == 0).all()))
    if count > 8 and len(table) > 1 and whole and first.nunique() <= min(100, max(2, len(table) // 2)):
        names[0] = "label"
    table.columns = names
    return table


def _typed(table: "DataFrame") -> "DataFrame":
    """Columns as numbers, dates or text; booleans become numbers."""
    import pandas

    for name, dtype in list(table.dtypes.items()):
        if dtype.kind in "buifM":
            continue
        column = table[name]
        sample = column.dropna().astype(str).head(50)
        if not len(sample) or pandas.to_numeric(sample, errors="coerce").notna().all():
            table[name] = pandas.to_numeric(column, errors="coerce").astype(np.float64)
        elif sample.str.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}").all():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dates = pandas.to_datetime(column, errors="coerce", utc=True)
            if dates.notna().mean() > 0.5:
                table[name] = dates.dt.tz_localize(None)
    return table


def read_parquet_file(file: File, options: Options, found: Findings) -> SignalSet:
    """Parquet by pyarrow; its size in memory is looked up before it is read."""
    needs_extra("pyarrow")
    parquet = needs_extra("pyarrow", "pyarrow.parquet")
    try:
        with file.open() as stream:
            opened = parquet.ParquetFile(stream)
            rows, columns = opened.metadata.num_rows, opened.metadata.num_columns
            if rows * columns * 8 > options.limit_bytes:
                raise InvalidInput(
                    f"Got {file.label!r} with {rows} rows of {columns} columns; expected at most "
                    f"{options.limit_bytes} bytes. Take a part of it."
                )
            parts, left = [], allowance(file, options.limit_bytes)
            for batch in opened.iter_batches(4096, use_threads=False):
                left -= batch.nbytes
                if left < 0:
                    raise InvalidInput(f"Got {file.label!r}, which unpacks to too much; expected less in a set.")
                parts.append(batch)
            arrow = needs_extra("pyarrow")
            table = arrow.Table.from_batches(parts, schema=opened.schema_arrow).to_pandas(
                use_threads=False, ignore_metadata=True
            )
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole Parquet file of plain columns") from None
    return _from_rows(table, file, options, found)


def read_excel_file(file: File, options: Options, found: Findings) -> SignalSet:
    """The first sheet of a workbook, or the one that ``array`` names. Formulas count by their stored values."""
    openpyxl = needs_extra("openpyxl")
    import pandas

    # Counts what it unpacks to: XML takes many times its size to read.
    members(file, replace(options, limit_bytes=min(options.limit_bytes, max(_BOOK_BYTES, 20 * file.size))))
    try:
        with file.open() as stream:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            sheets = [sheet.title for sheet in book.worksheets]
            if len(sheets) > 1:
                found.chose("array", sheets, options.array or sheets[0])
            if options.array is not None and options.array not in sheets:
                raise InvalidInput(f"Got the sheet {options.array[:80]!r}; expected one of: {', '.join(sheets[:20])}.")
            sheet = book[options.array or sheets[0]]
            rows, left = [], options.limit_bytes
            for row in sheet.iter_rows(values_only=True):
                left -= 64 * max(len(row), 1)
                if left < 0:
                    raise InvalidInput(f"Got {file.label!r} with too many cells; expected less in a set.")
                if any(cell is not None for cell in row):
                    rows.append(row)
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole Excel workbook (.xlsx)") from None
    if not rows:
        raise InvalidInput(f"Got {file.label!r} without cells; expected a table.")
    has_header = any(isinstance(cell, str) and not _is_number(cell, ".") for cell in rows[0])
    try:
        if has_header:
            names = [f"column {i}" if cell is None else str(cell) for i, cell in enumerate(rows[0])]
            table = pandas.DataFrame(rows[1:], columns=names)
        else:
            table = _unnamed(pandas.DataFrame(rows))
    except Exception as error:
        raise refusal(file, error, "rows of one length") from None
    return from_table(_typed(table), file, options, found)


def read_json_lines(file: File, options: Options, found: Findings) -> SignalSet:
    """An object a line: a sample, or a whole signal whose values (and times) are lists."""
    import pandas

    rows = []
    for number, line in enumerate(io.StringIO(text_of(file, found)), start=1):
        if not line.strip():
            continue
        if len(line) > _LINE_LIMIT:
            raise InvalidInput(f"Got line {number} of {file.label!r} with {len(line)} characters; expected less.")
        try:
            row = json.loads(line, parse_constant=lambda word: None)
        except (ValueError, RecursionError) as error:
            raise refusal(file, f"line {number}: {error}", "one JSON object a line") from None
        if not isinstance(row, dict):
            raise refusal(file, f"line {number} is no object", "one JSON object a line")
        rows.append(row)
    if not rows:
        raise InvalidInput(f"Got {file.label!r} without lines; expected one JSON object a line.")
    try:
        table = pandas.DataFrame(rows)
    except Exception as error:
        raise refusal(file, error, "objects with the same fields") from None
    return _from_rows(table, file, options, found)


def _from_rows(table: "DataFrame", file: File, options: Options, found: Findings) -> SignalSet:
    """Rows with plain cells are a table; where cells are lists, each row is a signal."""
    listed = [name for name in table.columns if table[name].map(_is_list).any()]
    if not listed:
        return from_table(_typed(table), file, options, found)
    import pandas

    parts: list[Any] = []
    plain = [name for name in table.columns if name not in listed]
    try:
        for i, row in enumerate(table.to_dict("records")):
            columns: dict[str, Any] = {}
            for name in listed:
                values = np.asarray(row[name], np.float64) if row[name] is not None else np.empty(0)
                if values.ndim == 2:
                    columns |= {f"{name} {k}": values[:, k] for k in range(values.shape[1])}
                else:
                    columns[str(name)] = values
            part = pandas.DataFrame(columns)
            part[plain] = [row[name] for name in plain]
            if not any(str(name).lower() == "id" for name in plain):
                part["id"] = i
            parts.append(part)
        joined = pandas.concat(parts, ignore_index=True)
    except Exception as error:
        raise refusal(file, error, "lists of numbers, of one length in each row") from None
    return from_table(_typed(joined), file, options, found)


def _is_list(cell: Any) -> bool:
    return isinstance(cell, (list, np.ndarray))
