"""Programs with conversations: templates, tools as schemas, and pipelines that answer."""

from __future__ import annotations

import enum
import functools
import importlib
import typing
from typing import Any, Literal

import numpy as np

from ... import pool
from ..families import Family
from ..telling import attempt


class Colour(enum.Enum):
    """Values of a hint."""

    RED = "röt"
    BLUE = 2


class Empty(enum.Enum):
    """No value."""


class Strange(enum.Enum):
    """A value that no text can tell."""

    OBJECT = (1, 2)


def find_weather(place: str, days: int = 3, *, exact: bool = False) -> str:
    """Find the weather of a plaçe <now> & "later".

    It may take a while.

    Args:
        place: The city, e.g. Zürich or 東京
            in any language.
        days: How many days: at most 9 (choices: [1, 3, 9])

        exact: Whether to be 'exact'

    Returns:
        The weather as a text.

    Raises:
        ValueError: never
    """
    return f"{place}{days}{exact}"


def mix(  # noqa: PLR0913, PLR0917 - a hint of each kind
    a: int | float,
    b: list[int] | None,
    c: dict[str, float],
    d: tuple[int, str],
    e: Literal["ä", 1, None, True],
    f: Colour,
    g: Any,
    h: list[dict[str, list[int]]] | str,
    i: str | None = None,
    j: list[list[bool]] | int | None = None,
    k: dict[str, Any] | None = None,
) -> Colour:
    """Mix all hints.

    Args:
        a: first
        b: second (CHOICES: ["x ", "y"])
        c: third
        d: fourth
        e: fifth
        f: sixth
        g: seventh: with colons
        h: eighth
        i: ninth (choices: ["no"]) more
        j: tenth
        k: eleventh
    """
    return f


class WordCounter:
    """Has a method that is a tool."""

    def count(self, words: list[str]) -> object:
        """Count words.

        Args:
            words: what to count
        """
        return len(words)


def with_star(*words: str) -> None:
    """Take words.

    Args:
        words: some
    """


def bare() -> None:
    """Do nothing."""


def do_undescribed(a: int) -> None:
    """Do nothing.

    Returns:
        nothing
    """


def do_unhinted(a: int, b: int = 3) -> None:
    """Do nothing.

    Args:
        a: one
        b: two
    """


def list_hints() -> tuple[Any, ...]:
    """Return types of all kinds."""
    return (
        *(int, float, str, bool, type(None), list, tuple, dict, Any, object, np.ndarray, set),
        *(
            Colour,
            Empty,
            Strange,
            *(getattr(typing, name) for name in ("Tuple", "List")),
            list[str],
            list[list[Colour]],
            tuple[int],
            tuple[int, ...],
            tuple[()],
        ),
        *(dict[str, int], dict[str, list[bool]], int | None, int | str | None, int | int, set[int]),
        *(list | tuple, list[int] | str, Literal["a"], Literal[1, 2.5], Literal[b"a"], None | bool),
    )


def describe_tools() -> Any:
    """Return the schemas of functions with all kinds of hints, and what hints are refused."""
    made = importlib.import_module("transformers.utils.chat_template_utils")
    tools: tuple[Any, ...] = (
        find_weather,
        mix,
        WordCounter().count,
        WordCounter.count,
        with_star,
        bare,
    )
    tools += (
        do_undescribed,
        do_unhinted,
        lambda x: x,
        functools.partial(find_weather, days=2),
        len,
    )
    do_unhinted.__annotations__ = {"b": int}
    results: list[Any] = [attempt(made.get_json_schema, each) for each in tools]
    for hint in list_hints():

        def tool(x: Any, y: Any = 2) -> None:
            """Do it."""

        tool.__doc__ = "Do it.\n\nArgs:\n    x: one\n    y: two\nReturns:\n    nothing\n    more"
        tool.__annotations__ = {"x": hint, "y": hint, "return": hint}
        results.append(attempt(made.get_json_schema, tool))
    docs = (
        "",
        "One line.",
        "One.\n\nTwo.\n\nArgs:\n    a: x\n\n    b: y\n      z: w\n",
        "A\nArgs:\n  a (int): x\n  b : y\n  c:\n    later\nReturns:\n  int: z\nRaises:\n  E: f",
        "Returns:\n    only",
        "A.\n\nReturns: no\n\nArgs:\n    a: one",
    )
    return [*results, [attempt(made.parse_google_format_docstring, each) for each in docs]]


TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "dü bist <b> & 'x'"},
    {"role": "user", "content": "the dog "},
    {"role": "assistant", "content": "a cat  ", "reasoning": "a b c"},
]
CALLS: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "text", "text": "the dog"}, {"type": "image"}]},
    {
        **{"role": "assistant", "content": ""},
        "tool_calls": [
            {"function": {"name": "find", "arguments": {"place": "Köln", "n": [1, 2.5]}}}
        ],
    },
    {"role": "tool", "name": "find", "content": np.float32(1.5)},
    {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    },
]
PLAIN = (
    "{{ bos_token }}{% for m in messages %}\n"
    "    {%- if m.role == 'system' %}{% continue %}{% endif %}\n"
    "<{{ m.role }}> {{ m.content | trim }}"
    "{% if m.reasoning_content %}({{ m.thinking }}){% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}{{ more }}"
)
LOOPS = (
    "{% set ns = namespace(n=0, seen=[]) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
    "{% if loop.index > 2 %}{% break %}{% endif %}{{ loop.index0 }}{{ loop.last }}"
    "{{ m['role'] | upper }}{% endfor %}|{{ ns.n }}{{ dict(a=1) }}{{ dict.fromkeys('ab', 2) }}"
    "{{ messages[-1]['content'][::-1] }}{{ messages | map(attribute='role') | join('+') }}"
    "{{ tools is none }}{{ documents is defined }}"
    "{% macro f(x, y=2) %}[{{ x }}{{ y }}]{% endmacro %}{{ f('a') }}{{ f(1, y=3) }}"
)
TOOLS = (
    "{% for t in tools or [] %}{{ t | tojson }}\n{{ t['function'] | tojson(indent=2) }}"
    "{{ t.function.parameters.required | default('none') }}{% endfor %}"
    "{% for d in documents or [] %}{{ loop.index }}{{ d.title }}: {{ d['text'] }}"
    "{{ d | tojson(sort_keys=true, separators=[',', ':'], ensure_ascii=true) }}{% endfor %}"
    "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{{ m | tojson }}{% endfor %}"
)
MASKED = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{%- generation -%}{{ m.content }}."
    "{%- endgeneration %}{% else %}{{ m.content | trim }} {% endif %}{% endfor %}"
)
REFUSED = (
    *("{{ raise_exception('no') }}", "{% if %}", "{{ messages.append(1) }}", "{{ no.thing }}"),
    *("{{ ''.__class__ }}", "{% set n = namespace(_x=1) %}", "{{ messages[9].role }}"),
    *("{{ messages[0].update({}) }}", "{% for m in messages %}{{ m.role }}"),
)
DOCUMENTS = [{"title": "Äpfel <1>", "text": "réd"}, {"title": "2", "text": ["a", None, True]}]
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"add_generation_prompt": True, "more": "möre"},
    {"continue_final_message": True},
    {"continue_final_message": "reasoning_content"},
    {"continue_final_message": True, "add_generation_prompt": True},
    {"tools": [find_weather, {"type": "function", "function": {"name": "näme"}}]},
    {"tools": [3]},
    {"tools": [bare], "documents": DOCUMENTS},
    {"documents": ["no"]},
)


def render(template: str) -> Any:
    """Return what a template makes of conversations, tools and documents, as text and tokens."""
    fast = pool.make_value("$fast")
    fast.add_special_tokens({"bos_token": "[CLS]"})
    fast.add_tokens(["<b>", "user"])
    fast.chat_template = {"plain": PLAIN, "loops": LOOPS, "tools": TOOLS, "masked": MASKED}[
        template
    ]
    results: list[Any] = []
    talks: Any
    talk: Any
    for talk in (TALK, CALLS, TALK[:1], [TALK, TALK[1:2]], [CALLS[:3]], [], [[]], "no", ["no"]):
        for way in WAYS:
            results.append(attempt(fast.apply_chat_template, talk, tokenize=False, **way))
    for talks in (TALK, [TALK, TALK[:2]]):
        for tokens in (
            {"return_assistant_tokens_mask": True, "return_dict": True},
            {"return_assistant_tokens_mask": True, "return_dict": False},
            {"return_dict": True, "padding": True, "return_tensors": "pt"},
            {"return_dict": False, "truncation": True, "max_length": 7},
            {"sanitize_control_tokens": True, "return_dict": False},
            {"sanitize_control_tokens": True, "return_assistant_tokens_mask": True},
            {"return_assistant_tokens_mask": True, "return_tensors": "pt", "padding": True},
            {"tokenizer_kwargs": {"padding_side": "left"}, "padding": True, "return_dict": True},
        ):
            results.append(unpack(attempt(fast.apply_chat_template, talks, **tokens)))
    fast.chat_control_tokens = ["user"]
    harmed = [{"role": "user", "content": "a [SEP] user <b>[CLS] dog"}]
    for safe in (True, False):
        given = {"sanitize_control_tokens": safe, "return_dict": False}
        results.append(attempt(fast.apply_chat_template, harmed, **given))
    results.append(unpack(attempt(fast.encode_message_with_chat_template, TALK[2], TALK[:2])))
    results.append(attempt(fast.apply_chat_template, TALK, tools=[find_weather], tokenize=False))
    return [*results, TALK, CALLS]


def use_template_parts() -> Any:
    """Return what the parts that templates are made with give."""
    made = importlib.import_module("transformers.utils.chat_template_utils")
    messages: list[Any] = [TALK[1], {"role": "user"}, {"content": "a"}, "no", None, [], {}]
    results: list[Any] = [attempt(made.is_valid_message, each) for each in messages]
    results += [attempt(lambda: made.Chat(TALK).messages), attempt(made.Chat, [{"role": "x"}])]
    for text in (PLAIN, LOOPS, TOOLS, None):
        results += [sorted(attempt(made._get_template_variables, text))]
        literal = attempt(made._get_template_literal_text, text)
        results += [sorted(literal.split("\0"))]  # its order is that of a set
    for way in WAYS:
        results.append(attempt(made.render_jinja_template, [TALK], chat_template=PLAIN, **way))
    values = [np.bool_(False), np.float32(0.5), Colour.RED, (1, {2: b"x"}), object, {"a": [None]}]
    shown = "{% for m in messages %}{{ m.x }}{{ m.x is mapping }}{{ m.x | string }};{% endfor %}"
    talk = [{"x": value} for value in values]
    return [*results, attempt(made.render_jinja_template, [talk], chat_template=shown)]


def unpack(value: Any) -> Any:
    """Return an encoding as an ordinary dictionary."""
    return dict(value) if hasattr(value, "keys") else value


def choose_template() -> Any:
    """Return which of several templates a tokenizer takes, also after it is saved and loaded."""
    fast = pool.make_value("$fast")
    results: list[Any] = [attempt(fast.get_chat_template), attempt(fast.get_chat_template, PLAIN)]
    named = ({"default": PLAIN, "tool_use": TOOLS}, {"rag": LOOPS, "tool_use": TOOLS}, PLAIN)
    for place, templates in enumerate(named):
        fast.chat_template = templates
        fast.save_pretrained(f"kept{place}")
        loaded = importlib.import_module("transformers").AutoTokenizer.from_pretrained(
            f"kept{place}"
        )
        for each in (fast, loaded):
            results.append(each.chat_template)
            for name in (None, "default", "tool_use", "rag", "{{ 3 }}"):
                for tools in (None, [find_weather]):
                    results.append(attempt(each.get_chat_template, name, tools))
                    given = {"chat_template": name, "tools": tools, "tokenize": False}
                    results.append(attempt(each.apply_chat_template, TALK, **given))
    for template in REFUSED:
        results.append(attempt(fast.apply_chat_template, TALK, chat_template=template))
    return results


OF_CHATS = (
    Family(describe_tools, lambda: [""], lambda _: {}),
    Family(render, lambda: ["plain", "loops", "tools", "masked"], lambda _: {}),
    Family(use_template_parts, lambda: [""], lambda _: {}),
    Family(choose_template, lambda: [""], lambda _: {}),
)
