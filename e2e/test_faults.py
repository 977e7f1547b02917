"""Whatever is killed, cut or slowed while loading, and whenever: the end is that of an undisturbed run."""

import random
import time

import pytest
from cluster import Cluster, Embedded, assert_same, finish, simulated, start, state
from proxy import Proxy

#: What a role says of a part that is away, and what librdkafka or S3's client say below it.
TROUBLE = (r"going on from what is durable", r"stands still until", r"trying again in", r"is tried again", r"housekeeping failed")
FOLLOWERS = (("count",), ("archive",), ("snapshot", "--every", "1"), ("fetch", "--every", "1"))


class Run:
    """A cluster behind proxies, whose roles are started again when they have been killed."""

    def __init__(self, blotter, directory):
        self.blotter = blotter
        self.to_kafka, self.to_s3 = Proxy(), Proxy()
        self.kafka = start("kafka", directory / "kafka", advertised=self.to_kafka.port)
        self.s3 = start("s3", directory / "s3")
        self.to_kafka.target, self.to_s3.target = self.kafka.port, self.s3.port
        self.cluster = Cluster(directory, self.to_kafka.port, self.to_s3.port)
        self.roles = {}

    def begin(self, data):
        """Starts the roles of the path; the producer replays slowly enough to be disturbed."""
        self.commands = {command[0]: command for command in (*FOLLOWERS, ("produce", "--data", str(data)))}
        for role in self.commands:
            self.restart(role)

    def restart(self, role):
        self.roles[role] = self.cluster.spawn(self.blotter, *self.commands[role], expect=TROUBLE)

    def wait_until_loaded(self):
        """Until nothing is left to do for anyone."""
        produce = self.roles.pop("produce")
        assert produce.wait() == 0, produce.output
        for process in self.roles.values():
            assert process.process.poll() is None, process.output
            process.stop()
        finish(self.cluster)

    def close(self):
        for process in self.roles.values():
            process.kill()
        for each in (self.to_kafka, self.to_s3):
            each.close()
        for each in (self.kafka, self.s3):
            each.stop()


@pytest.fixture
def disturbed(blotter, tmp_path):
    """A run that is to be disturbed."""
    running = Run(blotter, tmp_path)
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
            target.write(line.replace("/20", "/x20", 1) if number % 5000 == 4999 else line)
    alone = Embedded(directory / "embedded")
    alone.run("produce", "--data", spoilt, "--until-caught-up")
    finish(alone)
    return spoilt, state(alone)


def check(running, expected):
    running.wait_until_loaded()
    assert_same(state(running.cluster), expected)


def test_kill_any_role_at_any_moment(disturbed, expected):
    data, expect = expected
    disturbed.begin(data)
    chance = random.Random(11)
    for _ in range(25):
        time.sleep(chance.uniform(0.05, 0.9))  # the moment is what is tested
        role = chance.choice(list(disturbed.roles))
        disturbed.roles[role].kill()
        disturbed.restart(role)
    check(disturbed, expect)


@pytest.mark.parametrize("victim", ["kafka", "s3"])
def test_kill_a_server_while_loading(disturbed, expected, victim):
    data, expect = expected
    disturbed.begin(data)
    server = getattr(disturbed, victim)
    for pause in (0.7, 1.5, 2.5):
        time.sleep(pause)
        server.kill()
        time.sleep(0.5)
        server.start()
    check(disturbed, expect)


@pytest.mark.parametrize("part", ["to_kafka", "to_s3"])
@pytest.mark.parametrize("spoilt", ["cut", "slow", "silent", "deaf"])
def test_spoil_the_network_while_loading(disturbed, expected, part, spoilt):
    data, expect = expected
    disturbed.begin(data)
    proxy = getattr(disturbed, part)
    time.sleep(1)
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
    check(disturbed, expect)
