"""Small changes of a package's functions, as a slip in a release makes them.

A change that no recorded call sees shows that a program is missing. Only the code of one function
is made anew, and put into the function that the process already has.
"""

from __future__ import annotations

import ast
import copy
import functools
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

OTHER_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OTHER_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
TALKS = ("warn", "log", "print", "debug", "info", "warning", "_log_api_usage", "_log_class_usage")
"""Calls that only tell a person something: nothing in them is changed."""

LOGGERS = ("log", "logger", "logging", "_logger")
"""Whose `log` is such a call. Those of torch and math give the logarithm."""

SHOWN = 60
"""Characters of code in a message."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Key = tuple[str, str, int]
"""File, name and first line of a function."""


@dataclass(frozen=True)
class Mutation:
    """A change of a line, and the code of the function with it."""

    key: Key
    line: int
    what: str
    code: CodeType

    def fits(self) -> bool:
        """Return whether the process has such functions, and each can have the code.

        One without its only `super()` has no variable for its class any more: it cannot.
        """
        names = {each.__code__.co_freevars for each in find_live(self.key)}
        return names == {self.code.co_freevars}

    def apply(self) -> None:
        """Give each such function of this process the code."""
        for each in find_live(self.key):
            each.__code__ = self.code


def key_of(code: CodeType) -> Key:
    """Return the key of a function's code."""
    return code.co_filename, code.co_name, code.co_firstlineno


@functools.cache
def parse_file(file: str) -> ast.Module:
    """Return the syntax tree of a source file."""
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def list_functions(file: str) -> dict[tuple[str, int], tuple[Function, str]]:
    """Return the functions of a file and of its classes, with the class, by name and first line."""
    found: dict[tuple[str, int], tuple[Function, str]] = {}
    waiting: list[tuple[ast.AST, str]] = [(parse_file(file), "")]
    while waiting:
        parent, owner = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, Function):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                found[node.name, first] = (node, owner)
            elif isinstance(node, ast.ClassDef):
                waiting.append((node, node.name))
            elif isinstance(node, ast.If | ast.Try):
                waiting.append((node, owner))
    return found


def count_changes(key: Key) -> int:
    """Return how many changes a function can have; none if its source is not found."""
    found = list_functions(key[0]).get(key[1:])
    return len([*find_changes(found[0])]) if found else 0


def count_options(key: Key) -> int:
    """Return how many options of a function can be ignored: its first changes."""
    found = list_functions(key[0]).get(key[1:])
    return len([*ignore_options(found[0])]) if found else 0


def make_mutation(key: Key, place: int) -> Mutation | None:
    """Return one of the changes of a function; None if it cannot be compiled."""
    function, owner = list_functions(key[0])[key[1:]]
    changed = copy.deepcopy(function)
    line, what, change = [*find_changes(changed)][place]
    change()
    code = compile_function(changed, owner, key)
    return None if code is None else Mutation(key, line, what, code)


def compile_function(function: Function, owner: str, key: Key) -> CodeType | None:
    """Return the code of a function as it is in its class; None if it cannot be compiled."""
    file, name, first = key
    body: list[ast.stmt] = [function]
    if owner:
        body = [ast.ClassDef(name=owner, bases=[], keywords=[], body=body, decorator_list=[])]
    module = ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))
    try:
        waiting = [compile(module, file, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return None
    while waiting:
        code = waiting.pop()
        if (code.co_name, code.co_firstlineno) == (name, first):
            return code
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    return None


Change = tuple[int, str, Callable[[], Any]]
"""Line, what is changed, and what changes the tree."""


def find_changes(function: Function) -> Iterator[Change]:
    """Yield the changes that a function can have; each may be made once."""
    yield from ignore_options(function)
    spec = function.args
    given = {each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop(0)
        if is_talk(node):
            continue
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and field in ("body", "orelse", "finalbody"):
                yield from remove_statements(value, given)
        yield from change_node(node)
        waiting += ast.iter_child_nodes(node)
    yield from remove_statements(function.body, given)


def is_talk(node: ast.AST) -> bool:
    """Return whether a node only tells a person something, or is a text or a type."""
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or is_talk(node.value)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = ast.unparse(node.func).rpartition(".")[0]
        return name in TALKS and (name != "log" or owner.rpartition(".")[2] in LOGGERS)
    return False


def ignore_options(function: Function) -> Iterator[Change]:
    """Yield for each parameter with a default that the function takes the default instead."""
    spec = function.args
    ordered = [*spec.posonlyargs, *spec.args]
    pairs = [*zip(ordered[len(ordered) - len(spec.defaults) :], spec.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d]
    for parameter, default in pairs:
        if isinstance(default, ast.Constant):
            target = ast.Name(parameter.arg, ast.Store())
            given = ast.Assign([target], copy.deepcopy(default), lineno=function.lineno)
            what = f"{parameter.arg} is ignored"
            yield function.lineno, what, functools.partial(function.body.insert, 0, given)


def remove_statements(block: list[ast.stmt], given: set[str]) -> Iterator[Change]:
    """Yield for each statement that can be gone that it is: what it stores has another value.

    `given` are the parameters of the function.
    """
    for place, each in enumerate(block):
        is_call = isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
        targets = each.targets if isinstance(each, ast.Assign) else []
        is_stored = any(
            isinstance(target, ast.Attribute | ast.Subscript)
            or (isinstance(target, ast.Name) and target.id in given)
            for target in targets
        )
        if (is_call or is_stored or isinstance(each, ast.AugAssign)) and not is_talk(each):
            gone = ast.Pass(lineno=each.lineno, col_offset=each.col_offset)
            change = functools.partial(block.__setitem__, place, gone)
            yield each.lineno, f"without `{shorten(ast.unparse(each))}`", change


def shorten(code: str) -> str:
    """Return the first line of code, cut if it is long."""
    first = code.partition("\n")[0]
    return first if len(first) <= SHOWN else f"{first[:SHOWN]}..."


def change_node(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of one node of the tree."""
    line = getattr(node, "lineno", 0)
    text = shorten(ast.unparse(node)) if isinstance(node, ast.expr | ast.If) else ""

    def change(what: str, owner: ast.AST, field: str, value: Any) -> Change:
        return line, f"`{text}` {what}", functools.partial(setattr, owner, field, value)

    if isinstance(node, ast.Compare):
        other = OTHER_COMPARISONS[type(node.ops[0])]
        yield change(f"by {other.__name__}", node, "ops", [other(), *node.ops[1:]])
    if isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            yield change(f"always {value}", node, "test", ast.Constant(value))
    if isinstance(node, ast.BoolOp):
        swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield change(f"by {type(swapped).__name__}", node, "op", swapped)
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER_OPERATORS:
        operator = OTHER_OPERATORS[type(node.op)]
        yield change(f"by {operator.__name__}", node, "op", operator())
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        other_value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield change(f"is {other_value}", node, "value", other_value)
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            rest = node.keywords[:place] + node.keywords[place + 1 :]
            yield change(f"without {keyword.arg}", node, "keywords", rest)


def find_live(key: Key) -> list[FunctionType]:
    """Return the functions of this process with a key."""
    return [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType and key_of(each.__code__) == key  # others do things if asked
    ]
