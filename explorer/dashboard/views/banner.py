"""What went wrong, over the page."""

from typing import Any

from explorer.dashboard.views.later import Later
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.workspace import Workspace

_WIDE: dict[str, Any] = {"margin": 8, "sizing_mode": "stretch_width"}


def banner(workspace: Workspace) -> Later:
    """The errors of a visit's calls, and that another checkpoint is shown than the one that was asked for."""
    wrong, replaced = notice(**_WIDE), notice("warning", closeable=True, **_WIDE)
    follow = workspace.calls.follow
    follow(workspace.calls, lambda event: tell(wrong, " ".join(dict.fromkeys(event.new.values()))), "errors")
    follow(workspace, lambda event: tell(replaced, event.new.instead), "opened")
    return Later(wrong, replaced, sizing_mode="stretch_width")
