"""How the house is built: a module imports only those below it, so that it can be read from the bottom up."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "nalu_helpers"
# From the ground up, a storey a row. A module imports from storeys below its own; modules of one storey do not know each other.
STOREYS = [
    ["_inputs", "_tensorflow"],
    ["layers", "expression"],
    ["data"],
    ["metrics", "training", "results"],
    ["many"],
    ["field", "paper.tokens", "paper.functions"],
    [
        "fair",
        "plots",
        "speed",
        *(f"paper.{name}" for name in ("digits", "phrases", "programs", "gridworld", "hundred", "values")),
    ],
    ["checks", "explorers", "benchmark"],
]
STOREY = {name: number for number, names in enumerate(STOREYS) for name in names}


def module_of(path):
    """A file's module below nalu_helpers: "paper.digits", and "explorers" for every file of a folder of that name."""
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:2]) if parts[0] == "paper" else parts[0]


def imports_of(path):
    """The modules of nalu_helpers that a file imports, at its top or inside a function."""
    inside = ["nalu_helpers", *path.relative_to(HOUSE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            package = inside[: len(inside) + 1 - node.level] if node.level else []
            base = [*package, *(node.module or "").split(".")] if node.module else package
            for name in node.names:
                full = ".".join([*base, name.name])
                if full.startswith("nalu_helpers."):
                    yield full.removeprefix("nalu_helpers.")
        elif isinstance(node, ast.Import):
            yield from (name.name.removeprefix("nalu_helpers.") for name in node.names if name.name.startswith("nalu_helpers."))


def known(name):
    """The module that an imported name is, or stands in."""
    parts = name.split(".")
    return next((".".join(parts[:end]) for end in (2, 1) if ".".join(parts[:end]) in STOREY), name)


FILES = [path for path in HOUSE.rglob("*.py") if module_of(path) not in ("__init__", "paper.__init__")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_module_imports_only_from_the_storeys_below_it(path):
    own = module_of(path)
    assert own in STOREY, f"{own} has no storey yet: give it one in STOREYS"
    for other in map(known, imports_of(path)):
        assert other == own or STOREY[other] < STOREY[own], f"{own} imports {other}, which is not below it"


def test_the_ground_floor_knows_nobody():
    assert list(imports_of(HOUSE / "_inputs.py")) == []
    assert {known(name) for name in imports_of(HOUSE / "layers.py")} <= {"_inputs"}


def public_functions(tree):
    """The functions and methods that a reader may call, but for the exercises, whose hints their decorator gives."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if not any(isinstance(one, ast.Name) and one.id == "_exercise" for one in node.decorator_list):
                yield node


@pytest.mark.parametrize("path", sorted(HOUSE.rglob("*.py")), ids=lambda path: str(path.relative_to(HOUSE)))
def test_everything_public_says_its_types(path):
    for function in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs, function.args.vararg, function.args.kwarg]
        without = [one.arg for one in given if one is not None and one.annotation is None and one.arg not in ("self", "cls")]
        assert not without and function.returns is not None, f"{function.name}, line {function.lineno}: {without or 'what it returns'}"
