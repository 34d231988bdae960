"""The browser's side of the shell, run by Node without a page: which keys it passes on."""

import json
import shutil
import subprocess

import pytest

from explorer.dashboard.views.browser import Browser

PRESS = """
const heard = []
globalThis.document = { addEventListener: (name, react) => { globalThis.onKey = react } }
globalThis.window = { matchMedia: () => ({ matches: false, addEventListener: () => {} }) }
globalThis.requestAnimationFrame = () => {} // nothing is ever drawn
const model = { keys: ["e", " ", "ArrowLeft"], on: () => {}, send_msg: (key) => heard.push(key) }
render({ model, el: { style: {} } })
for (const [key, node] of CASES) {
  onKey({ key, composedPath: () => [node, {}], preventDefault: () => {} })
}
console.log(JSON.stringify(heard))
"""


def heard(*cases: tuple[str, dict]) -> list[str]:
    """The keys that reach Python when each is pressed while some element has the focus."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    program = f"{Browser._esm.read_text()}\nconst CASES = {json.dumps(cases)}\n{PRESS}"
    done = subprocess.run([node, "--input-type=module"], input=program, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def field(type: str) -> dict:
    return {"tagName": "INPUT", "type": type}


def test_keys_are_the_pages_wherever_nobody_types():
    assert heard(("e", {"tagName": "DIV"}), *[("e", field(t)) for t in ("checkbox", "range", "radio")]) == ["e"] * 4


def test_what_is_typed_is_no_key_of_the_page():
    fields = [field(t) for t in ("text", "search", "number", "password", "email", "date")]
    fields += [{"tagName": "TEXTAREA"}, {"tagName": "SELECT"}, {"tagName": "DIV", "isContentEditable": True}]
    assert heard(*[("e", f) for f in fields]) == []


def test_keys_that_work_a_focused_control_stay_its_own():
    assert heard((" ", field("checkbox")), ("ArrowLeft", field("range")), ("ArrowLeft", field("checkbox"))) == [
        "ArrowLeft"
    ]
