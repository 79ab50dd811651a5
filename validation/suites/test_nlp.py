"""A tokenizer trained on the text below, and a small BERT that learns to fill in its words."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertForMaskedLM

from validation.suites.expected import Expected
from validation.suites.training import require_trained, snapshot

TEXT = (
    "The release is built once and named by its digest.",
    "Every image is validated before it is promoted.",
    "A missing graphics card is not a passing test.",
    "The scanner reads the packages of the image.",
    "Gradients are averaged over the ranks and never summed.",
    "The same inputs give the same bytes on any machine.",
    "A report says what was proven about the image.",
    "Nothing is lost and nothing half done is visible.",
)
STEPS = 40
MASKED, PAD = "[MASK]", "[PAD]"


def test_tokenizer_round_trip() -> None:
    """Byte-level tokens give back exactly the text they were made of, also text never seen in training."""
    tokenizer = _tokenizer()
    for text in (*TEXT, "Grüße: 3,14 €, naïve, 東京"):
        back = tokenizer.decode(tokenizer.encode(text).ids)
        assert back == text, f"`{text}` came back from the tokenizer as `{back}`"
    tokens, characters = (sum(map(length, TEXT)) for length in (lambda text: len(tokenizer.encode(text)), len))
    assert tokens < characters / 2, f"{tokens} tokens for {characters} characters: the tokenizer learned no merges"


def test_bert_learns(expected: Expected) -> None:
    """One hidden word per sentence: 40 steps on 8 sentences must at least halve the loss."""
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    words, labels, attention = (tensor.to(expected.device) for tensor in _masked(tokenizer))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
    )
    model = BertForMaskedLM(config).to(expected.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    before, losses = snapshot(model.parameters()), []
    for _ in range(STEPS):
        loss = model(input_ids=words, attention_mask=attention, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.item()))
    require_trained(before, model.parameters(), losses)
    assert losses[-1] < losses[0] / 2, f"the loss went from {losses[0]:.2f} to {losses[-1]:.2f} in {STEPS} steps"


def _tokenizer() -> Any:  # noqa: ANN401 - tokenizers is not in the harness' own environment
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=[PAD, MASKED], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def _masked(tokenizer: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """Word numbers with one of each sentence hidden, what was hidden (-100 elsewhere), and what is no padding."""
    pad = tokenizer.token_to_id(PAD)
    tokenizer.enable_padding(pad_id=pad, pad_token=PAD)
    words = torch.tensor([encoded.ids for encoded in tokenizer.encode_batch(list(TEXT))])
    attention = (words != pad).long()
    labels = torch.full_like(words, -100)
    hidden = (torch.arange(len(TEXT)), attention.sum(dim=1) // 2)
    labels[hidden] = words[hidden]
    words[hidden] = tokenizer.token_to_id(MASKED)
    return words, labels, attention
