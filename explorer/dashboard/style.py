"""The look of the shell's own parts, on top of the theme."""

from typing import Any

from explorer.dashboard import theme

HEADER_HEIGHT = 48
LEFT_WIDTH, RIGHT_WIDTH = 264, 448
GALLERY_HEIGHT = 244


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
    components = {
        "MuiToolbar": {"styleOverrides": {"root": {"minHeight": f"{HEADER_HEIGHT}px !important"}}},
        "MuiAppBar": {"styleOverrides": {"root": header, "colorPrimary": header}},
    }
    typography = config["typography"] | {"button": {"textTransform": "none"}}
    return config | {"components": components, "typography": typography}
