"""Hours of the week on the page: the counts are the API's, and mouse and keyboard filter by them."""

import pytest
from pages import axe_finds
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def total(server, hours: str) -> str:
    lines = server.json("/api/v1/series", by="none", bucket="year", category="ROBBERY", hour_of_week=hours)["series"]
    return f"{sum(lines[0]['counts']):,}"


def cell(page, hour: int):
    return page.get_by_test_id("hours").locator(f"[data-hour='{hour}']")


def test_counts_are_the_api_s_whatever_hours_are_chosen(view, server):
    page = view(server, "?chart=hours&category=ROBBERY&hour_of_week=116-119")
    expect(cell(page, 0)).to_be_visible()
    counts = page.get_by_test_id("hours").locator("[data-hour]").all_inner_texts()
    assert [int(count.replace(",", "")) for count in counts] == server.json("/api/v1/hours", category="ROBBERY")["lines"][0]["counts"]
    expect(cell(page, 116)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("total")).to_have_text(total(server, "116-119"))
    page.get_by_role("button", name="Remove filter: Fri 20:00–24:00").click()
    expect(cell(page, 116)).to_have_attribute("aria-selected", "false")


def test_hours_are_chosen_by_keyboard(view, server):
    page = view(server, "?category=ROBBERY")
    page.get_by_test_id("chart-time").focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, 0)).to_be_visible()
    cell(page, 0).focus()
    for key in ("End", "ArrowDown", "Shift+ArrowDown", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(lambda address: "hour_of_week=46-47,70-71" in address)
    expect(page.get_by_test_id("total")).to_have_text(total(server, "46-47,70-71"))


def test_hours_are_dragged_over(view, server):
    page = view(server, "?chart=hours&category=ROBBERY")
    expect(cell(page, 5)).to_be_visible()
    cell(page, 5).hover()
    page.mouse.down()
    cell(page, 30).hover()
    page.mouse.up()
    page.wait_for_url(lambda address: "hour_of_week=5-6,29-30" in address)
    expect(page.get_by_test_id("total")).to_have_text(total(server, "5-6,29-30"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_nothing_keeps_anyone_out_of_the_hours(view, server, scheme, width, height):
    page = view(server, "?chart=hours&hour_of_week=116-119", scheme=scheme, width=width, height=height)
    expect(cell(page, 0)).to_be_attached()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert axe_finds(page) == []
