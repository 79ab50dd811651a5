"""Small models of several architectures: their masks, their files and the texts they write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WORDS, LENGTH, SHORT = 60, 12, 7
LIMIT = 1e-4
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
}
NEW = (1, 5, 11)
"""How many words are to be written."""

ENDS, PAD = 1, 0
ARCHITECTURES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("BertConfig", "BertForMaskedLM", SIZES),
    ("BertConfig", "BertForSequenceClassification", SIZES),
    ("RobertaConfig", "RobertaForMaskedLM", SIZES),
    ("DistilBertConfig", "DistilBertForMaskedLM",
     {"vocab_size": WORDS, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}),
    ("GPT2Config", "GPT2LMHeadModel",
     {"vocab_size": WORDS, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}),
    ("LlamaConfig", "LlamaForCausalLM", {**SIZES, "num_key_value_heads": 1}),
    ("T5Config", "T5ForConditionalGeneration",
     {"vocab_size": WORDS, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2}),
)  # fmt: skip
"""A configuration, a model, and small sizes of it."""


def build_model(config: str, name: str, options: dict[str, Any], device: str) -> Any:
    """Return a model all of whose weights are drawn: none is as it is initialised."""
    torch.manual_seed(0)
    special = {"pad_token_id": PAD, "eos_token_id": ENDS, "bos_token_id": ENDS}
    model = getattr(transformers, name)(getattr(transformers, config)(**options, **special))
    for each in model.parameters():
        each.data.normal_(0, 0.5)
    return model.eval().to(device)


def draw_words(rows: int, length: int, device: str) -> Any:
    """Return numbers of words, none of them special."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(2, WORDS, (rows, length), generator=generator).to(device)


def find_mask_faults(device: str) -> Iterator[str]:
    """Yield each encoder whose scores depend on words that its mask hides."""
    for config, name, options in ARCHITECTURES[:4]:
        model = build_model(config, name, options, device)
        words = draw_words(2, LENGTH, device)
        mask = torch.ones_like(words)
        mask[:, SHORT:] = 0
        others = words.clone()
        others[:, SHORT:] = (others[:, SHORT:] + 5) % (WORDS - 2) + 2
        with torch.inference_mode():
            full, hidden, changed, alone = (
                model(input_ids=ids, attention_mask=shown).logits
                for ids, shown in (
                    (words, torch.ones_like(words)),
                    (words, mask),
                    (others, mask),
                    (words[:, :SHORT], torch.ones_like(words[:, :SHORT])),
                )
            )
        seen = (slice(None), slice(0, SHORT)) if full.ndim == 3 else (slice(None),)
        if float((hidden[seen] - changed[seen]).abs().max()) > LIMIT:
            yield f"{name} sees words that its attention mask hides"
        elif float((hidden[seen] - alone[seen]).abs().max()) > LIMIT:
            yield f"{name} scores a padded text otherwise than the text alone"
        elif float((full[seen] - hidden[seen]).abs().max()) < LIMIT:
            yield f"{name} scores a text the same with half of it hidden"


def find_file_faults(folder: Path, device: str) -> Iterator[str]:
    """Yield each model that has other weights once it is saved and loaded."""
    for config, name, options in ARCHITECTURES:
        model = build_model(config, name, options, device)
        place = folder / name
        model.save_pretrained(place)
        torch.manual_seed(1)
        again = type(model).from_pretrained(place).to(device)
        held, loaded = model.state_dict(), again.state_dict()
        wrong = [
            key for key in held if key not in loaded or not torch.equal(held[key], loaded[key])
        ]
        if wrong or held.keys() != loaded.keys():
            yield f"{len(wrong)} of {len(held)} weights of {name} are others, as {wrong[:1]}"
        if again.training:
            yield f"{name} is loaded for training, not for evaluation"
        if again.config.to_dict().keys() != model.config.to_dict().keys():
            yield f"the configuration of {name} lacks fields once it is loaded"


def find_writing_faults(device: str) -> Iterator[str]:
    """Yield how a model does not write as many words as asked, or others than the most likely."""
    for config, name, options in ARCHITECTURES[4:6]:
        model = build_model(config, name, options, device)
        start = draw_words(2, SHORT, device)
        silent = {"attention_mask": torch.ones_like(start), "pad_token_id": PAD, "do_sample": False}
        for count in NEW:
            got = model.generate(start, max_new_tokens=count, min_new_tokens=count, **silent)
            if got.shape[1] != SHORT + count:
                yield f"{name} wrote {got.shape[1] - SHORT} words with max_new_tokens={count}"
                continue
            if not torch.equal(got, _write_greedily(model, start, count, never=ENDS)):
                yield f"{name} does not write the most likely words"
        one = start[:1]
        alone = {**silent, "attention_mask": torch.ones_like(one)}
        likely = _write_greedily(model, one, 20)[0].tolist()
        stop = likely[SHORT + 2]
        wanted = likely[: likely.index(stop, SHORT) + 1]
        if model.generate(one, max_new_tokens=20, eos_token_id=stop, **alone)[0].tolist() != wanted:
            yield f"{name} does not stop at the word that ends a text"
        drawn = []
        for seed in (3, 3, 4):
            torch.manual_seed(seed)
            drawn.append(model.generate(one, max_new_tokens=12, **{**alone, "do_sample": True}))
        if not torch.equal(drawn[0], drawn[1]):
            yield f"{name} writes two texts of one seed"


def _write_greedily(model: Any, start: Any, count: int, never: int | None = None) -> Any:
    """Return the text with the most likely words after it, but for the word `never`."""
    text = start
    for _ in range(count):
        with torch.no_grad():
            scores = model(input_ids=text).logits[:, -1]
        if never is not None:
            scores[:, never] = float("-inf")
        text = torch.cat([text, scores.argmax(dim=-1, keepdim=True)], dim=1)
    return text


PIECES = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "the",
    "cat",
    "##s",
    "sat",
    "on",
    "mat",
    ".",
    "un",
    "##seen",
)
SPECIAL = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), PIECES, strict=False))
TEXTS = (
    ("The cats sat on the mat.", [2, 4, 5, 6, 7, 8, 4, 9, 10, 3]),
    ("unseen dog", [2, 11, 12, 1, 3]),
    ("  THE   mat ", [2, 4, 9, 3]),
    ("", [2, 3]),
)
"""Texts, and their encodings by WordPiece, worked out on paper."""


def build_tokenizer() -> tuple[Any, Any]:
    """Return a tokenizer of WordPiece, and the one of transformers that is made of it."""
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    plain = Tokenizer(models.WordPiece(vocabulary, unk_token=PIECES[1]))
    plain.normalizer = normalizers.BertNormalizer(lowercase=True)
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    plain.decoder = decoders.WordPiece()
    plain.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return plain, transformers.PreTrainedTokenizerFast(tokenizer_object=plain, **SPECIAL)


def find_encoding_faults() -> Iterator[str]:
    """Yield how a tokenizer encodes, cuts or fills texts otherwise than expected."""
    plain, fast = build_tokenizer()
    for text, wanted in TEXTS:
        if plain.encode(text).ids != wanted or fast(text)["input_ids"] != wanted:
            yield f"{text!r} is encoded as {plain.encode(text).ids}, not {wanted}"
    texts, encodings = [text for text, _ in TEXTS[:2]], [ids for _, ids in TEXTS[:2]]
    batch = fast(texts, padding=True, return_tensors="pt")
    longest = max(map(len, encodings))
    if batch["input_ids"].tolist() != [[*ids, *[0] * (longest - len(ids))] for ids in encodings]:
        yield "padding does not fill shorter texts up to the longest"
    if batch["attention_mask"].sum(dim=1).tolist() != [len(ids) for ids in encodings]:
        yield "the attention mask is not that of the padding"
    cut = fast(texts[0], truncation=True, max_length=6)["input_ids"]
    if cut != [*encodings[0][:5], 3]:
        yield f"a text cut to 6 is {cut}, not {[*encodings[0][:5], 3]}"
    places = fast(texts[0], return_offsets_mapping=True)["offset_mapping"]
    if [texts[0][start:end] for start, end in places[1:4]] != ["The", "cat", "s"]:
        yield "the offsets of pieces are not those of their words"
    if fast.decode(encodings[0], skip_special_tokens=True) != "the cats sat on the mat.":
        yield f"decoded, the text is {fast.decode(encodings[0], skip_special_tokens=True)!r}"
