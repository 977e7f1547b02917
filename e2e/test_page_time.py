"""Any moment on the page: list, map and total follow; steps, playing and the way back work."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import PATIENCE_MS
from playwright.sync_api import expect

AT = "2017-08-06T06:00"


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def moment(page) -> str | None:
    return parse_qs(urlsplit(page.url).query).get("at", [None])[0]


def until(server, at: str) -> int:
    return sum(server.json("/api/v1/series", by="none", bucket="year", to=at)["series"][0]["counts"])


def test_an_address_opens_a_moment(visit, server):
    page = visit(server, f"?at={AT}")
    expect(page.get_by_test_id("total")).to_have_text(f"{until(server, AT):,}")
    expect(page.get_by_test_id("time-at")).to_have_value(AT)
    expect(page.get_by_test_id("legend")).to_contain_text("6 Aug 2017, 06:00, the moment shown")
    expect(page.get_by_test_id("peaks-summary")).to_contain_text("Until 6 Aug 2017, 06:00")
    page.close()


@pytest.mark.parametrize(("unit", "hours"), [("hour", 1), ("day", 24), ("week", 168)])
def test_steps_go_back_and_forward(view, server, unit, hours):
    page = view(server, f"?at={AT}")
    page.get_by_test_id(f"time-back-{unit}").focus()
    page.keyboard.press("Enter")
    before = (datetime.fromisoformat(AT) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")
    expect(page.get_by_test_id("time-at")).to_have_value(before)
    assert moment(page) == before
    expect(page.get_by_test_id("total")).to_have_text(f"{until(server, before):,}")
    page.get_by_test_id(f"time-forward-{unit}").click()
    expect(page.get_by_test_id("time-at")).to_have_value(AT)


def test_now_is_the_newest_again(view, server):
    page = view(server, f"?at={AT}")
    page.get_by_test_id("time-now").click()
    expect(page.get_by_test_id("total")).to_have_text(f"{server.meta()['incidents']['total']:,}")
    assert moment(page) is None
    expect(page.get_by_test_id("time-forward-day")).to_be_disabled()


def test_it_plays_and_stops(view, server):
    page = view(server, f"?at={AT}&from=2017-07-10")
    page.get_by_test_id("time-pace").select_option("week")
    page.get_by_test_id("time-play").click()
    third = (datetime.fromisoformat(AT) + timedelta(weeks=2)).strftime("%Y-%m-%dT%H:%M")
    expect(page.get_by_test_id("time-at")).to_have_value(third, timeout=PATIENCE_MS)
    # A period that counts back from now goes along: the last 28 days.
    expect(page.get_by_test_id("filter-from")).to_have_value("2017-07-24")
    expect(page.get_by_test_id("filter-period")).to_have_value("28d")
    page.get_by_test_id("time-play").click()
    stopped = page.get_by_test_id("time-at").input_value()
    page.wait_for_timeout(2500)  # longer than a frame of the film, in which nothing may move
    expect(page.get_by_test_id("time-at")).to_have_value(stopped)
    page.close()


def test_a_period_after_the_moment_is_said(view, server):
    page = view(server, f"?at={AT}")
    page.get_by_test_id("filter-from").fill("2017-09-01")
    expect(page.get_by_test_id("map")).to_contain_text("The period begins after the moment that is shown")
    expect(page.get_by_test_id("total")).to_have_text("0")
