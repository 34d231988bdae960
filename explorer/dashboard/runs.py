"""What is said of a training that was asked for: its name, where it stands, its figures, what can be done with it."""

from html import escape

from explorer.dashboard.views.jobs import seconds
from explorer.dashboard.views.words import figures
from explorer.messages import JobState, Moment


def training_name(job: JobState) -> str:
    """What a run is called: its method, preset, seed, and the fields that were changed."""
    recipe = job.recipe
    preset = "" if recipe["preset"] == "default" else f" {recipe['preset']}"
    changed = ", ".join(f"{name} {value}" for name, value in list(recipe["config"].items())[:3])
    return f"{recipe['representation']}{preset}, seed {recipe['seed']}" + (f", {changed}" if changed else "")


def told(job: JobState) -> str:
    """Where a run stands, in words."""
    if job.state == "queued":
        return "next" if job.position == 0 else f"waits; {job.position} before it"
    at = f"{job.progress.message} {job.progress.step:,} of {job.progress.total:,}" if job.progress else "starting"
    if job.state == "running":
        return at + (f", {seconds(job.eta_s)} left" if job.eta_s is not None else "")
    if job.state == "paused":
        return f"paused: {at}"
    return job.error or f"{job.state} after {seconds(job.seconds)}"


def share(job: JobState) -> float | None:
    """How far a run has come, for those that have not ended."""
    if job.ended or not job.progress or not job.progress.total:
        return None
    return job.progress.step / job.progress.total


def actions(job: JobState) -> dict[str, str]:
    """What can be done with a run."""
    if job.ended:
        return {"again": "use its form"}
    return {"resume": "go on", "cancel": "cancel"} if job.state == "paused" else {"pause": "pause", "cancel": "cancel"}


def rate(moments: list[Moment], over_s: float = 10.0) -> float | None:
    """Steps per second, over the last seconds of one stage; None while nobody knows."""
    if not moments:
        return None
    last = moments[-1]
    same = [
        moment
        for moment in moments
        if moment.progress.message == last.progress.message
        and moment.progress.total == last.progress.total
        and last.seconds - moment.seconds <= over_s
    ]
    passed = last.seconds - same[0].seconds
    return (last.progress.step - same[0].progress.step) / passed if passed > 0 else None


def numbers(job: JobState, moments: list[Moment], device: str) -> str:
    """A run's figures, as HTML."""
    parts = [told(job) if not job.error else job.state]
    metrics: dict[str, float] = {}  # the last that were told, of any stage
    for moment in moments:
        metrics |= moment.progress.metrics
    if "loss" in metrics:
        parts.append(f"loss <b>{metrics['loss']:.3g}</b>")
    if "psnr_db" in metrics:
        parts.append(f"PSNR <b>{metrics['psnr_db']:.1f}</b> dB")
    speed = rate(moments) if job.state == "running" else None
    if speed is not None:
        parts.append(f"<b>{speed:.3g}</b> steps/s")
    parts.append(f"<b>{seconds(job.seconds)}</b> of work")
    if job.memory_bytes:
        parts.append(f"<b>{job.memory_bytes / 2**20:,.0f}</b> MiB")
    return figures(*parts, escape(device), f"seed {job.recipe['seed']}")
