"""What tests of faults share; they import what stands beside them."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from operations import OPERATIONS, observe  # noqa: E402

from explorer.catalog import Catalog  # noqa: E402
from explorer.store import Store  # noqa: E402


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is to be seen after each number of operations."""
    root = tmp_path_factory.mktemp("truth")
    states = [observe(root)]
    for operation in OPERATIONS:
        store, catalog = Store(root), Catalog(root)
        operation(store, catalog)
        catalog.close()
        states.append(observe(root))
    return states
