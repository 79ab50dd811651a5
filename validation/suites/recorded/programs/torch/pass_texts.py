"""Texts of Python that search, run, split and draw graphs of torch.fx."""

PASSED = {
    "patterns": """
from torch.fx import subgraph_rewriter as r
from torch.fx.passes.utils.matcher_utils import SubgraphMatcher
def f(x, w):
    y = torch.cat([x, w]).relu() + 1
    z = torch.cat([w, x]).relu() + 2
    return y * z, (x + w).relu()
def p(a, b):
    return torch.cat([a, b]).relu()
def q(a, b):
    return torch.stack([a, b])
def changed(pattern, new, of=f, **k):
    g = trace(of)
    found = r.replace_pattern(g, pattern, new)
    return [(m.anchor.name, {i.name: o.name for i, o in m.nodes_map.items()})
        for m in found], g.code
changed(p, q), changed(lambda a: a + 1, lambda a: a - 5)
changed(lambda a, b: a.relu() * b, lambda a, b: a)
changed(lambda a, b: (a + b).relu(), lambda a, b: a.add(b))
changed(lambda a, b: a * b, lambda a, b: a), changed(lambda a, b: (a.relu(), b), q)
changed(lambda a: a.none(), q)
changed(lambda a: a.sin().sin(), lambda a: a.cos(), lambda x: x.sin().sin().sin().sin())
def changed2(pattern, new=None, **k):
    g = trace(f)
    found = r.replace_pattern_with_filters(g, pattern, new, **k)
    return [(m.anchor.name, [n.name for n in m.replacements]) for m in found], g.code
changed2(p, q), changed2(p, q, match_filters=[lambda m, o, g: m.placeholder_nodes[0].name == "w"])
changed2(lambda a: a + 1, lambda a: a - 7, ignore_literals=True)
changed2(p, replacement_callback=lambda m, o, g: trace(q if m.placeholder_nodes[0].name == "x"
    else p).graph)
changed2(p)
def matched(pattern, of=f, **k):
    found = SubgraphMatcher(trace(pattern).graph, **k).match(trace(of).graph)
    return [([n.name for n in m.anchors], {i.name: str(o) for i, o in m.nodes_map.items()},
        [n.name for n in m.placeholder_nodes], [n.name for n in m.returning_nodes]) for m in found]
matched(p), matched(p, match_output=True)
matched(lambda x, w: f(x, w), match_output=True, match_placeholder=True), matched(lambda a: a + 3)
matched(lambda a: a + 3, ignore_literals=True)
matched(lambda a, b: a.relu() + b)
matched(lambda a, b: a.relu() + b, remove_overlapping_matches=False)
matched(lambda a: a.sum(dim=-1), lambda x: x.sum(dim=-1) + x.sum(-1)), matched(lambda a: (a, a))
from torch.fx.passes.utils.matcher_with_name_node_map_utils import (SubgraphMatcherWithNameNodeMap
    as Named)
def named(a, b):
    c = torch.cat([a, b])
    return c.relu(), {"c": c}
[{k: str(v) for k, v in m.name_node_map.items()} for m in Named(torch.export.export_for_training(
    Called(named), (x, x)).module()).match(torch.export.export_for_training(Called(f),
    (x, x)).module().graph)] if 0 else 0
from torch.fx.passes.utils.fuser_utils import fuse_by_partitions, topo_sort, validate_partition
g = trace(f)
n = [*g.graph.nodes]
topo_sort(n[5:2:-1]), validate_partition(n[2:5]), validate_partition([n[2], n[4]]), n
fuse_by_partitions(g, [dict.fromkeys(n[2:5])]) if hasattr(topo_sort, "__call__") else 0
""",
    "runs": """
class Told(fx.Interpreter):
    told = []
    def run_node(self, n):
        made = super().run_node(n)
        self.told.append((n.name, made))
        return made
    def call_function(self, target, args, kwargs):
        return super().call_function(torch.sub if target is operator.add else target, args, kwargs)
    def call_method(self, target, args, kwargs):
        return super().call_method("amax" if target == "sum" else target, args, kwargs)
g = trace(net)
Told(g).run(x, 1.0), Told.told, fx.Interpreter(g).run(x), fx.Interpreter(g).run()
fx.Interpreter(trace(add)).run(x, 3), Told(trace(add)).run(x, 3)
i = fx.Interpreter(trace(add), garbage_collect_values=False)
i.run(x), [str(n) for n in i.env], i.garbage_collect_values, fx.Interpreter(trace(add)).env
fx.Interpreter(g).boxed_run([x, 3])
n = [*trace(add).graph.nodes]
fx.Interpreter(trace(add)).run(x, 3, initial_env={n[2]: x})
fx.Interpreter(g, graph=trace(add).graph).run(x), i.fetch_attr("none")
fx.Interpreter(g).fetch_attr("first.bias"), fx.Interpreter(g).map_nodes_to_values(([n[0]],), n[0])
class Other(fx.Transformer):
    def call_function(self, target, args, kwargs):
        return super().call_function(operator.mul if target is operator.add else target, args,
            kwargs)
    def call_module(self, target, args, kwargs):
        return args[0] if target == "last.1" else super().call_module(target, args, kwargs)
    def call_method(self, target, args, kwargs):
        return super().call_method(target, args, kwargs) + 1
Other(g).transform().code, Other(g).transform()(x), fx.Transformer(g).transform().code
Other(trace(add)).transform().code
class Fails(fx.Interpreter):
    def placeholder(self, target, args, kwargs):
        raise ValueError("no")
Fails(g).run(x), fx.Interpreter(trace(lambda x: x.none())).run(x)
fx.Interpreter(trace(lambda *x: x[0])).run(x, x), fx.Interpreter(trace(lambda a, b: a)).run(x)
from torch.fx.passes.shape_prop import ShapeProp, _extract_tensor_metadata as extract
ShapeProp(g).propagate(x)
[(n.name, n.meta.get("tensor_meta"), n.meta.get("type")) for n in g.graph.nodes], extract(x.T)
extract(x.half()[:, 1:]), extract(torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last))
h = trace(add)
ShapeProp(h).propagate(x, 3), [(n.name, n.meta.get("tensor_meta")) for n in h.graph.nodes]
ShapeProp(trace(lambda x: x @ x)).propagate(x)
from torch.fx.annotate import annotate
trace(lambda x: annotate(x + 1, torch.Tensor) * 2).code, annotate(x, int)
trace(lambda x: annotate(annotate(x, int), int))
from torch.fx.traceback import (format_stack, get_current_meta, has_preserved_node_meta,
    preserve_node_meta, set_current_meta)
has_preserved_node_meta(), format_stack().__class__, get_current_meta()
""",
    "splits": """
from torch.fx.passes.split_module import split_module
def f(x, y):
    a = x + y
    b = a.relu()
    c = b @ y.T
    d = torch.zeros(2) + 1
    return c.sum(-1) + d, a
def parts(place, **k):
    g = trace(f)
    s = split_module(g, g, lambda n: place(n.name), **k)
    return s.code, {n: m.code for n, m in s.named_children()}, s(x, x)
parts(lambda n: 0), parts(lambda n: n in ("matmul", "sum_1"))
parts(lambda n: {"add": 1, "relu": 2}.get(n, 3))
parts(lambda n: {"relu": 0, "matmul": 1, "sum_1": 0}.get(n, 0))
parts(lambda n: int(n not in ("add", "relu")), qualname_map={})
parts(lambda n: int(n not in ("add", "relu")), keep_original_order=True)
parts(lambda n: int(n not in ("add", "relu")), keep_original_input_name=False)
parts(lambda n: n[0], partition_affix="pp")
q = {}
g = trace(net)
s = split_module(g, net, lambda n: int(n.name != "first"), q)
s.code, q, {n: m.code for n, m in s.named_children()}, s(x), s(x, gain=2)
from torch.fx.passes.graph_manipulation import (replace_target_nodes_with, size_bytes,
    get_size_of_all_nodes, get_size_of_node)
r = trace(f)
replace_target_nodes_with(r, "call_function", operator.add, "call_function", torch.sub)
r.recompile(), r.code
replace_target_nodes_with(r, "call_method", "relu", "call_function", torch.tanh), r.recompile()
r.code
get_size_of_all_nodes(g, [x]), [(n.name, getattr(n, "size_bytes", None)) for n in g.graph.nodes]
from torch.fx.passes.param_fetch import default_matching, extract_attrs_for_lowering
extract_attrs_for_lowering(nn.Linear(2, 3)), extract_attrs_for_lowering(nn.Conv2d(1, 2, 3))
from torch.fx.passes.reinplace import reinplace
from torch.fx.experimental.optimization import (extract_subgraph, fuse, remove_dropout,
    replace_node_module, matches_module_pattern)
n = nn.Sequential(nn.Conv1d(1, 1, 2), nn.BatchNorm1d(1), nn.Dropout(), nn.ReLU()).eval()
d = torch.arange(8.0).reshape(2, 1, 4)
fuse(n).code, (fuse(n)(d) - n(d)).abs().max() < 1e-5, [*dict(fuse(n).named_modules())]
remove_dropout(n).code, fuse(n, no_trace=True)
fuse(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()).code
from torch.fx.experimental.normalize import NormalizeArgs, NormalizeOperators
NormalizeOperators(trace(f)).transform().code
NormalizeArgs(trace(lambda x: torch.add(x, x) + nn.functional.max_pool1d(x, 2))).transform().code
from torch.fx.operator_schemas import (normalize_function, normalize_module,
    get_signature_for_torch_op, create_type_hint, type_matches)
normalize_function(torch.add, (x, x), {"alpha": 2})
normalize_function(torch.add, (x, 2), arg_types=(torch.Tensor, int),
    normalize_to_only_use_kwargs=True)
normalize_function(nn.functional.relu, (x, True), normalize_to_only_use_kwargs=True)
normalize_module(net, "first", (x,))
normalize_module(net, "first", (x,), normalize_to_only_use_kwargs=True)
normalize_function(torch.sum, (x,))
normalize_function(torch.sum, (x, 1), arg_types=(torch.Tensor, int))
[str(s) for s in get_signature_for_torch_op(torch.relu)], create_type_hint([1, 2])
create_type_hint((x, 1)), type_matches(int, float), type_matches(list[int], list[int])
""",
    "passes": """
from torch.fx.passes.infra.pass_base import PassBase, PassResult
from torch.fx.passes.infra.pass_manager import (PassManager, pass_result_wrapper,
    this_before_that_pass_constraint as before)
class Change(PassBase):
    def __init__(self, old, new):
        self.old, self.new = old, new
    def requires(self, m):
        seen.append("requires")
    def ensures(self, m):
        seen.append("ensures")
    def call(self, m):
        found = m.graph.find_nodes(op="call_function", target=self.old)
        for n in found:
            n.target = self.new
        return PassResult(m, bool(found))
seen = []
def plain(m):
    seen.append("plain")
    m.graph.lint()
plain_pass = pass_result_wrapper(plain)
f = lambda x: (x + 1) * x - 2
m = PassManager([Change(operator.add, operator.sub), plain_pass], run_checks_after_each_pass=True,
    steps=3)
r = m(trace(f))
r.graph_module.code, r.modified, seen, m.steps, len(m.passes)
Change(operator.matmul, operator.sub)(trace(f)).modified, plain_pass.__name__
pass_result_wrapper(None)
m.add_pass(Change(operator.mul, operator.add)), m(trace(f)).graph_module.code, m.solve_constraints()
m.add_checks(lambda g: 1 / 0), m(trace(f)), m.add_checks(3), m.add_checks(lambda a, b: 3)
a, b, c = (pass_result_wrapper(type("P" + n, (), {"__call__": lambda s, m: None})()) if 0
    else (lambda m, n=n: PassResult(m, False)) for n in "abc")
p = PassManager([a, b, c], [before(b, a), before(c, b)])
[q is w for q, w in zip(p.passes, (a, b, c))], p.solve_constraints()
[(a, b, c).index(q) for q in p.passes]
PassManager([a, b], [before(a, b), before(b, a)]).solve_constraints()
PassManager([a, b], [before(a, b)], suppress_check_failures=True)(trace(f)).modified
p.add_constraint(before(a, c)), p(trace(f)), before(a, a), PassManager([lambda m: 1 / 0])(trace(f))
PassManager([lambda m: m])(trace(f)), m(3)
from torch.fx.passes.dialect.common.cse_pass import CSEPass, get_CSE_banned_ops
from torch.fx.experimental.proxy_tensor import make_fx
def g(x):
    a = x.cos() + x.cos()
    b = torch.rand_like(x) + torch.rand_like(x)
    return a + x.cos() * x.sum(1, keepdim=True) * x.sum([1], True), b
h = make_fx(g)(x)
CSEPass()(h).graph_module.code, CSEPass()(CSEPass()(h).graph_module).modified
len(get_CSE_banned_ops()) > 3, CSEPass(banned_ops={torch.ops.aten.cos.default})(h).graph_module.code
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner as Parts
from torch.fx.passes.operator_support import (OperatorSupport, OpSupports, chain, any_chain,
    create_op_support)
class Some(OperatorSupport):
    def is_node_supported(self, submodules, n):
        return n.op == "call_function" and n.target in (operator.add, operator.mul, torch.relu)
def k(x, y):
    a = x + y
    b = torch.relu(a) @ y.T
    return (b * 2 + 1).sum() + (a * 3).sin()
t = trace(k)
q = Parts(t, Some(), allows_single_node_partition=True)
o = q.propose_partitions()
[sorted(n.name for n in i.nodes) for i in o], q.fuse_partitions(o).code
q.remove_bookend_non_compute_ops(o), Parts(trace(k), Some()).partition_and_fuse().code
Parts(trace(k), Some(), non_compute_ops=["_operator.add"],
    allowed_single_node_partition_ops=["relu"]).propose_partitions().__len__()
c = chain(Some(), create_op_support(lambda s, n: "add" in n.name))
[(n.name, c.is_node_supported({}, n), any_chain(c, OpSupports.decline_if_node_in_names({
    "sin"})).is_node_supported({}, n), OperatorSupport({"_operator.add": None}).is_node_supported({
    }, n)) for n in trace(k).graph.nodes]
""",
    "tools": """
from torch.fx.passes import tools_common as tc
from torch.fx.passes.utils import source_matcher_utils as sm
from torch.fx.passes.utils.common import compare_graphs, lift_subgraph_as_module, HolderModule
f = lambda x, y: ((x + y).relu() - y, y.T)
compare_graphs(trace(f).graph, trace(f).graph), compare_graphs(trace(f).graph, trace(add).graph)
compare_graphs(trace(lambda x: x.sin()).graph, trace(lambda x: x.cos()).graph)
lift_subgraph_as_module(trace(net), trace(net).graph, "", "Mine")[0].code
HolderModule({"a": nn.ReLU()}), trace(f).graph.__class__
t = trace(f)
n = [*t.graph.nodes]
tc.get_node_target({}, n[2]), tc.get_node_target({}, n[3])
tc.get_node_target(dict(net.named_modules()), [*trace(net).graph.nodes][2])
tc.is_node_output_tensor(n[2]), tc.legalize_graph(t).code
tc.stable_topological_sort(t).code if hasattr(tc, "stable_topological_sort") else 0
n[2].append(n[4]), tc.legalize_graph(t).code
from torch.fx.passes.annotate_getitem_nodes import annotate_getitem_nodes
def typed(p: tuple[int, torch.Tensor]):
    return p[0] + p[1]
g = trace(typed)
annotate_getitem_nodes(g.graph), [(n.name, n.type) for n in g.graph.nodes], g.code
from torch.fx.passes.split_utils import getattr_recursive, setattr_recursive, split_by_tags
g = trace(lambda x: ((x + 1).relu() * 2, x.size(0)))
def tag(g, **tags):
    for n in g.graph.nodes:
        n.tag = tags.get(n.name, "one")
    return g
s = split_by_tags(tag(g, mul="two", size="two"), ["one", "two"])
s.code, {n: m.code for n, m in s.named_children()}, s(x)
split_by_tags(tag(g), ["one"], return_fqn_mapping=True)[1]
split_by_tags(tag(g, mul="two"), ["one", "two"], return_tuple=True).code
getattr_recursive(net, "first.bias"), getattr_recursive(net, "first.no")
setattr_recursive(net, "first.extra", 3), net.first.extra
from torch.fx.passes.fake_tensor_prop import FakeTensorProp
from torch._subclasses.fake_tensor import FakeTensorMode
h = trace(net)
FakeTensorProp(h).propagate(x)
FakeTensorProp(h, FakeTensorMode(allow_non_fake_inputs=True)).propagate(x)
[(n.name, n.meta.get("val"), n.meta.get("tensor_meta")) for n in h.graph.nodes]
sm.get_source_partitions(trace(f).graph, [torch.relu]), sm.check_subgraphs_connected
from torch.fx.graph_module import _assign_attr, _copy_attr
m = nn.Module()
_copy_attr(net, m, "first.bias"), _copy_attr(net, m, "kept"), _copy_attr(net, m, "last.0")
_assign_attr(x, m, "a.b"), m.a.b, _assign_attr(nn.Parameter(x), m, "a.c"), m
[*m.named_parameters()], [*m.named_buffers()]
from torch.fx._compatibility import compatibility
compatibility(is_backward_compatible=True)(add).__doc__
compatibility(is_backward_compatible=False)(Net) is Net
from torch.fx.immutable_collections import immutable_dict, immutable_list
l, d = immutable_list([1, 2]), immutable_dict({"a": 1})
l.append(3), l.pop(), l.sort(), l, l + [3], d.update(b=2), d.pop("a"), d.__setitem__("b", 3), d
hash(l) == hash(immutable_list([1, 2])), pickle.loads(pickle.dumps(d))
pickle.loads(pickle.dumps(l)), copy.deepcopy(l)
l[0] = 3
""",
    "drawn": """
import types
class Node:
    def __init__(self, name, **how):
        self.name, self.how = name, how
class Dot:
    def __init__(self, name=None, **how):
        self.parts = [(name, how)]
    def add_node(self, n):
        self.parts.append((n.name, n.how))
    def add_edge(self, e):
        self.parts.append(e.parts)
    def add_subgraph(self, s):
        self.parts.append(s.parts)
class Edge:
    def __init__(self, a, b):
        self.parts = (a, b)
import importlib.util
from torch.fx.passes import graph_drawer
from torch.fx.passes.shape_prop import ShapeProp
spec = importlib.util.spec_from_file_location("drawer", graph_drawer.__file__)
drawer = importlib.util.module_from_spec(spec)
held = sys.modules.get("pydot")
sys.modules["pydot"] = types.SimpleNamespace(Dot=Dot, Node=Node, Edge=Edge, Cluster=Dot)
spec.loader.exec_module(drawer)
sys.modules.update(pydot=held) if held else sys.modules.pop("pydot").__class__
g = trace(net)
ShapeProp(g).propagate(x)
def drawn(g, **k):
    made = drawer.FxGraphDrawer(g, "mine", **k)
    return made.get_dot_graph().parts, sorted(made.get_all_dot_graphs())
drawn(g), drawn(g, ignore_getattr=True), drawn(g, ignore_parameters_and_buffers=True)
drawn(trace(add), skip_node_names_in_args=False)
drawn(trace(add), parse_stack_trace=True, dot_graph_shape="box", normalize_args=True)
made = drawer.FxGraphDrawer(trace(lambda x: nn.functional.relu(x).sum()), "m")
made.get_main_dot_graph().parts, made.get_submod_dot_graph("none"), made.create_node
drawer.FxGraphDrawer(3, "m")
""",
}
