"""Texts of Python with torch.compile: what makes graphs end, and what makes new ones."""

START = """
import collections, contextlib, copy, dataclasses, enum, functools, io, itertools, math, operator
import torch
import torch._dynamo as dynamo
from torch import nn

graphs = []
def keep(graph, inputs):
    graphs.append(graph.code)
    return graph.forward

def cut(error):
    lines = str(error).split("from user code")[0].split("Explanation:")[0].splitlines()
    return type(error).__name__ + "|".join(line for line in lines if line.strip())[:300]

def ran(f, *calls, backend=keep, **k):
    dynamo.reset()
    graphs.clear()
    told = []
    try:
        c = torch.compile(f, backend=backend, **k)
    except Exception as error:
        return cut(error)
    for values in calls:
        try:
            told.append(c(*values))
        except Exception as error:
            told.append(cut(error))
    return told, len(graphs), [*graphs]

def broken(f, *values):
    dynamo.reset()
    e = dynamo.explain(f)(*values)
    reasons = [r.reason.splitlines()[0] for r in e.break_reasons]
    return e.graph_count, e.graph_break_count, e.op_count, reasons, [g.code for g in e.graphs]

x = torch.tensor([[1.0, -2, 3], [0, 4, -1]])
y = torch.ones(4, 3)
"""
"""What is there before each text."""

COMPILED = {
    "breaks": """
def one(x):
    y = x + 1
    print("s")
    return y * 2
def two(x):
    if x.sum() > 0:
        return x - 1
    return x * 3
def three(x):
    n = x.sum().item()
    return x + n
@torch.compiler.disable
def plain(x):
    return x * 5
def four(x):
    a = x.sin()
    dynamo.graph_break()
    return plain(a) + 1
def six(x):
    with torch.no_grad():
        y = x * 2
        dynamo.graph_break()
        z = y + x
    return z.relu()
broken(one, x), broken(three, x), broken(six, x)
ran(two, (x,), (-x,), (x,)), ran(one, (x,), fullgraph=True), ran(two, (x,), fullgraph=True)
ran(three, (x,), fullgraph=True), ran(four, (x,), fullgraph=True)
e = dynamo.explain(four)(x)
sorted({(g.name, g.inner_create_fn().__name__) for g in e.out_guards or []}), e.ops_per_graph
len(e.compile_times) > 0, str(e).split("Out Guards")[0].split("Compile")[0]
with dynamo.config.patch(capture_scalar_outputs=True):
    captured = ran(three, (x,), (x * 2,), fullgraph=True)
captured
@torch.compiler.disable(recursive=False)
def shallow(x):
    return one_more(x) + 1
def one_more(x):
    return x * 7
ran(lambda x: shallow(x) + 1, (x,)), ran(torch.compiler.disable(one_more), (x,))
torch.compiler.disable(nn.ReLU())(x), plain(x), torch.compiler.disable(one_more, recursive=False)(x)
@torch.compiler.allow_in_graph
def opaque(x):
    return x * int(x.numel())
ran(lambda x: opaque(x) + 1, (x,)), torch.compiler.allow_in_graph([one_more])[0](x)
torch.compiler.allow_in_graph(3)
@torch.compiler.assume_constant_result
def fixed():
    return 4
ran(lambda x: x + fixed(), (x,), fullgraph=True), torch.compiler.is_compiling()
torch.compiler.is_dynamo_compiling(), ran(lambda x: x + int(torch.compiler.is_compiling()), (x,))
def barred(x):
    return x - 9
dynamo.disallow_in_graph(barred), ran(lambda x: barred(x) + 1, (x,)), dynamo.allow_in_graph(barred)
dynamo.forbid_in_graph(one_more), ran(lambda x: one_more(x) + 1, (x,))
""",
    "guards": """
scale, table, seen = 2, {"a": 1}, [1, 2]
class Box:
    n = 3
    def __init__(self):
        self.m = 1
box = Box()
def told(f, *calls, **k):
    results, made, _ = ran(f, *calls, **k)
    failed = [r.split("#")[0].strip() for v in dynamo.utils.guard_failures.values() for r in v]
    dynamo.utils.guard_failures.clear()
    return results, made, failed
def by(x, n):
    return x * n
told(by, (x, 2), (x, 3), (x, "a"), (x, True), (x, x))
told(by, (x, 2), (y, 2), (y[:3], 2), (x[:1], 2), (x.clone().requires_grad_(), 2))
def uses(x):
    global scale
    return x * scale + table["a"] + len(seen) + box.m + box.n
def changed(f, *changes):
    dynamo.reset()
    graphs.clear()
    c = torch.compile(f, backend=keep)
    told = [c(x)]
    for change in changes:
        change()
        told.append((c(x).sum().item(), len(graphs)))
    return told
changed(uses, lambda: globals().update(scale=3), lambda: table.update(a=9),
    lambda: table.update(b=3), lambda: seen.append(3), lambda: setattr(box, "m", 5),
    lambda: setattr(Box, "n", 8), lambda: None)
def moded(x):
    return x + 1 if torch.is_grad_enabled() else x - 1
with torch.no_grad():
    off = ran(moded, (x,))
off[:2], ran(moded, (x,))[:2]
def marked(mark, *calls, f=lambda x: x.reshape(-1) + x.shape[0], **k):
    a = x.clone()
    try:
        made = mark(a)
    except Exception as error:
        return cut(error)
    return ran(f, (a,), *calls, **k)
marked(lambda a: dynamo.mark_dynamic(a, 0), (y,))
marked(lambda a: dynamo.mark_dynamic(a, [0, 1], min=2, max=5), (y,))
marked(lambda a: dynamo.mark_dynamic(a, 0), f=lambda x: x + 1 if x.shape[0] == 2 else x)
marked(lambda a: dynamo.maybe_mark_dynamic(a, 0), f=lambda x: x + 1 if x.shape[0] == 2 else x)
marked(lambda a: dynamo.mark_static(a, 0), (y,), (y[:3],))
marked(lambda a: dynamo.mark_dynamic(a, 5)), marked(lambda a: dynamo.decorators.mark_unbacked(a, 0))
with dynamo.config.patch(cache_size_limit=2):
    limited = ran(by, (x, 1), (x, 2.5), (x, True), (x, x))
with dynamo.config.patch(error_on_recompile=True):
    refused = ran(by, (x, 1), (x, 2))
limited[:2], refused
told(lambda x, d: x + sum(d.values()), (x, {"a": 1}), (x, {"a": 1, "b": 2}), (x, {"b": 1}))
told(lambda x, d: x + d[0], (x, [1]), (x, (1,)))
told(lambda x, *a, **k: x + len(a) + len(k), (x,), (x, 1))
with torch.compiler.set_stance("force_eager"):
    eager = ran(by, (x, 1))
c = torch.compile(by, backend=keep)
dynamo.reset(), c(x, 1)
with torch.compiler.set_stance("eager_on_recompile"):
    stale = c(x, 1), c(x, 2.5), len(graphs)
with torch.compiler.set_stance("fail_on_recompile"):
    c(x, 5)
eager, stale
""",
}
