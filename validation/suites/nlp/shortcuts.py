"""Shortcuts that save time or memory: caches, activation checkpointing; and chats as written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import jinja2
import torch
import transformers

from .language_models import (
    ARCHITECTURES,
    LIMIT,
    SHORT,
    build_model,
    build_tokenizer,
    draw_words,
)

NEW = 5
WAYS: dict[str, dict[str, Any]] = {
    "the most likely words": {"do_sample": False},
    "drawn words": {"do_sample": True},
    "beams": {"do_sample": False, "num_beams": 2},
}
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}.{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}{{ ending }}"
)
CHATS: tuple[list[dict[str, str]], ...] = (
    [{"role": "user", "content": "the cat"}],
    [{"role": "system", "content": "sat"}, {"role": "user", "content": "on the mat"}],
)


def find_cache_faults(device: str) -> Iterator[str]:
    """Yield each model that reads a text anew for each word that it writes."""
    for config, name, options in ARCHITECTURES[4:]:
        model = build_model(config, name, options, device)
        first = 1 if model.config.is_encoder_decoder else SHORT
        wanted = [first] + [1] * (NEW - 1)
        for way, choice in WAYS.items():
            read = list_reads(model, draw_words(2, SHORT, device), choice)
            if read != wanted:
                yield f"{name} reads {read} words at a time as it writes {way}, not {wanted}"


def list_reads(model: Any, words: Any, choice: dict[str, Any]) -> list[int]:
    """Return how many words of each text the model reads in each pass of generate."""
    name, lengths = "input_ids", list[int]()
    if model.config.is_encoder_decoder:
        name = "decoder_input_ids"
    hook = model.register_forward_pre_hook(
        lambda _model, _given, named: lengths.append(named[name].shape[1]), with_kwargs=True
    )
    model.generate(
        words,
        attention_mask=torch.ones_like(words),
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        **choice,
    )
    hook.remove()
    return lengths


def find_checkpointing_faults(device: str) -> Iterator[str]:
    """Yield each model whose layers do not run again, or learn otherwise, if checkpointed."""
    for config, name, options in ARCHITECTURES:
        model = build_model(config, name, options, device).train()
        words = draw_words(2, SHORT, device)
        _, wanted = learn_once(model, words)
        model.gradient_checkpointing_enable()
        passes, got = learn_once(model, words)
        if passes != 2:
            yield f"a layer of {name} runs {passes} times in a step with checkpointing, not twice"
        largest = max(float(each.abs().max()) for each in wanted.values())
        apart = max(float((got[key] - wanted[key]).abs().max()) for key in wanted) / largest
        if apart > LIMIT:
            yield f"gradients of {name} are off by {apart:.0e} with checkpointing"


def learn_once(model: Any, words: Any) -> tuple[int, dict[str, Any]]:
    """Return how often the first layer ran in a step, and the gradients by parameter."""
    layers = next(each for each in model.modules() if isinstance(each, torch.nn.ModuleList))
    passes, inner = list[int](), [each for each in layers[0].modules() if not [*each.children()]]
    hook = inner[0].register_forward_pre_hook(lambda *_: passes.append(1))
    given = {"decoder_input_ids": words} if model.config.is_encoder_decoder else {}
    model.zero_grad()
    torch.manual_seed(0)  # of dropout, which draws the same when a layer runs again
    model(input_ids=words, **given).logits.square().mean().backward()
    hook.remove()
    learned = ((name, each.grad) for name, each in model.named_parameters())
    return len(passes), {name: grad.clone() for name, grad in learned if grad is not None}


def find_template_faults() -> Iterator[str]:
    """Yield how a chat is written otherwise than its template says."""
    _, fast = build_tokenizer()
    fast.chat_template = TEMPLATE
    template = jinja2.Environment(autoescape=False).from_string(TEMPLATE)  # noqa: S701 - no HTML
    for chat, prompt, ending in product(CHATS, (True, False), ("", "the mat")):
        options = {"add_generation_prompt": prompt, "ending": ending}
        wanted = template.render(messages=chat, **options)
        text = fast.apply_chat_template(chat, tokenize=False, **options)
        if text != wanted:
            yield f"apply_chat_template({options}) writes {text!r}, not {wanted!r}"
            continue
        numbers = fast.apply_chat_template(chat, tokenize=True, return_dict=True, **options)
        right = fast(wanted, add_special_tokens=False)["input_ids"]
        if numbers["input_ids"] != right:
            yield f"apply_chat_template({options}) gives {numbers['input_ids']}, not {right}"
    both = fast.apply_chat_template([*CHATS], tokenize=False)
    if both != [template.render(messages=each) for each in CHATS]:
        yield f"apply_chat_template writes two chats as {both}"


def find_shortcut_faults(device: str) -> Iterator[str]:
    """Yield each shortcut that is not taken, and each chat that is not as its template."""
    transformers.logging.set_verbosity_error()
    yield from find_cache_faults(device)
    yield from find_checkpointing_faults(device)
    yield from find_template_faults()
