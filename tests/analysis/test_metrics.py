import numpy as np
import pytest
from skimage.metrics import structural_similarity

from explorer.analysis.metrics import PSNR_LIMIT_DB, ami, ari, drift, psnr_db, silhouette, ssim, trustworthiness
from explorer.errors import InvalidInput


@pytest.mark.parametrize("score", [ami, ari])
def test_agreement_ignores_the_names_of_clusters(score, digits):
    labels = digits[1]
    assert score((labels + 3) % 10, labels) == pytest.approx(1)
    assert abs(score(np.random.default_rng(0).permutation(labels), labels)) < 0.02


@pytest.mark.parametrize("score", [ami, ari])
def test_agreement_leaves_out_what_is_unknown(score):
    assert score(np.array([0, 0, 1, 1, 0]), np.array([0, 0, 1, 1, -1])) == pytest.approx(1)
    assert np.isnan(score(np.array([0, 1]), np.array([-1, -1])))


def test_drift_is_the_share_that_changes():
    labels = np.array([0, 1, 2, 3])
    assert drift(labels, labels) == 0
    assert drift(np.array([0, 1, 2, 0]), labels) == 0.25


@pytest.mark.parametrize("score", [ami, ari, drift])
def test_labels_of_other_signals_are_refused(score):
    with pytest.raises(InvalidInput):
        score(np.zeros(3), np.zeros(4))


def test_silhouette_of_clear_and_of_no_clusters(digits):
    vectors = np.concatenate([digits[0][:50] * 0.01, digits[0][:50] * 0.01 + 1])
    assert silhouette(vectors, np.repeat([0, 1], 50)) > 0.9
    assert np.isnan(silhouette(vectors, np.zeros(100)))
    assert np.isnan(silhouette(vectors[:3], np.arange(3)))


def test_trustworthiness_of_a_true_and_of_a_shuffled_map(digits):
    rng = np.random.default_rng(0)
    vectors = digits[0][:300, 18:21] + rng.normal(scale=1e-3, size=(300, 3))  # no ties
    layout = vectors[:, :2]
    shuffled = rng.permutation(layout)
    assert trustworthiness(layout, layout) == pytest.approx(1)
    assert trustworthiness(vectors, layout) > 0.75
    assert trustworthiness(vectors, shuffled) < 0.6
    assert np.isnan(trustworthiness(vectors[:2], layout[:2]))
    assert 0 <= trustworthiness(vectors[:4], layout[:4]) <= 1


def test_psnr_is_the_formula():
    truth = np.zeros((3, 4, 4, 1))
    estimate = truth + np.array([1, 0.1, 0.01]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(psnr_db(truth, estimate), [0, 20, 40], atol=1e-9)
    np.testing.assert_allclose(psnr_db(truth, estimate, peak=10), [20, 40, 60], atol=1e-9)


def test_psnr_of_known_noise(digits):
    truth = digits[0]
    noisy = truth + np.random.default_rng(0).normal(scale=0.05, size=truth.shape)
    assert psnr_db(truth, noisy).mean() == pytest.approx(-20 * np.log10(0.05), abs=0.2)


def test_psnr_stays_finite_and_says_nothing_where_nothing_is_known():
    truth = np.array([[0.5, 0.5], [0.5, np.nan], [np.nan, np.nan], [0.5, 0.5]])
    estimate = np.array([[0.5, 0.5], [0.6, 7.0], [0.0, 0.0], [np.nan, 0.5]])
    np.testing.assert_allclose(psnr_db(truth, estimate), [PSNR_LIMIT_DB, 20, np.nan, np.nan], atol=1e-9)


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (4, 6), (3, 3), (31, 20)])
@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_has_the_numbers_of_scikit_image(size, channels):
    rng = np.random.default_rng(1)
    truth = rng.uniform(size=(6, *size, channels))
    estimate = truth + rng.normal(scale=np.linspace(0, 0.5, 6).reshape(6, 1, 1, 1), size=truth.shape)
    window = min(7, min(size) - (min(size) % 2 == 0))
    expected = [
        structural_similarity(a, b, data_range=1.0, channel_axis=-1, win_size=window)
        for a, b in zip(truth, estimate, strict=True)
    ]
    np.testing.assert_allclose(ssim(truth, estimate), expected, rtol=1e-9, atol=1e-12)


def test_ssim_in_pieces_is_ssim(monkeypatch, digits):
    truth = digits[0][:20].reshape(-1, 8, 8, 1)
    whole = ssim(truth, truth * 0.8)
    monkeypatch.setattr("explorer.analysis.metrics._SSIM_PIXELS", 3 * 64)
    np.testing.assert_array_equal(ssim(truth, truth * 0.8), whole)


def test_ssim_says_nothing_of_images_without_structure():
    assert np.isnan(ssim(np.zeros((2, 2, 9, 1)), np.zeros((2, 2, 9, 1)))).all()
    assert ssim(np.zeros((0, 8, 8, 1)), np.zeros((0, 8, 8, 1))).shape == (0,)


@pytest.mark.parametrize("score", [psnr_db, ssim])
def test_reconstructions_of_another_shape_are_refused(score):
    with pytest.raises(InvalidInput, match="equal shapes"):
        score(np.zeros((1, 8, 8, 1)), np.zeros((1, 9, 8, 1)))
    with pytest.raises(InvalidInput, match="peak"):
        score(np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8, 1)), peak=0)
