"""The page while data streams in: counts follow incident by incident and stay those of the API, nothing is asked anew for them,
and whoever pauses or loses the connection misses nothing."""

import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from conftest import PATIENCE_MS, Server
from playwright.sync_api import expect

#: Counts that follow the stream; they are asked for once.
FOLLOWING = ("/api/v1/series", "/api/v1/cells", "/api/v1/hours")
#: An incident on its way from the server to the page: events come once a second, and the page draws four times a second.
ON_ITS_WAY_MS = 1_500


#: First answers may be from before the stream began; those are asked for once more, at most five seconds later.
SETTLED_MS = 6_500


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A city that goes on: fifty incidents a second."""
    folder = tmp_path_factory.mktemp("live") / "blotter"
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), "--simulate", "20000", "--simulate-rate", "50")
    server.wait_for_address()
    server.wait_until(lambda meta: meta["incidents"]["total"] > 10_000, "there is a history")
    yield server
    server.stop()


def number(text: str) -> int:
    return int(text.replace(",", ""))


def total(page) -> int:
    return number(page.get_by_test_id("total").inner_text())


def members(page) -> int:
    """Hexagons of all classes."""
    found = page.get_by_test_id("legend").locator(".legend-cells").evaluate_all("all => all.map(each => each.firstChild.textContent)")
    return sum(number(each) for each in found if each[0].isdigit())


def ranked(page) -> list[int]:
    return [number(each) for each in page.locator("#ranked .ranked-total").all_inner_texts()]


def moved(page, times: int) -> None:
    for _ in range(times):
        before = total(page)
        page.wait_for_function("before => document.querySelector('[data-testid=total]').textContent !== before", arg=f"{before:,}", timeout=PATIENCE_MS)


@pytest.mark.parametrize("chart", ["time", "hours"])
def test_counts_move_without_being_asked_for_again(visit, server, chart):
    page = visit(server, f"?list=ranked&chart={chart}")
    page.wait_for_timeout(SETTLED_MS)
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
    least = server.meta()["incidents"]["total"]
    moved(page, 8)
    page.wait_for_timeout(ON_ITS_WAY_MS)
    shown = total(page)
    assert least < shown <= server.meta()["incidents"]["total"]
    assert not [path for path in asked if path.startswith(FOLLOWING)]
    page.close()


def test_what_has_moved_is_what_the_api_answers(visit, server):
    """Of a period into which incidents come late and seldom, so that page and API can be seen at one moment."""
    earliest = server.meta()["earliest"][:10]
    until = (datetime.fromisoformat(server.meta()["data_as_of"]) - timedelta(days=45)).date().isoformat()
    query = {"from": earliest, "to": until}
    page = visit(server, f"?list=ranked&resolution=8&from={earliest}&to={until}")
    layer = next(each["name"] for each in server.meta()["layers"] if each["primary"])
    page.wait_for_timeout(SETTLED_MS)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    began = time.monotonic()
    agreed, seen, deadline = 0, set(), began + PATIENCE_MS / 1000 * 3

    def answers():
        cells = server.json("/api/v1/cells", resolution=8, **query)
        areas = server.json("/api/v1/series", by=layer, bucket="year", **query)["series"]
        return cells["mapped"] + cells["unmapped"], len(cells["cells"]), [sum(line["counts"]) for line in areas]

    while agreed < 5 or len(seen) < 2:
        before = answers()
        page.wait_for_timeout(ON_ITS_WAY_MS)
        shown = total(page), members(page), ranked(page)
        if answers() == before:
            assert shown == before
            agreed += 1
            seen.add(shown[0])
        assert time.monotonic() < deadline, f"the page never agreed: {shown}, {before}"
    # Once a minute each view asks as a check; of one question there are two views at most, here the ranking and the table of areas.
    checks = Counter(url for url in asked if any(path in url for path in FOLLOWING))
    assert all(times <= 2 * (1 + (time.monotonic() - began) // 60) for times in checks.values()), checks
    page.close()


def test_a_pause_stops_everything_and_going_on_says_what_was_missed(visit, server):
    page = visit(server, "?list=ranked")
    moved(page, 1)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-state", "paused")
    shown = total(page), ranked(page), page.get_by_test_id("legend").inner_text()
    known = server.meta()["incidents"]["total"]
    server.wait_until(lambda meta: meta["incidents"]["total"] > known + 200, "more has come")
    assert (total(page), ranked(page), page.get_by_test_id("legend").inner_text()) == shown
    expect(page.get_by_test_id("missed-banner")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_test_id("missed-banner")).to_contain_text("Data arrived while this page was paused.")
    page.wait_for_function("known => Number(document.querySelector('[data-testid=total]').textContent.replaceAll(',', '')) > known", arg=known + 200)
    page.get_by_test_id("missed-banner").get_by_role("button", name="Close").click()
    expect(page.get_by_test_id("missed-banner")).to_have_count(0)
    moved(page, 2)
    page.close()


def test_what_is_being_read_does_not_jump(visit, server):
    page = visit(server, "?list=ranked")
    moved(page, 1)
    page.locator("#ranked li").nth(3).hover()
    page.wait_for_timeout(300)
    read = ranked(page)
    moved(page, 4)
    assert ranked(page) == read
    page.mouse.move(5, 5)
    page.wait_for_function("read => [...document.querySelectorAll('#ranked .ranked-total')].map(each => each.textContent).join() !== read", arg=",".join(f"{each:,}" for each in read))
    page.close()
