import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score

from explorer.analysis.classification import METHODS, Classification, choose, classify, holdout
from explorer.errors import InvalidInput, MissingExtra

EVERY = pytest.mark.parametrize("method", METHODS)


def told(digits, method: str, **options) -> Classification:
    vectors, labels = digits
    parts = (vectors[:1000], labels[:1000], vectors[1000:], labels[1000:])
    return classify(*parts, classes=10, fit=METHODS[method], **options)


@EVERY
def test_digits_are_told_apart_and_the_scores_are_scikit_learns(method, digits):
    truth, result = digits[1][1000:], told(digits, method)
    (predicted,) = result.predictions
    assert result.accuracy[0] > 0.88
    assert result.accuracy[0] == pytest.approx(accuracy_score(truth, predicted))
    assert result.macro_f1[0] == pytest.approx(f1_score(truth, predicted, average="macro"))
    np.testing.assert_array_equal(result.confusion[0], confusion_matrix(truth, predicted))
    report = classification_report(truth, predicted, output_dict=True)
    for row in result.per_class([str(c) for c in range(10)]):
        known = report[row["class"]]
        assert row["precision"] == pytest.approx(known["precision"]) and row["recall"] == pytest.approx(known["recall"])
        assert row["f1"] == pytest.approx(known["f1-score"]) and row["support"] == known["support"]


@EVERY
def test_one_seed_is_one_answer(method, digits):
    first, second = (told(digits, method, seeds=(3, 4)) for _ in range(2))
    np.testing.assert_array_equal(first.predictions, second.predictions)
    assert first.predictions.shape == (2, 797)


@EVERY
def test_the_scale_of_a_column_does_not_matter(method, digits):
    vectors, labels = digits
    stretched = (vectors * np.geomspace(1e-3, 1e3, 64) + 5).astype(np.float32)
    assert told((stretched, labels), method).accuracy[0] == pytest.approx(told(digits, method).accuracy[0], abs=0.02)


def test_test_vectors_do_not_move_the_scale(digits):
    """The scale is fitted to the training vectors alone: what else is asked changes no answer."""
    vectors, labels = digits
    alone = classify(vectors[:500], labels[:500], vectors[500:600], labels[500:600], classes=10, fit=METHODS["knn"])
    outlier = np.concatenate([vectors[500:600], 1e6 * np.ones((1, 64), np.float32)])
    beside = classify(
        vectors[:500], labels[:500], outlier, np.append(labels[500:600], 0), classes=10, fit=METHODS["knn"]
    )
    np.testing.assert_array_equal(beside.predictions[:, :-1], alone.predictions)


def test_unknown_labels_teach_nothing_and_do_not_count(digits):
    vectors, labels = digits
    some = labels.copy()
    some[::2] = -1
    result = told((vectors, some), "knn")
    assert result.confusion.sum() == (some[1000:] >= 0).sum() and result.predictions.shape == (1, 797)
    half = classify(
        vectors[:1000][1::2], labels[:1000][1::2], vectors[1000:], labels[1000:], classes=10, fit=METHODS["knn"]
    )
    np.testing.assert_array_equal(result.predictions, half.predictions)


@EVERY
def test_classes_that_are_missing_from_the_training_are_errors_and_no_fault(method, digits):
    vectors, labels = digits
    seen = np.isin(labels[:1000], (2, 5, 9))
    result = classify(
        vectors[:1000][seen], labels[:1000][seen], vectors[1000:], labels[1000:], classes=10, fit=METHODS[method]
    )
    assert set(np.unique(result.predictions)) <= {2, 5, 9} and 0.2 < result.accuracy[0] < 0.4


@EVERY
@pytest.mark.parametrize("n", [2, 3, 6])
def test_few_signals_have_an_answer(method, n, digits):
    vectors, labels = np.ones((n, 4), np.float32), np.arange(n) % 2
    result = classify(vectors, labels, vectors, labels, classes=2, fit=METHODS[method])
    assert result.predictions.shape == (1, n) and set(np.unique(result.predictions)) <= {0, 1}


def test_what_cannot_be_is_said_in_words(digits):
    vectors, labels = digits
    with pytest.raises(InvalidInput, match="1 classes; expected two"):
        classify(vectors, np.zeros(1797, np.int64), vectors, labels, classes=10, fit=METHODS["knn"])
    with pytest.raises(InvalidInput, match="finite"):
        classify(vectors * np.nan, labels, vectors, labels, classes=10, fit=METHODS["knn"])
    with pytest.raises(InvalidInput, match="63 numbers; expected 64"):
        classify(vectors, labels, vectors[:, 1:], labels, classes=10, fit=METHODS["knn"])
    with pytest.raises(InvalidInput, match="one for each"):
        classify(vectors, labels[1:], vectors, labels, classes=10, fit=METHODS["knn"])
    with pytest.raises(InvalidInput, match="none with a label"):
        classify(vectors, labels, vectors, labels * 0 - 1, classes=10, fit=METHODS["knn"])


def test_a_missing_package_is_said_in_words(digits, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    with pytest.raises(MissingExtra, match=r"pip install 'explorer-signals\[classify\]'"):
        told(digits, "xgboost")


def test_the_method_that_does_best_is_chosen(digits):
    vectors, labels = digits

    def first(vectors, classes, seed):
        return lambda asked: np.zeros(len(asked), np.int64)

    some = np.concatenate([labels[:600], np.full(1197, -1)])  # what has no label is no reason for a choice
    for known, told_of in ((vectors[:600], labels[:600]), (vectors, some)):
        assert choose(known, told_of, {"first": first, "knn": METHODS["knn"]}) == "knn"


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=60), st.integers(0, 5))
def test_a_held_out_part_has_its_share_of_every_class(labels, seed):
    labels = np.array(labels)
    known = np.flatnonzero(labels >= 0)
    if np.bincount(labels[known], minlength=1).max() < 5:
        with pytest.raises(InvalidInput, match="held out"):
            holdout(labels, share=0.2, seed=seed)
        return
    rest, held = holdout(labels, share=0.2, seed=seed)
    assert sorted([*rest, *held]) == known.tolist()
    for c in np.unique(labels[known]):
        assert (labels[held] == c).sum() == int(0.2 * (labels == c).sum())
