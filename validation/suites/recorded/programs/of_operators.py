"""Programs with operators of one's own, trees of values, weak references, exchanged tensors."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from .. import pool
from .families import Family
from .scripts import play_script

CUSTOM = """
from torch import Tensor
from typing import List, Optional, Tuple, Sequence
import numpy as np
@l.custom_op('recorded_own::scale', mutates_args=())
def scale(values: Tensor, factor: float = 2.0, shift: Optional[Tensor] = None) -> Tensor:
    given = values.detach().numpy() * factor
    return torch.from_numpy(given) + (0 if shift is None else shift)
scale, scale(rows), scale(rows, 3.0), scale(rows, shift=rows), scale(rows, factor='a'), scale()
torch.ops.recorded_own.scale(rows, 0.5), torch.ops.recorded_own.scale.default._schema
scale._opoverload, scale(rows.to('meta')), scale._qualname
grown = rows.clone().requires_grad_()
scale(grown).requires_grad, refuse(scale(grown).sum().backward)
def keep(ctx, inputs, output):
    ctx.factor, ctx.has_shift = inputs[1], inputs[2] is not None
    ctx.save_for_backward(inputs[0])
def back(ctx, grad):
    return grad * ctx.factor, None, grad if ctx.has_shift else None
scale.register_autograd(back, setup_context=keep), scale(grown, 3.0).sum().backward(), grown.grad
@scale.register_fake
def scale_fake(values, factor=2.0, shift=None):
    return torch.empty_like(values)
scale(rows.to('meta')), l.opcheck(scale, (rows,)), refuse(l.opcheck, scale, (3,))
l.opcheck(scale, (grown, 0.5), test_utils='test_schema')
l.opcheck(scale, (grown, 0.5), test_utils=('test_schema', 'test_faketensor',
 'test_autograd_registration'))
refuse(l.opcheck, scale, (rows,), test_utils='zz')
@scale.register_vmap
def scale_each(info, in_dims, values, factor=2.0, shift=None):
    return scale(values, factor, shift), in_dims[0]
torch.func.vmap(scale)(rows), torch.func.vmap(scale, in_dims=1)(rows)
torch.func.vmap(lambda each: scale(each, 0.5))(rows)
@scale.register_kernel('cpu')
def scale_cpu(values, factor=2.0, shift=None):
    return values * factor + 100
scale(rows), scale.register_kernel('zz', lambda values: values)
scale.register_kernel(['cpu', 'cuda'])(lambda values, factor=2.0, shift=None: values -
 factor) is not None
scale(rows)
with scale.set_kernel_enabled('cpu', False) as off:
    scale(rows), off
scale.set_kernel_enabled('zz', False).__enter__(), scale(rows)
seen = []
@l.custom_op('recorded_own::fill', mutates_args={'values'}, device_types='cpu')
def fill(values: Tensor, number: int) -> None:
    values.fill_(number)
own = torch.zeros(2)
version = own._version
fill(own, 3), own, own._version - version, fill(grown, 3)
fill._schema if hasattr(fill, '_schema') else 0, torch.ops.recorded_own.fill.default._schema
fill(own.to('meta'), 3)
l.custom_op('recorded_own::many', lambda a, b: None, mutates_args=())
l.custom_op('nocolons', mutates_args=())(lambda a: a)
l.custom_op('recorded_own::a.b', mutates_args=())(lambda a: a)
l.custom_op('recorded_own::bad')(lambda a: a)
@l.custom_op('recorded_own::many', mutates_args='unknown')
def many(first: Sequence[Tensor], sizes: Sequence[int], flag: bool = False, name: str = 'a',
    dtype: Optional[torch.dtype] = None) -> Tuple[Tensor, List[Tensor]]:
    return first[0] + len(sizes), [each.clone() for each in first]
many([rows, rows], [1, 2]), torch.ops.recorded_own.many.default._schema
many([rows], [], True, name='b')
def schema(function, **options):
    return l.infer_schema(function, **{'mutates_args': ()} | options)
def typed(a: Tensor, b: int, c: Optional[float] = None, *, d: bool = True, e:
 List[int]) -> List[Tensor]: pass
def tupled(a: Tensor, e: List[int] = (1, 2)) -> int: pass
def untyped(a, b: int) -> Tensor: pass
def unreturned(a: Tensor): pass
def odd(a: dict) -> Tensor: pass
def odd_result(a: Tensor) -> dict: pass
def starred(*a: Tensor) -> Tensor: pass
def late(a: 'Tensor', b: 'int' = 3) -> 'Tensor': pass
schema(typed), schema(typed, mutates_args={'a'}), schema(typed, mutates_args={'z'})
schema(typed, mutates_args='unknown'), schema(typed, op_name='own'), schema(untyped)
schema(unreturned), schema(odd), schema(odd_result), schema(starred), schema(late), schema(tupled)
schema(typed, mutates_args={'b'}), schema(typed, mutates_args='zz')
@l.custom_op('recorded_own::stated', mutates_args=(),
    schema='(Tensor x, int[] sizes=[3]) -> Tensor')
def stated(x, sizes=(3,)):
    return x + sum(sizes)
stated(rows), stated(rows, [1, 1]), torch.ops.recorded_own.stated.default._schema
@l.custom_op('recorded_own::alias', mutates_args=())
def alias(x: Tensor) -> Tensor:
    return x
alias(rows), refuse(l.opcheck, alias, (rows,))
l.opcheck(alias, (rows,), raise_exception=False, test_utils='test_schema')
l.register_autograd('recorded_own::stated', lambda ctx, grad: (grad * 5, None))
stated(grown).sum().backward(), grown.grad
l.register_autograd('recorded_own::stated', 3), l.register_autograd('zz', lambda ctx, grad: grad)
l.register_fake('recorded_own::zz')(lambda x: x)
l.register_fake('recorded_own::stated', lambda x, sizes=(3,): x.new_empty(9))
stated(rows.to('meta')).shape
l.register_kernel('recorded_own::stated', 'cpu', lambda x, sizes=(3,): x * 0), stated(rows)
l.register_vmap('recorded_own::stated', lambda info, dims, x, sizes=(3,): (x + info.batch_size,
 0))
torch.func.vmap(stated)(rows)
l.register_torch_dispatch('recorded_own::stated', torch.Tensor, lambda *args: 3) if hasattr(l,
 'register_torch_dispatch') else 0
"""
LIBRARIES = """
own = l.Library('recorded_lib', 'DEF')
own, own.define('plus(Tensor a, Tensor b, int times=1) -> Tensor')
own.define('plus(Tensor a) -> Tensor'), own.define('broken(')
own.define('tagged(Tensor a) -> Tensor', tags=torch.Tag.pointwise)
own.define('odd(Tensor a) -> Tensor', alias_analysis='ZZ')
own.define('in_place(Tensor(a!) a) -> ()', alias_analysis='')
@l.impl(own, 'plus', 'CPU')
def plus(a, b, times=1):
    return a + b * times
ops = torch.ops.recorded_lib
ops.plus(rows, rows), ops.plus(rows, rows, times=3), ops.plus.default(rows, rows)
ops.plus.default.tags, ops.tagged.default.tags, ops.plus.overloads(), ops.zz, ops.plus.zz
ops.tagged(rows), ops.plus(rows.to('meta'), rows.to('meta')), ops.plus.default.name()
ops.plus.default._schema
own.impl('plus', lambda a, b, times=1: a.new_empty(a.shape), 'Meta')
ops.plus(rows.to('meta'), rows.to('meta')), own.impl('plus', lambda a, b: a, 'CPU')
own.impl('zz', lambda a: a, 'CPU'), own.impl('plus', lambda a: a, 'ZZ')
own.impl('plus', 3, 'CPU')
own.impl(ops.tagged.default, lambda a: a * 2, 'CompositeExplicitAutograd'), ops.tagged(rows)
l.impl(own, 'in_place', 'CPU')(lambda a: None) is not None
twice = l.Library('recorded_lib', 'DEF')
part = l.Library('recorded_lib', 'FRAGMENT')
part.define('more(Tensor a) -> Tensor')
part.impl('more', lambda a: a - 1, 'CompositeImplicitAutograd'), ops.more(rows)
ops.more(rows.clone().requires_grad_()).requires_grad
changed = l.Library('aten', 'IMPL')
changed.define('zz(Tensor a) -> Tensor'), l.Library('zz', 'ZZ'), l.Library('prim', 'DEF')
l.define('recorded_lib::late', '(Tensor x) -> Tensor', lib=part)
l.define('recorded_lib::bad', 'Tensor x -> Tensor')
l.define('recorded_lib', '(Tensor x) -> Tensor'), l.define(3, 'x')
l.impl('recorded_lib::late', 'cpu', lambda x: x.sin(), lib=part), ops.late(rows)
l.impl('recorded_lib::late', ('cpu', 'zz'))(lambda x: x)
l.impl('recorded_lib::late', 'default', lambda x: x.cos(), lib=part)
l.register_fake('recorded_lib::late', lambda x: x.new_empty(2), lib=part)
ops.late(rows.to('meta')).shape
l.register_autograd('recorded_lib::late', lambda ctx, grad: grad * 7, lib=part)
grown = rows.clone().requires_grad_()
ops.late(grown).sum().backward(), grown.grad
part.define('sizes(Tensor x) -> Tensor'), part.impl('sizes', lambda x: x.nonzero(), 'CPU')
@l.register_fake('recorded_lib::sizes', lib=part)
def sizes_fake(x):
    count = l.get_ctx().new_dynamic_size(min=1, max=9)
    return x.new_empty([count, x.dim()], dtype=torch.long)
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode() as mode:
    refuse(ops.sizes, torch.ones(3))
l.get_ctx(), l.fallthrough_kernel, l.fallthrough_kernel(), l.impl_abstract is not None
fall = part.impl('more', l.fallthrough_kernel, 'AutocastCPU')
ops.more(rows)
l.get_kernel('recorded_lib::more', 'CPU') is not None if hasattr(l, 'get_kernel') else 0
[each._destroy() for each in (own, part)]
'more' in torch.ops.recorded_lib.__dict__, refuse(lambda: torch.ops.recorded_lib.plus(rows, rows))
torch._C._dispatch_find_schema_or_throw('recorded_lib::plus', '')
"""
TREES = """
from collections import OrderedDict, defaultdict, deque, namedtuple
Point = namedtuple('Point', ['x', 'y'])
tree = {'b': [1, (2, None)], 'a': OrderedDict(z=3, y=(4,)), 'p': Point(5, [6]), 'q': deque([7, 8],
 maxlen=3), 'd': defaultdict(list, k=[9]), 'e': [], 's': torch.Size([1, 2]), 't': (), 'f':
 slice(1, 2)}
leaves, spec = t.tree_flatten(tree)
leaves, spec, spec.num_leaves, spec.num_nodes, spec.num_children, spec.type, spec.context
spec.is_leaf(), t.tree_unflatten([each for each in range(spec.num_leaves)], spec)
t.tree_unflatten([1], spec), t.tree_leaves(tree), t.tree_structure(tree) == spec
t.tree_structure([1]) == t.tree_structure((1,)), spec.children_specs[0], t.tree_unflatten([1], 3)
spec.unflatten(range(spec.num_leaves)), len(repr(spec))
hash(spec) == hash(t.tree_structure(tree))
t.tree_map(lambda each: each, {'a': [1, None]})
t.tree_map(lambda a, b: (a, b), [1, (2,)], [3, (4,)]), t.tree_map(lambda a, b: a, [1], [2, 3])
t.tree_map(lambda a, b: a, [1, [2]], (3, [4])), t.tree_map_(lambda each: None, [1])
t.tree_map_only(int, lambda each: -each, [1, 'a', 2.5])
t.tree_map_only((int, str), lambda each: each * 2, [1, 'a', 2.5])
t.tree_map_only_(int, lambda each: None, [1])
t.tree_map_only(lambda each: each == 1, lambda each: 'one', [1, 2])
t.tree_map(str, [1, [2, 3]], is_leaf=lambda each: isinstance(each, list) and len(each) == 2)
t.tree_map_only(3, str, [1])
t.tree_all(lambda each: each > 0, [1, 2]), t.tree_any(lambda each: each > 1, [1, [2]])
t.tree_all_only(int, lambda each: each > 1, [2, 'a'])
t.tree_any_only(str, lambda each: each == 'a', [2, 'b']), t.tree_any(bool, [])
t.tree_all(bool, [])
t.tree_flatten_with_path({'a': [1, Point(2, 3)]}), t.tree_leaves_with_path(OrderedDict(b=1))
t.tree_map_with_path(lambda path, each, more: (t.keystr(path), each, more), {'a': [1], 'p':
 Point(2, 3)}, {'a': [4], 'p': Point(5, 6)})
[t.keystr(path) for path, each in t.tree_flatten_with_path(tree)[0]]
t.key_get({'a': [1, 5]}, (t.MappingKey('a'), t.SequenceKey(1))), t.MappingKey('a')
t.SequenceKey(0), t.GetAttrKey('x'), t.key_get(Point(1, 2), (t.GetAttrKey('y'),))
t.MappingKey('a') == t.MappingKey('a')
class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right
    def __repr__(self):
        return f'Pair({self.left}, {self.right})'
t.tree_leaves(Pair(1, 2))[0]
t.register_pytree_node(Pair, lambda pair: ([pair.left, pair.right], 'kept'), lambda values,
 context: Pair(*values), serialized_type_name='recorded.Pair', to_dumpable_context=lambda context:
 [context], from_dumpable_context=lambda found: found[0], flatten_with_keys_fn=lambda pair:
 ([(t.GetAttrKey('left'), pair.left), (t.GetAttrKey('right'), pair.right)], 'kept'))
t.tree_map(lambda each: each + 1, Pair(1, [2])), t.tree_flatten_with_path(Pair(1, [2]))
t.register_pytree_node(Pair, list, list), t.tree_flatten(Pair(1, 2))[1]
t.register_pytree_node(3, list, list)
t.treespec_dumps(t.tree_structure({'a': [1, Pair(2, (3,))]}))
t.treespec_dumps(t.tree_structure(Point(1, 2)))
t.treespec_loads(t.treespec_dumps(t.tree_structure([1, {'a': Pair(2,
 3)}]))) == t.tree_structure([1, {'a': Pair(2, 3)}])
t.treespec_pprint(spec) if hasattr(t, 'treespec_pprint') else 0, t.treespec_loads('[9, {}]')
t.treespec_dumps(3), t.treespec_dumps(spec, 9), t.treespec_loads('zz')
t._broadcast_to_and_flatten(1, t.tree_structure([1, (2, 3)]))
t._broadcast_to_and_flatten([1, 2], t.tree_structure([1, (2, 3)]))
t._broadcast_to_and_flatten((1,), t.tree_structure([1])), t.arg_tree_leaves(1, [2], a=3)
t.tree_is_leaf(3), t.tree_is_leaf([]), t.LeafSpec(), t.LeafSpec() == t.LeafSpec()
t.SUPPORTED_NODES.get(Pair) is not None
t._deregister_pytree_node(Pair) if hasattr(t,
 '_deregister_pytree_node') else t.SUPPORTED_NODES.pop(Pair) and 0
spec.flatten_up_to(tree), spec.flatten_up_to([1])
"""
OTHERS = """
import copy, gc, weakref, pickle
from torch.utils.weak import WeakIdKeyDictionary, WeakTensorKeyDictionary, WeakIdRef
from torch.utils.weak import TensorWeakRef
keys = [torch.ones(2), torch.zeros(1)]
held = WeakTensorKeyDictionary({keys[0]: 'a'})
held[keys[1]] = 'b'
len(held), held[keys[0]], keys[0] in held, torch.ones(2) in held, held.get(torch.ones(1), 3)
list(held.values()), len(list(held.keys())), held.setdefault(keys[0], 9), held.pop(keys[1])
held.pop(keys[1], 5), refuse(held.pop, keys[1])[:9], len(held.copy()), held == {keys[0]: 'a'}
held.update({keys[1]: 'c'}), sorted(each[1] for each in held.items()), len(held.keyrefs())
type(held | {}).__name__, held | 3, 3 in held, held.popitem()[1], copy.deepcopy(held) is held
copy.copy(held) == held
extra = torch.ones(3)
held[extra] = 'd'
del extra
len(held), [*map(str, held.values())], held.clear() if hasattr(held, 'clear') else 0
WeakIdRef(keys[0]) == WeakIdRef(keys[0]), WeakIdRef(keys[0]) == WeakIdRef(keys[1])
TensorWeakRef(keys[0])() is keys[0], TensorWeakRef(3), repr(WeakIdKeyDictionary())[:20]
first, second = torch.ones(2, requires_grad=True), torch.zeros(3)
first.name_of, places = 'kept', (id(first), id(second))
torch.utils.swap_tensors(first, second), first, second, (id(first), id(second)) == places
getattr(second, 'name_of', 0), hasattr(first, 'name_of')
watched = weakref.ref(first)
torch.utils.swap_tensors(first, second), torch.utils.swap_tensors(nn.Parameter(first), second)
torch.utils.swap_tensors(3, second)
used = torch.ones(2, requires_grad=True)
made = used * 2
torch.utils.swap_tensors(used, torch.ones(2))
torch.__future__.get_swap_module_params_on_conversion()
torch.__future__.set_swap_module_params_on_conversion(True)
net = nn.Linear(2, 2)
place, old = id(net.weight), net.weight
net.half() is net, id(net.weight) == place, net.weight.dtype, net.weight is old
net.load_state_dict(nn.Linear(2, 2).state_dict()), net.weight is old, net.weight.dtype
torch.__future__.set_swap_module_params_on_conversion(False), net.double().weight is old
torch.__future__.get_overwrite_module_params_on_conversion()
torch.__future__.set_overwrite_module_params_on_conversion(True)
nn.Linear(1, 1).double().weight.dtype
torch.__future__.set_overwrite_module_params_on_conversion(False)
from torch.utils.hooks import RemovableHandle, BackwardHook, unserializable_hook, warn_if_has_hooks
from collections import OrderedDict
calls, more, third = OrderedDict(), OrderedDict([(1, 2)]), OrderedDict()
handles = [RemovableHandle(calls), RemovableHandle(calls, extra_dict=more), RemovableHandle(calls,
 extra_dict=[more, third])]
calls[handles[0].id], calls[handles[1].id], more[handles[1].id] = 'a', 'b', 'c'
handles[1].id - handles[0].id, handles[1].remove(), len(calls), len(more), handles[1].remove()
len(handles[2].extra_dict_ref), len(handles[0].__getstate__())
unserializable_hook(lambda: 3).__torch_unserializable__
with handles[0] as same:
    same is handles[0]
len(calls), RemovableHandle({})
pickle.loads(pickle.dumps(RemovableHandle(OrderedDict()))).hooks_dict_ref() is not None
grown = torch.ones(2, requires_grad=True)
grown.register_hook(lambda grad: grad)
refuse(warn_if_has_hooks, grown), warn_if_has_hooks(torch.ones(1))
refuse(pickle.dumps, grown * 2)[:1]
from torch.utils import deterministic
before = deterministic.fill_uninitialized_memory
torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode()
torch.is_deterministic_algorithms_warn_only_enabled()
torch.use_deterministic_algorithms(True), torch.get_deterministic_debug_mode(), torch.empty(3)
torch.empty(2, dtype=torch.long), torch.empty(1, dtype=torch.bool), torch.empty_like(rows)
torch.ones(2).resize_(3)[2], torch.empty(2, dtype=torch.complex64), rows.new_empty(2)
torch.use_deterministic_algorithms(True, warn_only=True), torch.get_deterministic_debug_mode()
torch.set_deterministic_debug_mode('error'), torch.get_deterministic_debug_mode()
torch.set_deterministic_debug_mode('warn'), torch.are_deterministic_algorithms_enabled()
torch.set_deterministic_debug_mode(2), torch.set_deterministic_debug_mode('zz')
torch.set_deterministic_debug_mode(9), torch.set_deterministic_debug_mode('default')
torch.are_deterministic_algorithms_enabled()
torch.use_deterministic_algorithms(True), torch.kthvalue(rows.flatten(), 2)
torch.zeros(3).index_add_(0, torch.tensor([0, 0]), torch.ones(2))
torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2)), torch.cumsum(rows, 0)
torch.use_deterministic_algorithms(False), setattr(deterministic, 'fill_uninitialized_memory', 3)
deterministic.fill_uninitialized_memory
"""
OVERRIDES = """
o = torch.overrides
o.resolve_name(torch.add), o.resolve_name(torch.Tensor.add), o.resolve_name(F.relu)
o.resolve_name(torch.Tensor.shape.__get__), o.resolve_name(len)
o.is_tensor_method_or_property(torch.Tensor.add), o.is_tensor_method_or_property(torch.add)
o.is_tensor_method_or_property(torch.Tensor.T.__get__), o.is_tensor_like(rows)
o.is_tensor_like(3)
len(o.get_ignored_functions()) > 99
torch.Tensor.is_cuda.__get__ in o.get_overridable_functions()[torch.Tensor]
len(o.get_overridable_functions()) > 5, len(o.get_testing_overrides()) > 999
o.get_testing_overrides()[torch.add](1, 2), o.get_testing_overrides()[torch.topk](1, 2)
def unwrap(value):
    if isinstance(value, (list, tuple)): return [unwrap(each) for each in value]
    return value.values if isinstance(value, Held) else value
class Held:
    def __init__(self, values): self.values = values
    @classmethod
    def __torch_function__(cls, function, kinds, args=(), kwargs=None):
        if function is torch.cos: return NotImplemented
        args = [unwrap(each) for each in args]
        return [o.resolve_name(function) or function.__name__, [each.__name__ for each in kinds],
           function(*args, **(kwargs or {}))]
class Less(Held): pass
one, two = Held(rows), Less(rows + 1)
torch.add(one, 1), torch.add(one, two), torch.add(two, one), torch.cos(one)
torch.stack([one, one]), torch.mul(rows, one), F.relu(one), F.softmax(one, 0), rows + one
one + rows, F.linear(rows, one), o.has_torch_function((one,)), o.has_torch_function((rows,))
o.has_torch_function_unary(one), o.has_torch_function_variadic(rows, one)
o.handle_torch_function(torch.sin, (one,), one), o.is_tensor_like(one), torch.is_tensor(one)
torch.sum(one, dim=0), torch.nn.Parameter(one)
with torch._C.DisableTorchFunctionSubclass():
    refuse(torch.sin, one), o.has_torch_function((one,))
seen = []
class Noting(o.TorchFunctionMode):
    def __init__(self, name): super().__init__(); self.name = name
    def __torch_function__(self, function, kinds, args=(), kwargs=None):
        seen.append([self.name, o.resolve_name(function), len(args), sorted(kwargs or {})])
        return function(*args, **(kwargs or {}))
with Noting('outer'):
    with Noting('inner') as inner:
        made = torch.ones(2) + 1
        torch.sum(made, dim=0)
    made.T, len(made), made[0], F.dropout(made, 0.0)
seen, o.TorchFunctionMode().__enter__ is not None, o._get_current_function_mode()
len(o._get_current_function_mode_stack())
with o.BaseTorchFunctionMode():
    torch.ones(1) + 1
@o.wrap_torch_function(lambda values, other: (values, other))
def joined(values, other):
    return torch.add(values, other)
joined(rows, 1), joined(one, 1)[1:2], joined.__name__
from torch.utils._python_dispatch import TorchDispatchMode, transform_subclass
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
class Counting(TorchDispatchMode):
    def __init__(self): super().__init__(); self.names = []
    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))
with Counting() as counted:
    F.layer_norm(rows, [3]).sum(), nn.Linear(3,
       2)(rows).softmax(1), torch.rand(2), rows.T @ rows, rows[0, :2] + 1
counted.names, is_traceable_wrapper_subclass(rows)
class Doubled(torch.Tensor):
    @staticmethod
    def __new__(cls, values): return torch.Tensor._make_wrapper_subclass(cls, values.shape,
       dtype=values.dtype, strides=values.stride())
    def __init__(self, values): self.inner = values
    def __tensor_flatten__(self): return ['inner'], 'kept'
    @staticmethod
    def __tensor_unflatten__(parts, context, size, stride): return Doubled(parts['inner'])
    @classmethod
    def __torch_dispatch__(cls, function, kinds, args=(), kwargs=None):
        plain = torch.utils._pytree.tree_map_only(Doubled, lambda each: each.inner, (args, kwargs
        or {}))
        given = function(*plain[0], **plain[1])
        return torch.utils._pytree.tree_map_only(torch.Tensor, Doubled, given)
    __torch_function__ = torch._C._disabled_torch_function_impl
wrapped = Doubled(rows)
(wrapped + 1).inner, (wrapped @ wrapped.mT).inner, wrapped.sum(0).inner, type(wrapped[0]).__name__
wrapped.shape, is_traceable_wrapper_subclass(wrapped)
transform_subclass(wrapped, lambda name, each: each * 3).inner, wrapped.split(1)[1].inner
wrapped.max(0).values.inner, type(wrapped.detach()).__name__, nn.Parameter(wrapped, False).shape
"""

LISTS = {
    **{"custom": CUSTOM, "libraries": LIBRARIES, "trees": TREES, "others": OTHERS},
    "overrides": OVERRIDES,
}


def define_operators(name: str) -> list[str]:
    """Return what operators, trees, references and classes of one's own give."""
    names: dict[str, Any] = {"l": importlib.import_module("torch.library")}
    names["t"] = importlib.import_module("torch.utils._pytree")
    pool.set_seeds()
    try:
        return play_script(LISTS[name], {"rows": pool.make_value("$x")} | names)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.__future__.set_swap_module_params_on_conversion(False)


OF_OPERATORS = (Family(define_operators, lambda: [*LISTS], lambda _: None),)
