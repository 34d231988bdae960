import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from explorer.dashboard.views.colors import matched


@given(st.integers(1, 12), st.integers(0, 2**16))
def test_the_same_clusters_under_other_numbers_keep_their_colours(k: int, seed: int):
    rng = np.random.default_rng(seed)
    before = np.concatenate([np.arange(k), rng.integers(0, k, 50)])
    renamed, slots = rng.permutation(k), rng.permutation(k + 3)[:k]
    labels = renamed[before]
    assert (matched(labels, before, slots)[labels] == slots[before]).all()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**16))
def test_no_two_clusters_have_one_colour(k: int, other: int, seed: int):
    rng = np.random.default_rng(seed)
    found = matched(rng.integers(-1, k, 60), rng.integers(-1, other, 60), np.arange(other))
    assert len(set(found.tolist())) == len(found) and (found >= 0).all()


def test_a_part_of_a_cluster_takes_a_free_colour():
    before = np.array([0, 0, 0, 1, 1, 1])
    labels = np.array([2, 2, 0, 1, 1, 1])
    assert matched(labels, before, np.array([0, 1])).tolist() == [2, 1, 0]
