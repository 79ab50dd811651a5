"""Programs with nested tensors of both layouts, and with tensors that are masked."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from ... import pool
from ..families import Family
from ..telling import fill_lines
from .scripts import play_script, reload

START = """
n = torch.nested
one, two = torch.arange(6.0).reshape(2, 3) / 4 - 0.5, torch.arange(9.0).reshape(3, 3) / 5 - 0.7
"""
EACH = """
a = n.nested_tensor([one, two], layout=torch.LAYOUT)
b = n.nested_tensor([one * 2, two + 1], layout=torch.LAYOUT)
a, repr(a), a.dim(), len(a), a.is_nested, a.layout, a.numel(), a.is_contiguous(), a.dtype
a.device, a.requires_grad, a.unbind(), a[0], a[1], a[-1], a[5], a[:, 0], a[0, 1]
[each.shape for each in a.unbind()], a.size(0), a.size(-1), a.size(1), a.shape, a.stride()
a.storage_offset()
n.to_padded_tensor(a, 0.0), a.to_padded_tensor(-1.0), a.to_padded_tensor(0.0, (2, 4, 3))
a.to_padded_tensor(0.0, (2, 2, 3)), n.as_nested_tensor([one, two], layout=torch.LAYOUT)
n.as_nested_tensor(a), n.as_nested_tensor(torch.ones(2, 3, 1), layout=torch.LAYOUT)
n.as_nested_tensor(3), n.nested_tensor([], layout=torch.LAYOUT)
n.nested_tensor([one.int(), two.int()], layout=torch.LAYOUT)
n.nested_tensor([one, two[0]], layout=torch.LAYOUT)
n.nested_tensor([[1.0], [2.0, 3.0]], layout=torch.LAYOUT)
n.nested_tensor([one, two], dtype=torch.float64, requires_grad=True, layout=torch.LAYOUT)
n.nested_tensor([one, two], layout=torch.LAYOUT, pin_memory=False)
n.nested_tensor(3, layout=torch.LAYOUT), n.nested_tensor([one, two.double()], layout=torch.LAYOUT)
a + a, a * 2, a - b, a + one, a * a, a / 4, a ** 2, a.mul_(1), a == a, a > 0, -a, a.sin(), a.abs()
a.relu(), a.sigmoid(), a.tanh(), F.gelu(a), a.exp(), a.sqrt(), a.sgn(), a.neg(), a.clamp(min=0)
a.round(), torch.logical_not(a), a.isnan().any(), F.silu(a), F.leaky_relu(a), a.cos(), a.bool()
a.floor(), a.fill_(0.5) * 0 + b
a = n.nested_tensor([one, two], layout=torch.LAYOUT)
a.softmax(-1), a.log_softmax(-1), a.sum(), a.sum(-1), a.sum(1), a.sum(0), a.mean(-1), a.mean()
a.max(), a.amax(-1), a.sum(-1, keepdim=True), a.any(), a.all(), a.cumsum(1), a.argmax(-1)
F.normalize(a), F.layer_norm(a, (3,)), F.rms_norm(a, (3,)), nn.Linear(3, 2)(a).is_nested
F.linear(a, torch.ones(2, 3)), F.linear(a, torch.ones(2, 3), torch.ones(2)), F.dropout(a, 0.0)
F.dropout(a, 0.5).is_nested, a @ torch.ones(3, 2), torch.matmul(a, torch.ones(2, 3, 2))
torch.bmm(a, torch.ones(2, 3, 2)), torch.bmm(a, a.transpose(1, 2)), a.transpose(1, 2)
a.transpose(-1, -2), a.transpose(0, 1), a.reshape(2, -1, 3), a.view(2, -1, 3)
a.reshape(2, -1, 1, 3), a.flatten(1), a.squeeze(-1), a.unsqueeze(-1), a.unsqueeze(1)
a.chunk(3, -1), a.chunk(2, 0), a.split(2, -1), a.split([1, 2], -1), a.narrow(-1, 0, 2)
a.select(0, 1), torch.cat([a, a], -1), torch.stack([a, a]), torch.cat([a, a], 0)
torch.where(a > 0, a, b), a.masked_fill(a > 0, 9.0), a.index_select(0, torch.tensor([1]))
a.expand(2, -1, 3), a.permute(0, 2, 1), a.tolist(), a.T, a.repeat(1, 1, 2)
a.clone(), a.detach(), a.contiguous(), a.to(torch.float64), a.half(), a.double(), a.to('cpu')
a.cpu(), torch.empty_like(a).is_nested, torch.zeros_like(a), torch.ones_like(a)
torch.rand_like(a).is_nested, torch.full_like(a, 3.0), a.new_empty((2,)).shape, a.copy_(b)
a.zero_(), a.equal(a), torch.equal(a, a), torch.allclose(a, a), torch.testing.assert_close(b, b)
copy.deepcopy(a), copy.copy(a), pickle.loads(pickle.dumps(b)), reload(b), a.data, a.values()
a.offsets(), a.numpy(), n.to_padded_tensor(b, 0).sum(), b.item()
grown = n.nested_tensor([one, two], layout=torch.LAYOUT, requires_grad=True)
(grown * 3).sum().backward(), grown.grad, grown.is_leaf, grown.requires_grad
torch.autograd.grad(grown.sin().sum(), grown)
torch.autograd.grad(n.to_padded_tensor(grown, 0.0).square().sum(), grown)
torch.autograd.grad(F.linear(grown, torch.ones(2, 3)).to_padded_tensor(0.0).sum(), grown)
torch.autograd.grad(grown.softmax(-1).to_padded_tensor(0.0)[0, 0, 0], grown)
torch.autograd.grad(grown.unbind()[0].sum(), grown), grown.unbind()[0].requires_grad
heads = n.nested_tensor([torch.ones(2, 4), torch.ones(3, 4) / 2], layout=torch.LAYOUT).reshape(2,
 -1, 2, 2).transpose(1, 2)
F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2)
F.scaled_dot_product_attention(heads, heads, heads, is_causal=True).transpose(1, 2)
F.scaled_dot_product_attention(heads, heads, heads, torch.ones(2, 2))
nn.Sequential(nn.Linear(3, 2), nn.ReLU())(a).is_nested
"""
JAGGED = """
n = torch.nested
values, offsets = torch.arange(15.0).reshape(5, 3) / 4 - 1, torch.tensor([0, 2, 5])
a = n.nested_tensor_from_jagged(values, offsets)
a, a.values(), a.offsets(), a.lengths(), a._get_max_seqlen(), a._get_min_seqlen(), a.shape[0]
str(a.shape[1])[:1], a._ragged_idx
n.nested_tensor_from_jagged(values, lengths=torch.tensor([2, 3]))
n.nested_tensor_from_jagged(values, offsets, torch.tensor([1, 2])).unbind()
n.nested_tensor_from_jagged(values, offsets, jagged_dim=1)
n.nested_tensor_from_jagged(values.T, offsets, jagged_dim=2), n.nested_tensor_from_jagged(values)
n.nested_tensor_from_jagged(values, 3)
n.nested_tensor_from_jagged(values, offsets, min_seqlen=2, max_seqlen=3)._get_max_seqlen()
n.nested_tensor_from_jagged(values, torch.tensor([[0, 2]]))
n.narrow(torch.arange(12.0).reshape(2, 6), 1, torch.tensor([0, 1]), torch.tensor([2, 3]),
 layout=torch.jagged)
n.narrow(values, 0, 1, 2, layout=torch.jagged)
n.narrow(torch.ones(2, 6), 1, torch.tensor([0, 1]), torch.tensor([2, 3]), layout=torch.strided)
n.narrow(torch.ones(2, 6), 1, 1, torch.tensor([2, 3]), layout=torch.jagged).lengths()
n.narrow(torch.ones(2, 3, 2), 2, 0, 1, layout=torch.jagged)
n.masked_select(torch.arange(6.0).reshape(2, 3), torch.tensor([[True, False, True], [False, True,
 False]])) if hasattr(n, 'masked_select') else 0
n.masked_select(values, values[:2] > 0) if hasattr(n, 'masked_select') else 0
same, other = n.nested_tensor_from_jagged(values * 2,
 offsets), n.nested_tensor_from_jagged(values, offsets.clone())
a + same, a + other, a * same, torch.cat([a, same], -1), torch.stack([a, same])
torch.stack([a, same], -1).shape[-1], a.shape == same.shape, a.shape == other.shape
a.shape[1] == same.shape[1], a.sum(1), a.sum((0, 1)), a.sum((1, 2)), a.mean(1)
a.mean(1, keepdim=True), a.amax(1), a.amin(1), a.max(1), a.softmax(1), a.softmax(-1)
F.layer_norm(a, (3,)), a.transpose(1, 2).softmax(2), a.unflatten(-1, (3, 1)), a.flatten(-2)
a.transpose(1, 2)._ragged_idx, a.squeeze(), a.clone().masked_fill_(a > 0, 0.0)
torch.where(a > 0, a, same), a.to_padded_tensor(0.0), a.to_padded_tensor(9.0, (2, 4, 3))
a.unbind(-1), a.unbind(1), a.cumsum(-1), a.narrow(-1, 1, 2), a[:, :, 1], a[..., 0], a[0, 0, 0]
a.sum(dim=1, keepdim=True), a.any(1), a.all(1), a.prod(-1), a.std(-1), a.var(1), a.logsumexp(-1)
a.matmul(torch.ones(3, 2)), a.to(torch.float64).values(), a.bmm(torch.ones(2, 3, 1))
a.index_put((torch.tensor([0]), torch.tensor([0]), torch.tensor([0])), torch.tensor(9.0))
torch.nn.functional.embedding(n.nested_tensor_from_jagged(torch.tensor([0, 2, 1, 1, 0]), offsets),
 torch.ones(3, 2))
a.view(2, -1, 1, 3), a.expand_as(a), a.new_ones(2).shape, a.is_pinned(), a.sin_(), a.values()
from torch.nested._internal.nested_tensor import buffer_from_jagged, jagged_from_list, NestedTensor
buffer_from_jagged(a), jagged_from_list([values, values[:1]], None)[0], jagged_from_list([], None)
jagged_from_list([values, values[:, :1]], None), isinstance(a, NestedTensor)
a.__tensor_flatten__()[0], repr(a)
"""
MASKED = (
    """
from torch.masked import MaskedTensor, masked_tensor, as_masked_tensor, is_masked_tensor
data, mask = torch.arange(6.0).reshape(2, 3) - 2, torch.tensor([[True, False, True], [False,
 False, True]])
a = masked_tensor(data, mask)
def look(value):
    return [type(value).__name__, value.get_data(), value.get_mask(),
       value.requires_grad] if is_masked_tensor(value) else value
def play(called):
    given = called()
    return [look(each) for each in given] if isinstance(given, (tuple, list)) else look(given)
repr(a), str(masked_tensor(torch.tensor(1.5), torch.tensor(True)))
repr(masked_tensor(torch.tensor(1.5), torch.tensor(False))), look(a), a.dtype, a.shape, a.layout
a.is_sparse(), a.to_tensor(9.0), is_masked_tensor(a), is_masked_tensor(data)
look(as_masked_tensor(data, mask)), look(masked_tensor(data.int(), mask))
repr(masked_tensor(data.int(), mask)), repr(masked_tensor(mask, mask))
masked_tensor(data, mask.int()), masked_tensor(data, mask[:1]), masked_tensor(3, mask)
masked_tensor(data, 3), masked_tensor(a, mask), masked_tensor(data.half().to(torch.int8), mask)
masked_tensor(data.clone().requires_grad_(), mask)
look(masked_tensor(data, mask, requires_grad=True)), MaskedTensor(data, mask) is not None
masked_tensor(torch.tensor([1 + 1j]), torch.tensor([True]))
"""
    + fill_lines(
        """
play(lambda: OPERATION)""",
        OPERATION="""a+a a-a a*2 a/2 a.sin() a.abs() a.exp() a.sqrt() a.neg() -a a.sigmoid()
    a.relu() a.round()
    a.clamp(0,1) a+data data+a a==a a>0 a.logical_not() a.sum() a.sum(0) a.sum(1) a.mean() a.mean(1)
    a.prod() a.prod(1) a.amax() a.amax(0) a.amin(1) a.argmax() a.argmax(1) a.argmin() a.all()
    a.std()
    a.max() a.min(1) a.norm() a.var() a.add_(1) a.sin_() a.T a.t() a[0] a[0,0] a[:,1] a.reshape(3,2)
    a.view(6) a.clone() a.detach() a.to(torch.float64) a.double() a.contiguous() a.unsqueeze(0)
    a.expand(2,2,3) a.transpose(0,1) a.flatten() a.cumsum(0) a@a.T a.matmul(data.T) a.bool()
    a.half()
    a.sum(dim=1,keepdim=True) torch.cat([a,a]) torch.stack([a,a]) torch.softmax(a,1)
    a.to_sparse_coo()
    a.to_sparse_csr() a.to_dense() torch.where(mask,a,a) torch.ones_like(a)
    torch.empty_like(a).get_mask()
    torch.add(a,a,alpha=2) torch.minimum(a,a) torch.atan2(a,a) a.pow(2) a**2 a.logaddexp(a)
    a.fmod(2)
    torch.isnan(a) a.nonzero() a.new_tensor([1.0]) a.unbind(0) a.split(1)
    torch.div(a,2,rounding_mode="floor")
    a.ne(a) a.lt(a) a.eq(1) a.type(torch.int) torch.equal(a,a) a.item() len(a) a.size(0) a.numel()
    a+masked_tensor(data,~mask) a*masked_tensor(data,~mask) a.square() a.sign() a.i0() a.lgamma()
    a.nan_to_num() a.logit(0.1) a.mode() a.dim() a.index_select(0,torch.tensor([1]))
    a.masked_fill(mask,0)""",
    )
    + """
grown = masked_tensor(data, mask, requires_grad=True)
(grown * 2).sum().backward(), look(grown.grad), grown.is_leaf, look(grown.get_mask())
copy.deepcopy(a) is a
sparse = masked_tensor(data.to_sparse_coo().coalesce(), (data != 0).to_sparse_coo().coalesce())
look(sparse), look(sparse + sparse), look(sparse.sum()), look(sparse.to_dense())
look(sparse.sin()), sparse.is_sparse(), sparse.is_sparse_coo(), sparse.is_sparse_csr()
look(masked_tensor(data.to_sparse_csr(), (data != 0).to_sparse_csr()))
look(masked_tensor(data.to_sparse_csr(), (data != 0).to_sparse_csr()) * 2)
masked_tensor(data.to_sparse_csr(), mask), look(a.to_sparse_coo().to_dense())
masked_tensor(data.to_sparse_csc(), mask)
m = torch.masked
[[refuse(getattr(m, name), data, *more, mask=each) for each in (None, mask, mask[0])] for name,
 more in (('sum', ()), ('mean', ()), ('prod', ()), ('amax', (1,)), ('amin', (1,)), ('var', ()),
 ('std', ()), ('logsumexp', (1,)), ('softmax', (1,)), ('log_softmax', (1,)), ('softmin', (1,)),
 ('norm', ()), ('argmax', ()), ('argmin', (1,)), ('median', (1,)), ('cumsum', (1,)), ('cumprod',
 (1,)), ('normalize', (2.0, 1)), ('logaddexp', (data,)))]
m.sum(data, 1, keepdim=True, mask=mask), m.sum(data, (0, 1), dtype=torch.float64, mask=mask)
m.mean(data, 0, mask=mask, keepdim=True), m.var(data, 1, unbiased=False, mask=mask)
m.std(data, 0, False, mask=mask), m.norm(data, 1, 1, mask=mask)
m.norm(data, float('inf'), 1, mask=mask), m.norm(data, -float('inf'), mask=mask)
m.normalize(data, 1.0, 1, eps=0.5, mask=mask), m.softmax(data, 1, dtype=torch.float64, mask=mask)
m.sum(data.int(), mask=mask), m.prod(data.bool(), mask=mask), m.amax(data.int(), 0, mask=mask)
m.mean(data.int(), mask=mask), m.sum(data.to_sparse(), 1, mask=mask.to_sparse())
m.prod(data.to_sparse(), 1), m.amax(data.to_sparse_csr(), 1), m.amin(data.to_sparse(), (0, 1))
m.sum(data.to_sparse_csr(), 1), m.mean(data.to_sparse_csr(), 1, mask=mask.to_sparse_csr())
m.prod(data.to_sparse_csr(), 0), m.logaddexp(data, data, input_mask=mask, other_mask=~mask)
m.sum(data, 5), m.sum(data, mask=3), m.softmax(data, 3, mask=mask)
m.argmax(data, 1, keepdim=True, mask=mask), m.cumsum(data, 0, dtype=torch.int, mask=mask)
m.median(data, 0, True, mask=mask), m._input_mask(data, mask=mask[0])
m._output_mask(m.sum, data, 1, mask=mask), m._combine_input_and_mask(m.sum, data, mask)
m._docs.sum_docstring[:80]
"""
)

LISTS = {
    **{each: START + EACH.replace("LAYOUT", each) for each in ("strided", "jagged")},
    **{"lengths": JAGGED, "masked": MASKED},
}


def nest_tensors(name: str) -> list[str]:
    """Return what operations give of tensors of several lengths, or of masked ones."""
    pool.set_seeds()
    names: dict[str, Any] = {
        "copy": importlib.import_module("copy"),
        "reload": functools.partial(reload, weights_only=False),
    }
    names["pickle"] = importlib.import_module("pickle")
    importlib.import_module("torch.masked")
    return play_script(LISTS[name], names)


OF_NESTED = (Family(nest_tensors, lambda: [*LISTS], lambda _: None),)
