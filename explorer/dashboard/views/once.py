"""A layout for notebooks in which the script of panel-material-ui stands once, and not in each of its components."""

from typing import Any

import panel as pn
import panel_material_ui as pmui


class ScriptOnce(pn.Row):
    """A row whose unseen first part brings the script along for all others.

    Without a server that has it at an address, Panel writes the whole script, 1.4 MB, into every component. A browser
    runs that of the first one that it reads and finds it again, by the bundle's name, for the others; so in theirs it
    is left out. Parts that come later, while a kernel lives, bring their own.
    """

    def __init__(self, *parts: Any, **options: Any):
        super().__init__(pmui.Divider(visible=False, margin=0), *parts, **options)

    def _get_model(self, doc: Any, root: Any = None, parent: Any = None, comm: Any = None) -> Any:
        model = super()._get_model(doc, root, parent, comm)
        carrier = model.children[0]
        bundle = getattr(carrier, "bundle", None)
        if bundle not in (None, "url"):
            # The root may be the toolkit's own wrapper of all this; a browser reads what is inside first.
            for other in {*model.references(), *filter(None, [root])} - {carrier}:
                if getattr(other, "bundle", None) == bundle:
                    other.esm = ""
        return model
