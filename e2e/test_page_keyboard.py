"""Every task of the page by keyboard alone, and nothing on its views keeps anyone out: contrast, zoom, motion."""

from urllib.parse import parse_qs, urlsplit

import pytest
from pages import axe_finds, follow
from playwright.sync_api import Page, expect

AT = "2017-08-06T06:00"
#: More stops than the page has before its tables.
MOST_STOPS = 400


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until something that matches has the focus, which must be visible there."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            outline = page.evaluate(
                """() => { const style = getComputedStyle(document.activeElement);
                    const label = document.activeElement.closest("label");
                    const around = label === null ? style : getComputedStyle(label);
                    const map = document.activeElement.closest(".city-map");
                    const frame = map === null ? style : getComputedStyle(map, "::after");
                    return [style.outlineStyle, around.outlineStyle, frame.outlineStyle, style.boxShadow].some(each => each !== "none"); }"""
            )
            assert outline, f"the focus cannot be seen on {selector}"
            return
    raise AssertionError(f"Tab never reaches {selector}")


def test_the_first_stop_leads_past_the_map(visit, server):
    page = visit(server)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip the map")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#lists")).to_be_focused()
    page.close()


def test_a_peak_is_chosen_read_and_left(view, server):
    page = view(server, f"?at={AT}")
    expect(page.get_by_test_id("peak").first).to_be_visible()
    tab_to(page, "[data-testid=peak] button")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("explanation-verdict")).to_contain_text("expected at this hour and season")
    assert "peak" in address(page)
    expect(page.get_by_test_id("explanation").get_by_role("heading", level=2)).to_be_focused()
    tab_to(page, ".course svg")
    page.keyboard.press("Home")
    first = page.evaluate("() => document.activeElement.getAttribute('aria-valuetext')")
    page.keyboard.press("End")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-valuetext')") != first
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("peak").locator("button").first).to_be_focused()
    assert "peak" not in address(page)


def test_the_layer_is_changed(view, server):
    page = view(server, "?from=2017-06-01")
    tab_to(page, "[data-testid=layer-count]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("legend")).to_contain_text("per km² and year")
    assert address(page)["layer"] == ["density"]


def test_the_time_is_moved_and_played(view, server):
    page = view(server, f"?at={AT}")
    tab_to(page, "[data-testid=time-back-day]")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("time-at")).to_have_value("2017-08-05T06:00")
    tab_to(page, "[data-testid=time-play]")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("time-at")).to_have_value("2017-08-06T06:00")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("time-play")).to_have_attribute("aria-pressed", "false")


def test_hours_filter(view, server):
    page = view(server, "?category=ROBBERY&from=2017-06-01")
    tab_to(page, "[data-testid=chart-time]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("hours").locator("[data-hour='0']")).to_be_visible()
    tab_to(page, "[data-hour='0']")
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(lambda url: "hour_of_week=1,25" in url)


def test_an_area_and_a_block_are_found(view, server):
    page = view(server)
    block = next(incident["block"] for incident in server.json("/api/v1/incidents", limit=50)["incidents"] if incident["block"])
    tab_to(page, "[data-testid=find]")
    page.keyboard.type(block)
    expect(page.get_by_test_id("found").filter(has_text=block).first).to_be_visible()
    for _ in range(page.get_by_test_id("found").count()):
        if block in page.locator("[role=option][aria-selected=true]").inner_text():
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "map=" in url)


def test_two_periods_are_compared(view, server):
    page = view(server, "?from=2017-06-01&to=2017-07-01")
    tab_to(page, "[data-testid=chart-time]")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("compare-a-total")).not_to_have_text("…")
    tab_to(page, "[data-testid=compare-with]")
    page.keyboard.press("ArrowDown")
    page.wait_for_url(lambda url: "compare=year" in url)
    expect(page.get_by_test_id("compare-b")).to_contain_text("1 Jun 2016 – 30 Jun 2016")


def test_link_and_figures_are_taken_away(view, server):
    page = view(server, "?category=ROBBERY")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab_to(page, "[data-testid=take-away]")
    page.keyboard.press("Enter")
    tab_to(page, "[data-testid=copy-link]")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("copy-link")).to_have_text("✓ Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == page.url
    tab_to(page, "[data-testid=download-csv]")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "blotter.csv"
    page.close()


def test_the_brief_is_opened(view, server):
    page = view(server, f"?at={AT}")
    tab_to(page, "[data-testid=brief-link]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/brief" in url)
    expect(page.get_by_test_id("brief")).to_be_visible()
    page.close()


def test_the_table_is_read_and_sorted(view, server):
    page = view(server, "?resolution=8&from=2017-06-01&category=ROBBERY")
    tab_to(page, "[data-testid=table-areas], [data-testid=table-hexagons]")
    if page.get_by_test_id("table-hexagons").is_visible() and not page.get_by_test_id("table-hexagons").is_checked():
        page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("table-hexagons")).to_be_checked()
    tab_to(page, "[data-testid=table] th:nth-child(3) button")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("table").locator("th").nth(2)).to_have_attribute("aria-sort", "descending")
    most = max(count for _, count in server.json("/api/v1/cells", resolution=8, category="ROBBERY", **{"from": "2017-06-01"})["cells"])
    expect(page.get_by_test_id("table").locator("tbody tr").first.locator("td").nth(2)).to_have_text(f"{most:,}")
    page.close()


def test_the_map_is_moved_and_an_area_is_picked(view, server):
    page = view(server)
    tab_to(page, "[data-testid=map] canvas")
    page.keyboard.press("Equal")
    page.wait_for_url(lambda url: "map=" in url)
    page.keyboard.press("ArrowRight")
    if server.outlined:
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "area=" in url)


def test_the_map_is_moved_by_buttons_alone(view, server):
    page = view(server, "?map=11/41.88/-87.65")
    for button, moved in (("Move east", (0, 1)), ("Move north", (1, 0)), ("Move west", (0, -1)), ("Move south", (-1, 0))):
        before = where(page)
        page.get_by_role("button", name=button).click()
        page.wait_for_url(lambda url, before=before: where_in(url) != before)
        after = where(page)
        assert tuple((new > old + 0.001) - (new < old - 0.001) for old, new in zip(before, after, strict=True)) == moved, button


def where_in(url: str) -> tuple[float, float]:
    """Latitude and longitude of the map, as the address says."""
    _, latitude, longitude = parse_qs(urlsplit(url).query)["map"][0].split("/")
    return float(latitude), float(longitude)


def where(page) -> tuple[float, float]:
    return where_in(page.url)


def test_escape_takes_a_tooltip_away(view, server):
    page = view(server, "?category=THEFT")
    for part, tooltip in (("map", ".map-tooltip"), ("series", ".chart-tooltip")):
        page.get_by_test_id(part).hover()
        expect(page.locator(tooltip)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(tooltip)).to_have_count(0)


#: Each view by its address; the tables are on all of them.
VIEWS = {
    "explanation": f"at={AT}",
    "density": "layer=density&from=2016-01-01",
    "hours": "chart=hours&hour_of_week=20-23",
    "periods": "compare=year&from=2017-06-01&to=2017-07-01",
    "areas": "compare=city&area=AREA&from=2017-06-01",
    "moment": f"at={AT}&list=ranked",
    "hexagons": "table=hexagons&resolution=8&category=ROBBERY",
    "incidents": "table=incidents",
    "data": "table=data",
}


def queried(server, view: str) -> str:
    layer = next(each for each in server.meta()["layers"] if each["primary"])
    return "?" + VIEWS[view].replace("AREA", f"{layer['name']}:{layer['areas'][0]['code']}")


def look_at(page: Page, server, view: str) -> None:
    """The view, in the page that is there: a page of its own for each would take a browser seconds."""
    follow(page, queried(server, view))
    if view == "explanation":
        page.get_by_test_id("peak").locator("button").first.click()
        expect(page.get_by_test_id("explanation-verdict")).to_be_visible()
    if view in ("periods", "areas"):
        expect(page.get_by_test_id("compare-b-total")).not_to_have_text("…")
    expect(page.get_by_test_id("map")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anyone_out_of_a_view(view, server, scheme):
    page = view(server, scheme=scheme)
    found = {}
    for view in VIEWS:
        look_at(page, server, view)
        found[view] = axe_finds(page)
    assert found == {view: [] for view in VIEWS}


def test_at_twice_the_size_the_page_does_not_scroll_sideways(visit, server):
    # A window of 1440 by 900 at 200 % has this many pixels of the style sheet.
    page = visit(server, width=720, height=450)
    for view in VIEWS:
        look_at(page, server, view)
        # A phone at its usual size has still fewer; the last is 400 % of 1280 (WCAG 1.4.10).
        for width, height in ((720, 450), (390, 844), (320, 256)):
            page.set_viewport_size({"width": width, "height": height})
            # Charts take their new size in the frame after the window has.
            page.wait_for_function("width => innerWidth === width && document.documentElement.scrollWidth <= width", arg=width)
    page.close()


def test_nothing_moves_for_whoever_wishes_no_motion(visit, server):
    page = visit(server)
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(each => {
            const { animationName, animationDuration, transitionDuration } = getComputedStyle(each);
            return (animationName !== "none" && parseFloat(animationDuration) > 0.01) || parseFloat(transitionDuration) > 0.01;
        }).map(each => each.outerHTML.slice(0, 100))"""
    )
    assert moving == []
    page.get_by_label("Zoom in").click()
    page.wait_for_url(lambda url: "map=" in url)
    assert page.evaluate("() => document.getAnimations().length") == 0
    page.close()


def test_words_can_be_spaced_out(view, server):
    """Text spacing as of WCAG 1.4.12: nothing is cut off that was not before."""
    page = view(server, f"?at={AT}")
    page.evaluate(
        """() => { for (const each of document.querySelectorAll("body *")) {
            each.style.lineHeight = "1.5"; each.style.letterSpacing = "0.12em"; each.style.wordSpacing = "0.16em"; } }"""
    )
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.close()
