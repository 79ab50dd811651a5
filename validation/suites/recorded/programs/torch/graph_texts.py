"""Texts of Python that trace functions and change their graphs."""

START = """
import copy, io, math, operator, pickle, sys
import torch
from torch import fx, nn
from torch.fx import symbolic_trace as trace

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 2), nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        self.register_buffer("kept", torch.arange(2.0))
        self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 2, 0], [0, -1, 1]]))
            self.first.bias.copy_(torch.tensor([0.5, 1]))

    def forward(self, x, *, gain: float = 1.0):
        return (self.last(self.first(x)) * self.scale + self.kept) * gain

def add(x, y=2):
    return (torch.relu(x) + y).sum(-1), x.shape

x = torch.tensor([[1.0, -2, 3], [0, 4, -1]])
net = Net().eval()
"""
"""What is there before each text."""

TRACED = {
    "module": """
g = trace(net)
g, repr(g), g.graph, g(x), g(x, gain=2.0), g.training, [*g.state_dict()], [*dict(g.named_modules())]
[(n.op, n.name, n.target, n.args, n.kwargs, n.type, n.users, n.all_input_nodes)
    for n in g.graph.nodes]
t = trace(net, {"gain": 3.0})
t.code, t(x), t(x, gain=3.0), t(x, gain=1.0), trace(add)(x), trace(add).code
trace(add, {"y": 5}).code
copy.deepcopy(g)(x), copy.copy(g)(x), pickle.loads(pickle.dumps(g))(x)
pickle.loads(pickle.dumps(g)).code
g.print_readable(False)
g.print_readable(print_output=False, include_stride=True, include_device=True)
g.to_folder("kept", "Mine")
sys.path.insert(0, ".")
from kept import Mine
sys.path.pop(0)
sys.modules.pop("kept", None), sys.modules.pop("kept.module", None), Mine()(x)
sorted(Mine().state_dict())
g.add_submodule("a.b", nn.Linear(1, 1)), g.delete_submodule("a.b"), g.delete_submodule("none")
[*dict(g.named_modules())]
g.add_submodule("scale", nn.ReLU()), g.add_submodule("a.c", nn.ReLU())
g.delete_all_unused_submodules(), [*dict(g.named_modules())]
fx.GraphModule(net, g.graph, "Other"), fx.GraphModule({"first": net.first}, g.graph)
fx.GraphModule(3, g.graph)
g.graph = 3
g.graph = t.graph
g.code, g.graph.owning_module is g, t.graph is g.graph, g.recompile(), g(x)
""",
    "choices": """
def choose(x, way=None, size: int = 3):
    if way is None:
        return x + size
    return x * size if way == "mul" else x - size
trace(choose).code, trace(choose, {"way": None}).code, trace(choose, {"way": "mul"}).code
trace(choose, {"way": "sub", "size": 7}).code, trace(choose, {"way": "sub", "size": 7})(x, "sub", 7)
trace(choose, {"way": "sub"})(x, "mul"), trace(choose, {"none": 1}).code
def nested(pair, more):
    return pair["a"] + pair["b"][0] * more
p = fx.PH
n = trace(nested, {"pair": {"a": p, "b": [p, 3]}, "more": p})
n.code, n({"a": x, "b": [x, 3]}, 2), n({"a": x}, 2)
trace(lambda x: x if x.sum() > 0 else -x), trace(lambda x: [*x]), trace(lambda x: len(x))
trace(lambda x: bool(x))
trace(lambda x: x[1:, None].T[0] if x is not None else 0).code, trace(lambda x: 1 in x)
trace(lambda x: int(x))
trace(lambda *a, **k: a[0] + k["b"]).code
trace(lambda x: {"a": (x, [x + 1]), "b": slice(x, 2)}).code
trace(lambda a, b: (a @ b, a // b, 3 % a, 2 ** a, -a, ~a, a & 1, 5 >> b, a <= b, abs(a), a[b],
    divmod(a, b))).code
trace(lambda a: a.b.c(a.d, e=a)).code
trace(lambda a: (math.sqrt(2), torch.float32, torch.device("cpu"), a, 1j, None, ...)).code
trace(lambda a: torch.zeros(2).add(a)).code, trace(lambda a: torch.rand(a.size(0), a.shape[1])).code
trace(lambda a: setattr(a, "b", 3))
trace(lambda a: a.__setitem__(0, 3)).code, trace(torch.relu).code, trace(3), trace(nn.ReLU()).code
trace(lambda a: f"{a}")
class Pair(tuple):
    pass
import collections
Point = collections.namedtuple("Point", "u v")
trace(lambda a: Point(a, a + 1)).code, trace(lambda a: torch.cat([a, a], dim=0)).code
trace(lambda a: a + torch.ones(2)).code
trace(lambda a: assertion(a))
trace(lambda inf, nan, from_=float("inf"): inf + nan + float("nan")).code
""",
    "tracer": """
@fx.wrap
def wrapped(x, n=1):
    return x * n if x.sum() > 0 else x
fx.wrap(3), fx.wrap(add), [n.target for n in trace(lambda x: wrapped(x, n=3) + 1).graph.nodes]
def inside():
    fx.wrap("wrapped")
inside()
class Deep(fx.Tracer):
    def is_leaf_module(self, m, name):
        return isinstance(m, nn.Dropout) or name == "first"
    def create_arg(self, a):
        return super().create_arg(a if not isinstance(a, complex) else a.real)
    def call_module(self, m, forward, args, kwargs):
        return super().call_module(m, forward, args, kwargs) * 2
    def to_bool(self, obj):
        return True
    def iter(self, obj):
        return iter([obj[0], obj[1]])
    def keys(self, obj):
        return ["a"]
g = Deep().trace(net)
g, fx.GraphModule(net, g)(x), Deep().trace(lambda x: x + 1 if x else x)
Deep().trace(lambda x: [*x])
Deep().trace(lambda x: dict(**x)), Deep().trace(lambda x: x + 2j)
fx.Tracer().trace(lambda x: x + object())
auto = fx.Tracer(autowrap_modules=(math,), autowrap_functions=(add,))
auto.trace(lambda x: math.sqrt(x) + add(x)[0]), fx.Tracer(param_shapes_constant=True).trace(net)
class Sized(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 3))
    def forward(self, x):
        if self.w.shape[0] == 2:
            x = x @ self.w.T
        return x.view(self.w.shape)
fx.Tracer(param_shapes_constant=True).trace(Sized()), fx.Tracer().trace(Sized())
fx.Tracer().path_of_module(net), Deep().is_leaf_module(net.last[1], "")
fx.Tracer().is_leaf_module(Net(), "")
t = fx.Tracer()
t.root, t.graph, t.trace(net) is t.graph, t.path_of_module(net.last[0]), t.path_of_module(nn.ReLU())
t.get_fresh_qualname("a"), t.module_stack, t.node_name_to_scope, t.scope, t.record_stack_traces
fx.proxy.GraphAppendingTracer(fx.Graph()).graph
s = fx.Graph()
v = fx.Proxy(s.placeholder("v"))
v, v.a, v.a.b, v + 1, torch.add(v, v, alpha=2), v.c(2), repr(v.c), operator.getitem(v, 2), v.node
v.a.tracer is v.tracer, s
nn.functional.dropout(v, 0.5), fx.Proxy(v.node) == v, not v, s, s.output((v + 3).node), s.lint()
isinstance(v.a, fx.proxy.Attribute)
fx.proxy.ParameterProxy(v.tracer, s.get_attr("w"), "w", nn.Parameter(x)).shape, s
fx.wrap("math_of"), trace(add)
""",
    "nodes": """
g = fx.Graph()
a, b = g.placeholder("a"), g.placeholder("b", type_expr=int, default_value=4)
c = g.call_function(torch.add, (a, b), {"alpha": 2})
d = g.call_method("sum", (c,), type_expr=torch.Tensor)
e = g.get_attr("kept")
f = g.call_module("first", (d,))
g.lint(), g.output((f, {"o": [e, slice(a, None, 2)]})), g.lint(), g, g.python_code("self").src
len(g.nodes), [*reversed(g.nodes)]
g.python_code("root", verbose=True).src, a.next, a.prev, c.format_node(), repr(c), c.is_impure()
f.is_impure(), a.is_impure()
c.users, a.users, c.args, c.kwargs, c.all_input_nodes, c.stack_trace, c.meta, c.graph is g
c._pretty_print_target(c.target)
c.args = (a, 3)
c.kwargs = {"alpha": b}
c.update_arg(1, a), c.update_arg(5, a), c.update_kwarg("alpha", 9), c, a.users, b.users
c.replace_input_with(a, b), c, c.insert_arg(1, a), c
d.append(e), e.prev, d.prepend(e), e.next, d.prepend(d), [*g.nodes], g.node_copy(c, lambda n: n)
g.erase_node(c), g.erase_node(e)
with g.inserting_before(c):
    h = g.create_node("call_function", operator.mul, (a, 2), {}, "mine")
    i = g.create_node("call_function", torch.relu, (h,), name="mine", type_expr=int)
with g.inserting_after(c):
    j = g.call_function(operator.neg, (c,))
with g.inserting_before():
    k = g.placeholder("k")
with g.inserting_after(a):
    l = g.placeholder("from")
[*g.nodes], g.eliminate_dead_code(), g.lint(), c.replace_all_uses_with(i, lambda n: n is d)
d.replace_all_uses_with(i, propagate_meta=True), g, g.lint()
h.name, i.name, l.name, l.target, g.find_nodes(op="placeholder")
g.find_nodes(op="call_function", target=torch.add), g.find_nodes(op="call_method", sort=False)
g.create_node("no", "a"), g.create_node("call_function", "a")
g.create_node("call_method", torch.add), g.call_function(torch.add, (a, [a]), {"out": None})
g.call_function(3), [*g.nodes][-1].args
g.eliminate_dead_code(), [*g.nodes]
g.eliminate_dead_code(is_impure_node=lambda n: n.op == "placeholder"), [*g.nodes], g.erase_node(a)
n = copy.deepcopy(g)
n, [*n.nodes][0] is a, n.graph_copy(g, {}), n.output_node(), g.output_node().args
[o.name for o in n.nodes], n.process_inputs(1), n.process_outputs(2)
g.call_function(torch.add, (n,)), c.args.__class__
fx.Node(g, "z", "call_function", torch.sin, (), {}), c < d, d < c, sorted([d, c]), c <= c
fx.node.map_arg(([a, {"q": b}], slice(c, 2)), lambda n: n.name)
fx.node.map_aggregate([1, (2, {"z": 3})], lambda v: v * 2 if isinstance(v, int) else v)
g.on_generate_code(lambda old: lambda body: body + ["# more"]), fx.node.has_side_effect(add)
fx.node._side_effectful_functions.discard(add)
""",
    "checks": """
def broken(change):
    g = copy.deepcopy(trace(net).graph)
    change(g, [*g.nodes])
    return g
broken(lambda g, n: g.lint()), broken(lambda g, n: (setattr(n[2], "target", "none"), g.lint()))
broken(lambda g, n: (n[1].append(n[0]), g.lint()))
broken(lambda g, n: (n[0].append(n[4]), g.lint()))
broken(lambda g, n: (setattr(n[3], "name", "x"), g.lint()))
broken(lambda g, n: (setattr(n[3], "op", "no"), g.lint()))
broken(lambda g, n: (setattr(n[5], "target", 3), g.lint()))
broken(lambda g, n: (g.output(n[1]), g.lint())), broken(lambda g, n: (g.get_attr("none"), g.lint()))
g = trace(net)
g.graph.call_module("none", ()), g.graph.get_attr("first.none"), g.graph.get_attr("first")
g.graph.call_module("last.0", ())
import contextlib
def printed(call, *a):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            call(*a)
        except ImportError:
            return "no"
    return out.getvalue()
printed(trace(add).graph.print_tabular), printed(g.print_readable)
g.graph.set_codegen(fx.graph.CodeGen()), g.graph._codegen
class Twice(fx.graph.CodeGen):
    def gen_fn_def(self, free_vars, maybe_return_annotation):
        return super().gen_fn_def(free_vars, maybe_return_annotation).replace("forward", "forward")
    def additional_globals(self):
        return [("more", 3)]
g.graph.set_codegen(Twice()), g.recompile(), g(x)
g.graph.on_generate_code(lambda old: lambda body: ["# mine\\n", *body])
with g.graph.on_generate_code(lambda old: lambda body: ["x = x + 1\\n", *body]):
    g.recompile(), g.code
g.recompile(), g.code, fx.graph._PyTreeCodeGen, g.graph.owning_module is g
fx.graph._snake_case("LinearReLU2d"), fx.graph._is_from_torch(torch.relu)
n = fx.graph._Namespace()
n.create_name("a", None), n.create_name("a", None), n.create_name("a_4", None)
n.create_name("a", None), n.create_name("1 b-c", None), n.create_name("for", None)
n.create_name("torch", torch), n.create_name("list", None)
h = fx.GraphModule(net, broken(lambda g, n: n[1].prepend(g.call_function(torch._assert,
    (True, "a")) and g.call_function(torch.sin, (n[0],)))))
h.code, h.graph.eliminate_dead_code(), h.recompile(), h.code, h.meta, h.register_forward_hook
fx.GraphModule(net, fx.Graph())(x)
w = trace(lambda x: wrong(x))
bad = trace(lambda x: x.none(3))
bad(x), str(fx.GraphModule.__call__), g(x, 2, 3), g()
""",
}
