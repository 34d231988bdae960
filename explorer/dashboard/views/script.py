"""The scripts of components that build their elements with ``nodes.js``."""

from pathlib import Path

HERE = Path(__file__).parent


def script(name: str) -> str:
    """A component's script behind the helpers: Panel takes one module for each, and an import would need a bundler."""
    return (HERE / "nodes.js").read_text(encoding="utf-8") + (HERE / name).read_text(encoding="utf-8")
