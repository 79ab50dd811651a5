"""Texts of Python with the parts of exported programs, and with branches and loops in them."""

DIVIDED = {
    "parts": """
from torch.export import (FlatArgsAdapter, ModuleCallEntry, ModuleCallSignature, UnflattenedModule,
    unflatten)
class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))
        self.register_buffer("n", torch.zeros(1))
    def forward(self, a, *, k=None):
        self.n.add_(1)
        return {"s": a * self.w + (0 if k is None else k), "n": self.n}
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.rest = Inner(), nn.ModuleList([Inner(),
            nn.Sequential(nn.Linear(3, 3), nn.ReLU())])
        self.two = self.one
        with torch.no_grad():
            self.rest[1][0].weight.copy_(torch.eye(3) * 2)
            self.rest[1][0].bias.fill_(1)
    def forward(self, a):
        b = self.one(a, k=a)
        c = self.rest[0](b["s"])
        return self.rest[1](c["s"]) + b["n"] + self.two(a)["s"]
e = export(Outer(), (x,))
u = unflatten(e)
u.graph, u(x), u(x), u.one.graph, [*u.state_dict()], [*dict(u.named_modules())], u.rest, u.one.w
u.print_readable(False), u.one.n, u(x, x), u({"a": x}), u(x[:1]), u()
u.to(torch.float64).one.w.dtype
class Held(nn.Module):
    def forward(self, a, *, k=None):
        return {"s": a * 2 + k, "n": [a]}
class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.rest = Held(), nn.ModuleList([nn.ReLU(), nn.Tanh()])
    def forward(self, a):
        b = self.one(a, k=a + 1)
        return self.rest[0](b["s"]) + self.rest[1](b["n"][0])
p = export(Holder(), (x,), preserve_module_call_signature=("one", "rest.1"))
v = unflatten(p)
p.module_call_graph, v.graph, v(x), v.one.graph, v.rest
export(Holder(), (x,), preserve_module_call_signature=("none",))
class Changed(nn.Module):
    def forward(self, a, *, k=None):
        return {"s": a + 100, "n": [a]}
v.one = Changed()
v(x)
from torch.export.graph_signature import (ArgumentSpec, ConstantArgument, InputKind, InputSpec,
    OutputKind, OutputSpec, TensorArgument, TokenArgument, SymIntArgument, CustomObjArgument,
    ExportGraphSignature)
[*InputKind], [*OutputKind], TensorArgument("a"), SymIntArgument("s"), ConstantArgument("c", 3)
InputSpec(InputKind.BUFFER, TensorArgument("b"), "t", persistent=False)
InputSpec(InputKind.BUFFER, TensorArgument("b"), "t")
InputSpec(InputKind.USER_INPUT, TensorArgument("a"), None)
OutputSpec(OutputKind.LOSS_OUTPUT, TensorArgument("a"), None)
str(OutputSpec(OutputKind.USER_OUTPUT, TensorArgument("a"), None))
InputSpec(InputKind.PARAMETER, 3, None), OutputSpec(OutputKind.BUFFER_MUTATION, 3, "b")
InputSpec(InputKind.PARAMETER, TensorArgument("p"), "t") == InputSpec(InputKind.PARAMETER,
    TensorArgument("p"), "t")
g = ExportGraphSignature([InputSpec(InputKind.PARAMETER, TensorArgument("p"), "w"),
    InputSpec(InputKind.BUFFER, TensorArgument("b"), "n", True),
    InputSpec(InputKind.BUFFER, TensorArgument("q"), "m", False),
    InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument("c"), "k"),
    InputSpec(InputKind.USER_INPUT, ConstantArgument("u", 3), None),
    InputSpec(InputKind.CUSTOM_OBJ, CustomObjArgument("o", "cls"), "z")],
    [OutputSpec(OutputKind.USER_INPUT_MUTATION, TensorArgument("r"), "u"),
    OutputSpec(OutputKind.BUFFER_MUTATION, TensorArgument("s"), "n"),
    OutputSpec(OutputKind.LOSS_OUTPUT, TensorArgument("l"), None),
    OutputSpec(OutputKind.GRADIENT_TO_PARAMETER, TensorArgument("d"), "w"),
    OutputSpec(OutputKind.USER_OUTPUT, ConstantArgument("v", None), None)])
g.parameters, g.buffers, g.non_persistent_buffers, g.lifted_tensor_constants, g.user_inputs
g.user_outputs, g.buffers_to_mutate, g.user_inputs_to_mutate, g.inputs_to_lifted_custom_objs
g.lifted_custom_objs, g.backward_signature, g.replace_all_uses("s", "t"), g.buffers_to_mutate
g.replace_all_uses(3, "t")
class Modes(nn.Module):
    def forward(self, a):
        with torch.no_grad():
            b = a + 1
        with torch.autocast("cpu", dtype=torch.bfloat16):
            c = b @ b.T
        with torch.enable_grad():
            d = c.float() * 2
        return d
o = export(Modes(), (x,))
o.graph_module.print_readable(False), o.module()(x)
from torch._export.utils import (get_buffer, get_param, is_buffer, is_param,
    is_lifted_tensor_constant, get_lifted_tensor_constant)
h = export(net, (x,))
ns = [n for n in h.graph.nodes]
[(n.name, is_param(h, n), is_buffer(h, n), is_lifted_tensor_constant(h, n)) for n in ns
    if n.op == "placeholder"]
get_param(h, ns[0]), get_buffer(h, ns[4]), get_lifted_tensor_constant(h, ns[-1])
ns[5].meta.get("nn_module_stack"), ns[10].meta.get("source_fn_stack"), ns[10].meta.get("torch_fn")
ns[9].meta["val"], ns[3].meta["val"]
bad = export(net, (x,))
bad.graph.call_function(len, (ns[0],)), bad.validate(), setattr(h, "graph_module", 3)
setattr(h, "graph", 3)
""",
    "orders": """
from torch._higher_order_ops.while_loop import while_loop
from torch._higher_order_ops.map import map as hop_map
class Cond(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.ReLU()
        with torch.no_grad():
            self.a.weight.copy_(torch.eye(3) * 2)
            self.a.bias.fill_(1)
    def forward(self, x):
        return torch.cond(x.sum() > 5, self.a, self.b, (x,)) + 1
c = export(Cond(), (x,))
c.graph_module.code, {n: m.code for n, m in c.graph_module.named_children()}, c.module()(x + 5)
c.graph_signature.parameters
torch.cond(True, torch.sin, torch.cos, (x,)), torch.cond(3, torch.sin, torch.cos, (x,))
torch.cond(True, 3, torch.cos, (x,)), torch.cond(True, torch.sin, torch.cos, x)
torch.cond(torch.ones(2), torch.sin, torch.cos, (x,))
torch.cond(True, lambda a: a, lambda a: a[0], (x,))
torch.cond(False, lambda a, b: {"s": a + b}, lambda a, b: {"s": a - b}, (x, x))
def told(f, *a, **k):
    e = of(f, *a, **k)
    return e.graph_module.code, {n: m.code for n, m in e.graph_module.named_children()}, e.module()(
        *a)
told(lambda a: torch.cond(a.shape[0] > 1, torch.sin, torch.cos, (a,)), x)
while_loop(3, 4, (x,))
hop_map(lambda a, b: a + b, x, torch.ones(3))
told(lambda a: hop_map(lambda b, w: b * w + 1, a, torch.ones(3)), x), hop_map(lambda a: a, 3)
hop_map(3, x), hop_map(lambda a: a, torch.ones(0, 2)), hop_map(lambda a: a.sum(), [x, x + 1])
hop_map(lambda d: (d["a"] * 2, d["b"]), {"a": x, "b": x})
from torch._higher_order_ops.out_dtype import out_dtype
i = torch.arange(4, dtype=torch.int8).reshape(2, 2)
out_dtype(torch.ops.aten.mm.default, torch.int32, i, i)
out_dtype(torch.ops.aten.sin_.default, torch.int32, i)
told(lambda a: out_dtype(torch.ops.aten.mm.default, torch.int32, a, a), i)
out_dtype(3, torch.int32, i)
lib = torch.library.Library("played", "FRAGMENT")
lib.define("twice(Tensor a, int n=2) -> Tensor")
lib.impl("twice", lambda a, n=2: a * n, "CompositeExplicitAutograd"), torch.ops.played.twice(x)
told(lambda a: torch.ops.played.twice(a, 3), x)
torch.library.register_fake("played::twice", lambda a, n=2: torch.empty_like(a), lib=lib)
of(lambda a: torch.ops.played.none(a), x)
lib._destroy()
""",
}
