"""The values that recorded calls are made of, each new for every call.

A value is named by a token: `$NAME` is one of this file, anything else is a constant of Python.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

CONSTANTS = (
    *("True", "False", "3", "2", "1", "4", "0", "5", "-1", "8", "0.5", "0.1", "2.0", "None"),
    *("'a'", "'mean'", "'float32'", "'linear'", "16000"),
)
SEED = 7
Maker = Callable[[], Any]


class PackageMissing(Exception):
    """A value needs a package that is not installed; the message is its name."""


def set_seeds(seed: int = SEED) -> None:
    """Begin all random numbers of the process again."""
    random.seed(seed)
    np.random.seed(seed)
    # `torch.manual_seed` seeds the GPUs too, and describes the stack for each: a fifth of the time.
    torch.default_generator.manual_seed(seed)


def _rand(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape) + len(shape))
    return torch.rand(*shape, generator=generator) * 2 - 0.7


def _array(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).random(shape) * 2 - 0.7


def _photo(height: int = 16, width: int = 12) -> Any:
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(3).integers(0, 60, (height, width))
    bands = [rows * 12 + noise, columns * 15 + noise, (rows + columns) * 7 + noise]
    return np.stack(bands, axis=-1).astype(np.uint8)


def make_gray() -> Any:
    """Return a gray picture of 16 rows and 12 columns."""
    return _photo()[..., 0].copy()


def require_gradient(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that is differentiated."""
    return tensor.requires_grad_()


def double(value: Any) -> Any:
    """Return twice a value."""
    return value * 2


def add(first: Any, second: Any = 1) -> Any:
    """Return a sum."""
    return first + second


def _net() -> Any:
    set_seeds()
    layers = (torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    return torch.nn.Sequential(*layers)


def make_convolution() -> Any:
    """Return a layer for pictures with three channels."""
    set_seeds()
    return torch.nn.Conv2d(3, 4, 3)


def _optimizer(kind: Any = torch.optim.SGD) -> Any:
    net = _net()
    net(_rand(4, 3)).square().sum().backward()
    return kind(net.parameters(), lr=0.1)


TENSORS: dict[str, Maker] = {
    "$x": lambda: _rand(4, 3),
    "$x2": lambda: _rand(4, 3).flip(0) + 0.2,
    "$grown": lambda: require_gradient(_rand(4, 3)),
    "$vector": lambda: _rand(3),
    "$vector4": lambda: _rand(4),
    "$classes": lambda: torch.tensor([1, 0, 2, 2]),
    "$square": lambda: _rand(3, 3) + torch.eye(3) * 2,
    "$positive": lambda: _rand(3, 3) @ _rand(3, 3).T + torch.eye(3),
    "$unit": lambda: (_rand(4, 3) + 0.7) / 2,
    "$pictures": lambda: _rand(2, 3, 8, 6),
    "$sequence": lambda: _rand(2, 4, 3),
    "$volume": lambda: _rand(1, 2, 4, 4, 4),
    "$ints": lambda: torch.arange(12).reshape(4, 3) * 5 % 7,
    "$mask": lambda: _rand(4, 3) > 0,
    "$complex": lambda: torch.complex(_rand(4, 3), _rand(3, 4).T.contiguous()),
    "$boxes": lambda: torch.tensor([[1.0, 1, 6, 7], [2, 0, 7, 5], [0, 3, 4, 8], [1, 2, 6, 8]]),
    "$scalar": lambda: torch.tensor(0.7),
    "$parameter": lambda: torch.nn.Parameter(_rand(4, 3)),
    "$byte_picture": lambda: torch.from_numpy(_photo()).permute(2, 0, 1).contiguous(),
    "$wave": lambda: torch.sin(torch.arange(1600) * 0.1)[None] * 0.5,
    "$many": lambda: [_rand(4, 3), _rand(4, 3) + 0.1],
    "$unlike": lambda: _rand(3, 1, 1600) * torch.tensor([1.0, 0.05, 0.001])[:, None, None],
    "$transposed": lambda: _rand(3, 4).T,
    "$last_channels": lambda: _rand(2, 3, 8, 6).contiguous(memory_format=torch.channels_last),
    "$half": lambda: _rand(4, 3).bfloat16(),
    "$none_here": lambda: torch.empty(0, 3),
    "$bad_numbers": lambda: torch.tensor([1.0, torch.nan, -torch.inf, 3.0]),
}
ARRAYS: dict[str, Maker] = {
    "$array": lambda: _array(4, 3),
    "$array2": lambda: _array(4, 3)[::-1] + 0.2,
    "$line": lambda: _array(6),
    "$square_array": lambda: _array(3, 3) + np.eye(3) * 2,
    "$int_array": lambda: np.arange(12).reshape(4, 3) * 5 % 7,
    "$int_line": lambda: np.array([3, 1, 4, 1, 5, 9]),
    "$bool_array": lambda: _array(4, 3) > 0,
    "$photo": _photo,
    "$gray": make_gray,
    "$float_photo": lambda: (_photo() / 255).astype(np.float32),
    "$words": lambda: np.array(["one", "two", "three"]),
    "$masked": lambda: np.ma.masked_less(_array(4, 3), 0),
    "$rng": lambda: np.random.default_rng(5),
    "$fortran": lambda: np.asfortranarray(_array(4, 3)),
    "$every_second": lambda: _array(8, 3)[::2],
    "$big_endian": lambda: _array(4, 3).astype(">f4"),
    "$records": lambda: np.array([(1, 2.5), (3, 0.5), (1, 1.5)], dtype="i4,f8"),
    "$cube": lambda: _array(2, 4, 3),
    "$bad_array": lambda: np.array([1.0, np.nan, -np.inf, 3.0]),
    "$dates": lambda: np.array(["2024-02-28", "2023-12-31", "NaT"], dtype="datetime64[D]"),
    "$photo_in_columns": lambda: np.asfortranarray(_photo()),
    "$upright": lambda: make_gray().T,
    "$complex_array": lambda: _array(4, 3) + 1j * _array(3, 4).T,
}
PLAIN: dict[str, Maker] = {
    "$pair": lambda: (4, 3),
    "$small_pair": lambda: (3, 3),
    "$triple": lambda: [0.5, 0.4, 0.6],
    "$numbers": lambda: [3, 1, 2],
    "$floats": lambda: (0.5, 1.5),
    "$box": lambda: [1, 2, 6, 7],
    "$text": lambda: "The quick brown fox. It's 12 o'clock!",
    "$texts": lambda: ["a small dog", "the dog barks at the cat"],
    "$dict": lambda: {"a": 1, "b": 2.5},
    "$double": lambda: double,
    "$sum": lambda: add,
    "$relu": lambda: torch.relu,
    "$file": io.BytesIO,
    "$new_file": lambda: "new.file",
    "$generator": lambda: torch.Generator().manual_seed(11),
    "$dtype": lambda: torch.float64,
    "$np_dtype": lambda: np.float32,
    "$cpu": lambda: torch.device("cpu"),
    "$net": _net,
    "$linear": lambda: _net()[0],
    "$conv": make_convolution,
    "$parameters": lambda: [*_net().parameters()],
    "$optimizer": _optimizer,
    "$adam": lambda: _optimizer(torch.optim.Adam),
    "$dataset": lambda: torch.utils.data.TensorDataset(_rand(6, 3), torch.arange(6)),
    "$normal": lambda: torch.distributions.Normal(_rand(3), _rand(3).abs() + 0.5),
    "$normal2": lambda: torch.distributions.Normal(torch.zeros(3), torch.ones(3) * 2),
    "$categorical": lambda: torch.distributions.Categorical(logits=_rand(4, 3)),
    "$affine": lambda: torch.distributions.AffineTransform(0.5, 2.0),
}


def _of(module: str, make: Callable[[Any], Any]) -> Maker:
    """Return the maker of a value that needs a module."""
    return lambda: make(importlib.import_module(module))


def _boxes(tv: Any, form: str) -> Any:
    return tv.BoundingBoxes(TENSORS["$boxes"](), format=form, canvas_size=(16, 12))


def _env(gym: Any, name: str) -> Any:
    env = gym.make(name)
    env.reset(seed=SEED)
    env.action_space.seed(SEED)
    return env


def _bert(transformers: Any, kind: str = "BertModel") -> Any:
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    set_seeds()
    config = transformers.BertConfig(vocab_size=40, intermediate_size=16, **sizes)
    return getattr(transformers, kind)(config).eval()


def make_gpt(transformers: Any) -> Any:
    """Return a small model that writes."""
    set_seeds()
    config = transformers.GPT2Config(
        vocab_size=40, n_embd=8, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2, n_positions=64
    )
    return transformers.GPT2LMHeadModel(config).eval()


WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz.!'",
    "the",
    "dog",
]


def _tokenizer(tokenizers: Any) -> Any:
    places = {word: place for place, word in enumerate([*WORDS, "##og", "##he", "##at"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(places, unk_token=WORDS[1]))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    pair = "[CLS] $A [SEP] $B:1 [SEP]:1"
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    shape = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", pair, ends)
    made.post_processor = shape
    made.decoder = tokenizers.decoders.WordPiece()
    return made


def make_fast_tokenizer(transformers: Any) -> Any:
    """Return a tokenizer of transformers with a few words."""
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    inner = _tokenizer(importlib.import_module("tokenizers"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def _rows(pandas: Any) -> Any:
    columns = {
        "key": ["b", "a", "b", "c", "a", "b"],
        "value": [1.5, None, 3.0, 4.5, 5.0, 2.5],
        "count": [3, 1, 4, 1, 5, 9],
        "day": pandas.date_range("2024-01-30", periods=6, freq="D"),
    }
    return pandas.DataFrame(columns)


def _pil(pil: Any, mode: str = "RGB") -> Any:
    return pil.fromarray(_photo()).convert(mode)


LIBRARIES: dict[str, Maker] = {
    "$pil": _of("PIL.Image", _pil),
    "$pil_gray": _of("PIL.Image", functools.partial(_pil, mode="L")),
    "$pil_palette": _of("PIL.Image", functools.partial(_pil, mode="P")),
    "$pil_binary": _of("PIL.Image", functools.partial(_pil, mode="1")),
    "$pil_float": _of("PIL.Image", functools.partial(_pil, mode="F")),
    "$pil_gray_alpha": _of("PIL.Image", functools.partial(_pil, mode="LA")),
    "$pil_alpha": _of("PIL.Image", functools.partial(_pil, mode="RGBA")),
    "$draw": _of(
        "PIL.ImageDraw", lambda draw: draw.Draw(_pil(importlib.import_module("PIL.Image")))
    ),
    "$tv_boxes": _of("torchvision.tv_tensors", functools.partial(_boxes, form="XYXY")),
    "$tv_boxes_with_sizes": _of("torchvision.tv_tensors", functools.partial(_boxes, form="XYWH")),
    "$tv_boxes_with_centres": _of(
        "torchvision.tv_tensors", functools.partial(_boxes, form="CXCYWH")
    ),
    "$tv_image": _of("torchvision.tv_tensors", lambda tv: tv.Image(TENSORS["$byte_picture"]())),
    "$tv_mask": _of(
        "torchvision.tv_tensors", lambda tv: tv.Mask(TENSORS["$byte_picture"]()[:1] > 90)
    ),
    "$cartpole": _of("gymnasium", lambda gym: _env(gym, "CartPole-v1")),
    "$pendulum": _of("gymnasium", lambda gym: _env(gym, "Pendulum-v1")),
    "$lake": _of("gymnasium", lambda gym: _env(gym, "FrozenLake-v1")),
    "$taxi": _of("gymnasium", lambda gym: _env(gym, "Taxi-v3")),
    "$blackjack": _of("gymnasium", lambda gym: _env(gym, "Blackjack-v1")),
    "$mountain": _of("gymnasium", lambda gym: _env(gym, "MountainCar-v0")),
    "$box_space": _of("gymnasium.spaces", lambda spaces: spaces.Box(-1, 2, (3,), seed=SEED)),
    "$discrete": _of("gymnasium.spaces", lambda spaces: spaces.Discrete(4, seed=SEED)),
    "$dict_space": _of(
        "gymnasium.spaces",
        lambda spaces: spaces.Dict(a=spaces.Discrete(4), b=spaces.Box(0, 1, (2,)), seed=SEED),
    ),
    "$vector_env": _of("gymnasium", lambda gym: gym.make_vec("CartPole-v1", 2, "sync")),
    "$vec_env": _of(
        "stable_baselines3.common.env_util", lambda util: util.make_vec_env("CartPole-v1", 2, SEED)
    ),
    "$pendulums": _of(
        "stable_baselines3.common.env_util", lambda util: util.make_vec_env("Pendulum-v1", 2, SEED)
    ),
    "$bert": _of("transformers", _bert),
    "$bert_classes": _of(
        "transformers", functools.partial(_bert, kind="BertForSequenceClassification")
    ),
    "$gpt": _of("transformers", make_gpt),
    "$bert_config": _of("transformers", lambda hf: _bert(hf).config),
    "$generation": _of("transformers", lambda hf: hf.GenerationConfig(max_new_tokens=4)),
    "$fast": _of("transformers", make_fast_tokenizer),
    "$tokenizer": _of("tokenizers", _tokenizer),
    "$encoding": _of("tokenizers", lambda tk: _tokenizer(tk).encode("the dog", "a cat sat")),
    "$normalized": _of("tokenizers", lambda tk: tk.NormalizedString("Thé dog  barks")),
    "$pre_tokenized": _of("tokenizers", lambda tk: tk.PreTokenizedString("The dog barks")),
    "$features": _of(
        "transformers", lambda hf: [{"input_ids": [2, 6, 3]}, {"input_ids": [2, 7, 8, 9, 3]}]
    ),
    "$token_ids": _of("transformers", lambda hf: torch.tensor([[5, 9, 7, 5], [8, 6, 9, 4]])),
    "$scores": _of("transformers", lambda hf: torch.log_softmax(_rand(2, 40) * 3, -1)),
    "$frame": _of("pandas", _rows),
    "$series": _of("pandas", lambda pd: _rows(pd)["value"]),
    "$text_series": _of("pandas", lambda pd: _rows(pd)["key"]),
    "$day_series": _of("pandas", lambda pd: _rows(pd)["day"]),
    "$index": _of("pandas", lambda pd: pd.Index([3, 1, 4, 1])),
    "$groups": _of("pandas", lambda pd: _rows(pd).groupby("key")),
    "$window": _of("pandas", lambda pd: _rows(pd)["value"].rolling(2)),
    "$sparse": _of("scipy.sparse", lambda sparse: sparse.csr_array(np.round(_array(4, 4)))),
    "$kept_boxes": lambda: [[1, 2, 6, 7, 0], [2, 0, 7, 5, 1]],
}
DOMAINS = {
    "torch": {**TENSORS, **PLAIN},
    "torchvision": {**TENSORS, **PLAIN, **ARRAYS},
    "torchaudio": {**TENSORS, **PLAIN},
    "numpy": {**ARRAYS, **PLAIN},
}


@functools.cache
def list_values(package: str) -> dict[str, Maker]:
    """Return the values that the image can make for a package, the most ordinary first."""
    makers = {**DOMAINS.get(package, {**ARRAYS, **TENSORS, **PLAIN})}
    heavy = package not in ("torch", "numpy", "torchaudio")
    for token, make in LIBRARIES.items() if heavy else ():
        with contextlib.suppress(Exception):
            make()
            makers[token] = make
    return makers


@functools.cache
def list_kinds(package: str) -> list[tuple[str, type]]:
    """Return the tokens of a package's values with the classes of the values."""
    return [(token, type(make())) for token, make in list_values(package).items()]


ALL = {**TENSORS, **ARRAYS, **PLAIN, **LIBRARIES}


def make_value(token: str) -> Any:
    """Return a new value of a token. Raises PackageMissing."""
    try:
        return ALL[token]() if token[0] == "$" else ast.literal_eval(token)
    except ModuleNotFoundError as error:
        raise PackageMissing(error.name) from None


def read_tokens(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the tokens of a call, by place and by name."""
    words = [word for word in text.split(",") if word]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    return [word for word in words if "=" not in word], named
