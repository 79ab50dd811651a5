"""Programs with trees of values, weak references, exchanged tensors, and classes that override."""

from __future__ import annotations

import importlib

import torch

from ... import pool
from ..families import Family
from .scripts import play_script

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

LISTS = {"trees": TREES, "others": OTHERS, "overrides": OVERRIDES}


def refer_to_tensors(name: str) -> list[str]:
    """Return what trees, references, hooks and classes of one's own do with tensors."""
    trees = importlib.import_module("torch.utils._pytree")
    pool.set_seeds()
    try:
        return play_script(LISTS[name], {"rows": pool.make_value("$x"), "t": trees})
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.__future__.set_swap_module_params_on_conversion(False)


OF_REFERENCES = (Family(refer_to_tensors, lambda: [*LISTS], lambda _: None),)
