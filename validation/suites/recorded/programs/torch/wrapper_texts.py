"""Texts of Python with what torch.compile makes of objects, changes, and modules."""

TRAINED = {
    "python": """
Point = collections.namedtuple("Point", "u v")
class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Data:
    a: torch.Tensor
    b: int = 3
    def total(self):
        return self.a * self.b
class Base:
    def __init__(self, n):
        self.n = n
    def grow(self, x):
        return x + self.n
    @property
    def both(self):
        return self.n * 2
    @staticmethod
    def fixed(x):
        return x - 1
    @classmethod
    def made(cls, n):
        return cls(n)
class Child(Base):
    def grow(self, x):
        return super().grow(x) * 2
    def __call__(self, x):
        return self.grow(x)
    def __getitem__(self, i):
        return self.n + i
    def __len__(self):
        return 5
def counts(x, n):
    for i in range(n):
        got = yield x + i
    return x
def containers(x):
    a = [x, x + 1]
    a.append(a[0] * 2)
    a.insert(0, a.pop())
    a[1:2] = [x - 1, x - 2]
    b = {"u": x, **{"v": x * 3}}
    b["w"] = b.pop("u")
    c = {1, 2} | {3}
    d = collections.deque([1, 2, 3], maxlen=2)
    e = collections.defaultdict(list)
    e["k"].append(x)
    f = collections.OrderedDict(z=1)
    g = Point(x, v=2)
    p, *q = a
    return a[::-1], b, len(c), [*d], e["k"], dict(f), g._replace(v=3), q, sorted([3, 1, 2],
        reverse=True), tuple(reversed([1, 2])), max(1, 2), 2 in c
def functions(x, k=2, *more, **named):
    total = 0
    def add(n):
        nonlocal total
        total += n
        return x * n
    made = list(map(add, [1, 2])) + [*filter(lambda t: t is not None, [None, x])]
    made += [functools.reduce(operator.add, made), functools.partial(torch.add, x)(x, alpha=2)]
    made += [a * b for a, b in zip(itertools.chain([1], [2]), [x, x])]
    if (n := len(made)) > 3:
        made.append(x + n)
    return made, total, f"{k:>3}|{n}", "a-b".split("-"), math.sqrt(4) + k, [i for i,
        v in enumerate(made) if i % 2], any([0, 1]), all([]), named.get("z",
        5), callable(add), isinstance(x, torch.Tensor), type(x) is torch.Tensor
def classes(x):
    c, d = Child.made(3), Data(x)
    d.b = 7
    c.m = 4
    return c(x), c.both, c[1], len(c), Child.fixed(x), d.total(), hasattr(c, "m"), getattr(c,
        "none", 2), Colour.RED is Colour(1), Colour.RED.name, issubclass(Child,
        Base), c.__class__.__name__, d
def flows(x, n):
    out = x
    try:
        if n > 2:
            raise ValueError("big")
        out = out + 1
    except ValueError as error:
        out = out * 2
    finally:
        out = out - 3
    while n > 0:
        n -= 1
        if n == 2:
            continue
        out = out + n
    else:
        out = out * 10
    match n:
        case 0:
            out = out + 0.5
        case _:
            out = out - 0.5
    assert n == 0, "n"
    return out
@contextlib.contextmanager
def managed(n):
    seen.append(n)
    yield n + 1
    seen.append(-n)
seen = []
def within(x):
    with managed(3) as n, torch.no_grad():
        y = x * n
    with contextlib.nullcontext(5) as m:
        return y + m, y.requires_grad
def sized(x):
    a, b = x.shape
    return x.view(b, a), x.size(-1), x.dim(), x.numel(), x.dtype, x.device.type, x.is_contiguous(
        ), x.stride(), len(x), x.new_ones(a), torch.zeros_like(x), torch.arange(b), x.tolist
def same(f, *a, **k):
    results, made, _ = ran(f, a, **k)
    return results[0], made, repr(f(*a)) == repr(results[0])
same(containers, x), same(functions, x), same(classes, x), same(flows, x, 4)
same(lambda x: sum(t.sum() for t in counts(x, 2)), x), same(sized, x)
same(within, x.clone().requires_grad_()), seen
ran(lambda x: x + int("3") + ord("a") + len(str(2.5)), (x,))
ran(lambda x: {x: 1}[x], (x,))[:2], ran(lambda x: x.no_such(), (x,))
ran(lambda x: undefined + x, (x,)), ran(lambda x: 1 / 0, (x,)), ran(lambda x: x @ x, (x,))
ran(lambda x: [][1], (x,)), ran(lambda: 3, ()), ran(3, (x,)), ran(lambda x: None, (x,))
ran(lambda x: x, (x,)), ran(functools.partial(torch.add, x), (y[0],))
""",
    "changes": """
def told(f, *values, backend="aot_eager", **k):
    mine, own = [copy.deepcopy(v) for v in values], [copy.deepcopy(v) for v in values]
    dynamo.reset()
    try:
        made = torch.compile(f, backend=backend, **k)(*mine)
    except Exception as error:
        return cut(error)
    return made, mine, repr(f(*own)) == repr(made), repr(own) == repr(mine)
def fill(x):
    x[0].mul_(2)
    y = x.view(-1)
    y[1:3] += 5
    return x.t_() if x.dim() > 5 else y
def twice(a, b):
    a.add_(1)
    return b * 2, a
def lists(x, made, d):
    made.append(x + 1)
    made[0] = x - 1
    d["n"] = len(made)
    d.pop("old", None)
    return made.pop(1)
def returns(x):
    return x, x[0], x.detach(), x.T, x.view(-1)
def outs(x):
    out = torch.empty(2, 3)
    torch.add(x, 1, out=out)
    x.zero_()
    out.resize_(3, 2)
    return out
told(fill, x), told(twice, x, y, backend="eager"), told(lists, x, [x, x * 2], {"old": 1})
told(returns, x), told(outs, x)
told(lambda x: x * 2 if x.is_leaf else x, x)
c = torch.compile(twice, backend="aot_eager")
a, v = x.clone(), y.clone()
c(a, a), a, c(v, v[:2]), v, c(v[:2], v[2:]), v
class Holds(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("n", torch.zeros(1))
        self.count, self.last = 0, None
    def forward(self, x):
        self.n += 1
        self.count += 1
        self.last = x.sum()
        return x * self.n
h = Holds()
k = torch.compile(h, backend=keep)
graphs.clear(), k(x), k(x), k(x), h.n, h.count, h.last
class Object:
    pass
def store(x, o):
    o.kept = x + 1
    o.n = getattr(o, "n", 0) + 1
    return o.kept * 2
o = Object()
torch.compile(store, backend="eager")(x, o), o.kept, o.n
state = {"n": 0}
total = 0
def shared(x):
    global total
    total += 2
    state["n"] += 1
    return x + total
s = torch.compile(shared, backend="eager")
s(x), s(x), total, state
g = x.clone().requires_grad_()
def graded(f, *a, backend="aot_eager_default_partitioner", **k):
    dynamo.reset()
    inputs = [v.clone().requires_grad_() for v in a]
    try:
        made = torch.compile(f, backend=backend, **k)(*inputs)
        return made, torch.autograd.grad(made.sum(), inputs, allow_unused=True)
    except Exception as error:
        return cut(error)
graded(lambda a, b: (a * b).relu() + a.detach() + 0 * b.detach(), x, x + 1)
graded(lambda a: a.sigmoid(), x, backend="aot_eager_default_partitioner", dynamic=True)
graded(lambda a: a.sin(), x, backend="eager")
d = torch.compile(lambda a: a.sin().sum(), backend="aot_eager_default_partitioner")(g)
torch.autograd.grad(torch.autograd.grad(d, g, create_graph=True)[0].sum(), g)
""",
    "wrappers": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop = nn.Linear(3, 2), nn.Dropout(0.5)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 2, 0], [0, -1, 1]]))
            self.first.bias.copy_(torch.tensor([0.5, 1]))
    def forward(self, x):
        return self.drop(self.first(x))
    def other(self, x):
        return x + 1
net = Net().eval()
c = torch.compile(net, backend=keep)
c(x), type(c).__name__, c.first.bias, [*c.state_dict()], [*dict(c.named_modules())], c.training
c.train().training, net.training, c.eval()(x), c.other(x), c._orig_mod is net, len(graphs), graphs
repr(c), c.none, dir(c).count("other"), copy.deepcopy(c)(x), isinstance(c, nn.Module)
c.first = nn.Linear(3, 1)
net.first.weight.shape, c.load_state_dict({"_orig_mod.first.bias": torch.ones(1)}, strict=False)
n = Net().eval()
n.compile(backend=keep), n(x), len(graphs), n._compiled_call_impl is None, [*n.state_dict()]
n.first.register_forward_hook(lambda m, a, o: o * 2), n(x)
n.register_forward_pre_hook(lambda m, a: (a[0] + 1,)), n(x), len(graphs)
@torch.compile(backend=keep)
def decorated(x):
    return x + 1
decorated(x), decorated.__name__, decorated._torchdynamo_orig_callable
torch.compile(decorated, backend=keep)(x), torch.compile(backend=keep)(torch.sin)(x)
torch.compile(torch.sin, disable=True)(x), torch.compile(net.other, backend=keep)(x)
torch.compile(net, backend="none")
torch.compile(net, backend="eager", mode="default", options={"a": 1})
torch.compile(net, backend=3)(x), "eager" in torch.compiler.list_backends()
"eager" in torch.compiler.list_backends(exclude_tags=()), dynamo.lookup_backend("eager").__name__
dynamo.is_dynamo_supported()
@dynamo.register_backend(name="played")
def mine(graph, inputs, **options):
    seen.append((len(inputs), sorted(options)))
    return graph
seen = []
torch.compile(lambda x: x * 3, backend="played")(x)
torch.compile(lambda x: x * 4, backend="played", options={"o": 1})(x), seen
"played" in torch.compiler.list_backends()
dynamo.backends.registry._BACKENDS.pop("played").__class__
dynamo.backends.registry._COMPILER_FNS.pop("played").__name__
def fails(graph, inputs):
    raise ValueError("no")
ran(lambda x: x + 1, (x,), backend=fails), ran(lambda x: x + 1, (x,), backend=lambda g, i: 3)
with dynamo.config.patch(suppress_errors=True):
    hidden = ran(lambda x: x + 1, (x,), backend=fails)
hidden, dynamo.config.cache_size_limit, dynamo.config.patch(none=3), dynamo.run(lambda x: x + 1)(x)
dynamo.optimize("eager")(torch.cos)(x), dynamo.optimize("eager", nopython=True)(lambda x: x + 2)(x)
dynamo.optimize_assert("eager")(lambda x: x + 2)(x)
dynamo.export(lambda x: x.sin() + 1)(x).graph_module.code, dynamo.reset_code_caches()
torch.compiler.reset()
class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * 2
    @staticmethod
    def backward(ctx, grad):
        return grad * 3 + ctx.saved_tensors[0]
v = lambda a: torch.func.vmap(torch.func.grad(lambda b: (b.sin() * b).sum()))(a)
ran(v, (x,), fullgraph=True)
def graded(f, **k):
    g = x.clone().requires_grad_()
    made, count, texts = ran(f, (g,), **k)
    return made, torch.autograd.grad(made[0].sum(), g), count, texts
from torch.utils.checkpoint import checkpoint
graded(lambda a: Doubled.apply(a) + 1)
graded(lambda a: checkpoint(torch.sin, a, use_reentrant=False) * 2)
def modes(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        a = x @ x.T
    with torch.inference_mode():
        b = x + 1
    with torch.set_grad_enabled(False):
        c = x * 2
    with torch.autograd.profiler.record_function("r"):
        d = c - 1
    return a, b, d
ran(modes, (x,)), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
torch.is_grad_enabled()
""",
}
