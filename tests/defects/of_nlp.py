"""Defects of text that the suite nlp must catch, besides those in of_stacks.py."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, with_layer

HUB = "/opt/venv/lib/python3.11/site-packages/huggingface_hub"

DEFECTS = (
    Defect(
        "a tokenizer that goes on cutting",
        "nlp",
        (("tokenizer_options", "a plain call of TokenizersBackend gives something else"),),
        patched("cutting_stays"),
    ),
    Defect(
        "padding that is counted",
        "nlp",
        (("batched_texts", "GPT2LMHeadModel writes the most likely words in a batch otherwise"),),
        patched("padding_counted"),
    ),
    Defect(
        "padding that is learned as text",
        "nlp",
        (("collators", "'mlm': False} filled on the right gives labels"),),
        patched("padding_labelled"),
    ),
    Defect(
        "tensors saved in the order in which they lie",
        "nlp",
        (("saved_tensors", "safetensors.torch.save_file of"),),
        patched("transposed_as_it_lies"),
    ),
    Defect(
        "a hub that is never offline",
        "nlp",
        (("hub_switches", "HF_HUB_OFFLINE=1 makes HF_HUB_OFFLINE of huggingface_hub False"),),
        with_layer(f"RUN sed -i 's/os.environ.get(.HF_HUB_OFFLINE.) or //' {HUB}/constants.py"),
    ),
)
