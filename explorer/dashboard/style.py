"""The look of the shell's own parts, on top of the theme."""

from typing import Any

from explorer.dashboard import theme

HEADER_HEIGHT = 48
LEFT_WIDTH, RIGHT_WIDTH = 264, 448
GALLERY_HEIGHT = 244
CONTROL_HEIGHT = 37
"""Of a row of selects and buttons. They draw themselves one after the other, and what has its place moves nothing."""
ALONE_HEIGHT = 860
"""Of a page outside the shell."""


ON_HEADER = {"color": "inherit !important"}
"""What a text button needs there: Panel makes it white."""


LOADING = """
#loader { background: none; pointer-events: none; align-items: center; justify-content: end; }
#loader .spinner { position: fixed; top: 0; left: 0; width: 100%; height: 2px; border: 0; border-radius: 0;
                   animation: none; background: var(--mui-palette-primary-main, #1668b8); }
#loader:not(.error)::after { content: "opening …"; font: 14px system-ui, sans-serif; opacity: .65; padding: 24px;
                             color: var(--mui-palette-text-primary, #626a73); }
"""
"""While the page opens: a thin bar and a word over it, instead of the toolkit's grey veil. They keep still, since where
software imitates a GPU each frame of theirs takes from the page's own."""


TOOLTIP = {"disableInteractive": True, "enterDelay": 500, "enterNextDelay": 500}
"""A hint stands over the button beside its own: it waits until the hand rests, and never catches a click."""


def material() -> dict[str, Any]:
    """The theme with a low, flat header and quiet buttons."""
    return {mode: _quiet(config) for mode, config in theme.material().items()}


def _quiet(config: dict[str, Any]) -> dict[str, Any]:
    palette = config["palette"]
    header = {
        "backgroundColor": palette["background"]["default"],
        "color": palette["text"]["primary"],
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": f"1px solid {palette['divider']}",
    }
    flat = {"backgroundColor": palette["background"]["default"], "backgroundImage": "none"}  # as plots have it
    components = {
        "MuiDrawer": {"styleOverrides": {"paper": flat}},
        "MuiToolbar": {"styleOverrides": {"root": {"minHeight": f"{HEADER_HEIGHT}px !important"}}},
        "MuiAppBar": {"styleOverrides": {"root": header, "colorPrimary": header}},
        "MuiTooltip": {"defaultProps": TOOLTIP},
    }
    typography = config["typography"] | {"button": {"textTransform": "none"}}
    return config | {"components": components, "typography": typography}


ONE_SEEN = ":host { min-height: 0 !important; overflow: hidden auto; }"
"""For a column of which one part is seen at a time: Panel adds the least heights of all up, also of those unseen."""
