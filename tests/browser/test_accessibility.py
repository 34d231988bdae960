"""What axe-core finds on each page, in light and dark; whether keys alone reach every control, and one sees where."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from driving import Served, opened, shipped
from playwright.sync_api import Browser, Page, expect

from explorer.dashboard.pages import offered

GRAVE = ("serious", "critical")

# Codes that every page has something to show of; they ship with the package.
START = f"?map=pca&s=digits200&c={shipped('digits200 arc compact 0')}&i=3.7"
THERE = {
    "Explore": lambda page: page.get_by_alt_text("render"),
    "Interpolate": lambda page: page.get_by_alt_text("aligned", exact=True),
    "Edit": lambda page: page.get_by_alt_text("after"),
    "Compare": lambda page: page.get_by_role("cell", name="cubic"),
    "Classify": lambda page: page.get_by_role("button", name="classify", exact=True),
    "Train": lambda page: page.get_by_role("button", name="start", exact=True),
}
"""What stands on a page once it has come to rest."""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_grave(browser: Browser, dashboard: Served, dark: bool):
    page = opened(browser, f"{dashboard.url}{START}&d={int(dark)}")
    found = []
    for number, name in enumerate(offered(), 1):
        if number > 1:
            page.mouse.click(700, 870)
            page.keyboard.press(str(number))
        expect(THERE[name](page).first).to_be_visible()
        page.wait_for_timeout(2000)  # forms come after their pages, and colours fade in
        found += [f"{name}: {text}" for text in grave(page)]
        if below := page.evaluate("() => { const e = deep('.main-content'); return e.scrollHeight - e.clientHeight }"):
            found.append(f"{name}: {below} pixels of it are below the window's edge")
    page.context.close()
    assert not found, "\n".join(found)


def grave(page: Page) -> list[str]:
    """What is serious or critical, with the element that it is about, and stays so: what has just come gets its names a
    moment later (names.js)."""
    found: list[str] = []
    for _ in range(3):
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [
            f"{violation['id']} ({violation['impact']}): {node['html'][:200]} | {node['failureSummary'][:300]}"
            for violation in violations
            if violation["impact"] in GRAVE
            for node in violation["nodes"][:5]
        ]
        if not found:
            break
        page.wait_for_timeout(2000)
    return found


def test_keys_reach_every_control_and_one_sees_where(browser: Browser, dashboard: Served):
    page = opened(browser, f"{dashboard.url}{START}&p=Interpolate")
    expect(THERE["Interpolate"](page)).to_be_visible()
    page.wait_for_timeout(3000)  # until what is hidden has gone
    wanted = page.evaluate(CONTROLS)
    seen: dict[str, bool] = {}
    page.evaluate("document.activeElement?.blur()")
    for _ in range(150):
        page.keyboard.press("Tab")
        name, visible = page.evaluate(FOCUSED)
        if name in seen and set(wanted) <= set(seen):
            break
        seen[name] = seen.get(name, False) or visible
    assert set(wanted) <= set(seen), f"not reached: {set(wanted) - set(seen)}"
    hidden = [name for name in wanted if not seen[name]]
    assert not hidden, f"the focus is not to be seen on {hidden}"
    page.context.close()


def named(element: str) -> str:
    """What an element is, by which it is known again."""
    label = f"{element}.ariaLabel || {element}.labels?.[0]?.textContent || {element}.textContent || {element}.title"
    return f"`${{{element}.tagName}} ${{({label} || '').trim().slice(0, 60)}}`"


# Buttons, fields and sliders that can be seen, also those in shadow roots.
CONTROLS = f"""() => {{
  const found = []
  const walk = (root) => root.querySelectorAll("*").forEach((e) => {{
    if (e.shadowRoot) walk(e.shadowRoot)
    const controls = "button:not([disabled]), [role=slider], [role=combobox], input:not([type=hidden], [type=file])"
    const shown = e.checkVisibility({{visibilityProperty: true}}) && e.getBoundingClientRect().width > 0
    if (e.matches(controls) && shown && e.ariaHidden !== "true" && e.tabIndex >= 0) found.push({named("e")})
  }})
  walk(document)
  return found
}}"""

# Whether anything of it, or of what is around it, is drawn otherwise because it has the focus.
FOCUSED = f"""() => {{
  let e = document.activeElement
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement
  const parts = [e, e.parentElement, e.parentElement?.parentElement, ...e.children].filter(Boolean)
  const ringed = (part) => {{
    const style = getComputedStyle(part)
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none"
      || part.className.includes?.("focusVisible") || part.className.includes?.("Mui-focused")
  }}
  return [{named("e")}, parts.some(ringed)]
}}"""
