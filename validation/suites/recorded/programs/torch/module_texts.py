"""Texts of Python with modules that torch.jit compiles and saves."""

HELD = {
    "modules": """
class Net(nn.Module):
    __constants__ = ["size", "names"]
    limit: Final[int] = 3
    table: Dict[str, int]
    def __init__(self, n=2):
        super().__init__()
        self.first = nn.Linear(3, n)
        self.rest = nn.ModuleList([nn.ReLU(), nn.Dropout(0.5)])
        self.by = nn.ModuleDict({"a": nn.Identity(), "b": nn.Tanh()})
        self.kept: Tensor
        self.register_buffer("kept", torch.arange(2.0))
        self.register_buffer("lost", torch.ones(1), persistent=False)
        self.size, self.names, self.table, self.count = n, ["u",
            "v"], {"q": 1}, torch.jit.Attribute([1], List[int])
        self.none, self.maybe = None, torch.jit.Attribute(None, Optional[Tensor])
        self.flag = True
        self.anything = object()
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(1))])
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 2, 0], [0, -1, 1]]))
            self.first.bias.copy_(torch.tensor([0.5, 1]))
    def forward(self, x, n: int = 1):
        y = self.first(x)
        for each in self.rest:
            y = each(y)
        for i, (key, each) in enumerate(self.by.items()):
            y = each(y) + i + len(key)
        self.count.append(n)
        if self.flag and self.none is None and n < self.limit:
            y = self.helper(y) + self.kept + self.size + self.table["q"]
        if hasattr(self, "nothing"):
            y = y + self.nothing
        return y * self.rest[1](self.kept) if self.training else y
    def helper(self, y):
        return y + len(self.names)
    @torch.jit.export
    def more(self, n: int) -> List[int]:
        self.flag = n > 3
        return self.count + [n]
    @torch.jit.ignore
    def python(self, x):
        return self.anything
    @torch.jit.unused
    def never(self, x):
        return self.anything
    @property
    def doubled(self) -> int:
        return self.size * 2
    @torch.jit.export
    def __len__(self) -> int:
        return self.size
net = Net().eval()
s = script(net)
s(x), s(x, 5), s.more(2), s(x), s.count, s.flag, s.doubled, len(s), s.code, s.more.code
s.inlined_graph.__class__, s.original_name, repr(s), s.names, s.table, s.limit, s.none
s.python(x).__class__
s.never(x), s.nothing, s.helper(x[:, :2]), [*s.state_dict()], [*dict(s.named_parameters())]
[*dict(s.named_buffers())], [*dict(s.named_modules())], s.training, s.train().training, s.rest[0]
len(s.rest), [*s.by], s.by["b"], s.first.weight, "a" in s.by, s._c._method_names().__class__
s.graph.__class__, s.forward.schema, s.code_with_constants[1].const_mapping.__class__
s.flag = False
s.size = 5
s.new = 3
s.first = nn.Linear(3, 2)
s.kept = torch.ones(2)
s.eval()(x, 2), s.new, s.define("def added(self, n: int):\\n    return n + 1\\n"), s.added(3)
s.eval().kept, s.half().first.weight.dtype, s.float().to(torch.float64).kept.dtype
s.apply(lambda m: None).__class__, s.add_module("x", nn.ReLU()), s.register_buffer("z", x)
s.zero_grad(), copy.copy(s).__class__, copy.deepcopy(s).float()(x), pickle.dumps(s)
torch.jit.export_opnames(s), s.requires_grad_(False).first.weight.requires_grad, s.share_memory
s.get_extra_state
c = script(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.GELU())).eval()
c[0].__class__, len(c), [m.original_name for m in c], c(x).shape, c[1:], c.code, str(c[0].code)
script(nn.Linear(3, 3)).register_forward_hook(lambda *a: None)
class Hooked(nn.Module):
    def forward(self, x: Tensor):
        return x + 1
def before(self, x: Tuple[Tensor]) -> Tuple[Tensor]:
    return (x[0] * 2,)
def after(self, x: Tuple[Tensor], y: Tensor) -> Tensor:
    return y - 1
h = Hooked()
h.register_forward_pre_hook(before), h.register_forward_hook(after)
script(h)(x), script(h).code, torch.jit.script(h, example_inputs=[(x,)])(x), h(x)
h.register_forward_hook(lambda self, x, y: 3)
script(h)
class Broken(nn.Module):
    def __init__(self, **made):
        super().__init__()
        for name, value in made.items():
            setattr(self, name, value)
    def forward(self, x):
        return x + self.a
script(Broken(a=3))(x), script(Broken(a=object())), script(Broken()), script(Broken(a=[]))
script(Broken(a=[1, "b"])), script(Broken(a={"u": x})), script(Broken(a=torch.relu))
script(Broken(a=x))(x), script(Broken(a=nn.ReLU())), script(Broken(a=len))
script(Broken(a=1.5, b=lambda: 3))(x), script(Broken(a=(1, 2)))
class Old(torch.jit.ScriptModule):
    __constants__ = ["n"]
    def __init__(self):
        super().__init__()
        self.n = 4
        self.w = nn.Parameter(torch.ones(3))
    @torch.jit.script_method
    def forward(self, x):
        return x * self.w + self.n
    def plain(self, x):
        return self.forward(x)
Old()(x), Old().plain(x), Old().code, torch.jit.trace(Old(), x)(x), script(Old()), Old().n
""",
    "saved": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.table, self.text = nn.Parameter(torch.tensor([1.0, 2, 3])), {"a": [1, 2]}, "t"
        self.register_buffer("kept", torch.arange(3.0))
        self.inner = nn.Sequential(nn.ReLU())
    def forward(self, x, n: int = 2):
        return self.inner(x) * self.w + self.kept * n
    @torch.jit.export
    def more(self, s: str) -> str:
        return self.text + s + str(self.table["a"])
s = script(Net())
s.save("s.pt"), torch.jit.save(s, "e.pt", _extra_files={"a.txt": "some", "b.json": b"{}"})
s.save("m.pt", _extra_files={"c": "d"})
e = {"a.txt": "", "none": "z"}
l = torch.jit.load("e.pt", _extra_files=e)
l(x), l(x, n=3), e, l.more("u"), l.text, l.table, [*l.state_dict()], l.w.requires_grad, l.code
l.inner.code, repr(l), l.original_name, l.inner[0] if hasattr(l.inner, "0") else 0, type(l).__name__
l.training, l.train().inner.training
b = {"b.json": ""}
torch.jit.load("e.pt", "cpu", b)(x), b
torch.jit.load("s.pt", map_location=torch.device("meta")).w.device
torch.jit.load("s.pt", map_location="none"), torch.jit.load("none.pt")
torch.jit.load(io.BytesIO(b"no")), torch.jit.load(3), torch.jit.load(".")
torch.load("s.pt", weights_only=False), torch.load("s.pt")
torch.jit.load("s.pt", _restore_shapes=True)(x)
import zipfile
{*zipfile.ZipFile("e.pt").namelist()}, zipfile.ZipFile("e.pt").read("e/extra/a.txt")
zipfile.ZipFile("s.pt").read("s/version").decode()
with open("s.pt", "rb") as file:
    again = torch.jit.load(file)
again(x), roundtrip(again).code, s.save_to_buffer().__class__
torch.jit.load(io.BytesIO(s.save_to_buffer(_extra_files={"q": "r"})))(x)
torch.jit.load(io.BytesIO(again.save_to_buffer()))(x), torch.jit.save(Net(), "n.pt")
torch.jit.save(3, "n.pt"), roundtrip(torch.jit.trace(Net(), x)).code
again.w = nn.Parameter(torch.ones(3))
again(x), again.eval().to(torch.float64).w.dtype, copy.deepcopy(again)(x.double())
again.load_state_dict({"w": x[0], "kept": x[1]}), again(x), again.load_state_dict({"w": x})
again.state_dict(), pickle.dumps(again), again.none, again.define("def f(self):\\n    return 3\\n")
again.f()
class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.ones(1)
    @torch.jit.export
    def __getstate__(self):
        return (self.w + 5, self.training)
    @torch.jit.export
    def __setstate__(self, state: Tuple[Tensor, bool]):
        self.w = state[0] * 2
        self.training = state[1]
    def forward(self, x):
        return x + self.w
roundtrip(script(Stateful()))(x), script(Stateful())(x)
class Pair(NamedTuple):
    a: Tensor
    b: int = 4
class Colour(enum.Enum):
    RED = 1
class Kinds(nn.Module):
    pair: Pair
    many: Dict[str, List[Optional[int]]]
    def __init__(self):
        super().__init__()
        self.pair, self.colour, self.both = Pair(torch.ones(1)), Colour.RED, (1, "a")
        self.many = {"z": [1, None]}
        self.shared = nn.Linear(3, 3)
        self.again = self.shared
    def forward(self, x, c: Colour) -> Pair:
        return Pair(x + self.pair.a if c == self.colour else x, self.both[0] + len(self.many["z"]))
k = script(Kinds())
k(x, Colour.RED), k.code, roundtrip(k)(x, Colour.RED), roundtrip(k).pair, roundtrip(k).many
[*roundtrip(k).state_dict()], k.shared is k.again
roundtrip(k).shared.weight is roundtrip(k).again.weight
from torch.jit import _serialization as se
se.validate_map_location("cpu"), se.validate_map_location(None), se.validate_map_location(3)
se.validate_map_location(lambda a, b: a)
se.save_jit_module_to_flatbuffer(s, "f.ff"), se.jit_module_from_flatbuffer("f.ff")(x)
se.get_flatbuffer_module_info("f.ff")["opname_to_num_args"].__class__
se.jit_module_from_flatbuffer("none")
""",
}
