import numpy as np
import pytest

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput, NotFound
from explorer.local import LocalEngine
from explorer.selection import Selection


def test_an_engine_keeps_a_selection_under_its_hash(tmp_path):
    with LocalEngine(tmp_path, device="cpu") as engine:
        id = engine.put(Selection(np.array([5, 3, 9])).artifact, "")
        assert Selection.from_artifact(engine.artifact(id)).rows.tolist() == [5, 3, 9]
        assert engine.entries("selection") == []
        with pytest.raises(NotFound):
            engine.artifact("0" * 64)


@pytest.mark.parametrize(
    "arrays",
    [{}, {"rows": np.array([-1])}, {"rows": np.array([0.5])}, {"rows": np.zeros((2, 2), np.int64)}],
)
def test_what_is_no_selection_is_refused(tmp_path, arrays):
    with pytest.raises(InvalidInput, match="no selection"):
        Selection.from_artifact(Artifact("selection", arrays))
    with LocalEngine(tmp_path, device="cpu") as engine, pytest.raises(InvalidInput):
        engine.put(Artifact("selection", arrays), "")
