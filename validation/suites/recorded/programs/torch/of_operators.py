"""Programs with operators of one's own, and the libraries that they belong to."""

from __future__ import annotations

import importlib

from ... import pool
from ..families import Family
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
LISTS = {"custom": CUSTOM, "libraries": LIBRARIES}


def define_operators(name: str) -> list[str]:
    """Return what operators of one's own give in each mode, and what is refused."""
    library = importlib.import_module("torch.library")
    pool.set_seeds()
    return play_script(LISTS[name], {"rows": pool.make_value("$x"), "l": library})


OF_OPERATORS = (Family(define_operators, lambda: [*LISTS], lambda _: None),)
