"""`e2e/services` runs a command beside servers and lists what the command's tests skipped."""

import subprocess
import sys

from paths import ROOT

LINES = r"no Kafka broker\ttopics::are_made\nno Kafka broker\tgroups::come_and_go\nno Kafka broker\ttopics::are_made\nno file\treal\n"


def services(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "e2e/services", "--with", "", "--", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_skipped_tests_are_listed_once_for_each_reason():
    done = services("sh", "-c", f'printf "{LINES}" >> "$BLOTTER_TEST_SKIPPED"; exit 3')
    assert done.stdout.splitlines() == [
        "services: SKIPPED no Kafka broker: groups::come_and_go, topics::are_made",
        "services: SKIPPED no file: real",
    ]
    assert done.returncode == 3


def test_nothing_is_listed_where_no_test_skips():
    done = services("true")
    assert (done.returncode, done.stdout) == (0, "")
