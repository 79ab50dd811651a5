"""Texts of Python that torch.jit compiles: values, loops, classes."""

START = """
import copy, enum, io, pickle, warnings
from typing import Any, Dict, Final, List, NamedTuple, Optional, Tuple, Union
import torch
from torch import nn, Tensor
from torch.jit import script

x = torch.tensor([[1.0, -2, 3], [0, 4, -1]])
def text(f):
    return str(f.graph)
def roundtrip(f):
    kept = io.BytesIO()
    torch.jit.save(f, kept)
    kept.seek(0)
    return torch.jit.load(kept)
"""
"""What is there before each text."""

COMPILED = {
    "values": """
@script
def numbers(a: int, b: float, c: bool = True):
    d = a // 2 + a % 3 - int(b) ** 2
    e = float(d) / 2 if c and not a > 7 or b < 1.5 else -b
    return d, e, a << 1, a & 3 | 8 ^ 1, abs(e), round(b), min(a, 4), max(e, 2.0), divmod(a, 3)
numbers(5, 2.5), numbers(9, 1.0, False), numbers(9, b=0.5), numbers("a", 1.0), numbers(1)
numbers(1, 2), numbers.code, numbers.schema, text(numbers)
@script
def texts(s: str, n: int):
    t = s.upper() + "-" + s[1:3] + s[-1]
    parts: List[str] = []
    for c in s:
        parts.append(c)
    u = ", ".join(parts)
    return t, u, len(s), s.split("b"), s.find("c"), s.replace("a",
        "zz"), "a" in s, "{} is {}".format(n, s), s.strip("a"), s.startswith(
        "ab"), f"{s}:{n}", "%d %s" % (n, s), ord(s[0]), chr(65 + n), str(n), int("4") + n, s == s[
        ::-1], s.isdigit(), s.zfill(6), s == "abc", s.center(9), s.count("a"), s.title()
texts("abcb", 2), texts("", 1), texts.code
@script
def lists(a: List[int], n: int):
    b = [i * 2 for i in a]
    a.append(n)
    a.insert(0, 9)
    a.extend([1, 2])
    c = a.pop()
    a.sort(reverse=True)
    d = a.copy()
    a.reverse()
    del d[0]
    a[1] = 77
    e = [len(str(i)) for i in range(8, 11)]
    return a, b, c, d, e, a.index(9), a.count(1), sum(a), sorted(a), a[::2], [1] * 2 + a[-2:], len(
        a), n in a, a == b, list(range(6, 0, -n)), any([False]), all([True]), min(a), max(a)
lists([3, 1, 2], 2), lists([1], 1), lists([1.5], 1), lists([], 0), lists.code
@script
def dicts(d: Dict[str, int], k: str):
    e = {"z": 1, k: 2}
    d[k] = 5
    d.update(e)
    f = d.pop("z")
    g = d.get("none", 7)
    h = d.setdefault("w", 8)
    keys: List[str] = []
    for key, value in d.items():
        keys.append(key + str(value))
    i = {a: len(a) for a in keys}
    del d["w"]
    return d, f, g, h, keys, list(d.values()), i, k in d, len(d), d.copy(), dict([("a", 1)]), [each
        for each in d]
dicts({"a": 1}, "b"), dicts({}, "z"), dicts({1: 2}, "a"), dicts.code
@script
def maybe(v: Optional[Tensor], n: Optional[int] = None) -> Tensor:
    if v is None:
        return torch.zeros(n if n is not None else 1)
    if n is None:
        n = 3
    assert n != 9, "nine"
    return v + n
maybe(None), maybe(None, 2), maybe(x), maybe(x, 9), maybe(x, 1), maybe(), maybe.code
@script
def either(v: Union[int, str, List[float]]) -> Union[int, float]:
    if isinstance(v, int):
        return v + 1
    elif isinstance(v, str):
        return len(v)
    return v[0]
either(3), either("ab"), either([1.5]), either(None), either.schema
@script
def anything(v: Any):
    if isinstance(v, (int, float)):
        return False
    return torch.jit.isinstance(v, List[str])
anything(3), anything(["a"]), anything([1]), anything(x)
""",
    "flows": """
@script
def loops(n: int):
    made: List[int] = []
    for i in range(n):
        if i == 2:
            continue
        if i > 5:
            break
        made.append(i)
    k = n
    while k > 0 and len(made) < 9:
        k -= 2
        made += [k]
    else_seen = True
    for i, (a, b) in enumerate(zip([1, 2], ["a", "b"])):
        made.append(i + a + len(b))
    for t in (1, 2.5, "s"):
        made.append(len(str(t)))
    for j in range(2, 8, 3):
        made.append(j)
    return made, else_seen
loops(4), loops(9), loops(0), loops.code, text(loops)
@script
def raises(n: int, s: str) -> int:
    if n == 1:
        raise ValueError("one" + s)
    elif n == 2:
        raise RuntimeError
    elif n == 3:
        raise IndexError(f"at {n}")
    assert n != 4, s
    assert n != 5
    return [1, 2][n]
raises(0, ""), raises(1, "!"), raises(2, ""), raises(3, ""), raises(4, "four"), raises(5, "")
raises(7, ""), raises(-9, "")
@script
def early(x: Tensor, n: int):
    if n > 2:
        if x.sum() > 0:
            return x
        y = x * 2
    else:
        y = x - 1
    with torch.no_grad():
        z = y * 2
    x[0], x[1, 1:] = 1.0, x[1, :2] * 2
    x[..., -1] += 3
    y *= 2
    return y.t()[0] if z.dim() == 2 else x
early(x.clone(), 3), early(-x, 3), early(x.clone(), 1), early.code, text(early)
@script
def tuples(a: Tuple[int, str], *, key: int):
    first, second = a
    (b, c), rest = a, 2
    d, e = 1, second
    d, e = d + 1, e + "!"
    return (first, (second, d)), a[0], b, c, rest, key, len(a), a[0:1], None
tuples((1, "a")), tuples((1, "a"), key=4), tuples((1, 2), key=1), tuples.schema
def refuse(source):
    f = {}
    return torch.jit.CompilationUnit(source)
unit = torch.jit.CompilationUnit(
    "def f(a: int) -> int:\\n    return a + 1\\ndef g(a: Tensor):\\n    return f(3) * a\\n")
unit.f(2), unit.g(x), unit.h, unit.define("def h(a):\\n    return a - 1\\n"), unit.h(x), unit.f.code
refuse("def f(a):\\n  return b\\n"), refuse("def f(a: int):\\n  return a.b\\n")
refuse("def f(a) -> int:\\n return a\\n"), refuse("def f(a: Tensor:\\n return a"), refuse("f(3)")
refuse("def f(a):\\n  if a:\\n    b = 1\\n  return b\\n")
@script
def forked(x: Tensor):
    a = torch.jit.fork(doubled, x, n=3)
    b = torch.jit.wait(torch.jit.fork(doubled, x))
    return torch.jit.wait(a) + b
def doubled(x, n: int = 2):
    return x * n
forked(x)
@script
def forked(x: Tensor):
    a = torch.jit.fork(doubled, x, n=3)
    b = torch.jit.wait(torch.jit.fork(doubled, x))
    return torch.jit.wait(a) + b
forked(x), forked.code, text(forked), torch.jit.wait(torch.jit.fork(doubled, x, n=5))
torch.jit.fork(lambda: 1 / 0), torch.jit.fork(torch.add, x, x).value()
f = torch.futures.Future()
f.done(), f.set_result(4), f.done(), f.value(), f.wait(), f.then(lambda g: g.value() + 1).wait()
f.set_result(5), torch.futures.collect_all([f, f]).wait()[0].value(), torch.futures.wait_all([f])
g = torch.futures.Future()
g.set_exception(ValueError("no")), g.wait(), g.value(), torch.futures.wait_all([f, g])
g.set_exception(3), g.add_done_callback(lambda h: 3)
""",
    "kinds": """
@script
class Point:
    def __init__(self, u: int, v: float = 1.5):
        self.u = u
        self.v = v
        self.more: List[int] = []
    def __add__(self, other: "Point") -> "Point":
        return Point(self.u + other.u, self.v)
    def __len__(self) -> int:
        return self.u
    def __contains__(self, n: int) -> bool:
        return n == self.u
    def __getitem__(self, n: int) -> int:
        return self.u * n
    def __str__(self) -> str:
        return "point"
    def __lt__(self, other: "Point") -> bool:
        return self.u < other.u
    @property
    def both(self) -> float:
        return self.u * self.v
    @both.setter
    def both(self, n: float):
        self.v = n
    @staticmethod
    def make(n: int) -> "Point":
        return Point(n)
    def grow(self, n: int):
        self.u += n
        self.more.append(n)
        return self
@script
def use(n: int):
    p = Point(n) + Point(u=2, v=3.0)
    q = p.grow(4).grow(5)
    p.both = 9.0
    points = sorted([p, Point(1)])
    return p.u, p.v, q.more, len(p), 3 in p, p[2], str(p), p.both, Point.make(7).u, p is q, points[
        0].u
use(1), use.code, Point(3).u, Point(1).grow(2).more, (Point(1) + Point(2)).u, Point(1).both
Point("a"), Point.make(3).v
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
@script
def paint(c: Colour, n: int):
    return c == Colour.RED, c.value + n, c.name, [k.name
        for k in Colour], Colour.BLUE if n > 1 else c
paint(Colour.RED, 1), paint(Colour.BLUE, 2), paint(1, 1), paint.code
class Pair(NamedTuple):
    a: Tensor
    b: int = 4
@script
def pairs(p: Pair, n: int):
    q = Pair(p.a + n, b=n)
    r = Pair(p.a)
    a, b = q
    return q, p.b + b, a, r.b, p[0]
pairs(Pair(x), 2), pairs((x, 3), 1), pairs(3, 1), pairs.code
@torch.jit.interface
class Stage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pass
class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2
class Wrong(nn.Module):
    def forward(self, x: int) -> int:
        return x
class Staged(nn.Module):
    stage: Stage
    def __init__(self, made):
        super().__init__()
        self.stage = made
    def forward(self, x: Tensor) -> Tensor:
        return self.stage.forward(x) + 1
s = script(Staged(Twice()))
s(x), s.code, script(Staged(Wrong())), script(Staged(nn.ReLU()))
@script
class Typed:
    n: int
    def __init__(self):
        self.n = 3
class Bad:
    def __init__(self, a):
        self.a = a
        if a:
            self.b = 3
class Child(Twice, int):
    pass
Typed().n, script(Bad), script(Child), script(Colour), script(3), script("a"), script(use) is use
script(Point) is Point
import dataclasses
@script
@dataclasses.dataclass
class Data:
    a: int
    b: float = 2.5
@script
def of_data(n: int):
    return Data(n) == Data(n), Data(n, 1.0).b
of_data(3), Data(2).b
import collections
script([1, 2]).__class__, script({"a": 1}).__class__, [*script([1, 2])], len(script([1]))
2 in script([1]), script([1, 2])[-1], script([1, 2])[5], repr(script([1])), script([1]).append("a")
{**script({"a": 1})}, script({"a": 1})["b"], script({"a": 1}) == {"a": 1}
sorted(script({"a": 1}).items()), script([1, "a"])
""",
}
