"""Every environment variable that the harness reads is listed, and no secret reaches a program that
does not need it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
from pathlib import Path
from typing import Any

import pytest

from runner import child_variables, settings, settings_page
from runner.home import REPOSITORY
from tests.inside_images import runs_in_images

PACKAGES = ("runner", "oci", "images", "validation", "scan", "publish", "report", "commands")
LISTED = {each.name for each in settings.SETTINGS}
GO_THROUGH_ALL = {
    "runner/child_variables.py": "chooses what programs get",
    "runner/progress.py": "leaves out sizes of the terminal that are no numbers",
    "runner/secret_values.py": "looks for values of secrets",
    "runner/settings.py": "shows a library the tokens of a job for a while",
    "release.py": "takes the secrets out",
}
"""Modules that go through the whole environment, and what for."""


PARAMETERS = {
    ("publish/evidence/predicates/provenance.py", "name"): "_VARIABLES",
    ("publish/evidence/keyless.py", "variable"): "_AGENTS",
}
"""Where the name is a parameter: the constant that holds what it can be."""


def sources() -> list[Path]:
    """The modules that run on the host."""
    found = [path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")]
    return [
        path
        for path in [*found, REPOSITORY / "release.py"]
        if not runs_in_images(str(path.relative_to(REPOSITORY)))
    ]


def is_environment(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in (
        "environ",
        "os.environ",
        "settings.ENVIRON",
    )


class Reads(ast.NodeVisitor):
    """The variables that a module reads, each with its line, as expressions."""

    def __init__(self) -> None:
        self.names: list[tuple[int, ast.expr]] = []
        self.goes_through_all = False

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and is_environment(function.value):
            if function.attr == "get":
                self.names.append((node.lineno, node.args[0]))
            else:
                self.goes_through_all = True
        elif ast.unparse(function) in ("os.getenv", "getenv"):
            self.names.append((node.lineno, node.args[0]))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if is_environment(node.value):
            self.names.append((node.lineno, node.slice))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if is_environment(node.comparators[0]):
            self.names.append((node.lineno, node.left))
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.goes_through_all = self.goes_through_all or is_environment(node.iter)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self.goes_through_all = self.goes_through_all or is_environment(node.iter)
        self.generic_visit(node)


def values(expression: ast.expr, tree: ast.Module, names: dict[str, Any]) -> list[str]:
    """Return what an expression can be: a constant, or the variable of a loop over constants."""
    with contextlib.suppress(NameError):
        return [str(evaluated(expression, names))]
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.For | ast.comprehension):
            continue
        if ast.unparse(node.target) == ast.unparse(expression):
            with contextlib.suppress(NameError):  # another loop with a variable of this name
                found += evaluated(node.iter, names)
    return found


def evaluated(expression: ast.expr, names: dict[str, Any]) -> Any:
    return eval(ast.unparse(expression), names)  # noqa: S307 - our own source


def test_every_variable_that_is_read_is_listed() -> None:
    count = 0
    for path in sources():
        tree, reads = ast.parse(path.read_text()), Reads()
        reads.visit(tree)
        where = str(path.relative_to(REPOSITORY))
        assert not reads.goes_through_all or where in GO_THROUGH_ALL, f"{where} reads all variables"
        if not reads.names:
            continue
        module = importlib.import_module(where.removesuffix(".py").replace("/", "."))
        for line, expression in reads.names:
            parameter = PARAMETERS.get((where, ast.unparse(expression)), "")
            names = dict(vars(module))
            found = [*names[parameter]] if parameter else values(expression, tree, names)
            assert found, f"{where}:{line}: cannot tell which variable is read"
            assert set(found) <= LISTED, f"{where}:{line}: not in runner/settings.py: {found}"
            count += len(found)
    assert count > 25, "the control: they are found at all"


def test_no_name_of_this_project_is_written_elsewhere() -> None:
    """Another module takes it from runner/settings.py."""
    for path in sources():
        if path == REPOSITORY / "runner" / "settings.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in OWN, f"{path}:{node.lineno}"


OWN = {name for name in LISTED if name.startswith(("PYTORCH_CUDA_IMAGES_", "GITHUB_"))}


def test_the_page_is_the_one_that_is_written() -> None:
    assert settings_page.PAGE.read_text() == settings_page.format_page(), (
        "run `.venv/bin/python -m runner.settings_page`"
    )


def test_each_variable_is_listed_once() -> None:
    assert len(LISTED) == len(settings.SETTINGS)
    assert all(each.meaning and each.default for each in settings.SETTINGS)


def test_no_secret_reaches_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in settings.SETTINGS:
        monkeypatch.setenv(each.name, "planted" if each.secret else "1")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_NEW_PASSWORD", "planted")  # of a later version
    for allowed in child_variables.LISTS:
        assert "planted" not in child_variables.choose_variables(allowed).values()


def test_what_signs_or_posts_is_a_secret() -> None:
    secrets = {each.name for each in settings.SETTINGS if each.secret}
    assert secrets == {
        settings.SIGNING_KEY,
        settings.SIGNING_PASSPHRASE,
        settings.WEBHOOK,
        settings.WEBHOOK_SECRET,
    }
