"""What tests of pages have in common."""

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

#: The accessibility checker.
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
#: It asks for each text and all behind it what its colour is, by the same few words: what they mean is worked out once.
REMEMBER_COLOURS = """() => {
    const { prototype } = axe.commons.color.Color;
    const { parseString } = prototype;
    const known = new Map();
    prototype.parseString = function (text) {
        if (!known.has(text)) {
            parseString.call(this, text);
            known.set(text, [this.r, this.g, this.b, this.alpha]);
        }
        [this.r, this.g, this.b, this.alpha] = known.get(text);
        return this;
    };
}"""


def axe_finds(page: Page) -> list[str]:
    """What the accessibility checker finds. Evaluated outside the page's content security policy, which allows no script but its own."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
        page.evaluate(REMEMBER_COLOURS)
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [f"{violation['id']}: {node['html'][:120]}" for violation in found for node in violation["nodes"]]


def follow(page, query: str) -> None:
    """Another address as a step in the history, which the page follows without loading anew."""
    page.evaluate("query => { history.replaceState(null, '', query); dispatchEvent(new PopStateEvent('popstate')); }", query)
