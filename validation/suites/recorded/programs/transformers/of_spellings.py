"""Programs with the tokenizers of transformers that are written in Python, on made vocabularies."""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..steps import play_steps, play_sums, tell_sums
from ..telling import attempt

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] [X_SEP] the a quick dog ##s un ##aff ##able , . ! run ##ning é"
)
LETTERS = "<pad> <s> </s> <unk> | E T A O N I H S R <mask> a b c"
MERGES = "#version: 0.2\nt h</w>\nt h\nth e</w>\nd o\ndo g</w>\na n\nan d</w>\n"
PAIRS = (
    "<unk> <s> </s> <pad> th</w> the</w> do dog</w> and</w> t h e d o g a n q@@ t@@ d@@ do@@ th@@"
)

MADE = """
bytes ByT5Tokenizer() ByT5Tokenizer(extra_ids=3)
signs PerceiverTokenizer() PerceiverTokenizer(model_max_length=12)
legacy BertTokenizerLegacy("w.txt") BertTokenizerLegacy("w.txt",do_lower_case=False)
legacy BertTokenizerLegacy("w.txt",do_basic_tokenize=False)
legacy BertTokenizerLegacy("w.txt",strip_accents=False,never_split=["dog"])
prophet ProphetNetTokenizer("w.txt") ProphetNetTokenizer("w.txt",do_lower_case=False)
japan BertJapaneseTokenizer("w.txt",word_tokenizer_type="basic")
japan BertJapaneseTokenizer("w.txt",word_tokenizer_type="basic",subword_tokenizer_type="character")
protein EsmTokenizer("w.txt")
control CTRLTokenizer("pairs.json","merges.txt")
vietnam PhobertTokenizer("pairs.txt","merges.txt")
waves Wav2Vec2CTCTokenizer("letters.json") Wav2Vec2CTCTokenizer("letters.json",do_lower_case=True)
waves Wav2Vec2CTCTokenizer("letters.json",replace_word_delimiter_char="_")
waves Wav2Vec2CTCTokenizer("nested.json",target_lang="one")
chars MgpstrTokenizer("letters.json")
voice VitsTokenizer("letters.json",phonemize=False)
voice VitsTokenizer("letters.json",phonemize=False,add_blank=False,normalize=False)
small BlenderbotSmallTokenizer("pairs.json","merges.txt")
"""

ASKED = """
texts = ['the quick dog, unaffable!', 'A dogs running é', '', 'the  THE\\tdog\\n', 'HER EAT | ON',
    '日本 dog', '<s>the</s>', 'a b c ' * 6]
t = made()
len(t), t.vocab_size, t.is_fast, repr(t)[:200], t.special_tokens_map, t.all_special_ids
t.model_max_length, t.padding_side, t.get_added_vocab(), len(t.get_vocab())
for text in texts:
    out += [tried(t.tokenize, text), tried(t.encode, text),
        tried(lambda: t.encode(text, add_special_tokens=False)),
        tried(lambda: t.convert_tokens_to_ids(t.tokenize(text))),
        tried(lambda: t.decode(t.encode(text))), tried(lambda: t.decode(t.encode(text),
        skip_special_tokens=True)), tried(lambda: t.convert_tokens_to_string(t.tokenize(text)))]
a, b = texts[0], texts[1]
for options in ({}, {'padding': True},
    {'padding': 'max_length', 'max_length': 9, 'truncation': True}, {'truncation': True,
    'max_length': 4}, {'truncation': 'only_first', 'max_length': 5}, {'return_tensors': 'pt',
    'padding': True}, {'return_tensors': 'np', 'padding': True}, {'return_tensors': 'pt'},
    {'return_token_type_ids': True}, {'return_attention_mask': False},
    {'return_special_tokens_mask': True}, {'return_length': True},
    {'return_overflowing_tokens': True, 'truncation': True, 'max_length': 4, 'stride': 1},
    {'return_offsets_mapping': True},
    {'pad_to_multiple_of': 8, 'padding': True}, {'padding_side': 'left', 'padding': True},
    {'padding': 'no'}, {'truncation': 'no'}, {'max_length': 3}, {'padding': 'max_length'},
    {'add_special_tokens': False}, {'is_split_into_words': True}):
    out += [tried(lambda: dict(t([a, b], **options))), tried(lambda: dict(t(a, b, **options))),
        tried(lambda: dict(t(a, **options))), tried(lambda: dict(t([a, b], [b, a], **options))),
        tried(lambda: dict(t([['the', 'dog'], ['a']], is_split_into_words=True, **options)))]
for way in ('longest_first', 'only_first', 'only_second', 'do_not_truncate', 'no'):
    out += [tried(lambda: t.truncate_sequences([1, 2, 3, 4], [5, 6, 7], 3, way, 1)),
        tried(lambda: t.truncate_sequences([1, 2], None, 5, way)),
        tried(lambda: dict(t.prepare_for_model([5, 6, 7, 8], [9, 6], truncation=way,
        max_length=5)))]
t(3), t([3]), t(None), t(a, text_target=b), t.decode([[3, 4], [5]])
t.batch_decode([[3, 4], [5]]), t.decode(5), t.decode(torch.tensor([5, 6])), t.decode([999999])
t.convert_ids_to_tokens([3, 4, 5], skip_special_tokens=True), t.convert_ids_to_tokens(4)
t.convert_tokens_to_ids('the'), t.convert_tokens_to_ids('nothing')
t.decode([3, 4, 5], clean_up_tokenization_spaces=True)
t.decode([5, 6, 7], spaces_between_special_tokens=False)
t.build_inputs_with_special_tokens([3, 4]), t.build_inputs_with_special_tokens([3, 4], [5])
t.create_token_type_ids_from_sequences([3, 4])
t.create_token_type_ids_from_sequences([3, 4], [5]), t.get_special_tokens_mask([3, 4])
t.get_special_tokens_mask([3, 4], [5])
t.get_special_tokens_mask([0, 3, 4], already_has_special_tokens=True)
t.num_special_tokens_to_add(), t.num_special_tokens_to_add(True)
t.pad({'input_ids': [[1, 2], [3]]}), t.prepare_for_tokenization(' a', False)
t.add_tokens(['quick', 'new one'])
t.add_tokens([AddedToken('lone', lstrip=True, rstrip=True, single_word=True), 'quick'])
t.add_special_tokens({'additional_special_tokens': ['<x>', '<y>'], 'bos_token': '<b>'})
t.add_special_tokens({'no': '<z>'}), len(t), t.get_added_vocab()
t.added_tokens_decoder and len(t.added_tokens_decoder)
for text in ('the quick new one', 'a lone dog', 'alone loner', '<x>the<y> dog <b>',
    'THE QUICK <X>'):
    out += [tried(t.tokenize, text), tried(t.encode, text),
        tried(lambda: t.decode(t.encode(text))), tried(lambda: t.decode(t.encode(text),
        skip_special_tokens=True)), tried(lambda: t.tokenize(text, split_special_tokens=True))]
t.save_pretrained('kept') and 1, sorted(os.listdir('kept')) if os.path.isdir('kept') else 0
loaded = tried(lambda: type(t).from_pretrained('kept'))
tried(lambda: [len(loaded), loaded.encode('the quick <x> new one dog'), loaded.special_tokens_map,
    loaded.get_added_vocab()]), tried(lambda: t.save_vocabulary('kept',
    'pre') and 1), tried(lambda: t.save_vocabulary('none') and 1)
t.pad_token = '<q>'
t.pad_token, t.pad_token_id, t.sanitize_special_tokens(), t.unk_token_id, t.cls_token
t.mask_token_id
for name in ('set_target_lang', 'convert_ids_to_string', 'word_delimiter_token_id',
    'char_tokenize', 'normalize_text', 'prepare_for_tokenization', 'basic_tokenizer',
    'decode_with_offsets'):
    out.append(hasattr(t, name))
tried(lambda: t.decode([4, 5, 5, 6, 4, 4, 7], output_char_offsets=True,
    output_word_offsets=True)), tried(lambda: t.decode([4, 5, 5, 6],
    group_tokens=False)), tried(lambda: t.batch_decode([[4, 5, 5], [6]],
    output_word_offsets=True)), tried(lambda: t.set_target_lang('two'))
tried(lambda: t.set_target_lang('no')), tried(lambda: t.encode('HER A'))
tried(lambda: t.word_delimiter_token), tried(lambda: t.normalize_text('A Dog 3'))
"""

TRIED = """
from transformers import tokenization_python as p
trie = p.Trie(('abc', 'ab'))
for word in ('[CLS]', 'extra_id_1', 'extra_id_100', 'a', ''):
    trie.add(word)
for text in ('[CLS] This is extra_id_100', 'abcab', 'xaby', '', 'extra_id_10', 'a[CLS]b'):
    out.append(trie.split(text))
sorted(trie._tokens), trie.cut_text('abcdef', [0, 2, 4]), trie.cut_text('abcdef', [3, 1])
trie.update('zz', ['q']) if 0 else trie.add('zz'), trie.split('azzb')
more = p.ExtensionsTrie(('abc', 'abd', 'b'))
more.add('abcd'), sorted(more.extensions('ab')), more.extensions('z')
sorted(more.extensions('')), [p._is_whitespace(c) for c in ' \\t\\nx\\u00a0']
[p._is_control(c) for c in '\\x00\\tA'], [p._is_punctuation(c) for c in '!a$.\\u2014']
p._is_end_of_word('a.'), p._is_start_of_word('.a'), p._is_end_of_word('ab')
held = ['a', 'c']
p._insert_one_token_to_ordered_list(held, 'b'), held
p._insert_one_token_to_ordered_list(held, 'b'), held
import enum, dataclasses, typing
from transformers import HfArgumentParser
from transformers.hf_argparser import HfArg, string_to_bool, make_choice_type_function
class Colour(enum.Enum):
    red = 'r'
    two = 2
class Given:
    __module__ = 'builtins'
    foo: int
    bar: float = 0.5
    flag: bool = False
    on: bool = True
    maybe: typing.Optional[int] = None
    many: list[int] = dataclasses.field(default_factory=lambda: [1])
    kind: typing.Literal['a', 'b', 3] = 'a'
    colour: Colour = 'r'
    word: str = dataclasses.field(default='w',
        metadata={'help': 'A word', 'aliases': ['--short']})
    either: typing.Optional[bool] = None
Given = dataclasses.dataclass(Given)
class Other:
    __module__ = 'builtins'
    name: str = HfArg(default='n', aliases=['-n'], help='x')
    texts: typing.Optional[list[str]] = None
Other = dataclasses.dataclass(Other)
parser = HfArgumentParser([Given, Other])
for words in ('--foo 3', '--foo 3 --bar 2 --flag --no_on --maybe 4',
    '--foo 3 --many 1 2 3 --kind b --colour 2', '--foo 3 --kind 3 --short q -n z --texts a b',
    '--foo 3 --flag false --on no --either yes', '--foo x', '', '--foo 3 --kind z',
    '--foo 3 --flag what', '--foo 3 --unknown 5'):
    for more in ({}, {'return_remaining_strings': True}, {'look_for_args_file': False}):
        try:
            out.append(str(parser.parse_args_into_dataclasses(words.split(), **more)))
        except BaseException as error:
            out.append(type(error).__name__)
open('a.json', 'w').write('{"foo": 5, "name": "j"}')
open('bad.json', 'w').write('{"foo": 5, "no": 1}'), open('a.args', 'w').write('--foo 9 --bar 7')
parser.parse_json_file('a.json'), parser.parse_json_file('bad.json')
parser.parse_json_file('bad.json', True), parser.parse_dict({'foo': 3})
parser.parse_dict({'foo': 3, 'x': 1}), parser.parse_dict({'foo': 3, 'x': 1}, True)
parser.parse_yaml_file('a.json')
parser.parse_args_into_dataclasses(['--foo', '1'], args_filename='a.args')
parser.parse_args_into_dataclasses(['--cfg', 'a.args', '--bar', '1'], args_file_flag='--cfg')
[tried(string_to_bool, each) for each in ('yes', 'TRUE', '1', 'n', 'f', '0', 'what', True)]
make_choice_type_function(['a', 3])('3'), make_choice_type_function(['a', 3])('q')
from transformers.utils import generic as g
class Out(g.ModelOutput):
    __module__ = 'builtins'
    loss: typing.Any = None
    logits: typing.Any = None
Out = dataclasses.dataclass(Out)
o = Out(logits=torch.ones(2))
o.keys(), o[0], o['logits'], o.to_tuple(), o.loss, Out({'loss': 1, 'logits': 2})
Out((('loss', 3),)), Out([('loss', 3), 4]), Out(3), o.pop('logits'), o.update({})
o.setdefault('a'), o.__delitem__('logits'), copy.deepcopy(o)['logits']
pickle.loads(pickle.dumps(g.flatten_dict({'a': {'b': 1}, 'c': 2})))
g.flatten_dict({'a': {'b': 1}}, 'x', '_')
o.loss = 5
o['logits'] = 3
o.to_tuple(), [*o.items()], g.to_py_obj({'a': torch.ones(2), 'b': [np.ones(1), np.float32(2)]})
g.to_numpy({'a': torch.ones(2)}), g.to_numpy([1, 2])
[g.is_tensor(each) for each in (torch.ones(1), np.ones(1), 3)]
g.transpose(np.ones((2, 3))).shape, g.transpose(torch.ones(2, 3), (1, 0)).shape
g.reshape(torch.ones(4), (2, 2)).shape, g.squeeze(np.ones((1, 2)), 0).shape
g.expand_dims(torch.ones(2), 0).shape, g.tensor_size(np.ones((2, 2)))
g.tensor_size(torch.ones(3)), g.transpose('a'), g.reshape('a', 1), g.squeeze('a')
g.expand_dims('a', 0), g.tensor_size(3)
g.PaddingStrategy('longest').value, g.PaddingStrategy('no'), g.TensorType('pt').name
g.infer_framework_from_repr(torch.ones(1)), g.infer_framework_from_repr(np.ones(1))
g.torch_int(2.7), g.torch_float(3), [tried(g.strtobool, each) for each in ('y', 'off', 'what')]
"""


def make_vocabularies() -> None:
    """Write the vocabularies into the current folder."""
    Path("w.txt").write_text("\n".join(WORDS.split()) + "\n")
    Path("merges.txt").write_text(MERGES)
    letters = {word: place for place, word in enumerate(LETTERS.split())}
    Path("letters.json").write_text(json.dumps(letters))
    Path("nested.json").write_text(
        json.dumps({"one": letters, "two": dict(reversed(letters.items()))})
    )
    pairs = {word: place for place, word in enumerate(PAIRS.split())}
    Path("pairs.json").write_text(json.dumps(pairs))
    Path("pairs.txt").write_text("".join(f"{word} 1\n" for word in pairs))


def spell(kind: str) -> list[Any]:
    """Return what each tokenizer of a kind makes of texts, also after it is changed and kept."""
    pool.set_seeds()
    library = importlib.import_module("transformers")
    make_vocabularies()
    names: dict[str, Any] = {"torch": torch, "np": np, "AddedToken": library.AddedToken}
    names |= {each: importlib.import_module(each) for each in ("os", "copy", "pickle", "json")}
    out: list[Any] = []
    if kind == "tried":
        return play_sums(TRIED, **names)
    lines = (line.split(" ") for line in MADE.splitlines())
    for text in (each for words in lines if words[0] == kind for each in words[1:]):
        known = {text.split("(")[0]: attempt(getattr, library, text.split("(")[0])}
        names["made"] = functools.partial(eval, text, known)  # all texts are our own
        out += [text, tell_sums(play_steps(ASKED, out=out, tried=attempt, **names))]
    return [tell_sums(out)]


def list_kinds() -> list[str]:
    """Return the kinds of tokenizers, and what they share."""
    return [*(line.split(" ")[0] for line in MADE.splitlines() if line), "tried"]


OF_SPELLINGS = (Family(spell, list_kinds, lambda _: None),)
