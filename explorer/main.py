"""What `panel serve explorer` runs, once for each visit."""

import sys
from pathlib import Path

# Panel puts this folder on the path; its modules must be found as explorer.*, and by that name alone.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import panel as pn  # noqa: E402

from explorer.dashboard.app import build  # noqa: E402
from explorer.dashboard.server import engine  # noqa: E402

pn.extension()  # so that browsers load none of Panel's extensions
build(engine()).servable(title="Explorer")
