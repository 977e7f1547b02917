"""The change feed of 2022: whatever the order of delivery, the end is the last feed's state."""

import csv
import io
import random
import re
import subprocess

import pytest
from data import FEED

#: Categories that the city's profile reads under another name.
RENAMED = {
    "CRIM SEXUAL ASSAULT": "CRIMINAL SEXUAL ASSAULT",
    "NON - CRIMINAL": "NON-CRIMINAL",
    "NON-CRIMINAL (SUBJECT SPECIFIED)": "NON-CRIMINAL",
}


@pytest.fixture(scope="module")
def feed(sample):
    """Header and records of the feed; a record may span lines."""
    file = sample(FEED)
    packed = file.suffix == ".zst"
    text = (subprocess.run(["zstd", "-q", "-dc", file], capture_output=True, check=True).stdout if packed else file.read_bytes()).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return rows[0], rows[1:]


def write(path, header, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def last_state(header, rows):
    """The feed replayed by a dictionary: id → its last fields; deleted ids are gone."""
    column = {name: index for index, name in enumerate(header)}
    state = {}
    for row in rows:
        if row[column["op"]] == "delete":
            state.pop(row[column["id"]], None)
        else:
            state[row[column["id"]]] = row
    return state, column


def civil(text: str) -> str | None:
    """`2018-02-10T15:50:01.000` as the API writes it."""
    return re.sub(r"\.0+$", "", text) or None


def everything(server):
    seen, cursor = {}, None
    while True:
        page = server.json("/api/v1/incidents", limit=1000, **({"cursor": cursor} if cursor else {}))
        for incident in page["incidents"]:
            assert incident["id"] not in seen
            seen[incident["id"]] = incident
        cursor = page["next_cursor"]
        if not cursor:
            return seen


def check(server, header, rows):
    state, column = last_state(header, rows)
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == len(state)
    assert meta["rejected"] == 0
    ours = everything(server)
    assert set(ours) == set(state)
    for id, row in state.items():
        incident = ours[id]
        field = lambda name: row[column[name]]  # noqa: E731
        assert incident["occurred_at"] == civil(field("date")), id
        assert incident["updated_at"] == civil(field("updated_on")), id
        assert incident["arrest"] == (field("arrest") == "true"), id
        assert incident["domestic"] == (field("domestic") == "true"), id
        assert incident["category"] == RENAMED.get(field("primary_type"), field("primary_type")), id
        assert incident["code"] == field("iucr").zfill(4), id
        assert incident["description"] == field("description"), id
        assert incident["place"] == (field("location_description") or None), id
        assert incident["block"] == field("block"), id
        assert incident["case_number"] == field("case_number"), id
        assert incident["latitude"] == (float(field("lat")) if field("lat") else None), id
        assert incident["longitude"] == (float(field("lon")) if field("lon") else None), id
        assert incident["areas"].get("beat") == field("beat").zfill(4), id
        assert incident["areas"].get("district") == field("district").zfill(3), id


def test_revisions_in_the_order_of_the_feed(demo, feed, sample):
    header, rows = feed
    deletions = sum(row[2] == "delete" for row in rows)
    assert deletions >= 66
    server = demo("--data", sample(FEED))
    check(server, header, rows)
    server.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_revisions_in_any_order_and_each_twice(demo, feed, tmp_path, seed):
    header, rows = feed
    shuffled = rows + rows
    random.Random(seed).shuffle(shuffled)
    server = demo("--data", write(tmp_path / "shuffled.csv", header, shuffled))
    check(server, header, rows)
    server.stop()


def test_revisions_in_reverse_order(demo, feed, tmp_path):
    header, rows = feed
    server = demo("--data", write(tmp_path / "backwards.csv", header, rows[::-1]))
    check(server, header, rows)
    server.stop()


def test_the_datas_clock_is_that_of_the_incidents_as_they_are_now(demo, feed, tmp_path):
    """Where the newest incident turns out to be an old one, live and after a start: they know the same."""
    header, rows = feed
    column = {name: index for index, name in enumerate(header)}

    def revision(op, date, at):
        row = list(rows[-1])
        for name, value in {"op": op, "id": "99999999", "date": date, "updated_on": at, "feed_time": f"{at}-06:00"}.items():
            row[column[name]] = value
        return row

    corrected = [revision("insert", "2023-01-05T10:00:00", "2023-01-06T00:00:00"), revision("update", "2022-03-01T10:00:00", "2023-01-07T00:00:00")]
    data = write(tmp_path / "corrected.csv", header, rows + corrected)
    seen = []
    for _ in range(2):
        server = demo("--data", data, dir=tmp_path / "city")
        meta = server.wait_until_caught_up()
        seen.append((meta["data_as_of"], meta["earliest"], meta["incidents"]))
        newest = server.json("/api/v1/incidents", limit="1")["incidents"][0]["occurred_at"]
        assert server.json("/api/v1/series", bucket="year", **{"from": "2023"})["buckets"] == []
        server.stop()
    assert seen[0] == seen[1]
    assert seen[0][0].startswith(newest) and newest < "2023"
