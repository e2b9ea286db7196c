"""The import rules of the design, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("textgym", "agents", "benchmarks")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = {"torch", "transformers"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, source: str | None = None) -> list[tuple[str, bool]]:
    """Return the modules that a file imports, and whether that happens when it is itself imported."""
    tree = ast.parse(path.read_text() if source is None else source)
    inside = {id(node) for outer in ast.walk(tree) if _is_deferred(outer) for node in ast.walk(outer)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in inside) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module_of(path).split(".") if path.name == "__init__.py" else module_of(path).split(".")[:-1]
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            found += [(f"{base}.{alias.name}", id(node) not in inside) for alias in node.names]
    return found


def _is_deferred(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def violations(rule) -> list[str]:
    """Return the imports that break a rule ``(module, imported, at_import_time) -> bool``."""
    return [
        f"{module_of(path)} imports {name}"
        for path in FILES
        for name, now in imports(path)
        if rule(module_of(path), name, now)
    ]


def under(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_imports_are_found_with_their_place():
    source = "import a\nfrom b import c\ndef f():\n    import d\nif TYPE_CHECKING:\n    import e\nfrom . import g\n"
    found = imports(ROOT / "textgym" / "x.py", source)
    assert sorted(found) == [("a", True), ("b.c", True), ("d", False), ("e", False), ("textgym.g", True)]


def test_textgym_imports_neither_learners_nor_benchmarks():
    learners = ("agents", "benchmarks", "stable_baselines3", "sb3_contrib")
    assert violations(lambda module, name, now: under(module, "textgym") and under(name, *learners)) == []


def test_torch_and_transformers_are_imported_by_neural_rewards_and_tokenizers_only_and_inside_functions():
    homes = ("textgym.rewards.neural", "textgym.tokenizers")

    def rule(module, name, now):
        return under(module, "textgym") and under(name, *HEAVY) and (now or not under(module, *homes))

    assert violations(rule) == []


def test_tasks_and_rewards_do_not_import_each_other():
    def rule(module, name, now):
        return (under(module, "textgym.tasks") and under(name, "textgym.rewards")) or (
            under(module, "textgym.rewards") and under(name, "textgym.tasks")
        )

    assert violations(rule) == []


def test_agents_do_not_import_benchmarks():
    assert violations(lambda module, name, now: under(module, "agents") and under(name, "benchmarks")) == []


def test_agents_see_public_names_of_textgym_only():
    private = lambda name: any(part.startswith("_") for part in name.split(".")[1:])  # noqa: E731
    rule = lambda module, name, now: under(module, "agents") and under(name, "textgym") and private(name)  # noqa: E731
    assert violations(rule) == []


def test_no_algorithm_imports_another():
    def rule(module, name, now):
        parts = name.split(".")
        home = under(module, "agents.algorithms") and module != "agents.algorithms"
        shared = ("agents.algorithms.base", "agents.algorithms.grouped")
        return home and parts[:2] == ["agents", "algorithms"] and not under(name, *shared, module)

    assert violations(rule) == []


def test_nothing_imports_tests():
    assert violations(lambda module, name, now: under(name, "tests")) == []


def test_no_file_is_called_after_nothing():
    assert [path for path in FILES if path.stem in ("utils", "helpers", "common", "misc")] == []


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_and_functions_are_short_enough_to_read(path):
    text = path.read_text()
    assert text.count("\n") < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_importing_textgym_loads_nothing_heavy():
    heavy = {"torch", "transformers", "sacrebleu", "rouge_score", "tokenizers", "chitchat_dataset", "aclsum", "pandas"}
    heavy |= {"datasets", "pyarrow", "huggingface_hub"}
    program = "import sys, textgym; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert heavy & set(result.stdout.split()) == set()


def test_everything_that_textgym_exports_exists():
    import textgym

    assert [name for name in textgym.__all__ if not hasattr(textgym, name)] == []
    with pytest.raises(AttributeError, match="module 'textgym' has no attribute 'Task2'"):
        textgym.Task2  # noqa: B018
