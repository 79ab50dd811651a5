"""A tokenizer trained on text the image ships, and a small BERT that learns to fill in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertForMaskedLM

from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import reports
from ..one_thread import one_thread
from ..outcome import require
from ..training import copy_parameters, require_trained
from . import (
    batched_texts,
    collators,
    hub_switches,
    language_models,
    logits_processors,
    saved_tensors,
    shipped_text,
    shortcuts,
    tokenizer_options,
    tokenizer_parts,
)

VOCABULARY = 1000
FOREIGN = ("Grüße: 3,14 €, naïve, 東京", "\ttabs  and   spaces\r\n", "👩‍🔬 \x00 ﷽", "")
SEQUENCES, LENGTH = 24, 32
HIDDEN_SHARE = 0.15
STEPS = 60
MASKED, PAD = "[MASK]", "[PAD]"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Return a byte-level BPE tokenizer, trained on the whole text."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, MASKED],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(shipped_text.read_corpus(), trainer)
    return trained


def test_tokenizer_round_trip(tokenizer: Any) -> None:
    """Byte-level tokens give back exactly their text, also text that was not in training."""
    text = shipped_text.read_chapter()
    for original in (text, *FOREIGN):
        back = tokenizer.decode(tokenizer.encode(original).ids)
        at = next(
            (at for at, pair in enumerate(zip(original, back, strict=False)) if len({*pair}) > 1),
            len(back),
        )
        require(
            back == original,
            f"{original[at : at + 20]!r} came back from the tokenizer as {back[at : at + 20]!r}",
            "the same text",
            "a decoder that does not undo what the tokenizer does",
        )
    tokens = len(tokenizer.encode(text).ids)
    require(
        tokens < len(text) / 2,
        f"{tokens} tokens for {len(text)} characters",
        "less than half as many",
        "a tokenizer that learned no merges",
    )


def test_tokenizer_file(tokenizer: Any, tmp_path: Path) -> None:
    """Written as JSON and read again, the tokenizer gives the same tokens."""
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    again = Tokenizer.from_file(str(path))
    for text in (*shipped_text.read_corpus()[:10], *FOREIGN):
        wanted, got = tokenizer.encode(text).ids, again.encode(text).ids
        require(
            (got, again.decode(got)) == (wanted, tokenizer.decode(wanted)),
            f"read from its file, the tokenizer makes {len(got)} tokens of {text[:20]!r}",
            f"the same {len(wanted)} tokens as before, and the same text of them",
            "merges or settings that are not written to the file",
        )


@reports("last_loss", "nats")
def test_bert_learns(tokenizer: Any, expected: Expected, figure: Figures) -> None:
    """About every seventh word is hidden: it must be found from its place and its neighbours.

    If only the frequency of each hidden word is known, the loss is their entropy; half of that
    needs the context.
    """
    words, labels = (tensor.to(expected.device) for tensor in _mask_words(tokenizer))
    model = _build_model().to(expected.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    before, losses = copy_parameters(model.parameters()), []
    for _ in range(STEPS):
        loss = model(input_ids=words, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.item()))
    figure("last_loss", losses[-1], "nats")
    require_trained(before, model.parameters(), losses)
    hidden = labels[labels >= 0].tolist()
    shares = [count / len(hidden) for count in Counter(hidden).values()]
    limit = -sum(share * math.log(share) for share in shares) / 2  # half of the entropy, in nats
    require(
        losses[-1] < limit,
        f"the loss went from {losses[0]:.2f} to {losses[-1]:.2f} in {STEPS} steps",
        f"less than {limit:.2f}, half of what the words' frequencies alone allow",
        "attention that does not see the context, or gradients that do not reach every layer",
    )


def test_weights_as_safetensors(expected: Expected, tmp_path: Path) -> None:
    """Saved and loaded, the network gives the same bits, and the file holds its weights."""
    model = _build_model().to(expected.device).eval()
    model.save_pretrained(tmp_path)
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    require(
        names == ["model.safetensors"],
        f"{names} were written",
        "model.safetensors",
        "a fallback to pickle files",
    )
    stored, held = load_file(tmp_path / names[0]), model.state_dict()
    wrong = [name for name, tensor in stored.items() if not torch.equal(tensor, held[name].cpu())]
    require(
        stored and not wrong,
        f"{len(wrong)} of {len(stored)} tensors in the file differ: {wrong[:2]}",
        "the weights of the network",
        "a safetensors that writes or reads other bytes",
    )
    again = BertForMaskedLM.from_pretrained(tmp_path).to(expected.device).eval()
    words = torch.arange(2 * LENGTH, device=expected.device).reshape(2, LENGTH)
    with torch.inference_mode():
        apart = float((again(input_ids=words).logits - model(input_ids=words).logits).abs().max())
    require(
        apart == 0,
        f"loaded again, scores are off by {apart:.1e}",
        "the same bits",
        "weights that are not loaded",
    )


def test_attention_masks(expected: Expected) -> None:
    """Encoders do not see what their mask hides, and padding changes nothing."""
    faults = [*language_models.find_mask_faults(expected.device)]
    cause = "an attention mask that is ignored"
    require(not faults, "; ".join(faults[:2]), "scores of the words that are shown", cause)


def test_loaded_models(expected: Expected, tmp_path: Path) -> None:
    """Models of each architecture have every weight once they are saved and loaded."""
    faults = [*language_models.find_file_faults(tmp_path, expected.device)]
    cause = "weights that are not loaded, or drawn anew after loading"
    require(not faults, "; ".join(faults[:2]), "all weights as they were saved", cause)


def test_written_texts(expected: Expected) -> None:
    """Models write as many words as asked, the most likely ones, up to the end of a text."""
    faults = [*language_models.find_writing_faults(expected.device)]
    cause = "options of generate that are ignored"
    require(not faults, "; ".join(faults[:2]), "the words that the options ask for", cause)


def test_encodings() -> None:
    """Texts are encoded, filled and cut as worked out on paper."""
    faults = [*language_models.find_encoding_faults()]
    cause = "a tokenizers that does not fit transformers"
    require(not faults, "; ".join(faults[:2]), "the encodings worked out on paper", cause)


def test_tokenizer_parts() -> None:
    """Texts are normalized, cut and joined as definitions in plain Python say."""
    faults = [*tokenizer_parts.find_part_faults()]
    cause = "code of tokenizers that does something else than it is for, or a new class of it"
    require(not faults, "; ".join(faults[:2]), "what the definition says", cause)


def test_logits_processors() -> None:
    """Options of sampling change scores as definitions in plain Python say."""
    faults = [*logits_processors.find_processor_faults()]
    cause = "code of transformers that does something else than its documentation says"
    require(not faults, "; ".join(faults[:2]), "the scores of the definition", cause)


def test_tokenizer_options() -> None:
    """Options of a call fill, cut and join texts as defined, and nothing of them stays."""
    faults = [*tokenizer_options.find_option_faults()]
    cause = "an option that is ignored, or that the tokenizer keeps for later calls"
    require(not faults, "; ".join(faults[:2]), "what the definition gives", cause)


def test_batched_texts(expected: Expected) -> None:
    """Prompts of different lengths are written on together as each alone."""
    faults = [*batched_texts.find_batch_faults(expected.device)]
    cause = "padding that is counted in positions, or seen"
    require(not faults, "; ".join(faults[:2]), "what each prompt gives alone", cause)


def test_collators() -> None:
    """Collators fill texts and labels, and choose and hide words, as their definitions say."""
    faults = [*collators.find_collator_faults()]
    cause = "padding that the loss counts, an option that is ignored, or a new collator"
    require(not faults, "; ".join(faults[:2]), "what the definition gives", cause)


def test_saved_tensors(tmp_path: Path) -> None:
    """Tensors of each kind and layout in memory come back from a file, or are refused."""
    faults = [*saved_tensors.find_saving_faults(tmp_path)]
    cause = "memory that is written in the order in which it lies"
    require(not faults, "; ".join(faults[:2]), "the same numbers, or a refusal", cause)


def test_hub_switches(tmp_path: Path) -> None:
    """Variables of the environment switch the network off, and move caches and limits."""
    faults = [*hub_switches.find_switch_faults(tmp_path)]
    cause = "a variable that huggingface_hub does not read"
    require(not faults, "; ".join(faults[:2]), "what its documentation says", cause)


def test_shortcuts(expected: Expected) -> None:
    """Caches and checkpointing do what they are for, and chats are written as their template."""
    faults = [*shortcuts.find_shortcut_faults(expected.device)]
    cause = "a cache that is not used, or an option that is ignored"
    require(not faults, "; ".join(faults[:2]), "as many passes as needed", cause)


def test_challenge(nonce: str, answer: Answers) -> None:
    """WordPiece with a vocabulary that the host has drawn; some of the words are unknown."""
    question = questions.draw_reading(nonce)
    word_piece = Tokenizer(models.WordPiece(question.vocabulary, unk_token=questions.UNKNOWN))
    word_piece.pre_tokenizer = pre_tokenizers.Whitespace()
    answer("wordpiece", word_piece.encode(" ".join(question.words)).ids)


def _build_model() -> Any:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=LENGTH,
    )
    return BertForMaskedLM(config)


def _mask_words(tokenizer: Any) -> tuple[Any, Any]:
    """Return word numbers with some hidden, and the hidden ones (-100 elsewhere).

    Both are (sequences, length).
    """
    words = torch.tensor(
        tokenizer.encode(shipped_text.read_chapter()).ids[: SEQUENCES * LENGTH]
    ).view(SEQUENCES, LENGTH)
    hidden = torch.rand(words.shape, generator=torch.Generator().manual_seed(0)) < HIDDEN_SHARE
    return torch.where(hidden, tokenizer.token_to_id(MASKED), words), torch.where(
        hidden, words, -100
    )
