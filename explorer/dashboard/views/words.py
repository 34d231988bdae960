"""Words in the shell's own look: headings, figures, quiet lines."""

from typing import Any

import panel as pn

CSS = """
:host { font: 13px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums;
        color: var(--panel-on-background-color); }
h1 { font: 600 16px system-ui, sans-serif; margin: 0; }
h2 { font: 600 11px system-ui, sans-serif; letter-spacing: .08em; text-transform: uppercase; margin: 0; opacity: .7; }
b { font-weight: 600; }
.quiet { opacity: .65; }
.wrong { color: var(--panel-danger-color, #c0392b); }
.figures { display: flex; flex-wrap: wrap; column-gap: 16px; }
td { padding: 4px 16px 4px 0; }
table.plain { border-collapse: collapse; }
.plain th { font-weight: 400; text-align: left; opacity: .75; padding: 3px 16px 3px 0; }
.plain td { padding: 3px 16px 3px 0; }
.plain tr { border-bottom: 1px solid var(--divider-color); }
.table { border-collapse: collapse; width: 100%; font-size: 12px; }
.table td, .table th { padding: 3px 0 3px 10px; text-align: right; vertical-align: bottom; font-weight: 400; }
.table td:first-child { text-align: left; padding-left: 0; }
kbd { font: 12px ui-monospace, monospace; padding: 1px 6px;
      border: 1px solid var(--divider-color); border-radius: 4px; }
"""


def words(text: str = "", **options: Any) -> pn.pane.HTML:
    """A pane of HTML."""
    return pn.pane.HTML(
        text or "&nbsp;", **{"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [CSS], **options}
    )


def heading(text: str, **options: Any) -> pn.pane.HTML:
    """The name of a group of controls."""
    return words(f"<h2>{text}</h2>", **{"margin": (18, 0, 6, 0), **options})


def figures(*parts: str) -> str:
    """Numbers side by side, each kept together."""
    return f'<div class="figures">{"".join(f"<span>{part}</span>" for part in parts)}</div>'


def counted(signals: int) -> str:
    """So many signals, in words."""
    return "1 signal" if signals == 1 else f"{signals:,} signals"


def short(number: float) -> str:
    """A number in three figures, or more where more stand before the point."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
