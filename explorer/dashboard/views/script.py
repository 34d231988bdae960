"""Components that are a script of ours in the browser."""

import hashlib
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

HERE = Path(__file__).parent


class Scripted(JSComponent):
    """A component whose script a browser reads as it stands, where Panel has each page translate it from TypeScript."""

    _bundle_path = None  # nor is one looked for, each time

    def _get_properties(self, doc: Any) -> dict[str, Any]:
        props = super()._get_properties(doc)
        return props | {"bundle": hashlib.sha256(props["esm"].encode()).hexdigest()}


def script(name: str) -> str:
    """A component's script behind the helpers of ``nodes.js``: Panel takes one module for each, and an import would
    need a bundler."""
    return (HERE / "nodes.js").read_text(encoding="utf-8") + (HERE / name).read_text(encoding="utf-8")
