"""Peaking now and its explanation on the page: the numbers are the API's, and the keyboard is enough."""

import re

import pytest
from conftest import PATIENCE_MS
from pages import axe_finds
from playwright.sync_api import expect

#: Thieves at a festival in the Loop.
AT = "2017-08-06T06:00"
THEFT = "community_area:32/24/THEFT"
WINDOWS = {1: "1 hour", 6: "6 hours", 24: "24 hours", 168: "7 days"}


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def ranking(server, only=None, **parameters):
    """Each area and category once, in its most surprising window, as (area, category, hours, observed)."""
    answer = server.json("/api/v1/peaks", limit=25, **parameters)
    best = {}
    for window in answer["windows"]:
        if only in (None, window["hours"]):
            for peak in window["peaks"]:
                key = peak["area"], peak["category"]
                found = peak["q"], peak["p"], window["hours"], peak["observed"]
                best[key] = min(best.get(key, found), found, key=lambda each: each[:2])
    ordered = sorted(best.items(), key=lambda each: (each[1][:2], "/".join(each[0])))
    return [(area, category, hours, observed) for (area, category), (_, _, hours, observed) in ordered]


def shown(page):
    """The rows of the list in the same form."""
    return page.get_by_test_id("peak").evaluate_all(
        """rows => rows.map(row => [row.dataset.area, row.dataset.category, Number(row.dataset.hours),
            Number(row.querySelector("strong").textContent.replaceAll(",", ""))])"""
    )


def test_the_first_screen_says_what_is_peaking(visit, server):
    page = visit(server, f"?at={AT}")
    first = page.get_by_test_id("peak").first
    expect(first).to_be_in_viewport()
    expect(first).to_contain_text("Theft")
    expect(first).to_contain_text("Loop")
    expect(first).to_contain_text("Far beyond its usual variation")
    expect(first).to_contain_text("103 in 24 hours")
    expect(first.get_by_test_id("sparkline")).to_be_visible()
    page.close()


@pytest.mark.parametrize("hours", [None, *WINDOWS])
def test_the_list_is_the_api_s(view, server, hours):
    page = view(server, f"?at={AT}" + (f"&window={hours}" if hours else ""))
    expect(page.get_by_test_id("peak").first).to_be_visible()
    assert [tuple(row) for row in shown(page)] == ranking(server, hours, at=AT)


def test_the_list_follows_the_filter(view, server):
    page = view(server, f"?at={AT}&category=BATTERY&area=community_area:32")
    expect(page.get_by_test_id("peak").first).to_be_visible()
    rows = shown(page)
    assert [tuple(row) for row in rows] == ranking(server, at=AT, category="BATTERY", area="community_area:32")
    assert {(area, category) for area, category, _, _ in rows} == {("32", "BATTERY")}


def test_a_calm_hour_is_not_made_exciting(view, server):
    every = [peak for window in server.json("/api/v1/peaks", limit=1)["windows"] for peak in window["peaks"]]
    page = view(server)
    calm = "Nothing stands out among"
    if min(peak["q"] for peak in every) > 0.1:
        expect(page.get_by_test_id("peaks-summary")).to_contain_text(calm)
    else:
        expect(page.get_by_test_id("peaks-summary")).not_to_contain_text(calm)


def test_what_was_never_published_is_said(view, server):
    page = view(server, f"?at={AT}&as=said")
    expect(page.get_by_test_id("peaks")).to_contain_text("Nothing was published by then")
    # The browser notes the refusal.
    view.complaints[:] = [text for text in view.complaints if "400" not in text]
    page.close()


def test_the_explanation_adds_up(view, server):
    why = server.json("/api/v1/explain", area="community_area:32", category="THEFT", window=24, at=AT)
    page = view(server, f"?at={AT}&peak={THEFT}")
    explanation = page.get_by_test_id("explanation")
    expect(explanation.get_by_test_id("explanation-verdict")).to_contain_text(f"{why['observed']} in 24 hours")
    tables = explanation.get_by_test_id("parts")
    expect(tables).to_have_count(4)
    for table in tables.all():
        counts = [int(cell.replace(",", "")) for cell in table.locator("tbody td:nth-of-type(1)").all_inner_texts()]
        assert sum(counts) == int(table.locator("tfoot td").first.inner_text().replace(",", "")) == why["observed"]
    first = tables.first.locator("tbody tr").first
    expect(first).to_contain_text(why["blocks"]["parts"][0]["text"])
    expect(first).to_contain_text(str(why["blocks"]["parts"][0]["observed"]))
    expect(explanation.locator(".incidents tbody tr")).to_have_count(len(why["incidents"]))
    # Its incidents, in all other views.
    explanation.get_by_test_id("explanation-link").click()
    expect(page.get_by_test_id("total")).to_have_text(str(why["observed"]))


def test_why_is_asked_and_closed_by_keyboard(view, server):
    page = view(server, f"?at={AT}&window=24")
    row = page.get_by_test_id("peak").first.get_by_role("button")
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: f"peak={THEFT}" in address)
    heading = page.get_by_test_id("explanation").get_by_role("heading", level=2)
    expect(heading).to_be_focused()
    expect(heading).to_contain_text("theft in Loop")
    chart = page.get_by_role("slider", name=re.compile("Course"))
    chart.focus()
    newest = chart.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    expect(chart).not_to_have_attribute("aria-valuetext", newest)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("explanation")).to_have_count(0)
    expect(row).to_be_focused()
    assert "peak=" not in page.url
    page.go_back()
    expect(page.get_by_test_id("explanation")).to_be_visible()


def test_both_lists_are_reached_by_arrow_keys(view, server):
    page = view(server)
    page.get_by_test_id("tab-peaks").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-ranked")).to_be_focused()
    expect(page.get_by_test_id("ranked")).to_be_visible()
    expect(page.get_by_test_id("peaks")).to_be_hidden()
    assert "list=ranked" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize("query", ["", f"&peak={THEFT}", "&list=ranked"])
def test_nothing_keeps_anyone_out_of_the_lists(view, server, scheme, width, height, query):
    page = view(server, f"?at={AT}{query}", scheme=scheme, width=width, height=height)
    if "peak=" in query:
        expect(page.get_by_test_id("explanation-verdict")).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert axe_finds(page) == []
