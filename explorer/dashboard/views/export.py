"""What is on the map as a table."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from explorer.signals import SignalSet


def table(signals: SignalSet, layout: np.ndarray, clusters: np.ndarray, selection: Sequence[int]) -> str:
    """CSV with a line for each signal: id, label, cluster, place on the map, whether it is selected.

    Args:
        layout: places [n, 2].
        clusters: [n].
        selection: positions of the selected signals.
    """
    names = np.array([*signals.class_names, ""])
    labels = names[signals.labels] if signals.labels is not None else np.full(len(signals), "")
    selected = np.isin(np.arange(len(signals)), selection)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "label", "cluster", "x", "y", "selected"])
    writer.writerows(zip(signals.ids, labels, clusters, *layout.T, selected.astype(int), strict=True))
    return text.getvalue()
