"""Find calls of a function or class that give something, by trying the values of the pool.

The most promising come first: values that suit the type or the name of a parameter, and values that
a parameter of this name took before.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import itertools
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import calls, pool, surface
from .executed_lines import Executed, Lines
from .programs.families import Family

HINTS = (
    (r"bool", r"True|False"),
    (r"\bint\b", r"-?\d+$"),
    (r"float", r"\d\.\d|\$scalar"),
    (r"\bstr\b", r"'.*'|\$text|\$new_file"),
    (
        r"tensor",
        r"\$(x|vector|square|pict|classes|seq|unit|ints|boxes|wave|byte|unlike|transposed|half|none_here|bad)",
    ),
    (r"ndarray|array", r"\$.*(array|line|photo|gray|fortran|records|cube|second|endian|upright)"),
    (r"image", r"\$(pil|photo|byte_picture|pictures)"),
    (r"callable", r"\$(double|sum|relu)"),
    (r"sequence|tuple|list|iterable|size", r"\$(pair|small_pair|triple|numbers|floats|many)"),
    (r"module", r"\$(net|linear|conv)"),
)
"""Words of a type, and the values that suit it."""

NAMES = (
    (
        r"^(in|out|num|n|max|min|k)_|size|dim$|axis|channels|features|stride|groups|degree|^[nkmN]$",
        r"\d$",
    ),
    (
        r"^(p|prob\w*|alpha|beta|eps|lr|gamma|momentum|factor|std|rate|ratio|temperature)$",
        r"\d\.\d",
    ),
    (r"target|label|class", r"\$(classes|x2|int_line)"),
    (r"shape|size|kernel", r"\$(pair|small_pair)"),
    (r"^(fn|func|function|key|f|lr_lambda)$", r"\$(double|sum)"),
    (r"file|path", r"\$(new_file|file)"),
    (r"img|image|inpt|pic", r"\$(pictures|pil|photo|byte_picture)"),
    (r"dataset|data_source", r"\$dataset"),
    (r"env", r"\$(cartpole|pendulum|lake|vec_env|vector_env)"),
    (r"space", r"\$(box_space|discrete|dict_space)"),
    (r"optimizer", r"\$(optimizer|adam)"),
    (r"model|module|net", r"\$(net|linear|gpt|bert)"),
    (r"boxes|bbox", r"\$(boxes|tv_boxes)"),
    (r"dtype", r"\$(dtype|np_dtype)"),
    (r"input_ids", r"\$token_ids"),
    (r"scores|logits", r"\$(scores|x)"),
    (r"token|text", r"\$(text|texts|fast)"),
    (r"tokenizer", r"\$(fast|tokenizer)"),
    (r"config", r"\$(generation|bert_config)"),
    (r"distribution|^p$|^q$", r"\$(normal|normal2|categorical)"),
)
WIDTHS = {0: 1, 1: 200, 2: 18, 3: 7, 4: 4}
"""How many values of each parameter are tried, by the number of parameters."""

QUOTE = "'"
MAX_TRIES = 260
CALL_S = 1
MAX_S = 0.06
"""Of one call that is kept: the check makes thousands."""

MAX_SCENARIO_S = 1.0
TOTAL_S = 0.7
METHOD_S = 0.25
KEPT = 3
MAX_NEW = 6
"""Calls that are kept besides because they execute lines that no other one does."""

MAX_VALUES = 8
MAX_OPTIONS = 40
MAX_OBJECT_OPTIONS = 10
MAX_PAIRS = 3
FEW_TRIES = 12
FEW_WORDS = 12
IN_VAIN = 40
"""Calls that execute nothing new before a search gives up."""


Taken = dict[str, dict[str, int]]


@dataclass
class Learned:
    """How often a parameter of a name took a value, and which lines were executed.

    `report` gets each call that is found, with its new lines, at once: a search may end badly.
    """

    executed: Executed
    report: Callable[[str, Lines], None] = print
    taken: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, taken: Taken) -> None:
        """Add what was learned elsewhere, from this."""
        for name, values in taken.items():
            self.taken[name] |= Counter(values)


@dataclass(frozen=True)
class Parameters:
    """The parameters that a call needs, as (name, type), and the defaults of the others.

    `types` are those of the others, and `words` the short texts that the code and its description
    have: names of modes and the like.
    """

    needed: tuple[tuple[str, str], ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """The parts of a call before and after the values that are tried."""

    before: str = ""
    after: str = ""

    def fill(self, text: str) -> str:
        """Return a whole call."""
        return f"{self.before}{text}{self.after}"


PLAIN = Frame()


class TooSlow(BaseException):
    """A call that goes on for too long; it is no error that a library may catch."""


@contextlib.contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Leave the block, without an error, after so many seconds."""

    def leave(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.suppress(TooSlow):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@dataclass
class Search:
    """One search: what is called, of which package, and until which time of the processor.

    `max_s` is the time of the processor for one call: what waits is ended by the alarm of the
    process.
    """

    package: str
    called: Any
    learned: Learned
    ends: float
    max_s: float = MAX_S
    found: dict[str, str] = field(default_factory=dict)

    def play(self, text: str) -> str:
        """Return what a call gives.

        Empty if it is refused, takes too long, or changes the process.
        """
        begun = time.process_time()
        with calls.guard_process() as has_changed, limit_time(CALL_S):
            given = calls.play_call(self.called, text)
            if has_changed() or time.process_time() - begun > self.max_s:
                return ""
            return "" if given[:1] == "!" else given
        return ""

    def list_new_lines(self, text: str) -> Lines:
        """Return the lines that a call executes and no call that is kept does."""
        with self.learned.executed.trace() as new, calls.guard_process(), limit_time(CALL_S * 3):
            calls.play_call(self.called, text)
        return {file: sorted(lines) for file, lines in new.items() if lines}

    def keep(self, text: str, given: str, new: Lines | None = None) -> None:
        """Record a call; `new` are the lines that it executes first, if they are known."""
        if text not in self.found:
            self.found[text] = given
            new = self.list_new_lines(text) if new is None else new
            self.learned.executed.add(new)
            self.learned.report(text, new)

    def keep_known(self, texts: list[str]) -> None:
        """Record calls that were found before, if they still give something."""
        for text in texts:
            given = self.play(text)
            if given:
                self.keep(text, given)

    def is_over(self) -> bool:
        """Return whether its time is used."""
        return time.process_time() > self.ends

    def rank(self, name: str, kind: str, words: Sequence[str] = ()) -> list[str]:
        """Return the values for a parameter, the most promising first."""
        name = name.rstrip("=")
        fitting = [v for k, v in HINTS if kind and re.search(k, kind, re.IGNORECASE)]
        fitting += [v for k, v in NAMES if re.search(k, name)]
        if not fitting:
            fitting = [r"\$"]
        named = [f"'{each}'" for each in re.findall(r"'([\w.-]+)'", kind)]  # of typing.Literal
        is_text = "str" in kind or not kind
        values = [*named, *pool.CONSTANTS, *pool.list_values(self.package)]
        values += words if is_text else ()

        def score(value: str) -> int:
            suits = sum(bool(re.match(each, value)) for each in fitting)
            suits += 2 * (value in named) + (is_text and value in words)
            return -4 * min(self.learned.taken[name][value], 3) - 3 * suits

        return sorted(dict.fromkeys(values), key=score)

    def list_combinations(self, parameters: Parameters, most: int) -> Iterator[str]:
        """Yield the values of calls, by the sum of their ranks."""
        ranked = [self.rank(*each, parameters.words) for each in parameters.needed]
        width = WIDTHS.get(len(ranked), 3)
        places = itertools.product(*(range(min(width, len(each))) for each in ranked))
        for chosen in itertools.islice(sorted(places, key=sum), most):
            words = []
            for (name, _), ranks, place in zip(parameters.needed, ranked, chosen, strict=True):
                words.append(f"{name}{ranks[place]}" if name.endswith("=") else ranks[place])
            yield ",".join(words)

    def learn(self, parameters: Parameters, text: str) -> None:
        """Note which values the parameters took."""
        for (name, _), word in zip(parameters.needed, text.split(","), strict=False):
            self.learned.taken[name.rstrip("=")][word.partition("=")[2] or word] += 1

    def list_options(self, parameters: Parameters) -> dict[str, list[str]]:
        """Return other values for each option, by its default."""
        options = [*parameters.others.items()][:MAX_OPTIONS]
        return {
            name: self._list_values(name, default, parameters)[:MAX_VALUES]
            for name, default in options
        }

    def _list_values(self, name: str, default: Any, parameters: Parameters) -> list[str]:
        if default is ...:  # a docstring names it
            return ["True", "2", "0.5", "False", "$pair"]
        if isinstance(default, bool | int | float | enum.Enum):
            return list_other_values(default)
        if isinstance(default, str):
            return [each for each in parameters.words if each != repr(default)]
        return self.rank(name, parameters.types.get(name, ""), parameters.words[:FEW_WORDS])


def list_other_values(default: float | enum.Enum) -> list[str]:
    """Return other values than a default."""
    if isinstance(default, enum.Enum):
        plain = [each.value for each in type(default) if isinstance(each.value, int | str)]
        return [*map(repr, plain), "0", "1", "2", "3"]
    if isinstance(default, bool):
        return [str(not default)]
    if isinstance(default, int):
        return [str(default + 1), str(default * 2), "0", "2", "-1"]
    return [repr(default * 0.5 + 0.01), "1.0", "0.5", "2.0"]


def search_calls(package: str, called: Any, known: list[str], learned: Learned) -> None:
    """Record calls of a function or class that give something, the known ones first."""
    search = Search(package, called, learned, 0)
    search.keep_known(known)
    search.ends = time.process_time() + TOTAL_S
    parameters = read_parameters(called)
    if inspect.isclass(called):
        search_class(search, parameters)
    else:
        starts = keep_starts(search, parameters, PLAIN, (KEPT, MAX_TRIES))
        for text in starts[:2]:
            vary(search, PLAIN, text, search.list_options(parameters))


def search_scenario(
    package: str, family: Family, name: str, known: list[str], learned: Learned
) -> None:
    """Record calls of a scenario with a class of its family and its options."""
    called, kind = family.program, family.find(name)
    described = None if isinstance(kind, dict) else kind
    search = Search(package, called, learned, 0, MAX_SCENARIO_S)
    parameters = Parameters((), kind) if isinstance(kind, dict) else Parameters()
    if described:
        parameters = read_parameters(described)
        parameters = replace(parameters, needed=parameters.needed[family.first :])
    shown = name if QUOTE in name or "=" in name else repr(name)
    frame = Frame(f"{shown}," if name else "")
    search.keep_known([each for each in known if f"{each},".startswith(frame.before)])
    search.ends = time.process_time() + family.seconds
    for text in keep_starts(search, parameters, frame, (KEPT, MAX_TRIES))[:1]:
        vary(search, frame, text, search.list_options(parameters))


def read_parameters(called: Any) -> Parameters:
    """Return the parameters of a call; one of any kind if nothing tells them."""
    try:
        needed, others = calls.list_parameters(called)
    except ValueError:
        return Parameters((("x", ""),), words=list_words(called))
    return Parameters(tuple(needed), others, calls.list_types(called), list_words(called))


def find_starts(
    search: Search, parameters: Parameters, frame: Frame, most: tuple[int, int]
) -> dict[str, str]:
    """Return values for what a call needs with their results, which are all different.

    There are so many as `most` says first, or those that so many tries give.
    """
    starts: dict[str, str] = {}
    for text in search.list_combinations(parameters, most[1]):
        if len(starts) >= most[0] or search.is_over():
            break
        given = search.play(frame.fill(text))
        if given and given not in starts.values():
            starts[text] = given
            search.learn(parameters, text)
    return starts


def keep_starts(
    search: Search, parameters: Parameters, frame: Frame, most: tuple[int, int]
) -> list[str]:
    """Record calls with what is needed alone, and return their values.

    There are so many as `most` says first, and then those that execute new lines.
    """
    starts: dict[str, str] = {}
    more = in_vain = 0
    for text in search.list_combinations(parameters, most[1]):
        if search.is_over() or in_vain == IN_VAIN or more == MAX_NEW:
            break
        call = frame.fill(text)
        given = search.play(call)
        is_full = len(starts) >= most[0]
        in_vain += is_full
        if not given or given in starts.values():
            continue
        new = search.list_new_lines(call)
        if is_full and not new:
            continue
        more, in_vain = more + is_full, 0
        starts[text] = given
        search.learn(parameters, text)
        search.keep(call, given, new)
    return [*starts]


def vary(search: Search, frame: Frame, text: str, options: Mapping[str, list[str]]) -> list[str]:
    """Record a call with each option that changes its result, and some pairs of them.

    Return these options with their values.
    """
    plain = search.found.get(frame.fill(text), "")
    effective: list[str] = []
    for name, values in options.items():
        for value in values:
            if search.is_over():
                return effective
            call = frame.fill(join(text, f"{name}={value}"))
            given = search.play(call)
            if given and given != plain:
                search.keep(call, given)
                effective.append(f"{name}={value}")
                break
    for pair in itertools.islice(itertools.combinations(effective, 2), MAX_PAIRS):
        call = frame.fill(join(join(text, pair[0]), pair[1]))
        given = "" if search.is_over() else search.play(call)
        if given:
            search.keep(call, given)
    keep_new(search, [frame.fill(join(text, word)) for word in list_others(options, effective)])
    return effective


def list_others(options: Mapping[str, list[str]], used: list[str]) -> Iterator[str]:
    """Yield the values of options that were not used, one of each option after the other."""
    for values in itertools.zip_longest(
        *([f"{name}={each}" for each in some] for name, some in options.items())
    ):
        yield from (each for each in values if each and each not in used)


def keep_new(search: Search, texts: list[str]) -> None:
    """Record some of the calls that execute new lines."""
    more = in_vain = 0
    for text in texts:
        if search.is_over() or in_vain == IN_VAIN or more == MAX_NEW:
            break
        given, in_vain = search.play(text), in_vain + 1
        new = search.list_new_lines(text) if given else {}
        if new:
            search.keep(text, given, new)
            more, in_vain = more + 1, 0


def join(text: str, word: str) -> str:
    """Return a call with one more value."""
    return f"{text},{word}" if text else word


def list_words(called: Any) -> tuple[str, ...]:
    """Return the short texts in the code and the docstring of what is called."""
    words = re.findall(r"[\"'`]([a-zA-Z][\w.-]{0,20})[\"'`]", getattr(called, "__doc__", "") or "")
    made = getattr(called, "__init__", None)
    code = getattr(called, "__code__", None) or getattr(made, "__code__", None)
    for each in getattr(code, "co_consts", ()):
        words += each if isinstance(each, tuple | frozenset) else [each]
    texts = (each for each in words if isinstance(each, str))
    fitting = [each for each in dict.fromkeys(texts) if re.fullmatch(r"[\w.-]{1,20}", each)]
    return tuple(f"'{each}'" for each in fitting)


def search_class(search: Search, parameters: Parameters) -> None:
    """Record objects of a class and each of its methods."""
    held = [f"={token}" for token in list_held(search)]
    starts = find_starts(search, parameters, PLAIN, (FEW_TRIES, MAX_TRIES))
    for text, given in itertools.islice(starts.items(), 2):
        search.keep(text, given)  # the others only serve to call methods
    made = [*starts]
    options = search.list_options(parameters)
    effective = vary(search, PLAIN, made[0], options) if made else []
    # The values that change the object first: they are the most likely to change what it does.
    first = dict(word.split("=", 1) for word in effective)
    options = {name: [first.get(name, ""), *options[name]] for name in [*first, *options]}
    options = {name: [each for each in values if each] for name, values in options.items()}
    for method in surface.list_methods(search.called, search.package, bool(held)):
        search.ends = time.process_time() + (METHOD_S)
        search_method(search, method, [*held, *made], options)


def list_held(search: Search) -> list[str]:
    """Return the values of the pool that are of the class."""
    return [each for each, kind in pool.list_kinds(search.package) if kind is search.called]


def search_method(
    search: Search, method: str, texts: list[str], options: Mapping[str, list[str]]
) -> None:
    """Record calls of a method on objects of the class, made with and without options."""
    member = getattr(search.called, method)
    target = getattr(search.called, "forward", member) if method == "__call__" else member
    parameters = read_parameters(target) if callable(member) else Parameters()
    if parameters.needed and parameters.needed[0][0] in ("self", "cls"):
        parameters = replace(parameters, needed=parameters.needed[1:])
    most = KEPT if method in surface.PRINCIPAL else 1
    used = 0
    start = None
    # A few values for each object before many for the first one.
    for tries, text in itertools.product((FEW_TRIES, MAX_TRIES), texts):
        if used >= (2 if tries == FEW_TRIES else 1) or search.is_over():
            break
        frame = Frame(f"{text}:{method}:")
        for start in keep_starts(search, parameters, frame, (most, tries))[:1]:
            vary(search, frame, start, search.list_options(parameters))
            if not used and text[:1] != "=":
                few = dict(itertools.islice(options.items(), MAX_OBJECT_OPTIONS))
                vary(search, Frame("", f":{method}:{start}"), text, few)
            used += 1
    if start is not None:
        keep_new(search, [f"{text}:{method}:{start}" for text in texts])
