"""Provisions and starts the servers that a command needs, runs the command, ends the servers.

    python e2e/services [--with kafka,s3,…] [--require] -- cargo test …

What cannot be had is said and left out: the tests that need it say that they skip. With --require it is an error.

A test of the command that skips appends a line `REASON<tab>TEST` to the file that `BLOTTER_TEST_SKIPPED` names. They are listed at the
end, for `cargo test` hides what a test prints that passes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from services.registry import SERVICES  # noqa: E402
from services.service import Service, Unavailable  # noqa: E402


#: The variable that names the file of the tests that skip.
SKIPPED = "BLOTTER_TEST_SKIPPED"


def skips(lines: Iterable[str]) -> list[str]:
    """What was skipped: each reason once, with its tests."""
    tests: dict[str, set[str]] = {}
    for line in lines:
        reason, _, test = line.partition("\t")
        tests.setdefault(reason, set()).add(test)
    return [f"SKIPPED {reason}: {', '.join(sorted(names))}" for reason, names in sorted(tests.items())]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--with", dest="names", default=",".join(SERVICES), help="comma-separated; all unless given")
    arguments.add_argument("--require", action="store_true", help="fail where one cannot be had")
    arguments.add_argument("command", nargs=argparse.REMAINDER, help="behind --; nothing only provisions")
    given = arguments.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    names = [name for name in given.names.split(",") if name]
    if unknown := [name for name in names if name not in SERVICES]:
        arguments.error(f"no such server: {', '.join(unknown)}; there are {', '.join(SERVICES)}")

    running: list[Service] = []
    with tempfile.TemporaryDirectory(prefix="blotter-services-") as scratch:
        skipped = Path(scratch) / "skipped"
        skipped.touch()
        environment = os.environ | {SKIPPED: str(skipped)}
        try:
            for name in names:
                try:
                    SERVICES[name].provision()
                    if command:
                        service = SERVICES[name](Path(scratch) / name)
                        service.start()
                        running.append(service)
                        environment |= service.environment()
                        print(f"services: {name} is up", flush=True)
                except Unavailable as why:
                    if given.require:
                        raise
                    print(f"services: SKIPPED {name}: {why}", flush=True)
            if not command:
                return 0
            ended = subprocess.run(command, env=environment, check=False)
            for line in skips(skipped.read_text().splitlines()):
                print(f"services: {line}", flush=True)
            return ended.returncode
        finally:
            for service in reversed(running):
                service.stop()


if __name__ == "__main__":
    sys.exit(main())
