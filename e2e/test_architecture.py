"""The drawing of the crates in ARCHITECTURE.md is that of the workspace."""

import json
import re
import subprocess

from conftest import ROOT


def imports() -> dict[str, set[str]]:
    """By crate of the workspace: the crates that it imports."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)["packages"]
    short = lambda name: name.removeprefix("blotter-")  # noqa: E731
    own = {package["name"] for package in packages}
    return {
        short(package["name"]): {
            short(dependency["name"]) for dependency in package["dependencies"] if dependency["name"] in own and dependency["kind"] is None
        }
        for package in packages
    }


def reach(graph: dict[str, set[str]], start: str) -> set[str]:
    return graph[start].union(*(reach(graph, one) for one in graph[start]))


def test_architecture_draws_every_import_that_no_other_implies():
    graph = imports()
    needed = {
        (crate, one)
        for crate, ones in graph.items()
        for one in ones
        if not any(one in reach(graph, other) for other in ones if other != one)
    }
    text = (ROOT / "ARCHITECTURE.md").read_text()
    drawing = re.search(r"```mermaid\n(.*?)```", text, re.S).group(1)
    drawn = set(re.findall(r"(\w+) --> (\w+)", drawing))
    assert drawn == needed, f"missing: {sorted(needed - drawn)}; too many: {sorted(drawn - needed)}"
    table = set(re.findall(r"^\| `(\w+)` \|", text.split("## Code map")[1].split("## ")[0], re.M))
    assert table == set(graph)
