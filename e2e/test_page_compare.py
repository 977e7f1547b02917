"""Two periods or two areas side by side on the page: both counts are the API's, and both charts have one scale."""

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def count(server, **query) -> int:
    return sum(sum(line["counts"]) for line in server.json("/api/v1/series", by="none", bucket="year", **query)["series"])


def scale(page, side: str) -> list[str]:
    return page.get_by_test_id(side).locator(".chart-axes text[text-anchor=end]").all_text_contents()


JUNE = {"from": "2017-06-01", "to": "2017-07-01"}


@pytest.mark.parametrize(
    ("compare", "before"),
    [("before", {"from": "2017-05-02", "to": "2017-06-01"}), ("year", {"from": "2016-06-01", "to": "2016-07-01"})],
)
def test_two_periods_are_the_api_s(view, server, compare, before):
    page = view(server, f"?compare={compare}&from=2017-06-01&to=2017-07-01&category=THEFT")
    counts = count(server, category="THEFT", **JUNE), count(server, category="THEFT", **before)
    expect(page.get_by_test_id("compare-a-total")).to_have_text(f"{counts[0]:,}")
    expect(page.get_by_test_id("compare-b-total")).to_have_text(f"{counts[1]:,}")
    more = "more" if counts[0] > counts[1] else "fewer"
    expect(page.get_by_test_id("compare-difference")).to_contain_text(f"{abs(counts[0] - counts[1]):,} {more}")
    assert scale(page, "compare-a") == scale(page, "compare-b")
    change = server.json(
        "/api/v1/change", resolution=8, category="THEFT", before_from=before["from"], before_to=before["to"], **JUNE
    )
    words = (
        f"more in {change['more']:,} hexagon" if change["more"] + change["fewer"] else f"In none of {change['tests']:,} hexagons"
    )
    expect(page.get_by_test_id("compare-test")).to_contain_text(words)
    shows = "Show them on the map" if change["more"] + change["fewer"] else "Show all on the map"
    page.get_by_role("button", name=shows).click()
    expect(page.get_by_test_id("legend")).to_contain_text("Change between two periods")


def test_two_areas_are_the_api_s(view, server):
    layer = next(each for each in server.meta()["layers"] if each["primary"])
    one, other = (f"{layer['name']}:{layer['areas'][index]['code']}" for index in (0, 1))
    page = view(server, f"?compare={other}&from=2017-06-01&to=2017-07-01&area={one}")
    expect(page.get_by_test_id("compare-a-total")).to_have_text(f"{count(server, area=one, **JUNE):,}")
    expect(page.get_by_test_id("compare-b-total")).to_have_text(f"{count(server, area=other, **JUNE):,}")
    assert scale(page, "compare-a") == scale(page, "compare-b")
    page.get_by_test_id("compare-with").select_option("city")
    expect(page.get_by_test_id("compare-b-total")).to_have_text(f"{count(server, **JUNE):,}")
    # Areas differ in size: where it is known, the scale is of incidents per km².
    expect(page.get_by_test_id("compare")).to_contain_text("per km²" if server.outlined else "incidents a")
    # A filter reaches both sides.
    page.get_by_test_id("filter-category").select_option("THEFT")
    expect(page.get_by_test_id("compare-b-total")).to_have_text(f"{count(server, category='THEFT', **JUNE):,}")


def test_on_a_phone_one_stands_below_the_other(visit, server):
    page = visit(server, "?compare=before&from=2017-06-01&to=2017-07-01", width=390, height=844)
    expect(page.get_by_test_id("compare-b-total")).not_to_have_text("…")
    first, second = (page.get_by_test_id(side).bounding_box() for side in ("compare-a", "compare-b"))
    assert second["y"] >= first["y"] + first["height"]
    assert first["width"] == second["width"]
    page.close()


def test_what_is_filtered_can_be_subscribed_to(view, server):
    layer = next(each for each in server.meta()["layers"] if each["primary"])
    area = f"{layer['name']}:{layer['areas'][0]['code']}"
    page = view(server, f"?area={area}&category=THEFT")
    feed = f"/feeds/peaks.atom?category=THEFT&area={area}"
    expect(page.get_by_test_id("filter-feed")).to_have_attribute("href", feed)
    expect(page.locator("link[rel=alternate]")).to_have_attribute("href", feed)
    status, headers, _ = server.get("/feeds/peaks.atom", accept="application/atom+xml", category="THEFT", area=area)
    assert (status, headers["content-type"].split(";")[0]) == (200, "application/atom+xml")
    page.get_by_role("button", name="Remove filter: Theft").click()
    expect(page.locator("link[rel=alternate]")).to_have_attribute("href", f"/feeds/peaks.atom?area={area}")


def test_a_period_may_begin_with_a_year(view, server):
    page = view(server, "?from=2017&to=2017-03")
    expect(page.get_by_test_id("total")).to_have_text(f"{count(server, **{'from': '2017-01-01', 'to': '2017-03-01'}):,}")
    expect(page.get_by_test_id("filter-from")).to_have_value("2017-01-01")
