"""Programs with the assertions and the inputs of torch.testing, and with futures."""

from __future__ import annotations

import torch

from ... import pool
from ..families import Family
from ..telling import fill_lines
from .scripts import play_script

CLOSE = """
import numpy as np
from collections import OrderedDict
def close(actual, expected, **options):
    return refuse(torch.testing.assert_close, actual, expected, **options)
close(rows, rows), close(rows, rows + 1), close(rows, rows + 1e-7)
close(rows, rows * 2, rtol=1.0, atol=0.0), close(rows, rows + 0.5, rtol=0, atol=1)
close(rows, rows, rtol=0.1), close(rows, rows, atol=0.1)
close(torch.tensor([float('nan'), 1]), torch.tensor([float('nan'), 1]))
close(torch.tensor([float('nan'), 1]), torch.tensor([float('nan'), 1]), equal_nan=True)
close(torch.tensor([float('inf')]), torch.tensor([-float('inf')]))
close(float('nan'), float('nan'), equal_nan=True)
close(rows, rows.double()), close(rows, rows.double(), check_dtype=False), close(rows, rows.T)
close(rows, rows[:2]), close(rows, rows.T.contiguous().T)
close(rows, rows.T.contiguous().T, check_stride=True), close(rows, rows.to_sparse())
close(rows.to_sparse(), rows.to_sparse() * 2), close(rows, rows.to_sparse(), check_layout=False)
close(rows, rows.to('meta')), close(rows, rows.to('meta'), check_device=False)
close(rows.to('meta'), rows.to('meta'))
close(1, 2), close(1, 1.0), close(1.0, 1.0 + 1e-9), close(1.0, 1.1), close(1, True)
close(True, False), close(1 + 2j, 1 + 3j), close(1, 1.0, check_dtype=False)
close(torch.tensor(1), 1), close(np.float64(1), 1.0), close(1.0, 2.0, rtol=0, atol=0.5)
close(0.0, 1e-9), close(0, 3)
close([1, 2], [1, 3]), close([1], [1, 2]), close((1,), [1]), close({'a': 1}, {'a': 2})
close({'a': 1}, {'b': 1}), close({'a': [rows, rows]}, {'a': [rows, rows + 1]})
close(OrderedDict(a=1), {'a': 1}), close('a', 'a'), close('a', 'b'), close(None, None)
close(None, 1), close([], []), close([rows, None], [rows, None]), close(object, object)
close(rows, np.asarray(rows)), close(np.ones(2), np.ones(2)), close(np.ones(2), np.zeros(2))
close(np.ones(2, 'U'), np.ones(2, 'U')), close(np.ones(3), np.ones(2))
close([1.0, 2.0], torch.tensor([1.0, 2.0]))
close(rows, rows + 1, msg='mine'), close(rows, rows + 1, msg=lambda text: f'more: {text}')
close([1], [2], msg=lambda text: text.upper()), close([1], [2], msg=3)
close(torch.ones(2, dtype=torch.bool), torch.zeros(2, dtype=torch.bool))
close(torch.ones(2, dtype=torch.int), torch.ones(2, dtype=torch.int) * 3)
close(torch.ones(2, dtype=torch.cfloat), torch.ones(2, dtype=torch.cfloat) * 1j)
close(torch.ones(2).half(), torch.ones(2).half() * 1.01)
close(torch.ones(2).bfloat16(), torch.ones(2).bfloat16() * 1.01)
close(torch.zeros(0), torch.zeros(0)), close(torch.tensor(3.0), torch.tensor(4.0))
close(torch.ones(2, 2, 2), torch.ones(2, 2, 2) + torch.eye(2))
quantized = torch.quantize_per_tensor(rows, 0.1, 3, torch.quint8)
close(quantized, quantized), close(quantized, rows)
close(quantized, torch.quantize_per_tensor(rows + 1, 0.1, 3, torch.quint8))
close(rows.to_sparse_csr(), rows.to_sparse_csr())
close(rows.to_sparse_csr(), (rows + 1).to_sparse_csr())
close(rows.to_sparse_csc(), rows.to_sparse_csc())
close(torch.eye(3).to_sparse(), rows[:3].to_sparse())
close(torch.eye(3).to_sparse_csr(), torch.ones(3, 3).to_sparse_csr())
close(torch.eye(4).to_sparse_bsr((2, 2)), torch.eye(4).to_sparse_bsr((2, 2)) * 2)
class Own(torch.Tensor): pass
own = rows.as_subclass(Own)
close(own, own), close(own, rows), close(own, rows, allow_subclasses=False)
close(nn.Parameter(rows), rows), close(nn.Parameter(rows), rows, allow_subclasses=False)
close(rows.clone().requires_grad_(), rows)
torch.testing.assert_allclose is not None if hasattr(torch.testing, 'assert_allclose') else 0
refuse(getattr(torch.testing, 'assert_allclose', len), rows, rows + 1)
refuse(getattr(torch.testing, 'assert_allclose', len), [1.0], [1.0])
found = torch.testing._comparison
found.default_tolerances(torch.float16), found.default_tolerances(rows, torch.int)
found.default_tolerances(3.0, 1j), found.default_tolerances('zz')
found.default_tolerances(torch.float16, torch.float64)
found.get_tolerances(rows, rtol=None, atol=None), found.get_tolerances(rows, rtol=1, atol=None)
found.get_tolerances(rows, rtol=1, atol=2)
found.make_scalar_mismatch_msg(1, 2, rtol=0.1, atol=0.2)
found.make_scalar_mismatch_msg(1.5, 0.0, rtol=0, atol=0, identifier='Own')
found.make_tensor_mismatch_msg(rows, rows + 1, rows > 0, rtol=0, atol=0)
found.make_tensor_mismatch_msg(rows, rows + 1, rows > 9, rtol=0, atol=0, identifier=lambda text:
 text + '!')
pairs = found.originate_pairs([1, {'a': rows}], [1, {'a': rows}], pair_types=(found.NumberPair,
 found.TensorLikePair))
pairs, pairs[1].compare(), pairs[1].id, pairs[0].extra_repr(), pairs[1].extra_repr()
found.not_close_error_metas([1, rows], [2, rows + 1])
len(found.not_close_error_metas([1, rows], [2, rows + 1]))
[refuse(lambda: (_ for _ in ()).throw(each.to_error('x'))) for each in
 found.not_close_error_metas([1], [2])]
found.NonePair(None, 1).compare(), found.BooleanPair(True, np.bool_(False)).compare()
found.ObjectPair('a', 'b').compare(), found.BooleanPair(1, True), found.NumberPair('a', 1)
found.TensorLikePair(3, rows), found.Pair._inputs_not_supported is not None
"""
MADE = (
    """
def make(*shape, **options):
    torch.manual_seed(5)
    given = torch.testing.make_tensor(*shape, **{'device': 'cpu', 'dtype': torch.float32} | options)
    return [given, given.stride(), given.is_leaf]
"""
    + fill_lines(
        """
make(2, 3, dtype=torch.KIND), make((4,), dtype=torch.KIND, low=-2, high=3), make(dtype=torch.KIND)
make(2, dtype=torch.KIND, low=9, high=1)
make(3, dtype=torch.KIND, exclude_zero=True, low=0, high=2), make(0, 2, dtype=torch.KIND)
make((2, 3), dtype=torch.KIND, noncontiguous=True)""",
        KIND="float32 float64 float16 bfloat16 int64 int32 int8 uint8 bool complex64",
    )
    + """
make(2, requires_grad=True), make(2, dtype=torch.int64, requires_grad=True)
make(1, 2, 2, 2, memory_format=torch.channels_last)
make(2, memory_format=torch.channels_last, noncontiguous=True), make(2, low=float('nan'))
make(2, low=1), make(2, high=-20), make(2, low=-float('inf'), high=float('inf'))
make(2, dtype=torch.bool, low=0, high=3), make(2, dtype=torch.uint8, low=-5, high=300)
make(2, dtype=torch.float16, low=-1e6, high=1e6), make([2, 1]), make(torch.Size([2]))
make(2, dtype=torch.quint8), make('a'), make(2, low=1, high=1)
"""
)
FUTURES = """
f = torch.futures
one, seen = f.Future(), []
one.done(), one.then(lambda each: seen.append(['then', each.value()])) is not one
one.add_done_callback(lambda each: seen.append(['done', each.done()])), one.set_result(3)
one.wait(), one.value(), one.done(), seen, one.set_result(4)
one.then(lambda each: each.wait() * 2).wait()
one.add_done_callback(lambda each: seen.append('late')), seen
bad = f.Future()
chained = bad.then(lambda each: each.value())
bad.set_exception(ValueError('mine')), bad.done(), refuse(bad.wait), refuse(bad.value)
refuse(chained.wait), bad.set_exception(3), bad.set_result(3)
some = [f.Future() for _ in range(3)]
every = f.collect_all(some)
every.done(), [each.set_result(place) for place, each in enumerate(some)], every.done()
[each.value() for each in every.wait()], f.wait_all(some), f.collect_all([]).wait()
f.wait_all([bad, one]), refuse(f.collect_all([one, bad]).wait)
raising = f.Future()
after = raising.then(lambda each: 1 / 0)
raising.set_result(1), refuse(after.wait), f.Future(devices=['cpu']), f.Future(devices=['zz'])
f.Future(devices=[]), f.Future[int], f.Future().then(3) is not None, f.Future() == 3
f.Future().value()
tensors = f.Future()
tensors.set_result({'a': rows}), tensors.wait()['a'] is rows
tensors.then(lambda each: each.value()['a'].sum()).wait()
forked = torch.jit.fork(lambda a: a + 1, rows)
torch.jit.wait(forked), type(forked).__name__
"""

LISTS = {"close": CLOSE, "made": MADE, "futures": FUTURES}


def compare_values(name: str) -> list[str]:
    """Return the messages of assertions, random inputs, or what futures give."""
    pool.set_seeds()
    rows = torch.arange(12.0).reshape(4, 3) * 5 % 7 / 4 - 0.5
    return play_script(LISTS[name], {"rows": rows})


OF_ASSERTIONS = (Family(compare_values, lambda: [*LISTS], lambda _: None),)
