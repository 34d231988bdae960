"""What classifiers took for what: a matrix whose cells can be opened, and a table of the classes."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import param

from explorer.dashboard.views.script import Scripted

MOST_CLASSES = 24


def shown_classes(confusion: np.ndarray, most: int = MOST_CLASSES) -> np.ndarray:
    """Positions of the classes to show: all, or those of most mistakes, in their order."""
    if len(confusion) <= most:
        return np.arange(len(confusion))
    wrong = confusion.sum(0) + confusion.sum(1) - 2 * np.diagonal(confusion)
    return np.sort(np.argsort(-wrong, kind="stable")[:most])


class Confusion(Scripted):
    """A confusion matrix, rows the truth. Cells are buttons; arrow keys walk over them."""

    counts = param.List([], doc="Rows of counts, int [C, C].")
    names = param.List([], item_type=str, doc="Names of the classes.")
    cell = param.List([], item_type=int, doc="The open cell: [truth, prediction], as positions in ``names``; or none.")

    _esm = Path(__file__).with_name("confusion.js")
    _priority_changes = ["cell"]

    def __init__(self, chosen: Callable[[int, int], None], **params: Any):
        super().__init__(**params)
        self._chosen = chosen

    def _handle_msg(self, data: Any) -> None:
        truth, said = int(data[0]), int(data[1])
        if 0 <= truth < len(self.names) and 0 <= said < len(self.names):
            self._chosen(truth, said)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """A mean, and over several seeds its deviation."""
    mean, deviation = float(np.mean(values)), float(np.std(values))
    return f"{mean:.{digits}f}" + (f" ± {deviation:.{digits}f}" if len(values) > 1 else "")


def scores_html(rows: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Accuracy and macro F1 of what was classified, by what it is called; None while it is not known."""

    def row(name: str, found: Mapping[str, Any] | None) -> str:
        if found is None:
            return f"<tr><th scope='row'>{escape(name)}</th><td>…</td><td>…</td><td></td></tr>"
        return (
            f"<tr><th scope='row'>{escape(name)}</th><td><b>{spread(found['accuracy'])}</b></td>"
            f"<td><b>{spread(found['macro_f1'])}</b></td><td class='quiet'>{escape(found['method'])}</td></tr>"
        )

    head = "<tr><th></th><th scope='col'>accuracy</th><th scope='col'>macro F1</th><th scope='col'>by</th></tr>"
    return f"<table class='plain'>{head}{''.join(row(name, found) for name, found in rows.items())}</table>"


def classes_html(per_class: Sequence[Mapping[str, Any]], control: Sequence[Mapping[str, Any]] = ()) -> str:
    """A row for each class: precision, recall, F1 beside the control's, and how many were asked about."""
    others = {row["class"]: row for row in control}
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("class", "precision", "recall", "F1", "raw F1", "signals")
    )
    rows = []
    for row in per_class:
        other = others.get(row["class"])
        cells = [
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
            f"<b>{row['f1']:.3f}</b>",
            f"{other['f1']:.3f}" if other else "–",
            f"{row['support']:,}",
        ]
        rows.append(
            f"<tr><th scope='row'>{escape(str(row['class']))}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>"
        )
    return f"<table class='plain'><tr>{head}</tr>{''.join(rows)}</table>"
