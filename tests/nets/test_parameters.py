"""Parameters <-> vector, both ways."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.nets.parameters import Layout

shapes = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), min_size=1, max_size=5)
leading = st.lists(st.integers(1, 3), max_size=2).map(tuple)


@settings(deadline=None)
@given(shapes=shapes, leading=leading)
def test_split_and_join_are_inverses(shapes, leading):
    layout = Layout(tuple((str(i), shape) for i, shape in enumerate(shapes)))
    vectors = torch.arange(float(torch.tensor((*leading, layout.size)).prod())).reshape(*leading, layout.size)
    parameters = layout.split(vectors)
    assert {name: tuple(p.shape) for name, p in parameters.items()} == {n: (*leading, *s) for n, s in layout.shapes}
    assert torch.equal(layout.join(parameters), vectors)


def test_slices_cover_the_vector_once():
    layout = Layout((("a", (2, 3)), ("b", (2,)), ("c", (1, 2, 2))))
    covered = torch.cat([torch.arange(12)[part] for part in layout.slices.values()])
    assert layout.size == 12 and covered.tolist() == list(range(12))
