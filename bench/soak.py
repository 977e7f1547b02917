"""A soak: Blotter follows a portal that grows and fails, while its processes are killed at random; see `run.py`.

    python bench/soak.py [--duration SECONDS] [--rate N] [--seed N] [--kill-every SECONDS] [--only cluster|demo]

The portal (`portal.py`) gets 50 incidents a second, revises 5 % of them, deletes some, and fails at a third of the requests. Two
deployments follow one each: `cluster`, each role a process on Kafka and S3, and `demo`, one process in one directory. Once a minute one
process is killed with SIGKILL and started again. At the end each deployment must show what a fresh one shows that loads the portal's
last state undisturbed, and so must a map of its snapshot alone. Memory, files and bytes have the bounds below.

A failed soak keeps its directory, with the log of each process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import cluster
from portal import HISTORY, Portal
from services.service import free_ports

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "blotter"
#: Seconds between two polls of `produce`.
POLL_S = 5
#: No wait for a condition takes longer.
PATIENCE_S = 1800
LOOK_S = 1

#: To hold, per record of the log, of log, archive and checkpoints; as in `living.py`.
BYTES_A_RECORD = 500
#: To hold, per record of the log, of what is known of the portal's rows: a line of JSON for each row and each change, compressed.
KNOWN_BYTES_A_RECORD = 150
#: To hold, per incident, of one snapshot.
SNAPSHOT_BYTES_AN_INCIDENT = 100
#: To hold, of files without snapshots. What is merged stays for a day, so that the files of an hour are those of all commits.
FILES, RECORDS_A_FILE = 500, 100
#: To hold, of the memory of each role: a fixed part, and one for each incident that it may hold.
MEMORY_MIB = {"demo": 400, "produce": 100, "count": 60, "detect": 60, "archive": 150, "snapshot": 150, "fetch": 60, "serve": 100}
MEMORY_BYTES_AN_INCIDENT = 500
#: And for each row of the month with the most: a comparison holds the month's lines, and where each lies.
COMPARED_BYTES_A_ROW, COMPARING = 1000, ("demo", "produce")
#: `docs/operations.md`, *What stays bounded*.
SNAPSHOTS_IN_STORE, SNAPSHOTS_HERE = 3, 2


class Failed(Exception):
    """The soak has found a fault: a sentence."""


class Role:
    """A process that is started again after a kill. Its output is appended to one file."""

    def __init__(self, name: str, command: list, environment: dict[str, str], directory: Path):
        self.name, self.command, self.environment = name, [str(word) for word in command], environment
        self.log = directory / f"{name}.log"
        self.peak_mib = 0.0
        self.kills = 0
        self.process: subprocess.Popen | None = None

    def start(self) -> Role:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def look(self) -> None:
        """Notes its memory. A role that has ended by itself is a fault."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        if peak := re.search(r"VmHWM:\s+(\d+)", status):
            self.peak_mib = max(self.peak_mib, int(peak.group(1)) / 1024)
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with code {self.process.returncode}; see {self.log}")

    def kill(self) -> None:
        self.kills += 1
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.wait()

    def wait(self) -> None:
        if code := self.process.wait(PATIENCE_S):
            raise Failed(f"{self.name} ended with code {code}; see {self.log}")


class Deployment:
    """Processes that follow a portal, and where they keep what they know."""

    #: The process that reads the portal.
    reader: str

    def __init__(self, directory: Path, binary: Path, portal: Portal):
        directory.mkdir()
        self.directory, self.binary, self.portal = directory, binary, portal
        self.roles: dict[str, Role] = {}
        self.environment = os.environ | {"TMPDIR": str(directory)}
        self.local = directory / "snapshots"
        # A fixed address, so that the map is found again after a kill.
        (port,) = free_ports(1)
        self.listen, self.url = ["--listen", f"127.0.0.1:{port}"], f"http://127.0.0.1:{port}"

    def role(self, name: str, *words, clock: bool = False) -> Role:
        """A role of a name such as `count` or `count-2`, not yet started. `clock`: it has the portal's clock."""
        command = name.split("-")[0]
        city = [] if command == "fetch" else ["--city", self.portal.profile]
        return Role(name, [self.binary, command, *city, *words], self.environment | (self.portal.clock.variables if clock else {}), self.directory)

    def begin(self) -> None:
        for role in self.parts():
            self.roles[role.name] = role.start()

    def look(self) -> None:
        for role in self.roles.values():
            role.look()

    def stop(self) -> None:
        for role in self.roles.values():
            role.process.send_signal(signal.SIGINT)
        for role in self.roles.values():
            role.wait()

    def end(self) -> None:
        for role in self.roles.values():
            if role.process.poll() is None:
                role.kill()

    def meta(self) -> dict:
        """What the map says of itself. Empty while it does not answer."""
        try:
            return ask(self.url, "meta")
        except OSError:
            return {}

    def total(self) -> int:
        return self.meta().get("incidents", {}).get("total", 0)

    def incidents(self) -> dict:
        return incidents(self.url)

    def counts(self) -> set[str]:
        """The hourly counts, without zeros. No process of an embedded deployment may run."""
        command = [self.binary, "counts", "--city", self.portal.profile, "--log", self.log]
        out = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout
        return {line for line in out.splitlines() if not line.endswith(",0")}

    def by_snapshot_alone(self) -> dict:
        """What a map shows that has the snapshot and no log. All processes have ended."""
        self.role("archive", "--log", self.log, "--store", self.store, "--until-caught-up").start().wait()
        self.role("snapshot", "--store", self.store, "--until-caught-up").start().wait()
        self.role("fetch", "--store", self.store, "--to", self.local, "--until-caught-up").start().wait()
        alone = self.role("serve-alone", "--snapshots", self.local, *self.listen).start()
        try:
            wait_until(lambda: alone.look() or self.total(), "the map of the snapshot alone has loaded it")
            return state(self.url)
        finally:
            alone.stop()


class Cluster(Deployment):
    """Each role a process, on Kafka and S3."""

    reader = "produce"

    def __init__(self, stack: ExitStack, directory: Path, binary: Path, portal: Portal):
        super().__init__(directory, binary, portal)
        kafka, s3 = stack.enter_context(cluster.servers(directory))
        place = cluster.Deployment(kafka, s3, directory)
        self.environment |= place.environment
        self.log, self.store = place.log, place.store
        bucket = s3.data / place.store.removeprefix("s3://")
        self.folders = {name: bucket / name for name in ("incidents", "snapshots", "checkpoints")}
        self.folders |= {"known rows": directory / "known", "local snapshots": self.local}

    def parts(self) -> list[Role]:
        log, store = ["--log", self.log], ["--store", self.store]
        return [
            # S3 refuses requests of a clock that is off, so what is known of the portal's rows lies in a directory.
            self.role("produce", *log, "--store", f"file://{self.directory}/known", clock=True),
            self.role("count-1", *log, *store),
            self.role("count-2", *log, *store),
            self.role("detect", *log),
            self.role("archive", *log, *store),
            self.role("snapshot", *store, "--every", 30),
            self.role("fetch", *store, "--to", self.local, "--every", 10),
            self.role("serve", *log, "--snapshots", self.local, *self.listen),
        ]

    def incidents(self) -> dict:
        # What came since its start, `serve` reads from Kafka, some 20 incidents a second. After a start it has the newest snapshot.
        total, serve = self.total(), self.roles["serve"]
        serve.stop()
        serve.start()
        wait_until(lambda: serve.look() or self.total() == total, "the map has started again")
        return super().incidents()


class Demo(Deployment):
    """All roles one process, in one directory."""

    reader = "demo"

    def __init__(self, _stack: ExitStack, directory: Path, binary: Path, portal: Portal):
        super().__init__(directory, binary, portal)
        self.log, self.store = f"embedded:{directory}/log", f"file://{directory}/store"
        names = {
            "log": "log",
            "incidents": "store/incidents",
            "snapshots": "store/snapshots",
            "checkpoints": "store/checkpoints",
            "known rows": "spool",
        }
        self.folders = {name: directory / path for name, path in names.items()} | {"local snapshots": self.local}

    def parts(self) -> list[Role]:
        return [self.role("demo", "--dir", self.directory, *self.listen, clock=True)]


DEPLOYMENTS = {"cluster": Cluster, "demo": Demo}


def ask(url: str, path: str, **parameters) -> dict:
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
        return json.load(answer)


#: What people see, as questions to the map.
QUESTIONS = {
    "months by category": ("series", {"by": "category", "bucket": "month"}),
    "months with an arrest": ("series", {"by": "category", "bucket": "month", "arrest": "true"}),
    "days by area": ("series", {"by": "community_area", "bucket": "day"}),
    "cells": ("cells", {"resolution": 9}),
    "hot spots": ("hotspots", {"resolution": 9}),
    "emerging hot spots": ("emerging", {"resolution": 8, "step": "week"}),
    "peaks": ("peaks", {"limit": 10_000}),
}


def overview(url: str) -> dict:
    """What the map shows, but for the single incidents, and for what says when a record arrived."""
    meta = ask(url, "meta")
    shown = {"figures": {name: meta[name] for name in ("incidents", "rejected", "data_as_of", "earliest", "outliers", "categories")}}
    for name, (path, parameters) in QUESTIONS.items():
        shown[name] = {key: value for key, value in ask(url, path, **parameters).items() if key != "next_offsets"}
    return shown


def incidents(url: str) -> dict:
    """All incidents by id, but for when the source said so."""
    found, cursor = {}, {}
    while cursor is not None:
        page = ask(url, "incidents", limit=1000, **cursor)
        for incident in page["incidents"]:
            del incident["observed_at"]
            found[incident["id"]] = incident
        found |= {id_: None for id_ in page["missing"]}
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return {"incidents": found}


def state(url: str) -> dict:
    return overview(url) | incidents(url)


def difference(found: dict, expected: dict) -> str | None:
    """A sentence about the first thing that was found and is not as expected."""
    for name, value in expected.items():
        if name not in found or found[name] == value:
            continue
        if name != "incidents":
            return f"{name}: {json.dumps(found[name])[:400]} instead of {json.dumps(value)[:400]}"
        more, less = found[name].keys() - value.keys(), value.keys() - found[name].keys()
        other = [key for key in found[name].keys() & value.keys() if found[name][key] != value[key]]
        examples = [(found[name][key], value[key]) for key in other[:2]]
        return (
            f"incidents: {len(more)} too many {sorted(more)[:5]}, {len(less)} missing {sorted(less)[:5]}, "
            f"{len(other)} with other content {sorted(other)[:5]}: {examples}"
        )
    return None


def wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {PATIENCE_S} s")
        time.sleep(LOOK_S)  # the interval of asking: the condition decides


def size(folder: Path) -> tuple[int, int]:
    """Files and bytes."""
    files = bytes_ = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                bytes_ += os.stat(os.path.join(place, name)).st_size
                files += 1
            except FileNotFoundError:
                pass  # Removed meanwhile.
    return files, bytes_


class Soak:
    """One deployment's hour."""

    def __init__(self, stack: ExitStack, name: str, directory: Path, binary: Path, options: argparse.Namespace):
        self.name, self.options, self.stack = name, options, stack
        self.directory, self.binary = directory, binary
        self.portal = Portal(directory, options.seed, options.rate, options.duration, POLL_S)
        stack.callback(self.portal.close)
        self.it = DEPLOYMENTS[name](stack, directory / name, binary, self.portal)
        stack.callback(self.it.end)
        self.began = self.spoken = time.monotonic()
        self.killed: list[str] = []
        #: What is not yet as it is to be.
        self.fault: str | None = None

    def say(self, text: str) -> None:
        print(f"{self.name}, {(time.monotonic() - self.began) / 60:.1f} min: {text}", file=sys.stderr, flush=True)

    def figures(self) -> str:
        data = self.portal.data
        sizes = ", ".join(f"{name} {files} files {bytes_ / 1e6:.1f} MB" for name, (files, bytes_) in self.sizes().items())
        memory = ", ".join(f"{role.name} {role.peak_mib:.0f}" for role in self.it.roles.values())
        return (
            f"portal {data.listed:,} of {len(data.rows):,} ({data.revised:,} revisions, {data.deleted:,} deletions, {data.restored:,} restored; "
            f"{self.portal.failed:,} of {self.portal.requests:,} requests failed), map {self.it.total():,}; {sizes}; peak MiB: {memory}"
        )

    def sizes(self) -> dict[str, tuple[int, int]]:
        return {name: size(folder) for name, folder in self.it.folders.items()}

    def check_bounds(self) -> str:
        """Memory, bytes and files; what they are, for the table."""
        meta, sizes = self.it.meta(), self.sizes()
        records, incidents = sum(meta["next_offsets"].values()), meta["incidents"]["total"]
        kept = [sizes[name] for name in sizes if "snapshots" not in name]
        files, known = sum(files for files, _ in kept), sizes["known rows"][1]
        bytes_ = sum(bytes_ for _, bytes_ in kept) - known
        snapshot = sizes["snapshots"][1] + sizes["local snapshots"][1]
        memory = {role.name: role.peak_mib for role in self.it.roles.values()}
        checks = [
            (f"bytes of {records} records", bytes_, BYTES_A_RECORD * records),
            (f"bytes of the portal's known rows, {records} records", known, KNOWN_BYTES_A_RECORD * records),
            (f"files of {records} records", files, FILES + records / RECORDS_A_FILE),
            (
                f"bytes of snapshots of {incidents} incidents",
                snapshot,
                SNAPSHOT_BYTES_AN_INCIDENT * incidents * (SNAPSHOTS_IN_STORE + SNAPSHOTS_HERE),
            ),
            *((f"peak MiB of {name}", peak, self.memory_bound(name.split("-")[0], incidents)) for name, peak in memory.items()),
        ]
        if faults := [f"{what}: {found:,.0f}, to hold {bound:,.0f}" for what, found, bound in checks if found > bound]:
            raise Failed("; ".join(faults))
        said = ", ".join(f"{name} {peak:.0f}" for name, peak in memory.items())
        return (
            f"peak MiB: {said}; {bytes_ / records:.0f} bytes a record in log, archive and checkpoints (to hold: {BYTES_A_RECORD}), "
            f"{known / records:.0f} of the portal's known rows (to hold: {KNOWN_BYTES_A_RECORD}), {files:,} files"
        )

    def memory_bound(self, role: str, incidents: int) -> float:
        """In MiB."""
        month = max(len(rows) for rows in self.portal.data.months.values())
        compared = COMPARED_BYTES_A_ROW * month if role in COMPARING else 0
        return MEMORY_MIB[role] + (MEMORY_BYTES_AN_INCIDENT * incidents + compared) / 2**20

    def check_snapshots(self) -> None:
        """The old ones are gone, and so is what a kill left unfinished. All processes have ended."""
        manifests = len(list(self.it.folders["snapshots"].glob("*/manifest.json")))
        here = [place.name for place in self.it.local.iterdir() if place.is_dir()]
        if manifests > SNAPSHOTS_IN_STORE or len(here) > SNAPSHOTS_HERE:
            raise Failed(f"{manifests} snapshots in the store, to hold {SNAPSHOTS_IN_STORE}; here: {here}, to hold {SNAPSHOTS_HERE}")

    def run(self):
        """Rows of the table."""
        it, portal, data = self.it, self.portal, self.portal.data
        it.begin()
        # A portal that does not answer at the first start is replaced by a simulation.
        self.wait_until(lambda: it.total() == HISTORY, "the history is on the map")
        portal.failing = True
        portal.start_growing()
        self.disturb()
        portal.stop_growing()
        self.say(f"the portal stops to grow; {self.figures()}")
        expected, counts = self.undisturbed()
        began = time.monotonic()
        self.wait_until_equal(expected)
        late = time.monotonic() - began
        self.say(f"identical after {late:.0f} s; {self.figures()}")
        self.wait_until(self.said_is_known, "the last published peaks equal the recomputed ones")
        kept = self.check_bounds()
        it.stop()
        if found := it.counts() ^ counts:
            raise Failed(f"hourly counts that only one of the two has: {sorted(found)[:5]}")
        if fault := difference(it.by_snapshot_alone(), expected):
            raise Failed(f"the map of the snapshot alone: {fault}")
        self.check_snapshots()
        if portal.misunderstood:
            raise Failed(f"requests that the portal does not know: {portal.misunderstood[:3]}")
        self.check_logs()
        kills = sum(role.kills for role in it.roles.values())
        yield (
            f"Soak, `{self.name}`: {self.options.rate} incidents/s for {self.options.duration:,} s, {data.revised:,} revisions, "
            f"{data.deleted:,} deletions, {portal.failed / portal.requests:.0%} of the portal's answers are failures, {kills} × kill -9",
            f"identical to an undisturbed run {late:.0f} s after the last incident",
            kept,
            "",
        )

    def disturb(self) -> None:
        """Kills a process at random about once a minute."""
        chance = random.Random(f"{self.options.seed}/kills")
        every = self.options.kill_every
        now = time.monotonic()
        end, next_kill = now + self.options.duration, now + every * chance.uniform(0.5, 1.5)
        while (now := time.monotonic()) < end:
            if now >= next_kill:
                role = self.it.roles[chance.choice(sorted(self.it.roles))]
                role.kill()
                role.start()
                self.killed.append(role.name)
                next_kill = now + every * chance.uniform(0.5, 1.5)
            self.look()
            time.sleep(LOOK_S)  # the soak itself: time has to pass

    def look(self) -> None:
        """Looks at the processes, and says once a minute how they do."""
        self.it.look()
        if (now := time.monotonic()) - self.spoken >= 60:
            self.spoken = now
            self.say(f"{self.fault or 'killed ' + (', '.join(self.killed) or 'nothing')}; {self.figures()}")
            self.killed = []

    def undisturbed(self) -> tuple[dict, set[str]]:
        """What a fresh deployment makes of the portal's last state. The reader of the disturbed one is down meanwhile."""
        reader = self.it.roles[self.it.reader]
        reader.kill()
        self.portal.failing = False
        fresh = Demo(self.stack, self.directory / "undisturbed", self.binary, self.portal)
        self.stack.callback(fresh.end)
        fresh.begin()
        wait_until(lambda: fresh.look() or fresh.meta().get("caught_up"), "the undisturbed run is caught up")
        expected = state(fresh.url)
        if len(expected["incidents"]) != self.portal.data.listed:
            raise Failed(f"the undisturbed run has {len(expected['incidents'])} of {self.portal.data.listed} incidents")
        fresh.stop()
        counts = fresh.counts()
        self.portal.failing = not self.options.end_well
        reader.start()
        return expected, counts

    def wait_until(self, condition, what: str) -> None:
        """Looks at the roles meanwhile."""
        wait_until(lambda: self.look() or condition(), what)

    def wait_until_equal(self, expected: dict) -> None:
        """Until all that the portal says has reached the map. What is cheap is compared first."""

        def is_equal() -> bool:
            total, listed = self.it.total(), self.portal.data.listed
            if total != listed:
                self.fault = f"{total} incidents instead of {listed}"
            else:
                self.fault = difference(overview(self.it.url), expected) or difference(self.it.incidents(), expected)
            return self.fault is None

        try:
            self.wait_until(is_equal, "the map is that of the undisturbed run")
        except Failed as late:
            raise Failed(f"{late}: {self.fault}; {difference(state(self.it.url), expected)}") from None

    def said_is_known(self) -> bool:
        said, known = ask(self.it.url, "peaks", **{"as": "said"}, limit=25), ask(self.it.url, "peaks", limit=25)
        return all(said[name] == known[name] for name in ("at", "windows", "next_offsets"))

    def check_logs(self) -> None:
        """A panic, or a line for an operator: nothing that happened needs one."""
        for log in self.it.directory.glob("*.log"):
            lines = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"\bERROR\b|panicked", line)]
            if lines:
                raise Failed(f"{log}: {lines[0]}")


def soak(options: argparse.Namespace):
    """Rows of the table, of one deployment."""
    directory = Path(tempfile.mkdtemp(prefix=f"blotter-soak-{options.only}-"))
    # A build must not exchange the program meanwhile.
    binary = Path(shutil.copy2(options.binary, directory / "blotter"))
    with ExitStack() as stack:
        try:
            yield from Soak(stack, options.only, directory, binary, options).run()
        except BaseException:
            print(f"{options.only}: what is left is in {directory}", file=sys.stderr)
            raise
    shutil.rmtree(directory)


def side_by_side(arguments: list[str]):
    """Rows of the table, of both deployments. Each has its own process and needs a small share of a core."""
    command = [sys.executable, __file__, *arguments, "--only"]
    soaks = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in DEPLOYMENTS]
    try:
        rows = [line.rstrip("\n").split(" | ") for soak in soaks for line in soak.communicate()[0].splitlines()]
    finally:
        for soak in soaks:
            soak.terminate()
            soak.wait()
    if any(soak.returncode for soak in soaks):
        raise SystemExit("the soak has failed")
    yield from rows


def main() -> None:
    # So that the processes are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    parser = argparse.ArgumentParser(description="Follows a portal that grows and fails, while processes are killed at random.")
    parser.add_argument("--duration", type=int, default=3600, help="seconds that the portal grows")
    parser.add_argument("--rate", type=int, default=50, help="new incidents a second")
    parser.add_argument("--kill-every", type=float, default=60, help="seconds between two kills, on average")
    parser.add_argument("--seed", type=int, default=1, help="of the portal and the kills")
    parser.add_argument("--only", choices=list(DEPLOYMENTS), help="one deployment instead of both side by side")
    parser.add_argument("--binary", type=Path, default=BINARY)
    parser.add_argument(
        "--end-well",
        action="store_true",
        help="the portal no longer fails once it has stopped growing; to find out whether its failures delay the end",
    )
    options = parser.parse_args()
    try:
        for row in soak(options) if options.only else side_by_side(sys.argv[1:]):
            print(" | ".join(row), flush=True)
    except Failed as fault:
        sys.exit(f"{options.only}: {fault}")


if __name__ == "__main__":
    main()
