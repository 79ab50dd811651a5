"""Texts of Python with graphs of operators and with shapes that are symbols."""

MADE = {
    "ways": """
from torch.fx.experimental import proxy_tensor as px
from torch.fx.experimental.proxy_tensor import make_fx
def f(x, n):
    y = x.clone()
    y.add_(n).mul_(x.shape[0])
    return torch.nn.functional.layer_norm(y, [3]) + torch.ones(2, 1), x.size(1)
ways = [make_fx(f, tracing_mode=way)(x, 2) for way in ("real", "fake", "symbolic")]
ways, [w(x * 2, 2) for w in ways], [w(torch.ones(5, 3), 2) for w in ways]
make_fx(f, pre_dispatch=True)(x, 2).code, make_fx(f, tracing_mode="none")(x, 2)
make_fx(f, decomposition_table={torch.ops.aten.native_layer_norm.default:
    torch._decomp.decomposition_table[torch.ops.aten.native_layer_norm.default]})(x, 2).code
make_fx(lambda x: torch.func.grad(lambda a: (a.sin() ** 2).sum())(x))(x).code
make_fx(lambda x: torch.func.vmap(torch.dot)(x, x))(x).code
make_fx(lambda x: torch.func.functionalize(lambda a: a.clone().add_(1))(x))(x).code
make_fx(lambda x: x.sum().item() + 1)(x), make_fx(lambda x: x + 1 if x.sum() > 0 else x)(x).code
make_fx(lambda x: x.nonzero(), tracing_mode="symbolic", _allow_non_fake_inputs=True)(x).code
make_fx(lambda x: x[x > 0], tracing_mode="symbolic")(x)
make_fx(lambda d: {"o": d["a"] + d["b"][1], "l": [d["a"], 3]})({"a": x, "b": (1, x)}).code
make_fx(lambda x: x)(x).code, make_fx(lambda *a: a[0] + a[1])(x, x).code, make_fx(f)(x)
make_fx(3)(x)
make_fx(net)(x).code, make_fx(net)(x)(x), [*make_fx(net)(x).state_dict()]
make_fx(lambda x: x + torch.tensor([1.0, 2, 3]))(x).code
make_fx(lambda x: (x + torch.rand(3), torch.dropout(x, 0.5, True)))(x).code
make_fx(lambda x: x.view(-1).reshape(x.shape[1], x.shape[0]), tracing_mode="symbolic")(x).code
make_fx(lambda x, y: x @ y, tracing_mode="symbolic")(x, x.T).code
make_fx(lambda x: x.new_zeros(x.shape[0] * 2 + 1), tracing_mode="symbolic")(x).code
px.get_isolated_graphmodule(lambda x: x.exp() + 1, (x,), {}).code
px.get_isolated_graphmodule(lambda x: x.exp() + 1, (x,), {}, tracing_mode="symbolic").code
px.get_proxy_mode(), px.get_innermost_proxy_mode()
def inner(x):
    with px.disable_proxy_modes_tracing():
        y = torch.ones(3)
    return x + y, px.get_proxy_mode() is not None
make_fx(inner)(x).code, make_fx(lambda x: make_fx(torch.sin)(x)(x))(x).code
make_fx(lambda x: torch.autograd.grad((x * x).sum(), x))(x.clone().requires_grad_()).code
make_fx(lambda x: torch.ops.aten.split.Tensor(x, 1))(x).code
make_fx(lambda x: x.to(torch.float64).sum(0, keepdim=True).expand(2, 3))(x).code
make_fx(lambda x: torch.where(x > 0, x, 0.0).sort(descending=True))(x).code
make_fx(torch.linalg.norm, record_module_stack=True)(x).code
""",
    "shapes": """
from torch.fx.experimental import symbolic_shapes as ss
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch._dynamo.source import ConstantSource
env = ss.ShapeEnv()
mode = FakeTensorMode(shape_env=env)
t = mode.from_tensor(torch.ones(4, 3, 1), source=ConstantSource("t"),
    symbolic_context=ss.StatelessSymbolicContext(dynamic_sizes=[ss.DimDynamic.DYNAMIC,
    ss.DimDynamic.STATIC, ss.DimDynamic.DYNAMIC]))
a, b, c = t.shape
type(a), str(a), a == 4, b, c == 1, (a * 2 + 1) // 3, a > 10, str(a + b), env.replacements
env.format_guards(), a.node.hint, a.node.maybe_as_int(), bool(a % 2 == 0)
[i.node.hint for i in t.stride()]
str(a / 3), a ** 2 == 16, str(-a), str(abs(a)), str(max(a, 2)), str(min(a, 7))
str(torch.sym_max(a, 9)), str(torch.sym_min(a, 9)), str(torch.sym_not(a == 3))
str(torch.sym_int(a / 2)), str(torch.sym_float(a)), str(torch.sym_ite(a > 2, a, 3)), len(env.guards)
u = env.create_unbacked_symint()
u.node, bool(u > 3), int(u), ss.has_free_symbols(u), ss.free_symbols([a, u])
ss.free_unbacked_symbols(u + a), ss.is_symbolic(u), ss.is_symbolic(3), ss.is_concrete_int(a)
ss.is_concrete_int(3), ss.hint_int(a), ss.hint_int(u, fallback=7), ss.hint_int(u), ss.guard_int(a)
ss.guard_bool(a > 3), ss.expect_true(u > 3)
ss.definitely_true(u > 3) if hasattr(ss, "definitely_true") else 0
ss.guard_size_oblivious(a == 1), torch._check_is_size(u), torch._check(u > 3), bool(u > 2)
ss.statically_known_true(u > 1), ss.statically_known_true(u > 9), ss.statically_known_true(True)
torch._check(u < 9), env.bound_sympy(u.node.expr), env.bound_sympy((u * 2 + a).node.expr)
torch._check(u == 5), bool(u == 5), str(u + 0)
f, g = env.create_unbacked_symfloat(), env.create_unbacked_symbool()
f.node, g.node, f > 2, bool(g), ss.is_accessor_node
ss.canonicalize_bool_expr((a > b + 3).node.expr) if hasattr(ss, "canonicalize_bool_expr") else 0
str(ss.ConvertIntKey()), ss.constrain_range(u, min=2, max=5), ss.constrain_range(u, min=9, max=5)
ss.constrain_unify(a, a), env.format_guards(), env.format_guards(True)
t + 1, (t + 1).shape[0] == 4, t.sum().item(), t.reshape(-1).shape[0] == 12, t.reshape(5)
torch.cat([t, t]).shape[0] == 8, t[:2].shape, t.nonzero().shape
(t @ t.transpose(1, 2)).shape == (4, 3, 3), t.expand(-1, 3, 5).stride(), t.is_contiguous()
t.numel() == 12
env.produce_guards_expression([t]), env.evaluate_guards_for_args([t], [t])
env.get_nontrivial_guards(), int(a), float(a), env.format_guards(), ss.constrain_unify(a, 3)
env.freeze(), a > 77, [str(k) for k in env.var_to_val], [str(k) for k in env.var_to_range.values()]
s = ss.ShapeEnv(specialize_zero_one=False, duck_shape=False)
m = FakeTensorMode(shape_env=s)
p = m.from_tensor(torch.ones(1, 4, 4), source=ConstantSource("p"))
p.shape, p.shape[0] == 1, p.shape[1] == p.shape[2], s.replacements
s.size_hint(p.shape[1].node.expr), s.is_unbacked_symint(p.shape[1].node.expr)
s.simplify(p.shape[1].node.expr), s.settings, s.check_equal(ss.ShapeEnv())
q = FakeTensorMode()
w = q.from_tensor(x)
w, w + 1, w.device, w.fake_mode is q, w @ w.T, w.sum().item(), w.tolist(), w.numpy(), bool(w.sum())
w + x, w.nonzero(), w.data_ptr(), FakeTensor(q, torch.ones(2, device="meta"), torch.device("cpu"))
q.from_tensor(w), mode.from_tensor(w)
with q:
    torch.ones(2, 3), torch.empty(4).device, w.clone(), torch.tensor([1.0])
    v = torch.ones(2, 3) @ torch.ones(3, 4)
    k = nn.Linear(3, 2)(w)
v, k, FakeTensorMode(allow_non_fake_inputs=True).from_tensor(x) + x
FakeTensorMode(allow_fallback_kernels=False).allow_fallback_kernels
""",
}
