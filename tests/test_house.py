"""The house stands as its plan says: who may import whom, what is loaded when, and what nobody writes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "explorer"
LEVELS = {
    "errors": 0, "artifacts": 0, "grids": 0, "signals": 0, "observations": 0, "codes": 0, "messages": 0, "memo": 0,
    "interpolation": 0, "readings": 0, "noise": 0, "clouds": 0, "shapes": 0, "edits": 0, "splits": 0,
    "selection": 0, "sequences": 0,
    "nets": 1, "representations": 1, "fitting": 1, "fits": 1,
    "analysis": 1, "readers": 1,
    "engine": 2, "local": 2, "compute": 2, "jobs": 2, "store": 2, "catalog": 2, "server": 2, "remote": 2, "worker": 2,
    "cluster": 2, "uploads": 2, "sending": 2, "connection": 2, "tokens": 2, "waiting": 2, "child": 2, "bench": 2,
    "dashboard": 3, "widgets": 3, "main": 3, "app_hooks": 3, "cli": 3, "__main__": 3, "__init__": 3,
}  # fmt: skip
TORCH = {"nets", "representations", "fitting", "fits", "local", "cluster", "bench"}
PANEL = {"dashboard", "widgets", "main", "app_hooks", "cli"}
MODELS, ANALYSIS = {"nets", "representations", "fitting", "fits"}, {"analysis", "readers"}
FRONT_ENDS = {"dashboard", "widgets"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports, and whether only for the type checker."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "explorer":
                found += [(f"explorer.{alias.name}", id(node) in typing_only) for alias in node.names]
            else:
                found.append((node.module, id(node) in typing_only))
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    mine = room(path)
    assert mine in LEVELS, f"{mine} has no place in the house"
    for module, typing_only in imports(path):
        top = module.partition(".")[0]
        if top == "torch":
            assert mine in TORCH, f"{path} imports torch"
        if top in ("panel", "holoviews", "bokeh", "panel_material_ui"):
            assert mine in PANEL, f"{path} imports {top}"
        if top != "explorer" or typing_only or module == "explorer":
            continue
        theirs = module.split(".")[1]
        if theirs not in LEVELS:
            continue  # a public name of the package itself
        assert LEVELS[theirs] <= LEVELS[mine], f"{path} imports upward: {module}"
        assert not (mine in MODELS and theirs in ANALYSIS), f"{path} imports {module}"
        assert not (mine in ANALYSIS and theirs in MODELS), f"{path} imports {module}"
        if mine in FRONT_ENDS:
            assert theirs not in MODELS | ANALYSIS | {"local", "compute", "store", "jobs"}, f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_runs_what_it_reads(path: Path):
    """No pickle, no eval, no shell, no torch.load: what comes from outside stays data."""
    forbidden = {"pickle", "dill", "joblib", "marshal", "shelve", "yaml"}
    assert not forbidden & {module.partition(".")[0] for module, _ in imports(path)}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "torch.load", "os.system", "os.popen", "compile"), f"{path}: {called}"
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                assert not (keyword.arg in ("shell", "allow_pickle") and value is True), f"{path}: {keyword.arg}=True"


def loaded_after(code: str) -> set[str]:
    check = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.split())


def test_importing_explorer_does_nothing():
    assert not {"numpy", "torch", "panel", "sklearn"} & loaded_after("import explorer")


def test_the_dashboard_does_not_load_torch():
    assert "torch" not in loaded_after("import explorer.dashboard.app")


def test_names_at_the_top_shadow_nothing():
    """While `panel serve explorer` runs, the package's folder stands first on the path."""
    names = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert not names & (set(sys.stdlib_module_names) | {"umap", "httpx", "datashader", "torch", "numpy", "static"})


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_tools_are_content(command: list[str]):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_floors_hold_what_was_mended():
    """Versions below these have known holes that matter here."""
    import tomllib

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    wanted = {"bokeh": "3.8.2", "tornado": "6.5.8", "pillow": "12.3", "torch": "2.10"}
    stated = {line.split(">=")[0]: line.split(">=")[1].split(",")[0] for line in project["dependencies"]}
    for name, floor in wanted.items():
        assert tuple(map(int, stated[name].split("."))) >= tuple(map(int, floor.split("."))), name
