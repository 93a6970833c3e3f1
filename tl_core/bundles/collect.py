"""The source of functions together with everything of ours that they use.

So an exported script holds the very lines that a run was made with, and stands alone: what is
imported from `tl_core` is written out, what is imported from elsewhere is gathered at the top.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

OURS = "tl_core"
_FOR_TOOLS = re.compile(r"  # (?:noqa|type: ignore)[^\n]*")


class Place(NamedTuple):
    """A name at the top level of a module; no name means the module itself."""

    module: str
    name: str


@dataclass(frozen=True)
class _Module:
    """A module's lines, its definitions with the last line of each, and what it imports."""

    lines: Sequence[str]
    defined: Mapping[str, tuple[ast.stmt, int]]
    imported: Mapping[str, Place]


@dataclass
class Collector:
    """Gathers definitions, each behind those that it uses.

    Attributes:
        instead: places to take in place of others.
        values: source of a variable's value, where it is not to be the one in its module.
        imports: what has to be imported from elsewhere, by the name it is used by.
        parts: the source of every definition, in order.
    """

    instead: Mapping[Place, Place] = field(default_factory=dict)
    values: Mapping[Place, str] = field(default_factory=dict)
    imports: dict[str, Place] = field(default_factory=dict)
    parts: dict[Place, str] = field(default_factory=dict)

    def add(self, *places: Place) -> dict[Place, str]:
        """Add definitions and what they use; return those that are new.

        Raises:
            ValueError: two modules use one name for different things.
        """
        before = set(self.parts)
        for place in places:
            self._add(place)
        return {place: text for place, text in self.parts.items() if place not in before}

    def _add(self, place: Place) -> None:
        place = self.instead.get(place, place)
        read = _read(place.module)
        if place.name not in read.defined:  # handed on from another module
            return self._add(read.imported[place.name])
        if place in self.parts:
            return None
        if taken := [other for other in (*self.parts, *self.imports.values())
                     if other.name == place.name]:  # fmt: skip
            raise ValueError(f"{place} and {taken[0]} have one name")
        self.parts[place] = ""  # (it may use itself)
        node, last = read.defined[place.name]
        own, import_lines = _imports_inside(node)
        for name in sorted(_names(node) - {place.name}):
            if name in read.defined:
                self._add(Place(place.module, name))
            elif found := own.get(name) or read.imported.get(name):
                if found.module.partition(".")[0] == OURS:
                    self._add(found)
                else:
                    self.imports[name] = found
        del self.parts[place]
        self.parts[place] = self._text(place, read.lines, node, last, import_lines)
        return None

    def _text(
        self, place: Place, lines: Sequence[str], node: ast.stmt, last: int, without: set[int]
    ) -> str:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        comment = first
        while comment > 1 and lines[comment - 2].startswith("#"):
            comment -= 1
        above = list(lines[comment - 1 : first - 1])
        if place in self.values:
            return "\n".join([*above, f"{place.name} = {self.values[place]}"])
        own = [lines[n - 1] for n in range(first, last + 1) if n not in without]
        text = _FOR_TOOLS.sub("", "\n".join([*above, *own]))
        return re.sub(r"\n{3,}", "\n\n", text)

    def import_lines(self) -> str:
        """Return the imports that the definitions need, those of the standard library first."""
        found: dict[tuple[bool, str], list[str]] = {}
        for name, (module, what) in self.imports.items():
            other = module.partition(".")[0] not in sys.stdlib_module_names
            if what:
                line = what if what == name else f"{what} as {name}"
                found.setdefault((other, f"from {module} import "), []).append(line)
            else:
                alias = "" if module == name else f" as {name}"
                found.setdefault((other, f"import {module}{alias}"), [])
        groups: list[list[str]] = [[], []]
        for (other, start), names in sorted(found.items(), key=_import_order):
            groups[other].append(start + ", ".join(sorted(names)))
        return "\n\n".join("\n".join(group) for group in groups if group)


def _import_order(item: tuple[tuple[bool, str], list[str]]) -> tuple[bool, str]:
    return item[0][0], item[0][1]


@cache
def _read(module: str) -> _Module:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018
    text = Path(spec.origin).read_text(encoding="utf-8")
    defined: dict[str, tuple[ast.stmt, int]] = {}
    imported: dict[str, Place] = {}
    body = ast.parse(text).body
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        for inside in node.body if isinstance(node, ast.If) else [node]:  # for the types alone
            imported.update(_imported(inside))
        for name in _defined(node):
            is_described = isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(
                after, ast.Expr
            )
            defined[name] = node, (after if is_described else node).end_lineno or 0
    return _Module(text.splitlines(), defined, imported)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imported(node: ast.AST) -> dict[str, Place]:
    if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
        return {a.asname or a.name: Place(node.module, a.name) for a in node.names}
    if isinstance(node, ast.Import):
        return {a.asname or a.name: Place(a.name, "") for a in node.names}
    return {}


def _imports_inside(node: ast.stmt) -> tuple[dict[str, Place], set[int]]:
    """Return what a function imports itself, and the numbers of the lines that say so."""
    found: dict[str, Place] = {}
    lines: set[int] = set()
    for inside in ast.walk(node):
        if isinstance(inside, ast.Import | ast.ImportFrom):
            found.update(_imported(inside))
            lines.update(range(inside.lineno, (inside.end_lineno or 0) + 1))
    return found, lines


def _names(node: ast.stmt) -> set[str]:
    return {inside.id for inside in ast.walk(node) if isinstance(inside, ast.Name)}
