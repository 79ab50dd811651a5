"""Programs with pipelines that write texts and answers, and what is read from answers."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_chats import DOCUMENTS, PLAIN, TALK, bare, find_weather, mix
from .of_pipelines import ask, make_pipe

ANSWERS: tuple[dict[str, Any], ...] = (
    {"return_full_text": False},
    {"return_full_text": True},
    {"return_tensors": True},
    {"return_text": True, "return_full_text": True},
    {"num_return_sequences": 2, "num_beams": 2},
    {"do_sample": True, "top_k": 5},
    {"do_sample": True, "temperature": 3.0, "num_return_sequences": 2},
    {"max_length": 12, "max_new_tokens": None},
    {"prefix": "she "},
    {"stop_sequence": ["a", "dog"]},
    {"handle_long_generation": "hole"},
    {"handle_long_generation": "no"},
    {"truncation": True, "max_length": 4},
    {"add_special_tokens": False},
    {"skip_special_tokens": False, "clean_up_tokenization_spaces": True},
    {"tokenizer_encode_kwargs": {"truncation": True, "max_length": 3}},
    {"return_dict_in_generate": True, "output_scores": True, "output_logits": True},
    {"continue_final_message": False},
    {"tools": [bare], "documents": DOCUMENTS},
)


def answer(kind: str = "texts", **options: Any) -> Any:
    """Return what a pipeline writes after texts or conversations, with every option."""
    model = pool.make_value("$gpt")
    model.generation_config.eos_token_id = None
    more: dict[str, Any] = {"max_new_tokens": 3, "do_sample": False, **options}
    pipe = make_pipe("text-generation", model, **more)
    pipe.tokenizer.chat_template = PLAIN
    results: list[Any] = [pipe.tokenizer.padding_side]
    talks: list[Any] = [TALK[:2], TALK]
    given: tuple[Any, ...] = ("the dog", ["the dog", "a"], "", [], iter(["a"]))
    if kind == "talks":
        given = (talks[0], talks[1], talks, (each for each in talks), (each for each in TALK[:2]))
    for each in given:
        results.append(ask(pipe, each))
    results.append(ask(pipe, given[2 if kind == "talks" else 1], batch_size=2))
    pipe.tokenizer.model_max_length = 6
    for way in ANSWERS:
        for each in given[:2] if kind == "talks" else ("the dog. a cat",):
            pool.set_seeds()
            results.append(ask(pipe, each, **way))
    return [*results, pipe.call_count, sorted(model.generation_config.to_diff_dict())]


SHAPES: dict[str, dict[str, Any]] = {
    "thinking": {
        "defaults": {"role": "assistant"},
        "start_anchor": ["<assistant>", "<assistant>!"],
        "fields": {
            "content": {"close": "<end>", "optional": True},
            "thinking": {"open": "<think>", "close": ["</think>", "</t>"]},
            "notes": {"open": "#", "close_pattern": r"\n|$", "repeats": True, "join": "; "},
            "count": {"open": "n=", "close": ".", "content": "int", "repeats": True},
            "share": {"open": "p=", "close": ".", "content": "float", "optional": True},
            "sure": {"open": "s=", "close": ".", "content": "bool"},
            "calls": {
                **{"open_pattern": r"<call (?P<name>\w+)>", "close": "</call>", "repeats": True},
                **{"content": "json", "content_args": {"unquoted_keys": True}},
                "transform": {"function": {"name": "{name}", "arguments": "{content}"}},
            },
        },
    },
    "lines": {
        "start_anchor_pattern": r"<\w+>:",
        "fields": {
            "tool_calls": {
                **{"open": "<<", "close": ">>", "repeats": True, "content": "xml-inline"},
                "content_args": {
                    "tag_pattern": r"<(?P<key>\w+)>(?P<value>.*?)</\w+>",
                    "merge_duplicates": True,
                },
                "transform": {"function": {"name": "find_weather", "arguments": "{content}"}},
            },
            "pairs": {
                **{"open": "{", "close": "}", "content": "kv-lines"},
                "content_args": {"line_sep": ",", "value_parser": {"name": "int"}},
            },
            "items": {
                **{"open": "[[", "close": "]]", "content": "json", "transform_each": True},
                **{"transform": {"is": "{a}", "b": ["{a}", 1]}, "optional": True},
            },
            "quoted": {
                **{"open": "q:", "close": ";", "content": "json"},
                "content_args": {"string_delims": [["<|", "|>"]], "allow_non_json": True},
            },
        },
    },
}
GIVEN = (
    "<think> a b </think> hello <end> more # one\n# two\nn=3.n= 4 .p=0.5.s=True.",
    "text only",
    '<call find_weather>{place: "Ulm", "days": "7", exact: "true"}</call> x <call mix>{}</call>',
    '<call mix>{"a": "2.5", "b": "[1]", "c": "{}", "e": "1", "i": "null", "f": "2"}</call>',
    '<call mix>{"a": "nan", "b": "x", "c": "[]", "d": "[1]", "k": "None", "h": 3}</call>',
    "<think>open # half",
    "n=x.<call a>no</call>",
    "<<<place>7</place><days>7.0</days><days>x</days><exact>false</exact> >> { a: 1, b : 2,c}",
    "<<<days>7.5</days><exact>1</exact><no>3</no> >>",
    'q:{"a": <|x "y"|>};',
    "q:no;[[[1]]]",
    '[[ [{"a": 2}, {"a": null}] ]]',
    "[[3]]",
    "",
)


def parse_answers(shape: str) -> Any:
    """Return the messages that are read from texts of a shape, whole and letter by letter."""
    fast, template = pool.make_value("$fast"), SHAPES[shape]
    results: list[Any] = [attempt(fast.parse_response, "a", prefix="")]
    fast.response_template = template
    for text in GIVEN:
        for prefix in ("", "x <assistant>: y <assistant>!", "<assistant>:<think>", ["", ""], None):
            for tools in (None, [find_weather, mix]):
                given = {"prefix": prefix, "tools": tools}
                results.append(attempt(fast.parse_response, text, **given))
        for step in (1, 5):
            parser = attempt(fast.get_response_parser, prefix="<assistant>:", tools=[find_weather])
            results.append(attempt(feed_pieces, parser, text, step))
    results += [attempt(fast.parse_response, [*GIVEN[:2]], prefix=each) for each in ("", ["", ""])]
    results.append(attempt(fast.parse_response, [5, 9, 7], prefix=[3]))
    fast.save_pretrained("kept")
    loaded = importlib.import_module("transformers").AutoTokenizer.from_pretrained("kept")
    results.append(loaded.response_template == template)
    wrong: tuple[Any, ...] = (
        *({}, {"fields": {}}, {"version": 2, **template}, {**template, "x": 1}, 3),
        *({"fields": {"a": 3}}, {"fields": {"a": {"open": ""}}}, {"fields": {"a": {"join": "x"}}}),
        *(
            {"fields": {"a": {"content": "no"}}},
            {"fields": {"a": {"open": "x", "open_pattern": "x"}}},
        ),
        *({"fields": {"a": {"open": ["a", "ab"], "close": 3}}}, {"fields": {"a": {"open": []}}}),
        *({"fields": {"a": {"no": 1}}}, {"fields": {"a": {"transform_each": True}}}),
        *(
            {"fields": {"a": {"transform": "a {content}"}}},
            {"fields": {"a": {"open_pattern": "("}}},
        ),
        *({"fields": {"a": {"open_pattern": "(?P<x>a)"}}}, {"defaults": 3, "fields": {"a": {}}}),
    )
    results += [attempt(fast.parse_response, "a", each, prefix="") for each in wrong]
    return results


def feed_pieces(parser: Any, text: str, step: int) -> list[Any]:
    """Return what a parser tells of a text that comes in pieces."""
    results = [parser.initial_events]
    results += [parser.feed(text[place : place + step]) for place in range(0, len(text), step)]
    return [*results, parser.finalize()]


OF_ANSWERS = (
    Family(answer, lambda: ["texts", "talks"], lambda _: {"do_sample": False}),
    Family(parse_answers, lambda: [*SHAPES], lambda _: {}),
)
