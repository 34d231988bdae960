"""Real vectors for the analyses: scikit-learn's handwritten digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The pixels float32 [1797, 64] in [0, 1] and the labels int64 [1797]."""
    data = load_digits()
    return (data.data / 16).astype(np.float32), data.target.astype(np.int64)
