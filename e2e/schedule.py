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
    # Before others have asked for anything large.
    "test_memory": "city",
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
    # Two servers of the pages cost less than one long tail.
    "test_page_brush": "pages of the map",
    "test_page_compare": "pages of the map",
    "test_page_layers": "pages of the map",
    "test_page_time": "pages of the map",
    "test_page_data": "pages of the lists",
    "test_page_find": "pages of the lists",
    "test_page_hours": "pages of the lists",
    "test_page_keyboard": "pages of the lists",
    "test_page_peaks": "pages of the lists",
    "test_boundaries": "outlined city",
    "test_spark": "spark",
    "test_spark_count": "spark",
    "test_sail": "spark",
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
}
#: What takes longest, longest first: a group, a module, or a test.
LONGEST = [
    "test_spark_kill",
    "spark",
    "city",
    "machine",
    "cluster",
    "test_kill_kairosdb_and_its_cassandra_while_loading",
    "pages of the lists",
    "pages of the map",
    "test_kill_before_during_and_after_each_commit",
    "test_faults",
    "test_grafana",
    "test_schemathesis",
    "outlined city",
    "test_damage",
    "test_kill",
    "test_secrets",
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
