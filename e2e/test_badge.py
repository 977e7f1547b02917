"""The badge and the notes in a real browser: a source that fails, deletions that wait, data that are not what they seem."""

import pytest
from pages import axe_finds
from playwright.sync_api import expect
from test_browser import keep
from test_sources import Portal, chicago_row, profile, write

SCREENS = [("wide", 1440, 900), ("narrow", 390, 844)]


@pytest.fixture
def portal():
    server = Portal([chicago_row(number) for number in range(40)])
    yield server
    server.close()


@pytest.mark.parametrize(("screen", "width", "height"), SCREENS)
def test_a_failing_source_is_named_and_nothing_is_said_to_be_complete(
    visit, demo, portal, tmp_path, screen, width, height
):
    city = profile(tmp_path, portal.address)
    server = demo("--city", city)
    server.wait_until_caught_up()
    page = visit(server, width=width, height=height)
    badge = page.get_by_test_id("freshness")
    expect(badge).to_contain_text("caught up")
    expect(page.get_by_test_id("source-banner")).to_have_count(0)
    page.close()
    server.stop()
    portal.failure = (500, "oops")
    server = demo("--city", city, expect=("; retrying",))
    server.wait_until(lambda meta: meta["sources"][0]["state"] == "failing", "the source fails")
    page = visit(server, width=width, height=height)
    badge = page.get_by_test_id("freshness")
    expect(badge).to_contain_text("failing since")
    assert "Everything that the source holds" not in page.content()
    banner = page.get_by_test_id("source-banner")
    expect(banner).to_contain_text("HTTP status 500")
    expect(banner).to_contain_text("It last answered at")
    expect(page.get_by_test_id("total")).to_contain_text("40")
    keep(page, f"source-failing-{screen}")
    assert axe_finds(page) == []
    # It answers again: the page says so by itself.
    portal.failure = None
    expect(badge).to_contain_text("caught up", timeout=60_000)
    expect(banner).to_have_count(0)
    page.close()
    server.stop()


def test_notes_on_the_data_are_on_the_page(visit, demo, tmp_path):
    path = tmp_path / "crimes.csv"
    write(path, range(1, 101))
    with path.open("a") as file:
        file.write("999,JH999,01/01/1900 12:00:00 AM,THEFT,41.9,-87.7\n")
    server = demo("--data", path)
    server.wait_until_caught_up()
    page = visit(server)
    notes = page.get_by_test_id("notes")
    expect(notes).to_contain_text("1 incident is dated 1 Jan 1900")
    expect(notes).to_contain_text("has no column for")
    keep(page, "notes")
    page.close()
    server.stop()
    # Most of the file is gone: it is not deleted without a confirmation.
    write(path, range(90, 101))
    server = demo("--data", path, "--replace")
    server.wait_until_caught_up()
    page = visit(server)
    expect(page.get_by_test_id("freshness")).to_contain_text("held")
    expect(page.get_by_test_id("source-banner")).to_contain_text("--confirm-deletions")
    keep(page, "source-held")
    page.close()
    server.stop()
