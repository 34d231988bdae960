import numpy as np
import torch
from sklearn.datasets import load_digits

from explorer.nets.classifier import fit_mlp


def test_it_learns_and_one_seed_is_one_classifier():
    data = load_digits()
    vectors, labels = ((data.data - 8) / 6).astype(np.float32), data.target.astype(np.int64)
    torch.manual_seed(0)
    first = fit_mlp(vectors[:600], labels[:600], 1)(vectors[600:])
    torch.manual_seed(5)  # the generator that all share has no part in it
    np.testing.assert_array_equal(fit_mlp(vectors[:600], labels[:600], 1)(vectors[600:]), first)
    assert (first == labels[600:]).mean() > 0.9
