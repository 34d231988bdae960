import panel as pn

from explorer.dashboard.views.jobs import Jobs, line, listed
from explorer.messages import JobState, Progress


def job(id: str, op: str = "train", **fields) -> JobState:
    recipe = {"op": op} | ({"representation": "arc"} if op == "train" else {})
    return JobState(id=id, key="0" * 64, recipe=recipe, **{"state": "queued", **fields})


def test_the_newest_stand_first_and_maps_are_nobodys_job():
    jobs = [job("a", state="done"), job("b", "project"), job("c"), job("d", "evaluate")]
    assert [j.id for j in listed(jobs)] == ["d", "c", "a"]


def test_a_job_says_how_far_it_is():
    assert line(job("a", position=2)) == "train arc: waiting, 2 before it"
    running = job("a", state="running", progress=Progress(step=1000, total=4000, message="training"), eta_s=30.0)
    assert line(running) == "train arc: training 1,000 of 4,000, 30 s left"
    assert "out of memory" in line(job("a", state="failed", error="out of memory"))


def test_what_a_job_quotes_is_no_markup():
    jobs = Jobs(cancel=print)
    jobs.jobs = [job("a", state="failed", error="Got '<img src=x>'; expected another.")]
    (said,) = jobs._list.select(pn.pane.HTML)
    assert "<" not in said.object and "&lt;img src=x&gt;" in said.object
