"""What `detect` says of peaks as the data goes by, to the topic, the live stream and webhooks: once each, whatever is killed."""

import json
import threading
import urllib.request
from collections import Counter
from datetime import datetime, timedelta

import pytest
from cluster import Cluster, published
from conftest import BINARY, PATIENCE_S, run_to_end
from data import FEED, real
from services.service import wait_until
from webhook import Receiver

#: What the simulator does not do.
LATE = "only a real change feed corrects an hour weeks later"
#: The first peaks of each window that are always said.
SAID = 25
RULES = """
[[rule]]
name = "any"
q = 1.0
minimum = 2
quiet_hours = 48
webhook_env = "ANY_WEBHOOK"

[[rule]]
name = "austin"
area = ["community_area:25"]
q = 1.0
minimum = 1
windows = [168]
webhook_env = "AUSTIN_WEBHOOK"
"""


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


def listen(url: str, events: list) -> None:
    """Collects the live stream's events of peaks until it ends."""

    def run():
        request = urllib.request.Request(f"{url}/api/v1/live", headers={"Accept": "text/event-stream"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                kind = identity = None
                for line in answer:
                    name, _, value = line.decode().rstrip("\n").partition(": ")
                    if name == "event":
                        kind, identity = value, None
                    elif name == "id":
                        identity = value
                    elif name == "data" and kind == "peaks":
                        assert identity is None
                        events.append(json.loads(value))
        except OSError:
            pass  # the server has ended

    threading.Thread(target=run, daemon=True).start()


def first(windows, count):
    return [{**window, "peaks": window["peaks"][:count]} for window in windows]


def test_a_replay_publishes_ticks_as_it_goes(blotter, tmp_path):
    folder = tmp_path / "blotter"
    feed = real(FEED, LATE)
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, "--data", feed, "--speed", "3000000")
    server.wait_for_address()
    events: list[dict] = []
    listen(server.url, events)
    meta = server.wait_until_caught_up()
    wait_until(lambda: events and events[-1]["next_offsets"] == meta["next_offsets"], "the last tick", progress=lambda: len(events))
    last = server.json("/api/v1/peaks", **{"as": "said"})
    known = server.json("/api/v1/peaks", limit=SAID)
    assert "said_at" in last and "said_at" not in known
    assert {name: last[name] for name in known if name != "windows"} == {name: known[name] for name in known if name != "windows"}
    assert first(last["windows"], SAID) == known["windows"]
    assert events[-1]["windows"] == first(known["windows"], 10)
    assert events[-1]["alerts"] == [] and "episodes" not in events[-1]
    ends = [event["at"] for event in events]
    assert len(ends) > 5 and ends == sorted(ends)
    # Each of them can be asked for later, and says what was known then, not what is known now.
    changed = 0
    for event in events[len(events) // 3 :: 3]:
        asked = server.json("/api/v1/peaks", at=event["at"], **{"as": "said"})
        assert asked["at"] == event["at"]
        # Said again after a late change, the last word counts.
        same = [other for other in events if other["at"] == event["at"]][-1]
        assert (asked["next_offsets"], first(asked["windows"], 10)) == (same["next_offsets"], same["windows"])
        now = server.json("/api/v1/peaks", at=event["at"], limit=SAID)
        changed += first(asked["windows"], SAID) != now["windows"]
    assert changed > 0, "no revision came late"
    # Between two ticks the earlier one is the last word.
    moment = datetime.fromisoformat(last["at"]) + timedelta(days=300)
    assert server.json("/api/v1/peaks", at=moment.isoformat(), **{"as": "said"}) == last
    for parameters, named in (({"at": "1999"}, "at"), ({"as": "told"}, "as")):
        status, _, body = server.get("/api/v1/peaks", **({"as": "said"} | parameters))
        assert (status, json.loads(body)["parameter"]) == (400, named)
    category = last["windows"][-1]["peaks"][0]["category"]
    some = server.json("/api/v1/peaks", category=category, limit=3, **{"as": "said"})
    assert all(peak["category"] == category for window in some["windows"] for peak in window["peaks"])
    status, headers, sheet = server.get("/api/v1/peaks", "text/csv", **{"as": "said"})
    assert status == 200 and sheet.startswith(b"window_hours,area,category,")
    assert dict(pair.split(":") for pair in headers["blotter-next-offsets"].split(",")) == {
        part: str(next) for part, next in last["next_offsets"].items()
    }
    server.stop()
    command = [BINARY, "peaks", "--as", "said", "--snapshots", folder / "snapshots", "--log", f"embedded:{folder / 'log'}"]
    assert json.loads(run_to_end(*command, "--format", "json").stdout) == last
    # Without the log there is nothing to say it from.
    serve = blotter("serve", "--listen", "127.0.0.1:0", "--snapshots", folder / "snapshots")
    serve.wait_for_address()
    serve.wait_until(lambda meta: meta["incidents"]["total"] > 0, "loaded")
    status, _, body = serve.get("/api/v1/peaks", **{"as": "said"})
    assert (status, json.loads(body)["parameter"]) == (400, "as")
    serve.stop()


def test_each_episode_is_told_once_whatever_is_killed(servers, blotter, receiver, tmp_path):
    kafka, s3 = servers
    cluster = Cluster(tmp_path, kafka.port, s3.port)
    config = tmp_path / "blotter.toml"
    config.write_text(RULES)
    cluster.aws |= {"BLOTTER_CONFIG": str(config), "ANY_WEBHOOK": receiver.url("/any?key=1"), "AUSTIN_WEBHOOK": receiver.url("/austin")}
    trouble = ("the webhook gets it later", r"TCHECKPOINT|librdkafka|going on from what is durable")
    roles = {}
    produce = ("produce", "--data", real(FEED, LATE), "--speed", "800000")
    for command in (("count",), ("detect",), ("archive",), produce):
        roles[command[0]] = cluster.spawn(blotter, *command, expect=trouble)
    for kills in range(1, 4):
        wait_until(lambda: len(receiver.taken) >= 8 * kills, "alerts are taken", progress=lambda: len(receiver.taken))
        roles["detect"].kill()
        roles["detect"] = cluster.spawn(blotter, "detect", expect=trouble)
    wait_until(lambda: roles["produce"].process.poll() is not None, "the end of the replay", progress=lambda: receiver.requests)
    for role in ("count", "detect", "archive"):
        roles[role].stop()
    for role in ("count", "detect", "archive", "snapshot", "fetch"):
        cluster.run(role, "--until-caught-up")
    told = published(cluster, kafka.port)
    alerts = [alert for said in told for alert in said["alerts"]]
    assert len({alert["id"] for alert in alerts}) == len(alerts) > 24
    # Everything that was said was taken. A kill between the two may send one alert twice, under the same key.
    taken = Counter(key for _, key, _ in receiver.taken)
    assert set(taken) == {alert["id"] for alert in alerts}
    assert sum(taken.values()) - len(taken) <= 3 * 2, taken.most_common(9)
    for path, key, body in receiver.taken:
        assert path == {"any": "/any?key=1", "austin": "/austin"}[body["rule"]]
        assert body in alerts and key == body["id"]
    # In the order of the data's clock, and none of an episode that had been told already.
    for rule, quiet in (("any", 48), ("austin", 24)):
        of_rule = [alert for alert in alerts if alert["rule"] == rule]
        assert [alert["at"] for alert in of_rule] == sorted(alert["at"] for alert in of_rule)
        last: dict[tuple, datetime] = {}
        for said in told:
            at = datetime.fromisoformat(said["at"])
            begun = {(alert["area"], alert["category"]) for alert in said["alerts"] if alert["rule"] == rule}
            for pair in begun:
                assert pair not in last or at - last[pair] >= timedelta(hours=quiet), (rule, pair, at)
            # A tick of which no rule finds anything has none.
            for episode in said.get("episodes", []):
                if episode["rule"] == rule:
                    last[episode["area"], episode["category"]] = datetime.fromisoformat(episode["until"])
    assert {alert["area"] for alert in alerts if alert["rule"] == "austin"} == {"25"}
    ends = [said["at"] for said in told]
    assert ends == sorted(ends)
    known = json.loads(cluster.run("peaks", "--format", "json", "--limit", SAID))
    assert told[-1]["next_offsets"] == known["next_offsets"]
    assert first(told[-1]["windows"], SAID) == known["windows"]
