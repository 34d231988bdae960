from hypothesis import given
from hypothesis import strategies as st

from explorer.dashboard.state import COLORS, METHODS, SELECTION_IN_ADDRESS, SHORT, State, from_query, to_query

STATES = st.fixed_dictionaries(
    {},
    optional={
        "signals": st.text(min_size=1, max_size=20),
        "checkpoint": st.text("0123456789abcdef", max_size=64),
        "resolution": st.integers(0, 2**24),
        "uneven": st.booleans(),
        "space": st.sampled_from(["", "code", "function", "raw"]),
        "method": st.sampled_from(METHODS),
        "k": st.none() | st.integers(1, 200),
        "projection": st.sampled_from(["umap", "pca"]),
        "color": st.sampled_from(COLORS),
        "selection": st.lists(st.integers(0, 10**6), max_size=SELECTION_IN_ADDRESS),
        "dark": st.booleans(),
    },
)


@given(STATES)
def test_an_address_gives_the_state_back(values):
    state = State(**values)
    again = State(**from_query("?" + to_query(state)))
    assert {name: getattr(again, name) for name in SHORT} == {name: getattr(state, name) for name in SHORT}


def test_a_fresh_state_has_a_short_address():
    assert to_query(State()) == ""


@given(st.text(max_size=80))
def test_a_mangled_address_still_opens(text):
    State(**from_query(text))


def test_what_does_not_fit_is_left_out():
    assert from_query("?r=many&m=magic&k=0&i=1.x&col=label") == {"color": "label"}
