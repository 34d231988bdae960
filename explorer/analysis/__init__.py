"""What is read from vectors: maps, clusters, neighbours and scores. Functions of numpy arrays, without torch."""

import threading

_loading = threading.Lock()


def load_sklearn() -> None:
    """Import all of scikit-learn that is used here, once; call it before threads may use parts of it.

    CPython lets two threads that import parts of one package at the same moment wait for each other, and ends one of
    them with an error about a deadlock.
    """
    with _loading:
        import sklearn.cluster
        import sklearn.decomposition
        import sklearn.metrics
        import sklearn.mixture
        import sklearn.neighbors  # noqa: F401
