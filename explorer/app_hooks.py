"""What `panel serve explorer` does once for the whole server: who may come in, and the model server."""

import gc
import sys
from typing import Any

from explorer.dashboard import forks, guard, head, server, uploads

server.engine()  # first of all: while its process starts, this one imports what a page is made of

from bokeh.settings import settings  # noqa: E402

import explorer.dashboard.app  # noqa: E402
import explorer.dashboard.pages.explore  # noqa: E402, F401

guard.install()
uploads.install()
head.install()
forks.end_together()

# A thread that draws thumbnails hands the interpreter back to the event loop after 0.5 ms instead of 5.
sys.setswitchinterval(5e-4)

# What helps those who write plots with Bokeh costs each visit: validation, and words that are similar to wrong ones.
settings.perform_document_validation = False
settings.perform_error_diagnostics = False

# What was imported is no garbage: to look through it now and then takes 75 ms, in which no page is answered.
gc.freeze()


def on_server_loaded(server_context: Any) -> None:
    server.engine()


def on_server_unloaded(server_context: Any) -> None:
    server.close()
