"""ipywidgets, for notebooks: state is traits, which Python and ``ipywidgets.link`` read and write.

They need the extra ``notebook`` and nothing from outside: what runs in the browser comes with the kernel.
"""

from explorer.widgets.interpolation import InterpolationSlider
from explorer.widgets.monitor import FitMonitor

__all__ = ["FitMonitor", "InterpolationSlider"]
