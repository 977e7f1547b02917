"""The drawing of the crates in ARCHITECTURE.md is that of the workspace, and files import each other in no circle."""

import json
import re
import subprocess
from pathlib import Path

import pytest
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


def modules(crate: Path) -> dict[str, str]:
    """The code of a crate's files by their module's path, without comments and without tests. The crate itself is ``."""
    found = {}
    for file in (crate / "src").rglob("*.rs"):
        path = [part for part in file.relative_to(crate / "src").with_suffix("").parts if part not in ("mod", "lib", "main")]
        if not {"tests", "testing"} & set(path):
            code = re.sub(r"//.*", "", file.read_text())
            found["::".join(path)] = re.split(r"#\[cfg\((?:test|all\(test)", code)[0]
    return found


#: Any import, and one that others see.
IMPORT = re.compile(r"^ *(?:pub(?:\([^)]*\))? )?use ([^;\"]+);", re.M)
EXPORT = re.compile(r"^ *pub(?:\([^)]*\))? use ([^;\"]+);", re.M)


def leaves(tree: str, prefix: str = "") -> list[str]:
    """`a::{b, c::d}` as `a::b` and `a::c::d`."""
    head, brace, rest = tree.partition("{")
    if not brace:
        return [prefix + tree.split(" as ")[0].strip()] if tree.strip() else []
    parts, depth = [""], 0
    for character in rest[: rest.rindex("}")]:
        depth += (character == "{") - (character == "}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [leaf for part in parts for leaf in leaves(part.strip(), prefix + head.strip())]


def named(code: str) -> list[str]:
    """The paths that a file names."""
    imports = [leaf for tree in IMPORT.findall(code) for leaf in leaves(" ".join(tree.split()))]
    return imports + re.findall(r"\b(?:crate|super)(?:::\w+)+", IMPORT.sub("", code))


def module_of(path: str, at: str, known: dict[str, str], exported: dict[str, str]) -> str | None:
    """The module in which something is that a module names so; none where it is another crate's."""
    parts = path.split("::")
    here = at.split("::") if at else []
    if parts[0] not in ("crate", "self", "super"):
        return None
    found = [] if parts[0] == "crate" else here[: len(here) - parts.count("super")]
    for part in [part for part in parts if part not in ("crate", "self", "super")]:
        if "::".join([*found, part]) not in known:
            return exported.get("::".join([*found, part]), "::".join(found))
        found.append(part)
    return "::".join(found)


@pytest.mark.parametrize("crate", sorted(path.name for path in (ROOT / "crates").iterdir()))
def test_no_files_import_each_other_in_a_circle(crate):
    """A parent may name its children, and they their parent; nothing else leads back to where it began."""
    known = modules(ROOT / "crates" / crate)
    exported: dict[str, str] = {}
    for at, code in known.items():
        for tree in EXPORT.findall(code):
            for leaf in leaves(" ".join(tree.split())):
                path = leaf if leaf.startswith(("crate::", "self::", "super::")) else f"self::{leaf}"
                if (there := module_of(path, at, known, {})) not in (None, at):
                    exported["::".join(filter(None, [at, leaf.rsplit("::", 1)[-1]]))] = there

    def related(one, other):
        return not one or not other or f"{one}::".startswith(f"{other}::") or f"{other}::".startswith(f"{one}::")

    graph = {
        at: {
            there
            for path in named(code)
            if (there := module_of(path, at, known, exported)) is not None and not related(at, there)
        }
        for at, code in known.items()
    }
    assert sum(map(len, graph.values())) > 0 or len(known) < 4, "nothing was read"
    # What imports nothing that is left, or is imported by nothing that is left, is in no circle.
    left = dict(graph)
    while free := [at for at in left if not graph[at] & left.keys() or not any(at in graph[one] for one in left)]:
        for at in free:
            del left[at]
    assert not left, "\n".join(f"{at} imports {', '.join(sorted(ones & left.keys()))}" for at, ones in sorted(left.items()))
