"""Who may import whom: the files show the architecture, and this keeps it true."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "jaxinfo"
METHOD = {"types", "blocks", "sde", "times", "views", "gaussian", "divergence", "measures"}
ALLOWED = {
    "types": set(),
    "blocks": {"types"},
    "sde": {"types"},
    "times": {"sde", "types"},
    "views": {"blocks", "sde", "types"},
    "correlations": {"blocks"},
    "gaussian": {"views", "blocks", "sde", "types"},
    "precondition": {"gaussian", "views", "blocks", "types"},
    "divergence": {"gaussian", "views", "times", "sde", "blocks", "types"},
    "measures": {"divergence", "views", "blocks", "types"},
    "plan": {"measures", "views"},
    "control": METHOD | {"plan"},
    "integral": METHOD | {"plan", "control"},
    "matching": {"views", "times", "sde", "blocks", "types"},
    "pathwise": {"gaussian", "measures", "views", "times", "sde", "blocks", "types"},
    "samplers": {"views", "times", "sde", "blocks", "types"},
    "likelihood": {"samplers", "views", "times", "sde", "blocks", "types"},
    "pretrained": {"types"},
    "preprocess": {"types"},
    "train": {"types"},
    "parallel": {"types"},
    "programs": set(),
    "nets": {"types", "blocks", "nets"},
    "io": {"types", "io"},
    "plots": {"types"},
    "bench": {"types", "bench"},
    "bench/run": {"types", "bench", "estimators"},
    "estimators": METHOD
    | {"plan", "control", "integral", "pathwise", "precondition", "matching", "samplers", "preprocess", "train"}
    | {"correlations", "parallel", "programs", "nets", "estimators"},
    "multimodal": {"measures", "matching", "samplers", "preprocess", "train", "nets", "types", "multimodal"},
    "columns": set(),
    "beside": {"columns"},
    "inputs": {"beside", "columns", "blocks", "types"},
    "queries": {"measures", "blocks", "types"},
    "results": {"types", "io", "plots"},
    "options": {"measures", "estimators"},
    "training": {"parallel", "blocks", "views", "estimators", "options", "io"},
    "kept": {"blocks", "estimators", "inputs", "options", "io", "training"},
    "refits": {"estimators", "inputs", "options", "types"},
    "model": METHOD
    | {"plan", "pathwise", "estimators", "parallel", "beside", "inputs", "queries", "options", "results"}
    | {"training", "kept", "refits"},
    "two_laws": METHOD | {"plan", "estimators", "columns", "inputs", "options", "training"},
    "api": {"estimators", "beside", "inputs", "queries", "options", "model", "two_laws"}
    | {"results", "io", "plots", "types"},
    "series": {"api", "beside", "columns", "inputs", "results", "plots", "types"},
    "sklearn_adapter": {"api", "types"},
    "cli": {"api", "blocks", "inputs", "queries", "estimators", "io", "parallel", "programs"},
}
FILES = sorted(ROOT.rglob("*.py"))


def part(module: str) -> str:
    """The first name below the package: the unit the rules speak of."""
    return module.split(".")[1] if "." in module else ""


def imported(path: Path) -> set[str]:
    """Units of the package that a file imports, at its top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names |= {f"{node.module}.{a.name}" for a in node.names} if node.module == "jaxinfo" else {node.module}
    return {part(n) for n in names if n.split(".")[0] == "jaxinfo"} - {""}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    unit = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if unit == "__init__":
        return
    assert unit in ALLOWED, f"{unit} has no rule yet: add one to ALLOWED"
    own = path.relative_to(ROOT).with_suffix("").as_posix()  # a file with a rule of its own
    strange = imported(path) - ALLOWED.get(own, ALLOWED[unit])
    assert not strange, f"{unit} must not import {', '.join(sorted(strange))}"


def test_nothing_imports_the_experiments():
    for path in FILES:
        assert "experiments" not in path.read_text().replace("``experiments", ""), path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_names_say_something(path):
    assert path.stem not in {"utils", "core", "common", "misc", "helpers", "engine"}


def test_only_nets_hold_flax_modules():
    for path in FILES:
        if "nets" not in path.parts:
            assert "flax.linen" not in path.read_text(), path
