"""The quiet look of a Bokeh plot."""

from typing import Any

from bokeh.models import ColumnDataSource, Glyph, GlyphRenderer
from bokeh.plotting import figure

from explorer.dashboard import theme


def draw(plot: figure, glyph: Glyph, source: ColumnDataSource, **options: Any) -> GlyphRenderer:
    """Have a plot draw a glyph, as it is: without looks for Bokeh's own selection and hover, which are further glyphs
    that the browser would lay out for each change of the data."""
    plain = dict.fromkeys(("selection_glyph", "nonselection_glyph", "hover_glyph", "muted_glyph"))
    return plot.add_glyph(source, glyph, **plain, **options)


def quieten(plot: figure, dark: bool) -> None:
    """Thin grey lines, no ground of its own, small labels."""
    tones = theme.tones(dark)
    plot.background_fill_color = plot.border_fill_color = None
    plot.outline_line_color = None
    plot.grid.grid_line_color = tones.line
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = tones.line
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = tones.muted
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
