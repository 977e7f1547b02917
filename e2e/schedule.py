"""How the tests are divided among the workers of `pytest -n`: what shares a server stays together, and what takes longest begins
first.

A group is done by one worker, one test after the other. Every other test may run beside any other: it has ports and directories
of its own. A group is found by the test's name: the marks of pytest-xdist have no effect with this version of pytest.
"""

from __future__ import annotations

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling

#: By module, with the servers that it shares with others. Of one group the modules run in this order: tests that stop a server
#: are in the last.
GROUPS = {
    "test_backtest": "city",
    "test_brief": "city",
    "test_change": "city",
    "test_density": "city",
    "test_emerging": "city",
    "test_explain": "city",
    "test_find": "city",
    "test_peaks": "city",
    "test_readme": "city",
    "test_hotspots": "city",
    "test_real_file": "city",
    "test_page_brush": "outlined city",
    "test_page_compare": "outlined city",
    "test_page_data": "outlined city",
    "test_page_find": "outlined city",
    "test_page_hours": "outlined city",
    "test_page_keyboard": "outlined city",
    "test_page_layers": "outlined city",
    "test_page_peaks": "outlined city",
    "test_page_time": "outlined city",
    "test_boundaries": "outlined city",
    "test_cluster": "cluster",
    "test_said": "cluster",
    # They measure a process under load, or draw with the processor alone: never beside each other.
    "test_overload": "machine",
    "test_browser": "machine",
    "test_badge": "machine",
    "test_basemap": "machine",
    "test_page_live": "machine",
}
#: Modules with a server of their own for all their tests.
TOGETHER = {
    "test_api",
    "test_architecture",
    "test_damage",
    "test_feeds",
    "test_grafana",
    "test_install",
    "test_refusals",
    "test_reporting_lag",
    "test_schemathesis",
    "test_secrets",
    "test_spark",
}
#: What takes longest, longest first: a group, a module, or a test.
LONGEST = [
    "city",
    "outlined city",
    "machine",
    "test_kill_kairosdb_and_its_cassandra_while_loading",
    "cluster",
    "test_kill_before_during_and_after_each_commit",
    "test_faults",
    "test_grafana",
    "test_schemathesis",
    "test_damage",
    "test_kill",
    "test_secrets",
    "test_spark",
    "test_first_start",
    "test_restore",
]


def module(nodeid: str) -> str:
    return PurePath(nodeid.partition("::")[0]).stem


def group(nodeid: str) -> str | None:
    """The group of a test: that of the server that its parameter names, else that of its module."""
    if "[outlined_city" in nodeid:
        return "outlined city"
    name = module(nodeid)
    return GROUPS.get(name, name if name in TOGETHER else None)


def order(nodeid: str) -> tuple[int, int]:
    """By this the tests are sorted; of what is equal the order stays."""
    name = module(nodeid)
    names = (group(nodeid), name, nodeid.partition("::")[2].partition("[")[0])
    first = next((number for number, long in enumerate(LONGEST) if long in names), len(LONGEST))
    return first, list(GROUPS).index(name) if name in GROUPS else 0


class Schedule(LoadScopeScheduling):
    """Gives each worker a group, or a test without one, in the order in which they were collected."""

    def __init__(self, config, log=None):
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid) or nodeid
