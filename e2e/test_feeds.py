"""Episodes and their feed: what was published, joined again here from the ticks themselves."""

import json
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta

import duckdb
import pytest
from conftest import Server

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def published(city_database, tmp_path_factory):
    """Seven months of the city that end with a surge: forty incidents of one area and category within three hours."""
    folder = tmp_path_factory.mktemp("feeds")
    moment = """strptime("Date", '%m/%d/%Y %I:%M:%S %p')"""
    database = duckdb.connect()
    database.execute(f"ATTACH '{city_database}' AS city (READ_ONLY)")
    database.execute(f"CREATE TABLE rows AS SELECT * FROM city.raw WHERE {moment} >= '2017-01-01' AND {moment} < '2017-08-06 06:00'")
    database.execute(
        f"""INSERT INTO rows SELECT one.* REPLACE (9900000 + number AS "ID", strftime(TIMESTAMP '2017-08-06 03:00' + INTERVAL (4 * number) MINUTE,
            '%m/%d/%Y %I:%M:%S %p') AS "Date")
            FROM (SELECT * FROM rows WHERE "Primary Type" = 'THEFT' AND "Community Area" = '32' ORDER BY {moment} DESC LIMIT 1) AS one, range(40) AS many(number)"""
    )
    csv = folder / "surge.csv"
    database.execute(f"COPY rows TO '{csv}' (HEADER, DELIMITER ',')")
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder / "blotter"), "--data", str(csv))
    server.wait_for_address()
    server.wait_until_caught_up()
    server.wait_until(lambda _: server.json("/api/v1/episodes")["episodes"], "the surge is published")
    yield server
    server.stop()


def ticks(server, end):
    """What was published at each hour of the week before."""
    found, at = {}, end
    while at > end - timedelta(days=7):
        status, _, body = server.get("/api/v1/peaks", at=at.isoformat(), limit=10_000, **{"as": "said"})
        if status == 400:
            break  # nothing was published by then
        tick = json.loads(body)
        found[datetime.fromisoformat(tick["at"])] = tick
        at = min(at, datetime.fromisoformat(tick["at"])) - timedelta(hours=1)
    return dict(sorted(found.items()))


def test_episodes_are_the_finds_of_the_ticks(published):
    answer = published.json("/api/v1/episodes", days=7)
    end = datetime.fromisoformat(answer["at"])
    finds: dict[tuple, list] = {}
    for at, tick in ticks(published, end).items():
        for window in tick["windows"]:
            for peak in window["peaks"]:
                if peak["q"] <= 0.1:
                    finds.setdefault((peak["area"], peak["category"]), []).append((at, window["hours"], peak))
    expect = []
    for (area, category), found in finds.items():
        episode = []
        for find in sorted(found, key=lambda find: find[0]):
            if episode and find[0] - episode[-1][0] >= timedelta(hours=24):
                expect.append((area, category, episode))
                episode = []
            episode.append(find)
        expect.append((area, category, episode))
    said = {(one["area"], one["category"], one["since"]): one for one in answer["episodes"]}
    assert len(said) == len(answer["episodes"]) == len(expect) > 0
    for area, category, episode in expect:
        one = said[area, category, episode[0][0].isoformat()]
        strongest = min(episode, key=lambda find: find[2]["q"])
        assert one["until"] == episode[-1][0].isoformat()
        assert one["q"] == strongest[2]["q"]
        assert one["lasts"] == (end - episode[-1][0] < timedelta(hours=24))


def test_the_surge_is_an_episode(published):
    (surge,) = published.json("/api/v1/episodes", area="community_area:32", category="THEFT")["episodes"]
    assert surge["observed"] >= 40 and surge["q"] < 1e-6 and surge["lasts"]


def test_the_feed_has_an_entry_for_each(published):
    answer = published.json("/api/v1/episodes")
    status, headers, body = published.get("/feeds/peaks.atom", accept="application/atom+xml")
    assert (status, headers["content-type"]) == (200, "application/atom+xml; charset=utf-8")
    feed = ET.fromstring(body)
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == len(answer["episodes"]) > 0
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    for entry, episode in zip(entries, answer["episodes"], strict=True):
        assert f": {episode['observed']} in " in entry.findtext(f"{ATOM}title")
        assert entry.findtext(f"{ATOM}updated") == episode["until"]
        (link,) = entry.findall(f"{ATOM}link")
        assert link.get("href").startswith(f"{published.url}/?at=")
    for required in ("title", "id", "updated"):
        assert feed.findtext(f"{ATOM}{required}")
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == f"{published.url}/feeds/peaks.atom"


def test_a_feed_can_be_of_one_area(published):
    every = published.json("/api/v1/episodes")["episodes"]
    area = every[0]["area"]
    mine = published.json("/api/v1/episodes", area=f"community_area:{area}")["episodes"]
    assert mine == [one for one in every if one["area"] == area]
    _, _, body = published.get("/feeds/peaks.atom", accept="*/*", area=f"community_area:{area}")
    assert len(ET.fromstring(body).findall(f"{ATOM}entry")) == len(mine)


def test_an_unchanged_feed_is_304(published):
    _, headers, _ = published.get("/feeds/peaks.atom", days=1)
    status, again, body = published.get("/feeds/peaks.atom", days=1, headers={"if-none-match": headers["etag"]})
    # A tick may have been published in between.
    assert status == 304 and body == b"" or again["etag"] != headers["etag"]


@pytest.mark.parametrize(
    ("wrong", "parameter", "detail"),
    [
        ({"days": 32}, "days", "`days=32`: give a whole number from 1 to 31"),
        ({"area": "district:001"}, "area", "hourly counts have areas of the layer `community_area` only"),
    ],
)
def test_wrong_parameters_are_refused(published, wrong, parameter, detail):
    for path in ("/api/v1/episodes", "/feeds/peaks.atom"):
        status, _, body = published.get(path, **wrong)
        problem = json.loads(body)
        assert (status, problem["parameter"], problem["detail"]) == (400, parameter, detail)
