"""Texts of Python that torch.jit traces and freezes."""

FOLLOWED = {
    "traces": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.register_buffer("kept", torch.arange(2.0))
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 2, 0], [0, -1, 1]]))
            self.first.bias.copy_(torch.tensor([0.5, 1]))
    def forward(self, x):
        return self.first(x).relu() + self.kept
    def other(self, a, b):
        return {"s": a + b, "p": a * b}
    def grown(self, x):
        self.kept = self.kept + 1
        return x + self.kept.sum()
net = Net()
t = torch.jit.trace(net, x)
t(x), t(x[:1]), t.code, t.first.code, text(t), t.inlined_graph.__class__, repr(t), t.original_name
[*t.state_dict()], t(x, x), t.forward.__class__, t.first(x), t.other, torch.jit.trace(net, (x,))(x)
torch.jit.trace(net, example_kwarg_inputs={"x": x})(x), torch.jit.trace(net)
torch.jit.trace(net, x, example_kwarg_inputs={"x": x}), torch.jit.trace(net, 3)
m = torch.jit.trace_module(net, {"forward": x, "other": (x, x)}, strict=False)
m.other(x, x), m(x), m.other.code, torch.jit.trace_module(net, {"other": (x, x)})
torch.jit.trace_module(net, {"none": x}), torch.jit.trace_module(net, 3)
torch.jit.trace_module(lambda x: x, {"forward": x})
torch.jit.trace_module(net, {"forward": {"x": x}}, example_inputs_is_kwarg=True)(x)
torch.jit.trace(net.other, (x, x), strict=False)(x, x), torch.jit.trace(net.grown, x), net.kept
def f(a, n=2, **k):
    b = [a * n, a.sum(0)]
    return (b[0], (b[1], a.T)), a.shape[0]
def g(a, b):
    return a.view(a.size(0), -1) + b["k"][0] * 2 + b["k"][1]
torch.jit.trace(f, x), torch.jit.trace(lambda a: f(a)[0], x)(x)
torch.jit.trace(lambda a: f(a)[0], x).code, torch.jit.trace(g, (x, {"k": [x, x]}))
torch.jit.trace(g, (x, {"k": (x, x)})).code, torch.jit.trace(lambda a: [a, a + 1], x)
torch.jit.trace(lambda a: {"z": a, "y": a}, x)
torch.jit.trace(lambda a: {"z": a}, x, strict=False)(x), torch.jit.trace(lambda a: "s", x)
torch.jit.trace(lambda a: 3, x), torch.jit.trace(lambda a: None, x)
def told(f, *a, **k):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            made = torch.jit.trace(f, a, **k)
            made = str(made.code)
        except Exception as error:
            made = type(error).__name__ + " " + "|".join(l for l in str(error).splitlines()
                if "File" not in l and ".py" not in l)[:900]
    return made, [w.category.__name__ + str(w.message).split("#")[0][:200] for w in seen]
made = []
told(lambda a: a + 1 if a.sum() > 0 else a, x), told(lambda a: a + int(a[0, 0]), x)
told(lambda a: a + torch.rand(2, 3), x), told(lambda a: a + a.sum().item(), x)
told(lambda a: torch.tensor(a.shape[0]) + a, x)
told(lambda a: [a + i for i in range(len(a))][-1], x), told(lambda a: a + torch.ones(a.shape), x)
told(lambda a: a.clone().add_(1)[:, 0].fill_(3), x)
told(lambda a: torch.from_numpy(a.numpy()) + a, x)
told(lambda a: a if len(made.append(0) or made) % 2 else a + 1, x)
told(lambda a: a * 2, x, check_inputs=[(x[:1],), (x + 1,)])
told(lambda a: a if a.shape[0] == 2 else -a, x, check_inputs=[(x[:1],)])
told(lambda a: a if a.shape[0] == 2 else -a, x, check_inputs=[(x,), (x + 1,), (x[:1],)])
told(lambda a: a if a.sum() > 0 else -a, x.abs(), check_inputs=[(x.abs() + 1,), (-x.abs() - 1,)])
y = x.abs()
told(lambda a, b: a + b if b.sum() > 0 else a, (x, y), check_inputs=[(x, y), (x, -y)])
told(lambda a: a + 1e-3 * len(made.append(0) or made), x, check_tolerance=10)
told(lambda a: a + 1e-3 * len(made.append(0) or made), x)
told(lambda a: a * 2, x, check_trace=False), told(lambda a: a.tolist(), x)
told(lambda a: (a, None), x), told(lambda: x)
told(lambda a: a if len(made.append(0) or made) % 2 else a + 1, x)
told(lambda a: a + len(made.append(0) or made), x)
told(lambda a: a + len(made.append(0) or made), x, check_tolerance=10)
@script
def inner(x, n: int):
    if x.sum() > 0:
        return x * n
    return x
i = torch.jit.trace(lambda a: inner(a, 3) + 1, x)
i(x), i(-x), i.code, torch.jit.trace(script(net), x)(x), torch.jit.trace(i, x) is i, script(t) is t
script(lambda a: i(a))
class Holds(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.script = torch.jit.trace(Net(), x), script(Net())
        self.same = self.script
    def forward(self, x):
        return self.inner(x) + self.script(x) * self.same.kept
torch.jit.trace(Holds(), x).code, script(Holds())(x).shape
torch.jit.trace(nn.Sequential(nn.Linear(3, 3), nn.Dropout()), x), told(nn.Dropout(), x)
told(nn.BatchNorm1d(3).eval(), x)
torch.jit.trace_module(net, {"forward": (x,)}, check_trace=False).kept
from torch.jit import _trace
[repr(type(v)) for v in _trace._get_trace_graph(net, (x,))]
_trace._get_trace_graph(net, (x,), return_inputs=True)[2]
_trace._get_trace_graph(net, x, _force_outplace=True)[1], torch.jit.ONNXTracedModule(net)(x)[1]
_trace._unique_state_dict(net).keys().__class__, [*_trace._unique_state_dict(net)]
torch.jit.TopLevelTracedModule is type(t), torch.jit.is_tracing()
torch.jit.trace(lambda a: a + int(torch.jit.is_tracing()), x)(x)
""",
    "frozen": """
class Net(nn.Module):
    size: Final[int]
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(1, 2, 2), nn.BatchNorm1d(2)
        self.drop, self.last = nn.Dropout(), nn.Linear(2, 2)
        self.size, self.table, self.count = 3, {"a": 2}, 0
        self.register_buffer("kept", torch.arange(2.0))
        with torch.no_grad():
            self.conv.weight.copy_(torch.arange(4.0).reshape(2, 1, 2))
            self.conv.bias.fill_(1.0)
            self.last.weight.copy_(torch.tensor([[1.0, 2], [0, -1]]))
            self.last.bias.fill_(0.5)
            self.norm.running_var.copy_(torch.tensor([1.0, 3]))
    def forward(self, x):
        y = self.drop(self.norm(self.conv(x)))
        if self.size > 2:
            y = y + self.table["a"]
        return self.last(y.transpose(1, 2)) + self.kept
    @torch.jit.export
    def count_up(self, n: int):
        self.count += n
        return self.count
    @torch.jit.export
    def other(self, x):
        return x + self.kept
d = torch.arange(6.0).reshape(2, 1, 3)
net = Net().eval()
s = script(net)
f = torch.jit.freeze(s)
def names(m):
    return [n.kind() for n in m.graph.nodes() if n.kind() != "prim::Constant"]
f(d), s(d), f.code, names(f), [*f.state_dict()], f.count_up, f.other, hasattr(f, "conv"), f.training
repr(f)
g = torch.jit.freeze(s, preserved_attrs=["kept", "count", "other", "count_up"])
g(d), g.kept, g.other(x[:, :2]), g.count_up(4), g.count_up(5), g.count, [*g.state_dict()], g.code
names(torch.jit.freeze(s, optimize_numerics=False)), torch.jit.freeze(net)
torch.jit.freeze(script(Net())), torch.jit.freeze(s, preserved_attrs=["none"]), torch.jit.freeze(3)
g.kept = torch.tensor([10.0, 20])
g(d), g.other(x[:, :2])
r = torch.jit.freeze(s, optimize_numerics=False)
torch.jit.run_frozen_optimizations(r), names(r)
torch.jit.run_frozen_optimizations(r, optimize_numerics=False), names(r)
(r(d) - s(d)).abs().max() < 1e-5
o = torch.jit.optimize_for_inference(s)
sorted(set(names(o))).__class__, (o(d) - s(d)).abs().max() < 1e-4
torch.jit.optimize_for_inference(script(Net()))
torch.jit.optimize_for_inference(torch.jit.freeze(s, preserved_attrs=["other"]),
    other_methods=["other"]).other(x[:, :2])
t = torch.jit.freeze(torch.jit.trace(net, d))
t(d), t.code, names(t), roundtrip(f)(d), roundtrip(t).code, copy.deepcopy(f)(d)
from torch._C import parse_ir
graph = parse_ir(
    "graph(%a : Tensor, %b : Tensor):\\n  %c : int = prim::Constant[value=1]()\\n"
    "  %d : Tensor = aten::add(%a, %b, %c)\\n  %e : Tensor = aten::mul(%d, %a)\\n  return (%e)")
str(graph), torch._C._create_function_from_graph("forward", graph)(x, x)
[n.kind() for n in graph.nodes()], [i.debugName() for i in graph.inputs()]
str(graph.findNode("aten::mul")), [str(o.type()) for o in graph.outputs()]
torch._C._jit_pass_dce(graph), torch._C._jit_pass_cse(graph)
torch._C._jit_pass_constant_propagation(graph), str(graph.copy()), graph.lint(), parse_ir("graph(")
u = script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
v = u.graph.copy()
torch._C._jit_pass_inline(v), names(u), [n.kind() for n in v.nodes()]
torch.jit._recursive.wrap_cpp_module(u._c)(x[:, :2]).shape
from torch.jit import mobile
k = io.BytesIO(s._save_to_buffer_for_lite_interpreter())
l = mobile._load_for_lite_interpreter(k)
l(d), l.forward(d), l.find_method("other"), l.find_method("none"), l.run_method("other", x[:, :2])
mobile._get_model_bytecode_version(io.BytesIO(k.getvalue()))
mobile._get_mobile_model_contained_types(io.BytesIO(k.getvalue()))
mobile._load_for_lite_interpreter("none.ptl"), mobile._export_operator_list(l).__class__
from torch.utils import mobile_optimizer as mo
p = mo.optimize_for_mobile(s, preserved_methods=["other"])
(p(d) - s(d)).abs().max() < 1e-4, p.other(x[:, :2]), mo.generate_mobile_module_lints(script(
    nn.Dropout())), mo.optimize_for_mobile(net), mo.optimize_for_mobile(s,
    {mo.MobileOptimizerType.CONV_BN_FUSION})(d).shape, mo.optimize_for_mobile(s,
    backend="none"), mo.optimize_for_mobile(s, preserved_methods=["none"])
""",
}
