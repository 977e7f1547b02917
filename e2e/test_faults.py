"""Whatever is killed, cut or slowed while loading, and whenever: the end is that of an undisturbed run."""

import errno
import random
import struct
import subprocess
import time
from pathlib import Path

import pytest
from cluster import Cluster, Embedded, assert_same, finish, simulated, start, state
from proxy import Proxy, Trap, ends_transaction, puts
from sinks import assert_points, in_influxdb, in_kairosdb

#: What a role says of a part that is away, and what librdkafka or S3's client say below it.
TROUBLE = (
    r"going on from what is durable",
    r"does not change until",
    r"trying again in",
    r"is tried again",
    r"housekeeping failed",
    r"the sink gets it later",
)
FOLLOWERS = (("count",), ("detect",), ("archive",), ("snapshot", "--every", "1"), ("fetch", "--every", "1"))
#: Times faster than it happened: the five months of the data pass in ten minutes, in one and a half, or at once.
VERY_SLOWLY, SLOWLY, AT_ONCE = "22000", "150000", "1e12"


class Run:
    """A cluster behind proxies, whose roles are started again when they have been killed."""

    def __init__(self, blotter, directory, others=()):
        self.blotter = blotter
        self.disk = Disk(directory / "s3") if "small disk" in others else None
        self.clock = Clock(directory) if "clock" in others else None
        self.to_kafka, self.to_s3, self.to_influxdb = Proxy(frames=True), Proxy(), Proxy()
        self.kafka = start("kafka", directory / "kafka", advertised=self.to_kafka.port)
        self.s3 = start("s3", directory / "s3")
        self.influxdb = start("influxdb", directory / "influxdb")
        self.kairosdb = start("kairosdb", directory / "kairosdb") if "kairosdb" in others else None
        self.to_kafka.target, self.to_s3.target = self.kafka.port, self.s3.port
        self.to_influxdb.target = self.influxdb.port
        sinks = [f"influxdb://127.0.0.1:{self.to_influxdb.port}/crimes"]
        if self.kairosdb:
            sinks.append(f"kairosdb://127.0.0.1:{self.kairosdb.port}")
        self.cluster = Cluster(directory, self.to_kafka.port, self.to_s3.port, tuple(sinks))
        if self.clock:
            self.cluster.aws |= self.clock.variables
        self.roles = {}

    def begin(self, data, speed=SLOWLY):
        """Starts the roles of the path; the producer replays slowly enough to be disturbed."""
        produce = ("produce", "--data", str(data), "--speed", speed)
        self.commands = {command[0]: command for command in (*FOLLOWERS, produce)}
        for role in self.commands:
            self.restart(role)

    def restart(self, role):
        self.roles[role] = self.cluster.spawn(self.blotter, *self.commands[role], expect=TROUBLE)

    def said(self):
        """The last words of every role."""
        return "\n".join(f"{role} ({process.process.poll()}): " + "\n  ".join(process.lines[-4:]) for role, process in self.roles.items())

    def wait_until_committed(self, writer):
        """Until one more transaction of a writer is in the log."""
        seen = Trap(ends_transaction(f"{writer}/"), "after", lambda: None)
        self.to_kafka.trap = seen
        assert seen.has_sprung.wait(60), f"{writer} commits nothing:\n{self.roles[writer].output}"

    def load_the_rest(self, data):
        """The rest at once, until nothing is left to do for anyone."""
        produce = self.roles.pop("produce")
        assert produce.process.poll() is None, f"it was loaded before it was disturbed:\n{produce.output}"
        produce.stop()
        self.cluster.run("produce", "--data", data, "--speed", AT_ONCE, "--until-caught-up")
        for process in self.roles.values():
            assert process.process.poll() is None, process.output
            process.stop()
        finish(self.cluster)

    def close(self):
        for process in self.roles.values():
            process.kill()
        for each in (self.to_kafka, self.to_s3, self.to_influxdb):
            each.close()
        for each in (self.kafka, self.s3, self.influxdb, self.kairosdb):
            if each:
                each.stop()
        if self.disk:
            self.disk.close()


class Disk:
    """A small file system of its own, which can be full."""

    def __init__(self, place, megabytes=96):
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
        self.place, self.ballast = place, place / "ballast"

    def fill(self):
        with self.ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error

    def empty(self):
        self.ballast.unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.place], check=True)


class Clock:
    """The wall clock of the processes that have its variables."""

    def __init__(self, directory):
        library, self.file = directory / "clock.so", directory / "clock"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.file.write_bytes(struct.pack("=q", 0))
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self.file)}

    def set(self, hours):
        with self.file.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", int(hours * 3600)))


@pytest.fixture
def disturbed(request, blotter, tmp_path):
    """A run that is to be disturbed."""
    running = Run(blotter, tmp_path, getattr(request, "param", ()))
    yield running
    running.close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Data, and what an undisturbed run makes of it."""
    directory = tmp_path_factory.mktemp("expected")
    data = simulated(directory, 120_000)
    spoilt = directory / "spoilt.csv"
    with data.open() as source, spoilt.open("w") as target:
        for number, line in enumerate(source):
            date = line.split(",")[2]
            # Before August 2023 there are few: something is to be loaded all the time.
            if number == 0 or (date[6:10], date[:2]) >= ("2023", "08"):
                target.write(line.replace("/20", "/x20", 1) if number % 5000 == 4999 else line)
    alone = Embedded(directory / "embedded")
    alone.run("produce", "--data", spoilt, "--until-caught-up")
    finish(alone)
    return spoilt, state(alone)


def check(running, expected):
    data, expect = expected
    running.load_the_rest(data)
    assert_same(state(running.cluster), expect)
    assert_points(lambda: in_influxdb(running.influxdb.port, "crimes"), expect["totals"])
    if running.kairosdb:
        assert_points(lambda: in_kairosdb(running.kairosdb.port, "chicago"), expect["totals"])


def test_kill_any_role_at_any_moment(disturbed, expected):
    disturbed.begin(expected[0])
    chance = random.Random(11)
    for _ in range(30):
        time.sleep(chance.uniform(0.05, 0.9))  # the moment is what is tested
        role = chance.choice(list(disturbed.roles))
        disturbed.roles[role].kill()
        disturbed.restart(role)
    check(disturbed, expected)


#: Every commit that a role makes, as its part sees it. What `fetch` commits is a directory of its own.
COMMITS = {
    "produce": ("to_kafka", ends_transaction("produce/")),
    "count": ("to_kafka", ends_transaction("count/")),
    "count's checkpoint": ("to_s3", puts("/checkpoints/count/")),
    "detect": ("to_kafka", ends_transaction("detect/")),
    "archive": ("to_s3", puts("/_delta_log/")),
    "archive's files": ("to_s3", puts("/incidents/year")),
    "snapshot": ("to_s3", puts("/snapshots/latest.json")),
    # The pointer is put last.
    "snapshot's files": ("to_s3", puts("/snapshots/")),
}


def test_kill_before_during_and_after_each_commit(disturbed, expected):
    disturbed.begin(expected[0], VERY_SLOWLY)
    for name, (proxy, matches) in COMMITS.items():
        role = name.split("'")[0]
        for moment in ("before", "during", "after"):
            victim = disturbed.roles[role]
            trap = Trap(matches, moment, victim.kill)
            getattr(disturbed, proxy).trap = trap
            if name == "count's checkpoint":
                # It is made when the role closes, or once in a minute.
                disturbed.wait_until_committed("count")
                victim.process.terminate()
            assert trap.has_sprung.wait(60), f"{name} commits nothing:\n{disturbed.said()}"
            disturbed.restart(role)
    check(disturbed, expected)


@pytest.mark.parametrize("victim", ["kafka", "s3", "influxdb"])
def test_kill_a_server_while_loading(disturbed, expected, victim):
    disturbed.begin(expected[0])
    server = getattr(disturbed, victim)
    for pause in (2, 3, 4):
        time.sleep(pause)
        server.kill()
        time.sleep(0.5)
        server.start()
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("kairosdb",)], indirect=True)
@pytest.mark.parametrize("victim", ["kairosdb", "cassandra"])
def test_kill_kairosdb_or_its_cassandra_while_loading(disturbed, expected, victim):
    disturbed.begin(expected[0])
    server = disturbed.kairosdb if victim == "kairosdb" else disturbed.kairosdb.cassandra
    for pause in (3, 5):
        time.sleep(pause)
        server.kill()
        time.sleep(0.5)
        server.start()
    check(disturbed, expected)


@pytest.mark.parametrize("part", ["to_kafka", "to_s3", "to_influxdb"])
@pytest.mark.parametrize("spoilt", ["cut", "slow", "silent", "deaf"])
def test_spoil_the_network_while_loading(disturbed, expected, part, spoilt):
    disturbed.begin(expected[0])
    proxy = getattr(disturbed, part)
    time.sleep(2)
    if spoilt == "cut":
        for _ in range(6):
            proxy.cut()
            time.sleep(0.7)
    elif spoilt == "slow":
        proxy.delay_s = 0.15
        time.sleep(5)
        proxy.delay_s = 0
    else:
        # One direction only: requests do not arrive, or answers do not.
        setattr(proxy, "forth" if spoilt == "deaf" else "back", False)
        time.sleep(6)
        proxy.forth = proxy.back = True
        proxy.cut()
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("small disk",)], indirect=True)
def test_the_store_is_full_while_loading(disturbed, expected):
    disturbed.begin(expected[0])
    for _ in range(3):
        time.sleep(2)
        disturbed.disk.fill()
        time.sleep(3)
        disturbed.disk.empty()
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("clock",)], indirect=True)
def test_the_clock_jumps_while_loading(disturbed, expected):
    disturbed.begin(expected[0])
    for hours in (-3, 2, -30, 0.1, 1000, 0):
        time.sleep(2)
        disturbed.clock.set(hours)
    check(disturbed, expected)
