"""Each alert rule of `deploy/prometheus` fires under a real fault: a real Prometheus scrapes the process that has it.

How long a condition must hold (`for`) is what `promtool test rules` proves. Where a rule waits for hours, the question is asked of
Prometheus for a later time: it answers with the newest sample of the real process.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import yaml
from conftest import BINARY, ROOT, Server, run_to_end
from services.prometheus import Prometheus, promtool
from services.service import Unavailable, free_ports, wait_until
from test_sources import Portal, chicago_row
from test_sources import profile as profile_of

RULES = ROOT / "deploy" / "prometheus"
HOUR_S = 3600
#: Three months and more: enough to learn what is usual, and more totals than the lag at which an alert fires.
MANY = 90_000


def rules() -> dict[str, dict]:
    """Each alert by its name."""
    (group,) = yaml.safe_load((RULES / "rules.yaml").read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


@pytest.fixture
def provisioned():
    try:
        Prometheus.provision()
    except Unavailable as why:
        pytest.skip(f"prometheus: {why}")


@pytest.fixture
def watched(provisioned, tmp_path):
    """Scrapes one process, and asks which alerts it fires. Of its own for each test: an increase remembers what was before."""
    service = Prometheus(tmp_path / "prometheus")
    service.start()
    yield Watched(service)
    service.stop()


class Watched:
    def __init__(self, prometheus: Prometheus):
        self.prometheus = prometheus
        self.instance = ""

    def scrape(self, server: Server) -> None:
        """Returns once it was scraped twice: a counter has an increase from then on."""
        self.instance = server.url.removeprefix("http://")
        self.prometheus.scrape({"blotter": self.instance})
        self.wait(f'count_over_time(up{{instance="{self.instance}"}}[1h]) >= 2', "it is scraped")

    def wait(self, expression: str, what: str) -> None:
        wait_until(lambda: bool(self.prometheus.query(expression)), what, self.prometheus.process)

    def firing(self, alert: str, later_s: float = 0) -> list[dict[str, str]]:
        at = time.time() + later_s if later_s else None
        return [labels for labels, _ in self.prometheus.query(rules()[alert]["expr"], at)]

    def wait_for(self, alert: str, later_s: float = 0) -> dict[str, str]:
        """The labels of the alert that fires, alone."""
        wait_until(lambda: bool(self.firing(alert, later_s)), f"{alert} fires")
        (labels,) = self.firing(alert, later_s)
        return labels

    def quiet(self, *alerts: str) -> None:
        assert {alert: found for alert in alerts or rules() if (found := self.firing(alert))} == {}


def test_rules_pass_promtool(provisioned):
    for command in (("check", "rules", RULES / "rules.yaml"), ("test", "rules", RULES / "rules_test.yaml")):
        done = subprocess.run([promtool(), *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test_a_real_fault_and_a_line_in_the_docs():
    tested = yaml.safe_load((RULES / "rules_test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tested for case in test["alert_rule_test"] if case["exp_alerts"]}
    faults = set(re.findall(r'wait_for\("(\w+)"', (ROOT / "e2e" / "test_alerts.py").read_text()))
    documented = set(re.findall(r"^\| `(Blotter\w+)` \|", (ROOT / "docs" / "monitoring.md").read_text(), re.M))
    assert set(rules()) == fired == faults == documented


def test_a_healthy_process_fires_nothing_and_a_killed_one_is_down(watched, demo):
    server = demo("--simulate", "300")
    server.wait_until_caught_up()
    watched.scrape(server)
    watched.quiet()
    server.kill()
    assert watched.wait_for("BlotterDown")["instance"] == watched.instance


def test_a_portal_that_fails_is_failing_and_after_hours_silent(watched, demo, tmp_path):
    portal = Portal([chicago_row(number) for number in range(40)])
    try:
        city = profile_of(tmp_path, portal.address)
        server = demo("--city", city)
        server.wait_until_caught_up()
        watched.scrape(server)
        watched.quiet("BlotterSourceFailing", "BlotterSourceSilent")
        server.stop()
        portal.failure = (500, "out of order")
        server = demo("--city", city)
        watched.scrape(server)
        failing = watched.wait_for("BlotterSourceFailing")
        assert failing["source"].startswith("socrata-localhost")
        assert watched.firing("BlotterSourceSilent", 5 * HOUR_S) == []
        assert watched.wait_for("BlotterSourceSilent", 7 * HOUR_S) == failing
    finally:
        portal.close()


def test_a_sink_and_a_webhook_that_are_away_fail_and_leave_a_lag(watched, blotter, tmp_path):
    log, store = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store"
    run_to_end(BINARY, "produce", "--log", log, "--simulate", MANY, "--until-caught-up")
    run_to_end(BINARY, "count", "--log", log, "--store", store, "--until-caught-up")
    sink, webhook = free_ports(2)
    config = tmp_path / "blotter.toml"
    config.write_text('[[rule]]\nname = "any"\nq = 1.0\nminimum = 1\nwebhook_env = "ANY_WEBHOOK"\n')
    server = blotter(
        "detect", "--config", config, "--log", log, "--sink", f"influxdb://127.0.0.1:{sink}/crimes", "--ops-listen", "127.0.0.1:0",
        env={"ANY_WEBHOOK": f"http://127.0.0.1:{webhook}/"},
    )  # fmt: skip
    server.wait_for_address()
    watched.scrape(server)
    name = f"influxdb-127.0.0.1-{sink}-crimes"
    assert watched.wait_for("BlotterSinkFailing") == {"sink": name}
    assert watched.wait_for("BlotterLag") == {"role": "detect", "sink": name}
    assert watched.wait_for("BlotterWebhookFailing") == {"rule": "any"}


def test_a_role_whose_store_is_away_is_not_ready_and_restarts_and_its_snapshot_is_old(watched, blotter, tmp_path):
    store = tmp_path / "store"
    log = f"embedded:{tmp_path}/log"
    run_to_end(BINARY, "produce", "--log", log, "--simulate", 300, "--until-caught-up")
    run_to_end(BINARY, "archive", "--log", log, "--store", f"file://{store}", "--until-caught-up")
    server = blotter("snapshot", "--store", f"file://{store}", "--every", "1", "--ops-listen", "127.0.0.1:0")
    server.wait_for_address()
    watched.scrape(server)
    success = "blotter_last_success_timestamp_seconds"
    watched.wait(f"changes({success}[1h]) >= 2", "it succeeds every second")
    watched.quiet()
    # A file stands where the store was.
    store.rename(tmp_path / "away")
    store.write_text("not a directory")
    assert watched.wait_for("BlotterNotReady")["instance"] == watched.instance
    assert watched.wait_for("BlotterRestarts")["instance"] == watched.instance
    assert watched.firing("BlotterSnapshotOld", HOUR_S / 2) == []
    assert watched.wait_for("BlotterSnapshotOld", 2 * HOUR_S) == {"job": "blotter"}


def test_a_snapshot_that_nobody_takes_anew_is_behind(watched, blotter, tmp_path):
    log, store, snapshots = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store", tmp_path / "snapshots"
    run_to_end(BINARY, "produce", "--log", log, "--simulate", 300, "--until-caught-up")
    for role in ("count", "archive"):
        run_to_end(BINARY, role, "--log", log, "--store", store, "--until-caught-up")
    run_to_end(BINARY, "snapshot", "--store", store)
    run_to_end(BINARY, "fetch", "--store", store, "--to", snapshots)
    run_to_end(BINARY, "produce", "--log", log, "--simulate", 300, "--seed", 2, "--until-caught-up")
    server = blotter("serve", "--log", log, "--snapshots", snapshots, "--listen", "127.0.0.1:0")
    server.wait_for_address()
    watched.scrape(server)
    watched.wait('blotter_lag_records{role="snapshot"} > 0', "it lacks records")
    assert watched.firing("BlotterSnapshotBehind", 24 * HOUR_S) == []
    assert watched.wait_for("BlotterSnapshotBehind", 26 * HOUR_S)["instance"] == watched.instance


def test_a_damaged_snapshot_is_refused(watched, blotter, tmp_path):
    folder = tmp_path / "city"
    loaded = blotter("demo", "--dir", folder, "--simulate", "300", "--no-serve", "--until-caught-up")
    assert loaded.wait() == 0, loaded.output
    server = blotter("serve", "--snapshots", folder / "snapshots", "--listen", "127.0.0.1:0", expect=("cannot be loaded",))
    server.wait_for_address()
    watched.scrape(server)
    watched.quiet("BlotterSnapshotRefused")
    (folder / "snapshots" / "latest.json").write_text("{")
    assert watched.wait_for("BlotterSnapshotRefused")["instance"] == watched.instance
    server.stop()


def test_more_heavy_questions_than_can_wait_are_refused(watched, demo):
    server = demo("--simulate", "20000")
    server.wait_until_caught_up()
    watched.scrape(server)
    watched.quiet("BlotterOverloaded")
    question = f"{server.url}/api/v1/emerging?step=week&resolution=10"
    ended = threading.Event()

    def ask():
        while not ended.is_set():
            try:
                urllib.request.urlopen(question, timeout=60).read()
            except urllib.error.HTTPError as error:
                assert error.code == 503
            except OSError:
                return  # the server has ended

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(24)]
    for asker in askers:
        asker.start()
    try:
        assert watched.wait_for("BlotterOverloaded") == {"instance": watched.instance}
    finally:
        ended.set()
    for asker in askers:
        asker.join()
    server.stop()
