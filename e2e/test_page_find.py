"""The box that finds areas, categories, blocks and case numbers, by keyboard."""

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def test_an_area_is_found_and_filters(view, server):
    page = view(server)
    page.get_by_test_id("find").focus()
    page.keyboard.type("loop")
    expect(page.get_by_test_id("found").first).to_contain_text("Loop")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "area=community_area:32" in address)
    series = server.json("/api/v1/series", by="none", bucket="year", area="community_area:32")["series"]
    expect(page.get_by_test_id("total")).to_have_text(f"{sum(series[0]['counts']):,}")


def test_a_block_is_found_and_shown(view, server):
    best = server.json("/api/v1/find", q="randolph", limit=5)["blocks"]
    page = view(server)
    page.get_by_test_id("find").fill("randolph")
    expect(page.get_by_test_id("found")).to_have_count(len(best))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("found").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: f"map=15.50/{best[1]['latitude']:.4f}/{best[1]['longitude']:.4f}" in address)


def test_a_case_number_is_found(view, server):
    case = server.json("/api/v1/incidents", limit=1, category="THEFT")["incidents"][0]["case_number"]
    page = view(server)
    page.get_by_test_id("find").fill(case)
    expect(page.get_by_test_id("found").first).to_contain_text(case)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("found").first).to_be_hidden()


def test_nothing_found_is_said(view, server):
    page = view(server)
    page.get_by_test_id("find").fill("xyzzy")
    expect(page.get_by_role("search")).to_contain_text("Nothing is called “xyzzy”.")
    page.close()
