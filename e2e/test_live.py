"""The live stream: it covers what is appended, it resumes, and with its incidents any answer is brought up to date exactly."""

import http.client
import json
import random
import threading
import urllib.request
from collections import Counter
from datetime import datetime, timedelta

import h3
import pytest
from conftest import BINARY
from data import FEED, has_real
from description import description
from reference import without_zeros

#: Moments at which something is asked while records arrive, and the questions of each.
MOMENTS, QUESTIONS = 8, 4


def events(server, last_id=None):
    """Opens the live stream; yields id and data of the `change` events as they come."""
    request = urllib.request.Request(f"{server.url}/api/v1/live", headers={"Accept": "text/event-stream"})
    if last_id is not None:
        request.add_header("Last-Event-ID", last_id)
    answer = urllib.request.urlopen(request, timeout=60)
    identity = kind = None
    for raw in answer:
        line = raw.decode().rstrip("\n")
        if line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("id:"):
            identity = line[3:].strip()
        elif line.startswith("data:") and kind == "change":
            yield identity, json.loads(line[5:])


def offsets(text):
    return {part: int(next) for part, next in (pair.split(":") for pair in text.split(","))}


def test_the_live_stream_covers_what_is_appended_and_resumes(demo):
    server = demo("--simulate-rate", "200")
    server.wait_until_caught_up()
    seen = []
    stream = events(server)
    for identity, data in stream:
        seen.append(offsets(identity))
        assert seen[-1] == data["next_offsets"]
        if len(seen) >= 20:
            break
    stream.close()
    # Offsets only grow.
    for before, after in zip(seen, seen[1:], strict=False):
        assert all(after[part] >= next for part, next in before.items())
    # Resumed behind an old event, the first event covers all that came since.
    text = ",".join(f"{part}:{next}" for part, next in seen[0].items())
    identity, data = next(events(server, text))
    assert all(offsets(identity)[part] >= next for part, next in seen[-1].items())
    assert data["meta"]["incidents"]["total"] > 0
    # What it missed is not listed: it asks again.
    assert data["counts"] is data["incidents"] is None
    server.stop()


class Stream(threading.Thread):
    """Collects the data of all `change` events until the server ends."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.events = server, []
        self.start()

    def run(self):
        try:
            for _, data in events(self.server):
                self.events.append(data)
        except (OSError, http.client.HTTPException):
            pass  # whoever waits for an event notices

    def listed_since(self) -> int:
        """From this event on, every event lists its incidents."""
        return max((number + 1 for number, event in enumerate(self.events) if event["incidents"] is None), default=0)

    def covers(self, next_offsets) -> bool:
        return bool(self.events) and all(self.events[-1]["next_offsets"].get(part, 0) >= next for part, next in next_offsets.items())

    def between(self, begin, end):
        """The changes of the records from one answer's offsets to another's."""
        return [
            change
            for event in self.events[self.listed_since() :]
            for change in event["incidents"]
            if begin.get(str(change["partition"]), 0) <= change["offset"] < end.get(str(change["partition"]), 0)
        ]


def hours_of(text: str) -> set[int]:
    """`20-23,44`."""
    ranges = [part.partition("-") for part in text.split(",")]
    return {hour for first, _, last in ranges for hour in range(int(first), int(last or first) + 1)}


def matches(incident, filters) -> bool:
    """Whether a filter of the API selects an incident."""
    at = datetime.fromisoformat(incident["occurred_at"]).replace(tzinfo=None)
    areas: dict[str, list] = {}
    for area in filters.get("area", []):
        layer, code = area.split(":")
        areas.setdefault(layer, []).append(code)
    west, south, east, north = map(float, filters.get("bbox", "-180,-90,180,90").split(","))
    return (
        incident["category"] in filters.get("category", [incident["category"]])
        and all(incident["areas"].get(layer) in codes for layer, codes in areas.items())
        and all(incident[name] is (filters[name] == "true") for name in ("arrest", "domestic") if name in filters)
        and at.weekday() * 24 + at.hour in hours_of(filters.get("hour_of_week", "0-167"))
        and datetime.fromisoformat(filters.get("from", "1900-01-01")) <= at < datetime.fromisoformat(filters.get("to", "2200-01-01"))
        and ("bbox" not in filters or incident["latitude"] is not None)
        and (incident["latitude"] is None or (south <= incident["latitude"] <= north and west <= incident["longitude"] <= east))
    )


def bucket_of(incident, bucket: str) -> str:
    day = datetime.fromisoformat(incident["occurred_at"]).date()
    match bucket:
        case "week":
            day -= timedelta(days=day.weekday())
        case "month":
            day = day.replace(day=1)
        case "year":
            day = day.replace(month=1, day=1)
    return str(day)


def counts(path: str, answer) -> Counter:
    """An answer as numbers by what they are of."""
    if path == "cells":
        return Counter(dict(answer["cells"]) | {"mapped": answer["mapped"], "unmapped": answer["unmapped"]})
    return Counter({(key, bucket): count for key, line in without_zeros(answer).items() for bucket, count in line.items()})


def places(path: str, question, incident) -> list:
    """The numbers of an answer in which an incident is counted."""
    if not matches(incident, question):
        return []
    if path == "cells":
        if incident["latitude"] is None:
            return ["unmapped"]
        return ["mapped", h3.latlng_to_cell(incident["latitude"], incident["longitude"], question["resolution"])]
    key = {"none": "", "category": incident["category"]}.get(question["by"], incident["areas"].get(question["by"], ""))
    return [(key, bucket_of(incident, question["bucket"]))]


def brought_up_to_date(path: str, question, answer, changes) -> Counter:
    found = counts(path, answer)
    for change in changes:
        for side, by in (("before", -1), ("after", 1)):
            if change[side] is not None:
                for place in places(path, question, change[side]):
                    found[place] += by
    return +found


def random_question(chance, categories, codes, period):
    """What somebody might look at: a map or a chart, with some filters of which most select something."""
    filters = {}
    if chance.random() < 0.5:
        filters["category"] = chance.sample(categories, min(len(categories), chance.randint(1, 3)))
    if chance.random() < 0.4:
        layer = chance.choice(["community_area", "district"])
        filters["area"] = [f"{layer}:{code}" for code in chance.sample(codes[layer], min(len(codes[layer]), 8))]
    for name in ("arrest", "domestic"):
        if chance.random() < 0.25:
            filters[name] = chance.choice(["true", "false"])
    if chance.random() < 0.3:
        first = chance.randrange(120)
        filters["hour_of_week"] = f"{first}-{first + 40},160"
    if chance.random() < 0.2:
        filters["bbox"] = "-87.75,41.75,-87.60,41.95"
    if chance.random() < 0.2:
        filters["from"] = str(period[0] + (period[1] - period[0]) * chance.random())[:10]
    if chance.random() < 0.5:
        return "cells", {"resolution": chance.choice([7, 8, 9]), **filters}
    by, bucket = chance.choice(["none", "category", "community_area", "district", "beat"]), chance.choice(["day", "week", "month", "year"])
    return "series", {"by": by, "bucket": bucket, **filters}


#: What is followed, and how many events lie between two moments. The change feed has corrections and deletions, and few records an event.
LIVE = {"simulated": (("--simulate", "20000", "--simulate-rate", "200"), 2), "corrected": (("--data", FEED, "--speed", "1000000"), 8)}


@pytest.mark.parametrize("kind", LIVE)
def test_with_the_incidents_of_events_any_answer_is_brought_up_to_date(demo, sample, kind):
    words, apart = LIVE[kind]
    server = demo(*(sample(word) if word == FEED else word for word in words))
    stream = Stream(server)

    def wait_for_events(more: int):
        seen = len(stream.events)
        server.wait_until(lambda _: len(stream.events) >= seen + more, f"{more} more events")

    # The first load is more than is listed.
    server.wait_until(lambda meta: meta["incidents"]["total"] >= 5000 and stream.events and stream.events[-1]["incidents"], "incidents are listed")
    chance = random.Random(4)
    meta = server.meta()
    codes = {
        layer: [line["key"] for line in server.json("/api/v1/series", by=layer, bucket="year")["series"] if line["key"]]
        for layer in ("community_area", "district")
    }
    period = [datetime.fromisoformat(meta[name]) for name in ("earliest", "data_as_of")]
    asked = []
    for _ in range(MOMENTS):
        for path, question in [random_question(chance, meta["categories"], codes, period) for _ in range(QUESTIONS)]:
            asked.append((path, question, server.json(f"/api/v1/{path}", **question), len(stream.events)))
        wait_for_events(apart)

    applied = []
    for path, question, answer, since in asked:
        now = server.json(f"/api/v1/{path}", **question)
        server.wait_until(lambda _, now=now: stream.covers(now["next_offsets"]), "the events are here")
        # An answer from before an event that lists nothing has to be asked for again.
        if since < stream.listed_since():
            continue
        changes = stream.between(answer["next_offsets"], now["next_offsets"])
        assert brought_up_to_date(path, question, answer, changes) == +counts(path, now), (path, question)
        applied.append(changes)
    # They were tried: most answers were followed, over many records, of the kinds that there are.
    assert len(applied) > len(asked) / 2
    every = {(change["partition"], change["offset"]): change for changes in applied for change in changes}
    kinds = Counter((change["before"] is not None, change["after"] is not None) for change in every.values())
    assert kinds[False, True] > 50
    # The made-up feed has fewer corrections.
    if kind == "corrected" and has_real():
        assert kinds[True, True] > 20 and kinds[True, False] > 2, kinds
    document = description(BINARY, server.url)
    for event in stream.events:
        document.check_json("an event", json.dumps(event).encode(), ("components", "schemas", "Change"))
    server.stop()
