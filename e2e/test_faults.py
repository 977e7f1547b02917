"""Whatever is killed, cut or slowed while loading, and whenever: the end is that of an undisturbed run."""

import errno
import pickle
import random
import re
import signal
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster import Cluster, Embedded, assert_same, finish, published, simulated, start, state
from conftest import PATIENCE_S
from proxy import Proxy, Trap, ends_transaction, posts, puts
from services.service import wait_until
from sinks import assert_points, in_influxdb, in_kairosdb, number_in_kairosdb, peaks_in_influxdb, peaks_in_kairosdb, published_peaks

#: What a role says of a part that is away, and what librdkafka or S3's client say below it.
TROUBLE = (
    r"going on from what is durable",
    r"does not change until",
    r"trying again in",
    r"is tried again",
    r"housekeeping failed",
    r"the sink gets it later",
    r"the archive.s commit stands",
)
FOLLOWERS = (("count",), ("detect",), ("archive",), ("snapshot", "--every", "1"), ("fetch", "--every", "1"))
#: Times faster than it happened: the five months of the data pass in more than an hour, in one and a half minutes, or at once.
#: Each incident is a transaction of its own then, of which disturbances wait for some; more of them would only keep the broker busy.
VERY_SLOWLY, SLOWLY, AT_ONCE = "3000", "150000", "1e12"
#: Of the producer, between two disturbances.
SOME_TRANSACTIONS = 20
#: So often a server is missed before it is there again.
TRIES = 3
#: The archive commits once nothing has come for two seconds.
LULL_S = 5
MOMENTS = ("before", "during", "after")
#: The commits that show that data goes through a part.
FLOWS = {
    "to_kafka": ends_transaction("produce/"),
    "to_s3": puts("/_delta_log/"),
    "to_influxdb": posts("/write"),
    "to_kairosdb": posts("/api/v1/datapoints"),
}


class Servers:
    """A broker, an S3 server and an InfluxDB for one run after the other, each with topics, a folder and a database of its own.
    The proxy before the broker stays too, for the broker tells its clients to use it."""

    def __init__(self, directory):
        self.to_kafka, self.to_influxdb = Proxy(frames=True), Proxy()
        self.to_kafka.counts = ends_transaction("produce/")
        self.running = []
        try:
            self.kafka = self.start("kafka", directory, advertised=self.to_kafka.port)
            self.s3 = self.start("s3", directory)
            self.influxdb = self.start("influxdb", directory)
        except BaseException:
            self.close()
            raise
        self.to_kafka.target, self.to_influxdb.target = self.kafka.port, self.influxdb.port

    def start(self, name, directory, **options):
        self.running.append(start(name, directory / name, **options))
        return self.running[-1]

    def recover(self):
        """As before any disturbance."""
        for proxy in (self.to_kafka, self.to_influxdb):
            proxy.calm()
        for server in self.running:
            if server.process.poll() is not None:
                server.start()

    def close(self):
        for proxy in (self.to_kafka, self.to_influxdb):
            proxy.close()
        for server in self.running:
            server.stop()


class Run:
    """A cluster behind proxies, whose roles are started again when they have been killed."""

    def __init__(self, blotter, servers, directory, others=()):
        self.blotter = blotter
        self.disk = Disk(directory / "s3") if "small disk" in others else None
        self.clock = Clock(directory) if "clock" in others else None
        servers.recover()
        self.kafka, self.s3, self.influxdb = servers.kafka, servers.s3, servers.influxdb
        self.to_kafka, self.to_influxdb = servers.to_kafka, servers.to_influxdb
        self.to_s3, self.to_kairosdb = Proxy(), Proxy()
        # What no other run can use is this one's own.
        self.own = []
        if self.disk:
            self.s3 = self.start("s3", directory)
        self.to_s3.target = self.s3.port
        self.kairosdb = self.start("kairosdb", directory) if "kairosdb" in others else None
        self.database = f"crimes_{directory.name}"
        sinks = [f"influxdb://127.0.0.1:{self.to_influxdb.port}/{self.database}"]
        if self.kairosdb:
            self.to_kairosdb.target = self.kairosdb.port
            sinks.append(f"kairosdb://127.0.0.1:{self.to_kairosdb.port}")
        self.cluster = Cluster(directory, self.to_kafka.port, self.to_s3.port, tuple(sinks))
        if self.clock:
            self.cluster.aws |= self.clock.variables
        self.roles = {}

    def start(self, name, directory):
        self.own.append(start(name, directory / name))
        return self.own[-1]

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
        last = {role: (process.process.poll(), "\n  ".join(process.lines[-4:])) for role, process in self.roles.items()}
        return "\n".join(f"{role} ({code}): {lines}" for role, (code, lines) in last.items())

    def wait_until_committed(self, writer, victim=None):
        """Until one more transaction of a writer is in the log."""
        seen = Trap(ends_transaction(f"{writer}/"), "after", lambda: None)
        self.to_kafka.trap = seen
        self.wait_until(seen.has_sprung.is_set, f"{writer} commits", victim=victim)

    def work(self, transactions=SOME_TRANSACTIONS):
        """Until so many more transactions of the producer are in the log."""
        for _ in range(transactions):
            self.wait_until_committed("produce")

    def strike(self, part, moment, fault=lambda: None):
        """Does something before, during or after one more commit that goes through a part."""
        trap = Trap(FLOWS[part], moment, fault)
        getattr(self, part).trap = trap
        self.wait_until(trap.has_sprung.is_set, f"something is committed through {part}", in_lulls=part == "to_s3")

    @contextmanager
    def until_more(self, count, what, more=1, in_lulls=False):
        """What the block begins lasts until a counter has grown by so much. Gives up when it has not grown for a long time."""
        first = count()
        yield
        for least in range(first + 1, first + more + 1):
            self.wait_until(lambda least=least: count() >= least, what, in_lulls)

    def wait_until(self, condition, what, in_lulls=False, victim=None):
        """Asks until one more thing has happened. Gives up when nothing has been loaded meanwhile for a long time, or when a role has
        ended that is not the victim."""

        def has_happened():
            if condition():
                return True
            ended = [role for role, process in self.roles.items() if role != victim and process.process.poll() is not None]
            assert not ended, f"{ended} ended before {what}:\n{self.said()}"
            if in_lulls:
                self.lull(condition, victim)
            return condition()

        # While nothing is loaded the producer still commits about once a minute: that is less than a step.
        loaded = lambda: self.to_kafka.passed_on // SOME_TRANSACTIONS  # noqa: E731
        wait_until(has_happened, what, progress=loaded, patience_s=PATIENCE_S)

    def lull(self, is_over, victim=None):
        """The producer pauses behind something new, so that the archive commits, which it does else twice a minute."""
        self.wait_until_committed("produce", victim)
        producer = self.roles["produce"].process
        producer.send_signal(signal.SIGSTOP)
        ends_at = time.monotonic() + LULL_S
        while not is_over() and time.monotonic() < ends_at:
            time.sleep(0.05)  # the interval of asking; whoever waits makes another lull if this one was too short
        producer.send_signal(signal.SIGCONT)

    def complaints(self):
        """How often the roles have said that a part is away."""
        lines = (line for process in self.roles.values() for line in list(process.lines))
        return sum(any(re.search(trouble, line) for trouble in TROUBLE) for line in lines)

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
        for each in (self.to_s3, self.to_kairosdb):
            each.close()
        for each in self.own:
            each.stop()
        if self.disk:
            self.disk.close()


class Disk:
    """A small file system of its own, which can be full."""

    def __init__(self, place, megabytes=96):
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
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


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory):
    """Servers that may be killed."""
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.close()


@pytest.fixture
def disturbed(request, blotter, own_servers, tmp_path):
    """A run that is to be disturbed."""
    running = Run(blotter, own_servers, tmp_path, getattr(request, "param", ()))
    yield running
    running.close()


@pytest.fixture(scope="module")
def expected(workshop):
    """Data, and what an undisturbed run makes of it."""
    with workshop.making("undisturbed") as (directory, unfinished):
        if unfinished:
            unfinished.mkdir()
            (unfinished / "state").write_bytes(pickle.dumps(undisturbed(unfinished)))
    return directory / "spoilt.csv", pickle.loads((directory / "state").read_bytes())


def undisturbed(directory):
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
    return state(alone)


def check(running, expected):
    data, expect = expected
    running.load_the_rest(data)
    assert_same(state(running.cluster), expect)
    assert_points(lambda: in_influxdb(running.influxdb.port, running.database), expect["totals"])
    peaks = published_peaks(published(running.cluster, running.kafka.port))
    assert peaks, "something is peaking in the data"
    assert_points(lambda: peaks_in_influxdb(running.influxdb.port, running.database), peaks)
    if running.kairosdb:
        assert_points(lambda: in_kairosdb(running.kairosdb.port, "chicago"), expect["totals"])
        assert_points(lambda: peaks_in_kairosdb(running.kairosdb.port, "chicago"), peaks)


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
        for moment in MOMENTS:
            victim = disturbed.roles[role]
            trap = Trap(matches, moment, victim.kill)
            getattr(disturbed, proxy).trap = trap
            if name == "count's checkpoint":
                # It is made when the role closes, or once in a minute.
                disturbed.wait_until_committed("count")
                victim.process.terminate()
            disturbed.wait_until(trap.has_sprung.is_set, f"{name} is committed", in_lulls=proxy == "to_s3", victim=role)
            disturbed.restart(role)
    check(disturbed, expected)


@pytest.mark.parametrize("victim", ["kafka", "s3", "influxdb"])
def test_kill_a_server_while_loading(disturbed, expected, victim):
    disturbed.begin(expected[0], VERY_SLOWLY)
    server, part = getattr(disturbed, victim), f"to_{victim}"
    proxy = getattr(disturbed, part)
    for moment in MOMENTS:
        with disturbed.until_more(lambda: proxy.refused, f"{victim} is missed", TRIES):
            disturbed.strike(part, moment, server.kill)
        server.start()
        disturbed.work()
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("kairosdb",)], indirect=True)
def test_kill_kairosdb_and_its_cassandra_while_loading(disturbed, expected):
    disturbed.begin(expected[0], VERY_SLOWLY)
    kairosdb = disturbed.kairosdb

    def points():
        """How many it holds, or -1 while it cannot say: when its Cassandra is back, it still answers 500 for a while."""
        time.sleep(0.5)  # the interval of asking
        try:
            return number_in_kairosdb(kairosdb.port, "chicago")
        except OSError:
            return -1

    for server, missed in (
        (kairosdb, lambda: disturbed.to_kairosdb.refused),
        # Without its Cassandra KairosDB takes what it is given all the same: only its own log says that it misses it.
        (kairosdb.cassandra, lambda: kairosdb.log.read_text().count("Cannot connect to any host")),
    ):
        for moment in MOMENTS:
            with disturbed.until_more(missed, f"{server.name} is missed", TRIES):
                disturbed.strike("to_kairosdb", moment, server.kill)
            server.start()
            disturbed.wait_until(lambda: points() >= 0, "KairosDB reads from its Cassandra again")
            with disturbed.until_more(points, "KairosDB writes to it"):
                disturbed.work()
    check(disturbed, expected)


def cut(disturbed, part):
    for moment in MOMENTS * 2:
        disturbed.strike(part, moment, getattr(disturbed, part).cut)


def slow_down(disturbed, part):
    proxy = getattr(disturbed, part)
    disturbed.strike(part, "after", lambda: setattr(proxy, "delay_s", 0.15))
    for _ in range(3):
        disturbed.strike(part, "after")
    proxy.delay_s = 0


def block(disturbed, part, direction):
    """One direction only: requests do not arrive (`forth`), or answers do not (`back`)."""
    proxy = getattr(disturbed, part)
    # Until somebody gives up, and for a moment.
    for count in (disturbed.complaints, lambda: proxy.held):
        with disturbed.until_more(count, f"{part} is missed"):
            disturbed.strike(part, "during", lambda: setattr(proxy, direction, False))
        proxy.forth = proxy.back = True
        proxy.cut()


@pytest.mark.parametrize("part", ["to_kafka", "to_s3", "to_influxdb"])
def test_spoil_the_network_while_loading(disturbed, expected, part):
    disturbed.begin(expected[0], VERY_SLOWLY)
    cut(disturbed, part)
    slow_down(disturbed, part)
    block(disturbed, part, "back")
    block(disturbed, part, "forth")
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("small disk",)], indirect=True)
def test_the_store_is_full_while_loading(disturbed, expected):
    disturbed.begin(expected[0], VERY_SLOWLY)
    # Until somebody gives up, and twice for a moment.
    for count in (disturbed.complaints, *[lambda: disturbed.to_s3.failures] * 2):
        disturbed.strike("to_s3", "after")
        with disturbed.until_more(count, "something cannot be written", in_lulls=True):
            disturbed.disk.fill()
        disturbed.disk.empty()
    check(disturbed, expected)


@pytest.mark.parametrize("disturbed", [("clock",)], indirect=True)
def test_the_clock_jumps_while_loading(disturbed, expected):
    disturbed.begin(expected[0], VERY_SLOWLY)
    for hours in (-3, 2, -30, 0.1, 1000, 0):
        disturbed.work()
        disturbed.clock.set(hours)
    check(disturbed, expected)
