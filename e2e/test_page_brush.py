"""The brush on the page: map, total and chart follow while it is dragged, and the address once it is let go."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


class Brush:
    """The mouse on the brush, at shares of its width."""

    def __init__(self, page: Page):
        self.page = page
        self.box = page.get_by_test_id("brush").bounding_box()

    def to(self, share: float) -> None:
        self.page.mouse.move(self.box["x"] + self.box["width"] * share, self.box["y"] + self.box["height"] / 2)


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def caption(page: Page):
    return page.get_by_test_id("table").locator("caption")


def drawn_path(page: Page) -> str:
    return page.get_by_test_id("download-csv").get_attribute("href")


def test_views_follow_a_dragged_brush_and_the_address_when_it_is_let_go(view, server):
    page = view(server)
    shown = page.get_by_test_id("total")
    before, table = f"{server.meta()['incidents']['total']:,}", caption(page).inner_text()
    expect(shown).to_have_text(before)
    line = page.get_by_test_id("series").locator(".chart-line path").first
    drawn = line.get_attribute("d")
    brush = Brush(page)
    brush.to(0.3)
    page.mouse.down()
    brush.to(0.5)
    brush.to(0.6)
    expect(shown).not_to_have_text(before)
    expect(line).not_to_have_attribute("d", drawn)
    page.wait_for_function("() => document.querySelector('[data-testid=download-csv]').href.includes('from=')")
    # Nobody sees the table; nothing is chosen yet.
    assert caption(page).inner_text() == table
    assert parameters(page.url) == {}

    page.mouse.up()
    period = parameters(page.url)
    assert set(period) == {"from", "to"}
    counts = server.json("/api/v1/series", by="none", bucket="year", **period)["series"][0]["counts"]
    expect(shown).to_have_text(f"{sum(counts):,}")
    expect(caption(page)).not_to_have_text(table)
    asked = parameters(drawn_path(page))
    assert {name: asked[name] for name in period} == period
    cells = server.json("/api/v1/cells", resolution=asked["resolution"], **period)["cells"]
    members = page.get_by_test_id("legend").locator(".legend-cells").evaluate_all(
        "all => all.map(each => parseInt(each.firstChild.data.replaceAll(',', '')) || 0)"
    )  # fmt: skip
    assert sum(members) == len(cells)


def test_a_table_in_view_follows_a_dragged_brush(view, server):
    page = view(server)
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => scrollY > 200")
    table = caption(page).inner_text()
    brush = Brush(page)
    brush.to(0.3)
    page.mouse.down()
    brush.to(0.6)
    expect(caption(page)).not_to_have_text(table)
    assert parameters(page.url) == {}
    page.mouse.up()


def test_a_cancelled_drag_leaves_everything_as_it_was(view, server):
    page = view(server)
    shown = page.get_by_test_id("total")
    before = f"{server.meta()['incidents']['total']:,}"
    brush = Brush(page)
    brush.to(0.3)
    page.mouse.down()
    brush.to(0.6)
    expect(shown).not_to_have_text(before)
    page.get_by_test_id("brush").dispatch_event("pointercancel")
    expect(shown).to_have_text(before)
    page.mouse.up()
    assert parameters(page.url) == {}
