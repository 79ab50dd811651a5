"""Texts of Python that torch.jit refuses, leaves to Python, or chooses among."""

CHOSEN = {
    "refused": """
def refused(*functions):
    told = []
    for f in functions:
        try:
            told.append(script(f).code)
        except Exception as error:
            told.append(str(type(error).__name__) + " " + "|".join(l
                for l in str(error).splitlines() if "File" not in l))
    return told
def a(x): return [*x]
def b(x): yield x
def c(x, *more): return x
def d(x, **more): return x
def e(x): return {1, 2}
def f(x): return lambda y: y
def g(x):
    try:
        return x
    except ValueError:
        return x
def h(x):
    global y
    return x
def i(x): return x.none(3)
def j(x: int): return x + "a"
def k(x):
    if x.sum() > 0:
        return 1
    return "a"
def l(x): return unknown(x)
def m(x): return [1, "a"]
def n(x): return x if x else None
def o(x: "None_such"): return x
def p(x):
    def inner(y): return y
    return inner(x)
def q(x):
    for v in x: y = v
    return y
def r(x): return torch.add(x, foo=1)
def s(x): return torch.zeros(2, 3, dtype=torch.float64).to(x) + torch.ones([2, 3], device="cpu")
def t(x: List): return x
def u(x): return x @ x.t() ** 2 if x.shape[0] == 2 and not x.requires_grad else x[None, :, ::2]
def v(x: Tensor, y=[1]): return x
def w(x):
    import math
    return x
def z(x): return print(x, sep="")
def aa(x: Tensor = 3): return x
def bb(x, /, y, *, z: int = 1): return x + y * z
def cc(x): return super().forward(x)
def dd(x): return x.size(0) if hasattr(x, "size") else getattr(x, "none", 3)
def ee(x): assert isinstance(x, str); return x
def ff(x): x.a = 3; return x
def gg(x): del x; return x
def hh(x): return 1 < x < 2
def ii(x):
    # type: (int) -> int
    return x + 1
def jj(a,  # type: int
       b=2.5,  # type: float
       ):
    # type: (...) -> Tuple[float, int]
    return b + a, a
def kk(x):
    # type: (int, int) -> int
    return x
def ll(x): return nn.functional.relu(x) + F_missing
def mm(x):
    with open("a"): return x
async def nn_(x): return x
def oo(x): return torch.jit.annotate(List[int], []), torch.jit.annotate(Optional[int],
    3), torch.jit.annotate(int, "a")
def pp(x: Tuple[int, ...]): return x
def qq(x: Dict[Tensor, List[int]]): return x
def rr(x):
    while True:
        x = x + 1
        if x.sum() > 9: break
    return x
def ss(x: complex): return x.real, x * 2j, abs(x), complex(1, 2)
def tt(d: torch.device, t: torch.dtype, g: torch.Generator): return d.type, torch.ones(2, dtype=t,
    device=d)
refused(a, b, c, d, e, f, g, h), refused(i, j, k, l, m, n, o, p, q), refused(r, s, t, u, v, w, z)
refused(aa, bb, cc, dd, ee, ff, gg), refused(hh, ii, jj, kk, ll, mm, nn_)
refused(oo, pp, qq, rr, ss, tt)
refused(len, torch.relu, nn.functional.softmax, lambda x: x + 1, 3, print, x.add, refused, nn.ReLU)
""",
    "overloads": """
@torch.jit.ignore
def python_only(x: Tensor, n: int) -> Tensor:
    return torch.from_numpy(x.numpy() * n)
@torch.jit.ignore(drop=True)
def dropped(x: Tensor) -> Tensor:
    return x + 100
@torch.jit.unused
def unused(x: Tensor) -> Tensor:
    return x + {1}
@script
def calls(x: Tensor, n: int):
    if n == 1:
        return python_only(x, 3)
    elif n == 2:
        return dropped(x)
    elif n == 3:
        return unused(x)
    if torch.jit.is_scripting():
        return x
    return unused(x)
calls(x, 0), calls(x, 1), calls(x, 2), calls(x, 3), calls.code, torch.jit.is_scripting()
torch.jit.is_tracing(), roundtrip(calls)
@torch.jit._overload
def over(x: int) -> int: ...
@torch.jit._overload
def over(x: str, y: int = 3) -> str: ...
def over(x, y: int = 3):
    return x + x
@script
def both(n: int):
    return over(n), over("ab")
both(4), both.code
@torch.jit.script_if_tracing
def branch(x):
    if x.sum() > 0:
        return x * 2
    return x
t = torch.jit.trace(lambda x: branch(x) + 1, x)
t(x), t(-x), branch(x)
@script
def recursive(n: int) -> int:
    return 1 if n < 2 else n * recursive(n - 1)
def helper(x, n: int):
    return x + n
def outer(x):
    return helper(x, 2) * 3 + sum_of([1.5, 2.5])
def sum_of(v: List[float]) -> float:
    return v[0] + v[1]
o = script(outer)
o(x), o.code, o.name, o.qualified_name, o.inlined_graph.__class__, len([*o.graph.nodes()])
script(helper)(x, 3), script(helper)(x), o.schema, repr(o), copy.copy(o) is o
o.graph_for(x).__class__, o.save("f.pt"), torch.jit.load("f.pt")(x), pickle.dumps(o)
with torch.jit.optimized_execution(False):
    o(x)
with torch.jit.fuser("fuser0"):
    o(x)
with torch.jit.fuser("none"):
    o(x)
torch.jit.set_fusion_strategy([("STATIC", 2), ("DYNAMIC", 10)])
torch.jit.enable_onednn_fusion(False), torch.jit.onednn_fusion_enabled()
torch.jit.export_opnames(script(nn.Linear(2, 2)))
torch.jit.last_executed_optimized_graph().__class__
from torch.jit.frontend import (get_jit_def, get_default_args, get_jit_class_def,
    get_class_properties)
get_default_args(calls), get_default_args(over), get_default_args(None)
str(get_jit_def(helper, "helper")), str(get_jit_def(helper, "other", self_name="H"))
str(get_jit_class_def(type("Q", (), {}), "Q"))
from torch.jit import annotations as an
an.get_signature(helper, None, None, False), an.get_signature(over, None, None, False)
an.try_ann_to_type(List[int], None), an.try_ann_to_type(Optional[Dict[str, Tensor]], None)
an.try_ann_to_type(Tuple[int, str], None), an.try_ann_to_type(Union[int, str], None)
an.try_ann_to_type(torch.device, None), an.try_ann_to_type(object, None)
an.try_ann_to_type(None, None), an.ann_to_type(3, None), an.try_ann_to_type(torch.dtype, None)
an.try_ann_to_type(enum.Enum, None), an.try_ann_to_type(torch.Generator, None)
an.try_ann_to_type(complex, None), an.try_ann_to_type(Any, None)
an.try_ann_to_type(torch.jit.Future[int], None)
an.is_function_or_method(helper), an.is_vararg(lambda *a: a), an.get_param_names(helper, 2)
an.check_fn(helper, None), an.parse_type_line("# type: (int, str) -> Tensor", None, None)
an.parse_type_line("# type: int", None, None)
an.get_type_line("def f(a):\\n  # type: (int) -> int\\n  pass"), an.get_type_line("def f(a): pass")
an.split_type_line("# type: (int) -> str"), an.try_real_annotations(helper, None)
an.get_enum_value_type(enum.Enum("E", "a b"), None)
an.get_enum_value_type(enum.Enum("E", {"a": 1, "b": "c"}), None), an.is_tensor(Tensor)
an.is_tensor(int)
""",
}
