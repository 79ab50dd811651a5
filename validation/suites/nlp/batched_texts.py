"""Prompts of different lengths that are written on together: each as it is alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from .language_models import ARCHITECTURES, LIMIT, PAD, build_model, draw_words

LENGTHS, NEW = (3, 9, 6), 4
SIDES = {
    "GPT2LMHeadModel": "left",
    "LlamaForCausalLM": "left",
    "T5ForConditionalGeneration": "right",
}
"""Where the prompts of a model are filled up: decoders write on at the right end."""

WAYS: dict[str, dict[str, Any]] = {
    "the most likely words": {},
    "2 texts of 3 beams": {"num_beams": 3, "num_return_sequences": 2},
    "2 drawn texts without a cache": {
        "do_sample": True,
        "num_return_sequences": 2,
        "use_cache": False,
    },
}
"""Options of generate by what they make."""


def find_batch_faults(device: str) -> Iterator[str]:
    """Yield each way of writing in which a batch is not what its prompts give alone."""
    for config, name, options in ARCHITECTURES:
        if name not in SIDES:
            continue
        model = build_model(config, name, options, device)
        words = draw_words(len(LENGTHS), max(LENGTHS), device)
        prompts = [row[:length] for row, length in zip(words, LENGTHS, strict=True)]
        batch, shown = fill_prompts(prompts, SIDES[name])
        for way, choice in WAYS.items():
            torch.manual_seed(0)
            written = model.generate(
                batch,
                attention_mask=shown,
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                return_dict_in_generate=True,
                output_logits=True,
                **{"do_sample": False, **choice},
            )
            copies = choice.get("num_return_sequences", 1)
            rows = [prompt for prompt in prompts for _ in range(copies)]
            apart = (
                compare_texts(model, prompts, written.sequences[:, -NEW:], choice)
                if "num_beams" in choice
                else compare_scores(model, rows, written)
            )
            if apart:
                yield f"{name} writes {way} in a batch otherwise than alone: {apart}"


def fill_prompts(prompts: list[Any], side: str) -> tuple[Any, Any]:
    """Return prompts as rows of one length, and which of their words are shown."""
    batch = prompts[0].new_full((len(prompts), max(map(len, prompts))), PAD)
    shown = torch.zeros_like(batch)
    for at, prompt in enumerate(prompts):
        place = slice(-len(prompt), None) if side == "left" else slice(len(prompt))
        batch[at, place], shown[at, place] = prompt, 1
    return batch, shown


def compare_texts(model: Any, prompts: list[Any], texts: Any, choice: dict[str, Any]) -> str:
    """Return which prompt is written on otherwise alone and without a cache, if any."""
    copies = choice.get("num_return_sequences", 1)
    for at, prompt in enumerate(prompts):
        alone = model.generate(
            prompt[None],
            attention_mask=torch.ones_like(prompt[None]),
            max_new_tokens=NEW,
            min_new_tokens=NEW,
            use_cache=False,
            **choice,
        )[:, -NEW:]
        together = texts[at * copies : (at + 1) * copies]
        if not torch.equal(alone, together):
            return f"after {len(prompt)} words {together.tolist()}, not {alone.tolist()}"
    return ""


def compare_scores(model: Any, prompts: list[Any], written: Any) -> str:
    """Return which scores of the next word are not those of a prompt and its words alone."""
    if len(written.logits) != NEW:
        return f"{len(written.logits)} words, not {NEW}"
    for at, prompt in enumerate(prompts):
        text = written.sequences[at, -NEW:]
        with torch.inference_mode():
            if model.config.is_encoder_decoder:
                begun = written.sequences[at : at + 1, :-1]
                scores = model(input_ids=prompt[None], decoder_input_ids=begun).logits[0]
            else:
                whole = torch.cat([prompt, text[:-1]])[None]
                scores = model(input_ids=whole).logits[0, len(prompt) - 1 :]
        got = torch.stack([step[at] for step in written.logits])
        apart = float((got - scores).abs().max() / scores.abs().max())
        if not apart <= LIMIT:
            return f"the scores after {len(prompt)} words are off by {apart:.0e} of the largest"
    return ""
