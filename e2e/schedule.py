"""How the tests are divided among the workers: what shares a server stays together, and what takes longest begins first.

A group is done by one worker, one test after the other. Every other test may run beside any other: it has ports and directories
of its own.
"""

from __future__ import annotations

import pytest

#: By module, with the servers that it shares with others. Of one group the modules run in this order: tests that stop a server
#: are in the last.
GROUPS = {
    "test_backtest": "city",
    "test_density": "city",
    "test_emerging": "city",
    "test_peaks": "city",
    "test_hotspots": "city",
    "test_real_file": "city",
    "test_boundaries": "outlined city",
    "test_cluster": "cluster",
    "test_said": "cluster",
    # They measure a process under load, or draw with the processor alone: never beside each other.
    "test_overload": "machine",
    "test_browser": "machine",
    "test_badge": "machine",
}
#: Modules with a server of their own for all their tests.
TOGETHER = {"test_api", "test_architecture", "test_damage", "test_reporting_lag", "test_schemathesis", "test_secrets"}
#: What takes longest, longest first: a group or a module.
LONGEST = [
    "city",
    "machine",
    "test_faults",
    "cluster",
    "outlined city",
    "test_damage",
    "test_kill",
    "test_schemathesis",
    "test_secrets",
    "test_first_start",
    "test_restore",
]


def group(item: pytest.Item) -> str | None:
    """The group of a test: what its mark says, else that of its module."""
    module = item.path.stem
    if mark := item.get_closest_marker("xdist_group"):
        return mark.args[0]
    return GROUPS.get(module, module if module in TOGETHER else None)


def order(item: pytest.Item) -> tuple[int, int]:
    """What comes first has the least."""
    module = item.path.stem
    names = (group(item), module)
    first = next((number for number, name in enumerate(LONGEST) if name in names), len(LONGEST))
    within = list(GROUPS).index(module) if module in GROUPS else 0
    return first, within


def divide(items: list[pytest.Item]) -> None:
    """Marks the groups and puts the tests in order; of what is equal the order stays."""
    for item in items:
        if name := group(item):
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=order)
