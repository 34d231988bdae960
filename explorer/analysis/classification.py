"""Classes told from vectors: classifiers fitted to some signals and asked about others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.vectors import matrix
from explorer.errors import InvalidInput, MissingExtra
from explorer.splits import holdout

Predict = Callable[[np.ndarray], np.ndarray]
"""From vectors float32 [n, dz], scaled as those that it was fitted to, to classes [n]."""

Fit = Callable[[np.ndarray, np.ndarray, int], Predict]
"""From vectors [n, dz], classes 0 to C - 1 [n], each of them seen, and a seed."""

_NEIGHBOURS = 5


def xgboost(vectors: np.ndarray, classes: np.ndarray, seed: int) -> Predict:
    """Boosted trees (Chen and Guestrin 2016) with the parameters of the vectorizer paper, section 10.3."""
    try:
        from xgboost import XGBClassifier
    except ImportError:
        raise MissingExtra(
            "Got classifier 'xgboost' without its package; expected the extra 'classify'. "
            "Run pip install 'explorer-signals[classify]', or take 'logistic'."
        ) from None
    model = XGBClassifier(max_depth=6, learning_rate=0.3, tree_method="hist", random_state=seed)
    return model.fit(vectors, classes).predict


def logistic(vectors: np.ndarray, classes: np.ndarray, seed: int) -> Predict:
    """Multinomial logistic regression, its penalty growing with the number of columns."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10 / vectors.shape[1], max_iter=300, random_state=seed)
    return model.fit(vectors, classes).predict


def knn(vectors: np.ndarray, classes: np.ndarray, seed: int) -> Predict:
    """The vote of the five nearest, by distance."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(_NEIGHBOURS, len(vectors)), weights="distance")
    return model.fit(vectors, classes).predict


METHODS: Mapping[str, Fit] = {"xgboost": xgboost, "logistic": logistic, "knn": knn}


@dataclass(frozen=True, eq=False)
class Classification:
    """What classifiers say of test signals, one classifier for each seed. C classes, S seeds, N test signals.

    Args:
        predictions: int64 [S, N].
        confusion: int64 [S, C, C], rows the truth, columns the prediction; signals without a label do not count.
    """

    predictions: np.ndarray
    confusion: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """The share of test signals that are right: [S]."""
        return np.trace(self.confusion, axis1=1, axis2=2) / self.confusion.sum((1, 2))

    @property
    def macro_f1(self) -> np.ndarray:
        """The mean F1 over the classes that occur in the truth or the predictions: [S]."""
        found = (self.confusion.sum(1) + self.confusion.sum(2)) > 0
        return self._f1().sum(1) / found.sum(1)

    def per_class(self, class_names: Sequence[str]) -> list[dict[str, Any]]:
        """Rows with ``class``, ``precision``, ``recall`` and ``f1``, means over the seeds, and ``support``."""
        right = np.diagonal(self.confusion, axis1=1, axis2=2)
        precision = _share(right, self.confusion.sum(1)).mean(0)
        recall = _share(right, self.confusion.sum(2)).mean(0)
        f1, support = self._f1().mean(0), self.confusion[0].sum(1)
        return [
            {
                "class": name,
                "precision": float(precision[c]),
                "recall": float(recall[c]),
                "f1": float(f1[c]),
                "support": int(support[c]),
            }
            for c, name in enumerate(class_names)
        ]

    def _f1(self) -> np.ndarray:
        right = np.diagonal(self.confusion, axis1=1, axis2=2)
        return _share(2 * right, self.confusion.sum(1) + self.confusion.sum(2))


def classify(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    classes: int,
    fit: Fit,
    seeds: Sequence[int] = (0,),
    heard: Callable[[int], None] = lambda done: None,
) -> Classification:
    """Fit to ``train`` [n, dz], ask about ``test`` [N, dz].

    Columns are brought to mean 0 and deviation 1 over the training vectors. Signals whose label is unknown (-1) teach
    nothing and are predicted all the same.

    Args:
        classes: how many there are; labels are below.
        fit: one of ``METHODS``, or another.
        heard: called after each seed with how many are done; an exception of its ends the work.

    Raises:
        InvalidInput: for vectors that are not finite, other lengths, training signals of fewer than two classes, or
            test signals none of which has a label.
    """
    train, train_labels, known = _labelled(train, train_labels)
    check_known(test_labels)
    test = matrix(test, "test vectors", dz=train.shape[1])
    mean, deviation = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)

    def scaled(vectors: np.ndarray) -> np.ndarray:
        return ((vectors - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32)

    index = np.searchsorted(known, train_labels)
    found = []
    for done, seed in enumerate(seeds, 1):
        found.append(known[fit(scaled(train), index, seed)(scaled(test))])
        heard(done)
    return scored(np.stack(found).astype(np.int64), test_labels, classes)


def check_known(test_labels: np.ndarray) -> None:
    """Raises InvalidInput where no test signal has a label."""
    if not (test_labels >= 0).any():
        raise InvalidInput(f"Got {len(test_labels)} test signals, none with a label; expected some, to compare with.")


def scored(predictions: np.ndarray, labels: np.ndarray, classes: int) -> Classification:
    """Predictions int64 [S, N] beside the truth [N]."""
    confusion = np.zeros((len(predictions), classes, classes), np.int64)
    asked = labels >= 0
    for counts, predicted in zip(confusion, predictions, strict=True):
        np.add.at(counts, (labels[asked], predicted[asked]), 1)
    return Classification(predictions, confusion)


def choose(train: np.ndarray, train_labels: np.ndarray, methods: Mapping[str, Fit], seed: int = 0) -> str:
    """The method that tells a held-out fifth of the training signals best, fitted to the rest."""
    train, train_labels, _ = _labelled(train, train_labels)
    fitted_to, held_out = holdout(train_labels, share=0.2, seed=seed)

    def accuracy(fit: Fit) -> float:
        parts = (train[fitted_to], train_labels[fitted_to], train[held_out], train_labels[held_out])
        return float(classify(*parts, classes=int(train_labels.max()) + 1, fit=fit, seeds=(seed,)).accuracy[0])

    scores = {name: accuracy(fit) for name, fit in methods.items()}
    return max(scores, key=scores.__getitem__)


def _labelled(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors and labels of the signals that have one, and the classes among them."""
    vectors = matrix(vectors, "training vectors")
    if labels.shape != (len(vectors),):
        raise InvalidInput(f"Got {len(labels)} labels for {len(vectors)} vectors; expected one for each.")
    vectors, labels = vectors[labels >= 0], labels[labels >= 0]
    known = np.unique(labels)
    if len(known) < 2:
        raise InvalidInput(f"Got training signals of {len(known)} classes; expected two or more, to be told apart.")
    return vectors, labels, known


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where there is nothing."""
    return part / np.maximum(whole, 1)
