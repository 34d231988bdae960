"""The look of the shell's own parts, on top of the theme."""

from typing import Any

from explorer.dashboard import theme

HEADER_HEIGHT, TAB_WIDTH = 48, 96
LEFT_WIDTH, RIGHT_WIDTH = 264, 448
GALLERY_HEIGHT = 244
ALONE_HEIGHT = 860
"""Of a page outside the shell."""


ON_HEADER = {"color": "inherit !important"}
"""What a text button needs there: Panel makes it white."""


LOADING = """
#loader { background: none; pointer-events: none; align-items: center; justify-content: end; }
#loader .spinner { position: fixed; top: 0; left: 0; width: 100%; height: 2px; border: 0; border-radius: 0;
                   background: var(--mui-palette-primary-main, #1668b8); transform-origin: left;
                   animation: opening 2s ease-in-out infinite; }
#loader:not(.error)::after { content: "opening …"; font: 14px system-ui, sans-serif; opacity: .65; padding: 24px;
                             color: var(--mui-palette-text-primary, #626a73); }
@keyframes opening { from { transform: scaleX(0) } to { transform: scaleX(1) } }
@media (prefers-reduced-motion: reduce) { #loader .spinner { animation: none } }
"""
"""While the page opens: a thin bar and a word over it, instead of the toolkit's grey veil."""


def tab(current: bool) -> dict[str, Any]:
    """A page's tab: the open one is underlined."""
    line = "2px solid " + ("currentColor" if current else "transparent")
    # Buttons in a header are white unless they insist.
    color = f"var(--panel-{'primary' if current else 'on-background'}-color) !important"
    return {
        "height": HEADER_HEIGHT,
        "borderRadius": 0,
        "borderBottom": line,
        "fontWeight": 600 if current else 400,
        "color": color,
    }


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
