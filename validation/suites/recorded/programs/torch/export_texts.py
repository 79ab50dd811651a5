"""Texts of Python with torch.export: programs, their shapes, and what is made of them."""

START = """
import copy, functools, io
import torch
from torch import nn
from torch.export import Dim
export = functools.partial(torch.export.export, strict=False)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 2), nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        self.register_buffer("kept", torch.arange(2.0))
        self.register_buffer("lost", torch.ones(1), persistent=False)
        self.scale, self.plain = nn.Parameter(torch.tensor([2.0, 3.0])), torch.tensor(4.0)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 2, 0], [0, -1, 1]]))
            self.first.bias.copy_(torch.tensor([0.5, 1]))
    def forward(self, x, *, gain: float = 1.0, more=None):
        y = self.last(self.first(x)) * self.scale + self.kept * self.plain - self.lost
        return {"y": y * gain, "more": (more, 3)}

class Calls(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f
    def forward(self, *a, **k):
        return self.f(*a, **k)

def of(f, *a, **k):
    kwargs = k.pop("kwargs", None)
    return export(Calls(f), a, kwargs, **k)

x = torch.tensor([[1.0, -2, 3], [0, 4, -1]])
z = x + 1
net = Net().eval()
"""
"""What is there before each text."""

EXPORTED = {
    "programs": """
e = export(net, (x,))
str(e), e.graph_module.code, e.graph_signature, e.module()(x), e.module()(x, gain=2.0)
e.module()(x, gain=1.0), e.module()(x[:1]), e.module()(), e(x), [*e.state_dict], [*e.constants]
e.call_spec, e.range_constraints, e.module_call_graph, e.example_inputs, e.verifiers, e.dialect
e.graph is e.graph_module.graph, e.tensor_constants, str(e.graph_signature)
[*e.parameters()], [n for n, _ in e.named_parameters()], [n for n, _ in e.named_buffers()]
[*e.buffers()], e.module().code, [*e.module().state_dict()], e.module().eval(), e.module().train()
e.validate(), copy.copy(e).__class__
s = copy.deepcopy(e.graph_signature)
s.parameters, s.buffers, s.lifted_tensor_constants, s.non_persistent_buffers, s.user_inputs
s.user_outputs, s.inputs_to_parameters, s.inputs_to_buffers, s.buffers_to_mutate
s.user_inputs_to_mutate, s.input_tokens, s.output_tokens, s.assertion_dep_token
s.backward_signature, s.input_specs[0], s.output_specs, s.replace_all_uses("p_scale", "other")
s.inputs_to_parameters, s.lifted_custom_objs
k = export(net, (x,), {"gain": 3.0, "more": {"a": x}})
k.graph_module.code, k.module()(x, gain=3.0, more={"a": x}), k.module()(x, more={"a": x}, gain=3.0)
k.module()(x, gain=3.0), k.module()(x, gain=2.0, more={"a": x}), k.call_spec
export(lambda x: x, (x,)), export(net, x)
export(net, (x, x)), export(net, (x,), [3]), export(net, ()), export(net, (x,), {"none": 3})
export(torch.jit.script(nn.ReLU()), (x,)), export(3, (x,))
torch.export.save(k, "k.pt2"), k.module().train()
d = e.run_decompositions()
d.graph_module.code, d.module()(x), d.graph_signature
f = io.BytesIO()
torch.export.save(e, f, extra_files={"a.txt": "some"}), torch.export.save(3, "n.pt2")
f.seek(0)
more = {"a.txt": ""}
l = torch.export.load(f, extra_files=more)
str(l) == str(e), more, l.module()(x), l.graph_module.code, l.graph_signature == e.graph_signature
[*l.state_dict], l.example_inputs, torch.export.load("none.pt2")
torch.export.load(io.BytesIO(b"no"))
of(lambda a: torch.rand(3) + a, x).graph_module.code
of(lambda a: a + int(torch.compiler.is_compiling()), x).module()(x)
""",
    "outputs": """
of(lambda a, n=None: (a, a + 1, None, 3, "s", 2.5, True, [a, {"b": (a,)}]), x, None).module()(x,
    None)
of(lambda: torch.ones(2)).module()()
of(lambda a, *b, c, **d: a + b[0] + c + d["e"], x, z,
    kwargs={"c": x * 2, "e": x - 3}).graph_module.code
of(lambda a: object(), x), of(lambda a: {1, 2}, x), of(lambda a: a, {1}), of(lambda a: a + 1, "s")
of(lambda a, n: a + n, x, 3).module()(x, 4), of(lambda a, n: a * n, x, True).graph_module.code
m = of(lambda a: (a.add_(1), a[0].mul_(3), a.sum())[2], x.clone())
d = m.run_decompositions({torch.ops.aten.mul_.Tensor: lambda a, b: a.copy_(a * b)})
n = x.clone()
m.module()(n), n, m.graph_signature.user_inputs_to_mutate, d.module()(n), n, d.graph_signature
d.graph_module.code
class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))
        self.norm, self.seen, self.where = nn.BatchNorm1d(3), [], torch.zeros(1)
    def forward(self, x):
        self.count.add_(1)
        self.count.mul_(2)
        return self.norm(x) + self.count
c = export(Counts(), (x,))
c.graph_module.code, c.graph_signature.buffers_to_mutate
p = c.module()
p(x), p(x), p.count, p.norm.running_mean, p.norm.num_batches_tracked, [*p.state_dict()]
c.state_dict["count"]
class Assigns(nn.Module):
    def forward(self, x):
        self.new = x + 1
        return x
class Appends(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen, self.where = [], torch.zeros(1)
    def forward(self, x):
        self.where = self.where + 1
        return x + self.where
class Shares(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b, self.w = self.a, self.a.weight
    def forward(self, x):
        return self.a(x) + self.b(x) @ self.w
h = export(Shares(), (x,))
h.graph_signature, [*h.state_dict], [*torch.export.unflatten(h).state_dict()]
export(Assigns(), (x,)), export(Appends(), (x,)), of(lambda a: a if a.sum() > 0 else -a, x)
of(lambda a: a.sum().item() + 1, x).graph_module.code
of(lambda a: print("s") or a, x).graph_module.code, of(lambda a: a.numpy(), x)
of(lambda a: a.backward(), x)
of(lambda a: torch.nn.functional.scaled_dot_product_attention(a[None], a[None], a[None]),
    x).graph_module.code
of(lambda a: a.unbind(0)[1] + a.split(1)[0], x).graph_module.code
of(lambda a: torch.tensor([1.0, 2, 3]) + a, x).graph_signature
""",
    "shapes": """
b, c = Dim("b"), Dim("c", min=2, max=9)
b, c, repr(c), c.min, c.max, 2 * b, b + 1, c * 3 - 1, Dim("d", max=4), Dim("1")
Dim("z", min=5, max=2), Dim.AUTO, Dim.DYNAMIC, Dim.STATIC, b * b, b / 2, -b, Dim("b") == b
torch.export.dims("u", "v", min=3), torch.export.dims()
class Two(nn.Module):
    def forward(self, a, w):
        return a.sum(0) + w.view(-1)[: a.shape[1]]
class One(nn.Module):
    def forward(self, a):
        return (a.reshape(-1) * a.shape[0])[None].expand(a.shape[0], -1)
def shaped(m, a, shapes, *tried, **k):
    told = []
    try:
        e = export(m, a, dynamic_shapes=shapes, **k)
        told += [e.graph_module.code, {str(n): str(v) for n, v in e.range_constraints.items()},
            [tuple(map(str, n.meta["val"].shape)) for n in e.graph.nodes if n.op == "placeholder"]]
    except Exception as error:
        return type(error).__name__, str(error).split("Framework stack")[0].split(
            "For more information")[0][:1500]
    for each in tried:
        try:
            told.append(e.module()(*each).shape)
        except Exception as error:
            told.append(str(error)[:200])
    return told
y = torch.ones(5, 3)
shaped(One(), (x,), {"a": {0: b}}, (y,), (x[:1],), (y.T,), (y.double(),), (y[None],))
shaped(One(), (x,), ({0: c},), (y,), (torch.ones(10, 3),), (x[:1],))
shaped(One(), (x,), {"a": [b, c]}, (y,), (y.T,))
shaped(One(), (x,), {"a": {0: Dim.AUTO, 1: Dim.STATIC}}, (y,))
shaped(One(), (x,), {"a": {0: Dim("q", min=3)}}), shaped(One(), (x,), {"a": {0: b, 1: b}})
shaped(One(), (x,), {"none": {0: b}}), shaped(One(), (x,), {"a": 3})
shaped(One(), (x,), {"a": {0: "b"}}), shaped(One(), (x,), {"a": {0: 7}}), shaped(One(), (x,), 3)
shaped(One(), (x,), ({0: b}, None)), shaped(One(), (x[:1],), {"a": {0: b}})
shaped(One(), (x,), {"a": {0: Dim("b", min=2), 1: Dim("b", min=3)}})
shaped(One(), (x,), {"a": {0: int}})
shaped(Two(), (x, z), {"a": {0: b}, "w": {0: c}}, (y, x)), shaped(Two(), (x, z), {"a": {0: b}})
shaped(One(), (x,), {"a": {0: b}}, (y,), strict=True)
class Equal(nn.Module):
    def forward(self, a, w):
        return a + w
class Cut(nn.Module):
    def forward(self, a):
        if a.shape[0] > 7:
            return a + 1
        torch._check(a.shape[0] % 2 == 0)
        return a.view(2, -1)
class Items(nn.Module):
    def forward(self, a):
        n = a.sum().int().item()
        torch._check_is_size(n)
        torch._check(n < 8)
        return torch.ones(n + 1), a.nonzero()
shaped(Equal(), (x, z), {"a": {0: b}, "w": {0: c}})
shaped(Cut(), (x,), {"a": {0: Dim("b", max=7)}}, (torch.ones(4, 3),), (y,))
shaped(Items(), (x,), None, (x,), (y,), (-x,))
class Nested(nn.Module):
    def forward(self, d, *rest, k=None):
        return d["u"][0] + rest[0] + (0 if k is None else k)
n = export(Nested(), ({"u": [x]}, z), {"k": x * 2},
    dynamic_shapes={"d": {"u": [{0: b}]}, "rest": ({0: b},), "k": {0: b}})
n.module()({"u": [y]}, y, k=y), n.module()({"u": [y]}, y, k=x), n.call_spec
export(Nested(), ({"u": [x]}, x), dynamic_shapes={"d": {"u": {0: b}}, "rest": None})
s = torch.export.ShapesCollection()
s[x] = (b, 3)
t = x.clone()
s[t] = {0: b}
s[x], s[y], len(s), s.dynamic_shapes(One(), (x,)), s.dynamic_shapes(Two(), (x, t))
s.dynamic_shapes(Equal(), (x, 3))
s[x] = {0: c}
torch.export.dynamic_shapes.refine_dynamic_shapes_from_suggested_fixes(
    "Suggested fixes:\\n  b = 3\\n  c = Dim('c', max=6)", {"a": {0: b, 1: c}})
torch.export.dynamic_shapes.refine_dynamic_shapes_from_suggested_fixes("", {"a": {0: b}})
r = export(One(), (x,), dynamic_shapes={"a": {0: b}})
k = io.BytesIO()
torch.export.save(r, k)
k.seek(0)
q = torch.export.load(k)
q.graph_module.code, {str(n): str(v) for n, v in q.range_constraints.items()}, q.module()(y).shape
q.module()(y[:, :2])
""",
}
