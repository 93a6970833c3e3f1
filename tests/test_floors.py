"""The shape of the code: imports go down the floors of the design, and the page has no torch.

The rules are functions over one parsed module, so that each is tried on a line that breaks it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Bottom to top. What stands on one floor may import its own floor and those below.
FLOORS = (
    {
        "tl_core.alive",
        "tl_core.console",
        "tl_core.deleting",
        "tl_core.errors",
        "tl_core.escape",
        "tl_core.faults",
        "tl_core.heap",
        "tl_core.patience",
        "tl_core.workspace",
        "tl_core.config",
        "tl_core.version",
        "tl_core.download",
        "tl_core.log",
        "tl_core.words",
    },
    {"tl_core.backbones"},
    {"tl_core.data"},
    {"tl_core.training"},
    {"tl_core.pretraining"},
    {"tl_core.evaluation"},
    {"tl_core.bundles", "tl_core.receipts"},
    {"tl_core.runs"},
    {"tl_core.studies"},
    {
        "tl_core",
        "tl_core.cli",
        "tl_core.__main__",
        "tl_core.terminal",
        "tl_core.importing",
        "tl_core.running",
        "tl_core.notebook",
        "tl_core.studying",
        "tl_core.pretrain",
    },
    {"pages", "app"},
)
PAGE_LIBRARIES = {"streamlit", "plotly", "ray"}
SLOW_LIBRARIES = {"torch", "torchvision"}  # seconds to import; the worker's and the predictor's
EXECUTING = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
LONGEST = 400


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree: ast.AST, inside_functions: bool = True) -> Iterator[ast.AST]:
    """Walk a module without its TYPE_CHECKING blocks, and without function bodies if asked."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            yield from (part for other in node.orelse for part in (other, *nodes(other)))
            continue
        yield node
        if inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from nodes(node, inside_functions)


def imports(found: Iterable[ast.AST]) -> list[str]:
    """Name everything imported, `from a.b import c` as a.b.c, and relative ones with their dots."""
    names = []
    for node in found:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names


def floor(name: str) -> int | None:
    """Return the floor of a dotted name of ours; None for a library's.

    >>> floor("tl_core.data.scan.Finding"), floor("numpy.array"), floor("app")
    (2, None, 10)
    """
    top, *rest = name.split(".")
    if top not in ("tl_core", "pages", "app"):
        return None
    # The package itself stands high (it offers what notebooks use); its version is for everyone.
    room = top if top != "tl_core" or not rest else f"tl_core.{rest[0]}"
    if room == "tl_core.__version__":
        return 0
    known = [level for level, rooms in enumerate(FLOORS) if room in rooms]
    return known[0] if known else len(FLOORS)


# --- the rules: each returns what breaks it --------------------------------------------------


def going_up(module: str, tree: ast.Module) -> list[str]:
    """Imports of a higher floor, wherever they stand in the file, and relative imports."""
    here = floor(module)
    if here == len(FLOORS):
        return [f"{module} stands on no floor: give it one in FLOORS"]
    return [
        f"{module} imports {name}"
        for name in imports(ast.walk(tree))
        if name.startswith(".") or ((there := floor(name)) is not None and there > here)
    ]


def page_libraries(module: str, tree: ast.Module) -> list[str]:
    """Streamlit, Plotly or Ray imported by tl_core at module level."""
    if not module.startswith("tl_core"):
        return []
    names = imports(nodes(tree, inside_functions=False))
    return [f"{module} imports {n}" for n in names if n.split(".")[0] in PAGE_LIBRARIES]


def torch_on_a_page(module: str, tree: ast.Module) -> list[str]:
    """Torch imported by a page or the app, anywhere."""
    if module.startswith("tl_core"):
        return []
    names = imports(nodes(tree))
    return [f"{module} imports {n}" for n in names if n.split(".")[0] in SLOW_LIBRARIES]


def executing_loads(module: str, tree: ast.Module) -> list[str]:
    """Loads that can execute what they read: pickle and its kin, unguarded torch.load."""
    found = [
        f"{module} imports {name}"
        for name in imports(ast.walk(tree))
        if name.split(".")[0] in EXECUTING
    ]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if name.endswith(("torch.load", "hub.load_state_dict_from_url")):
            if options.get("weights_only") != "True":
                found.append(f"{module}, line {call.lineno}: {name} without weights_only=True")
        elif options.get("allow_pickle", "False") != "False":
            found.append(f"{module}, line {call.lineno}: {name} with allow_pickle")
    return found


def too_long(module: str, tree: ast.Module) -> list[str]:
    """A module of more lines than a reader holds in mind."""
    lines = max((node.end_lineno for node in tree.body), default=0)
    return [f"{module} has {lines} lines (at most {LONGEST})"] if lines > LONGEST else []


def prints(module: str, tree: ast.Module) -> list[str]:
    """Prints, but for the answers of the terminal and of scripts that a run is exported as."""
    if module == "tl_core.cli" or module.startswith("tl_core.bundles.standalone."):
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        f"{module}, line {call.lineno}: print"
        for call in calls
        if ast.unparse(call.func) in ("print", "pprint", "pprint.pprint")
    ]


RULES = (going_up, page_libraries, torch_on_a_page, executing_loads, too_long, prints)


def modules() -> dict[str, ast.Module]:
    """Parse every module of tl_core, the pages and the app, by dotted name."""
    files = [*ROOT.glob("tl_core/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("app.py")]
    parsed = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        parsed[name] = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return parsed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module(rule: Callable[[str, ast.Module], list[str]]) -> None:
    broken = [finding for name, tree in modules().items() for finding in rule(name, tree)]
    assert broken == []


@pytest.mark.parametrize(
    ("rule", "module", "line"),
    [
        (going_up, "tl_core.data.scan", "from tl_core.training.loop import run"),
        (going_up, "tl_core.data.scan", "def f():\n    import tl_core.runs.store"),
        (going_up, "tl_core.data.scan", "from tl_core import training"),
        (going_up, "tl_core.data.scan", "from ..training import loop"),
        (going_up, "tl_core.data.scan", "from . import split"),
        (going_up, "tl_core.cli", "import pages.shared.charts"),
        (going_up, "tl_core.errors", "import tl_core"),
        (going_up, "tl_core.stray", ""),
        (page_libraries, "tl_core.runs.store", "try:\n    import ray\nexcept ImportError: pass"),
        (torch_on_a_page, "pages.train", "def f():\n    from torch import nn"),
        (executing_loads, "tl_core.data.scan", "import pickle"),
        (executing_loads, "tl_core.data.scan", "import torch\ntorch.load('x')"),
        (executing_loads, "tl_core.data.scan", "torch.load('x', weights_only=False)"),
        (executing_loads, "tl_core.data.scan", "np.load('x', allow_pickle=True)"),
        (too_long, "tl_core.data.scan", "\n" * 400 + "x = 1"),
        (prints, "pages.train", "def f():\n    print('here')"),
    ],
)
def test_each_rule_finds_what_breaks_it(
    rule: Callable[[str, ast.Module], list[str]], module: str, line: str
) -> None:
    assert len(rule(module, ast.parse(line))) == 1


@pytest.mark.parametrize(
    ("rule", "module", "line"),
    [
        (going_up, "tl_core.data.scan", "from tl_core.backbones.card import Card"),
        (going_up, "tl_core.data.scan", "from tl_core import __version__"),
        (going_up, "pages.train", "import tl_core.runs.store\nimport pages.shared.charts"),
        (page_libraries, "tl_core.runs.engines.ray", "def start():\n    import ray"),
        (page_libraries, "tl_core.a", "if TYPE_CHECKING:\n    import plotly"),
        (page_libraries, "pages.train", "import streamlit"),
        (torch_on_a_page, "pages.train", "if TYPE_CHECKING:\n    import torch"),
        (executing_loads, "tl_core.a", "torch.load('x', weights_only=True)"),
        (prints, "tl_core.cli", "print('the answer')"),
    ],
)
def test_each_rule_lets_the_rest_pass(
    rule: Callable[[str, ast.Module], list[str]], module: str, line: str
) -> None:
    assert rule(module, ast.parse(line)) == []


def imported_by_the_page() -> set[str]:
    """Name every tl_core module that a page or the app imports, in a function or outside."""
    known = modules()
    names = {
        name
        for module, tree in known.items()
        if not module.startswith("tl_core")
        for name in imports(nodes(tree))
        if name.startswith("tl_core")
    }
    # tl_core.a.b.Thing is module tl_core.a.b; tl_core.a.b may be one itself.
    return {name if name in known else name.rpartition(".")[0] for name in names}


def test_the_page_process_imports_no_torch() -> None:
    """Rule 7: a cold `import torch` costs 3 to 9 seconds, and each rerun pays for its garbage."""
    wanted = imported_by_the_page()
    assert wanted, "the pages use nothing of tl_core?"
    script = (
        "import importlib, sys\n"
        f"for name in {sorted(wanted)!r}:\n"
        "    importlib.import_module(name)\n"
        f"    if slow := {SLOW_LIBRARIES!r} & set(sys.modules):\n"
        "        sys.exit(f'{name} imports {slow}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
