"""Anchors of two clouds are matched, whole or in parts."""

import numpy as np
import pytest

from explorer.nets.pairs import OPTIMAL, pairs


@pytest.mark.parametrize("n", [300, OPTIMAL + 1000])
def test_a_cloud_in_another_order_is_matched_with_itself(n: int):
    draw = np.random.default_rng(0)
    points = draw.uniform(-1, 1, (n, 5)) * [1, 1, 0.1, 0.1, 0.1]
    order = draw.permutation(n)
    mine, theirs = pairs(points, points[order], 2)
    np.testing.assert_array_equal(np.sort(mine), np.arange(n))
    np.testing.assert_array_equal(order[theirs], mine)


@pytest.mark.parametrize(("n", "others"), [(30, 50), (50, 30), (6000, 4500), (5000, 1)])
def test_every_anchor_of_either_has_a_partner(n: int, others: int):
    draw = np.random.default_rng(1)
    a, b = draw.uniform(-1, 1, (n, 3)), draw.uniform(-1, 1, (others, 3))
    mine, theirs = pairs(a, b, 2)
    assert set(mine) == set(range(n)) and set(theirs) == set(range(others)) and len(mine) == len(theirs)
    if others > 1:
        strangers = np.linalg.norm(a[draw.permutation(mine)][:, :2] - b[theirs][:, :2], axis=1).mean()
        assert np.linalg.norm(a[mine][:, :2] - b[theirs][:, :2], axis=1).mean() < strangers / 2
