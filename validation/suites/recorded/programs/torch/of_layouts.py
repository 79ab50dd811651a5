"""Programs with sparse tensors of each layout."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from ... import pool
from ..families import Family
from .scripts import play_script, reload

START = """
dense = torch.tensor([[0.0, 1.5, 0, 0], [2.0, 0, 0, -1], [0, 0, 0, 0], [0, 3, 0.5, 0]])
full = torch.arange(16.0).reshape(4, 4) / 4 - 1
"""
MADE = (
    START
    + """
places, values = torch.tensor([[0, 1, 1, 0], [1, 0, 3, 1]]), torch.tensor([1.0, 2, 3, 4])
a = torch.sparse_coo_tensor(places, values, (2, 4))
a, a.is_coalesced(), a.coalesce(), a.coalesce().is_coalesced(), a.coalesce().indices()
a.coalesce().values(), a.indices(), a.values(), a._nnz(), a.coalesce()._nnz(), a.sparse_dim()
a.dense_dim(), a.to_dense(), repr(a), a.is_sparse, a.is_sparse_csr, a.layout, a.size(), a.numel()
a.stride(), a.storage(), a.dim()
torch.sparse_coo_tensor(places, values), torch.sparse_coo_tensor(places, torch.ones(4, 2))
torch.sparse_coo_tensor(places, values, (2, 4), is_coalesced=True).is_coalesced()
torch.sparse_coo_tensor(places, values, (1, 1))
torch.sparse_coo_tensor(places, values, (2, 4), check_invariants=True)
torch.sparse_coo_tensor(-places, values, (2, 4), check_invariants=True)
torch.sparse_coo_tensor(places, values[:2], (2, 4)), torch.sparse_coo_tensor(size=(2, 3))
torch.sparse_coo_tensor(places, values, dtype=torch.float64, requires_grad=True)
torch.sparse_coo_tensor(places.float(), values), torch.sparse_coo_tensor(places, 3.0, (2, 4))
torch.sparse_coo_tensor([[0], [1]], [2.0], (2, 2))
torch.sparse_coo_tensor(places, values, (2, 4, 3))
torch.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0, 4])
torch.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0, 4], (2, 5))
torch.sparse_csc_tensor([0, 1, 2], [1, 0], [3.0, 4])
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], torch.ones(2, 2, 2))
torch.sparse_bsc_tensor([0, 1, 2], [0, 1], torch.ones(2, 2, 1))
torch.sparse_compressed_tensor([0, 1, 2], [1, 0], [3.0, 4], layout=torch.sparse_csr)
torch.sparse_compressed_tensor([0, 1, 2], [1, 0], [3.0, 4], layout=torch.strided)
torch.sparse_csr_tensor([0, 3, 2], [1, 0], [3.0, 4], check_invariants=True)
torch.sparse_csr_tensor([0, 1, 2], [5, 0], [3.0, 4], (2, 2), check_invariants=True)
torch.sparse_csr_tensor([0, 1], [1, 0], [3.0, 4], check_invariants=True)
torch.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0], check_invariants=True)
torch.sparse_csr_tensor([[0, 1, 2], [0, 1, 2]], [[1, 0], [0, 1]], [[3.0, 4], [5, 6]])
torch.sparse_csr_tensor([0, 1, 2], [1, 0], torch.ones(2, 3))
torch.sparse_csr_tensor([0, 2, 2], [1, 0], [3.0, 4], check_invariants=True)
"""
)
EACH = """
b = dense.to_sparse(layout=torch.sparse_LAYOUT, blocksize=(2, 2) if 'LAYOUT' < 'c' else None)
b, repr(b), b._nnz(), b.sparse_dim(), b.dense_dim(), b.to_dense(), b.is_sparse, b.is_sparse_csr
b.to_sparse_coo(), b.to_sparse_csr(), b.to_sparse_csc(), b.to_sparse_bsr((2, 2))
b.to_sparse_bsc((2, 2)), b.to_sparse(), b.to_sparse(1), b.to_dense(torch.float64), b.values()
b.clone(), b.t(), b.T, b.transpose(0, 1), b[0], b[0, 1], b.double(), b.to(torch.complex64)
b.detach(), b.requires_grad_().requires_grad, b.to('cpu'), b.int(), b.dtype, torch.zeros_like(b)
torch.ones_like(b), torch.empty_like(b)._nnz(), copy.deepcopy(b)
pickle.loads(pickle.dumps(b.detach())), reload(b.detach()), b.indices(), b.crow_indices()
b.ccol_indices(), b.row_indices(), b.col_indices(), b.contiguous(), b.is_coalesced(), b.coalesce()
b.select(0, 1), b.index_select(0, torch.tensor([1, 0])), b.unsqueeze(0), b.reshape(2, 8)
b.permute(1, 0), b.narrow(0, 0, 2), b.resize_as_sparse_(b), b.numpy(), b.tolist(), b.item()
b.is_contiguous(), b.sparse_mask(b.detach()), b.half(), b.isnan(), b.size(), b.stride(), b.numel()
b.copy_(b.detach()), b.new_ones(2), len(b), torch.equal(b, b)
b = b.detach()
b + b, b - b, b * b, b * 2, b / 2, 2 * b, -b, b + full, full + b, b * full, b @ full, full @ b
b @ b, b @ full[0], b.mm(full), torch.mm(b, b), torch.mv(b, full[0])
torch.addmm(full, b, full, beta=0.5, alpha=2), torch.sparse.addmm(full, b, full)
torch.sparse.mm(b, full), torch.sparse.mm(b, b), torch.matmul(b, full), b.matmul(full), b.sum()
b.sum(0), b.sum(1), torch.sparse.sum(b), torch.sparse.sum(b, 0), torch.sparse.sum(b, (0, 1))
torch.sparse.sum(b, 1, dtype=torch.float64), torch.sparse.softmax(b, 1)
torch.sparse.softmax(b, 0), torch.sparse.softmax(b, 1, dtype=torch.float64)
torch.sparse.log_softmax(b, 1), b.sin(), b.abs(), b.sqrt(), b.neg(), b.sign(), b.floor(), b.tanh()
b.relu(), b.square(), b.pow(2), b ** 2, b.exp(), b.cos(), b.clone().zero_(), b.norm(), b.mean()
b.max()
b.any(), b == b, b > 0, b.eq(0), b.log1p(), b.nan_to_num(), b.isinf(), b.deg2rad(), b.erf()
b.trunc(), b.clone().add_(b), b.clone().mul_(2), b.div(2, rounding_mode='floor'), torch.cat([b, b])
torch.stack([b, b]), torch.sparse.sampled_addmm(b, full, full)
torch.sparse.sampled_addmm(b, full, full, beta=0.5, alpha=2.0), F.linear(full, b), torch.triu(b)
b.sparse_mask(b), full.sparse_mask(b), torch.linalg.solve(b, full[0])
torch.sparse.spsolve(b, full[0]) if hasattr(torch.sparse, 'spsolve') else 0, F.relu(b)
F.dropout(b, 0.0), b.amax(1)
"""
GRADIENTS = (
    START
    + """
def grow(layout=torch.sparse_coo):
    return dense.to_sparse(layout=layout).requires_grad_()
def take(called, given, *more):
    result = called(given, *more)
    result = result.to_dense() if result.layout != torch.strided else result
    grown = [each for each in more if torch.is_tensor(each) and each.requires_grad]
    return torch.autograd.grad(result.square().sum(), [given, *grown])
wide = full.clone().requires_grad_()
take(torch.sparse.mm, grow(), wide), take(torch.mm, grow(), wide)
take(torch.sparse.mm, grow(torch.sparse_csr), wide), take(lambda a: a.to_dense(), grow())
take(lambda a: a.to_dense(masked_grad=False), grow()), take(torch.sparse.sum, grow())
take(lambda a: torch.sparse.sum(a, 0), grow()), take(lambda a: torch.sparse.softmax(a, 1), grow())
take(lambda a: torch.sparse.log_softmax(a, 0), grow())
take(lambda a, b: torch.sparse.addmm(b, a, b), grow(), wide), take(lambda a: a * 2, grow())
take(lambda a: a.sin(), grow()), take(lambda a: a + a, grow())
take(lambda a: a.coalesce().values(), grow()), take(lambda a: a.to_sparse(), wide)
take(lambda a: a.sparse_mask(dense.to_sparse()), wide), take(lambda a: a.t(), grow())
take(lambda a, b: torch.sparse.sampled_addmm(dense.to_sparse_csr(), a, b), wide, full)
take(lambda a: torch.sparse.mm(a, a), grow()), take(lambda a: a.sum(), grow())
take(torch.sparse.mm, grow(torch.sparse_csr), full, 'mean')
[refuse(torch.sparse.mm, dense.to_sparse_csr(), full, way) for way in ('sum', 'mean', 'amax',
 'amin', 'zz')]
table = nn.Embedding(4, 2, sparse=True)
table(torch.tensor([1, 1, 3])).sum().backward(), table.weight.grad
torch.optim.SparseAdam(table.parameters(), 0.1).step(), table.weight.grad.coalesce()
check = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
double = dense.double().to_sparse().requires_grad_()
check(lambda a: a.sin().to_dense(masked_grad=False), double, masked=False)
check(lambda a: torch.sparse.mm(a, full.double()), double, masked=True)
check(lambda a: a.to_dense() * 2, dense.double().to_sparse_csr().requires_grad_(), masked=True)
refuse(check, lambda a: a.to_dense().detach() + a.to_dense() * 0, double, masked=True)[:40]
guard = torch.sparse.check_sparse_tensor_invariants
guard.is_enabled(), guard.enable(), guard.is_enabled()
torch.sparse_coo_tensor([[5]], [1.0], (2,)), guard.disable(), guard.is_enabled()
with guard():
    refuse(torch.sparse_coo_tensor, [[5]], [1.0], (2,)), guard.is_enabled()
with guard(False):
    inner = guard.is_enabled()
again = guard()
inner, guard.is_enabled(), again.__enter__(), refuse(again.__enter__)
again.__exit__(None, None, None), guard(True)(lambda: guard.is_enabled())()
def spread(name='coo'):
    rows, places = torch.arange(9.0).reshape(3, 3), torch.tensor([0, -1, 2])
    return torch.sparse.spdiags(rows, places, (3, 4), getattr(torch, f'sparse_{name}'))
spread(), spread('csr'), spread('csc')
torch.sparse.spdiags(torch.ones(3), torch.tensor([0]), (3, 3))
torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([0, 0]), (3, 3))
torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([0]), (3, 3))
torch.sparse.spdiags(torch.ones(1, 3), torch.tensor([[0]]), (3, 3))
semi = torch.sparse
semi.to_sparse_semi_structured(full.half()), semi.to_sparse_semi_structured(full)
semi.SparseSemiStructuredTensor(full.half(), None, None, None, None)
semi.SparseSemiStructuredTensor._FORCE_CUTLASS, semi.to_sparse_semi_structured(full.half().T)
semi.to_sparse_semi_structured(full[0].half()), semi.SparseSemiStructuredTensorCUTLASS.BACKEND
semi.SparseSemiStructuredTensorCUSPARSELT.BACKEND
semi.SparseSemiStructuredTensorCUTLASS.from_dense(full.half()) is not None
semi.SparseSemiStructuredTensorCUTLASS._DTYPE_SHAPE_CONSTRAINTS
conversions = importlib.import_module('torch.sparse._semi_structured_conversions')
wide = torch.zeros(32, 32).half()
wide[:, ::4], wide[:, 2::4] = 1.0, torch.arange(32)[:, None].half()
pack, unpack = (conversions.sparse_semi_structured_from_dense_cutlass,
 conversions.sparse_semi_structured_to_dense_cutlass)
pack(wide)[0].sum(), pack(wide)[1], torch.equal(unpack(*pack(wide)), wide), pack(full)
pack(wide[0]), conversions._sparse_semi_structured_tile(torch.arange(64.0).reshape(8, 8) % 5)
"""
)

LISTS = {
    **{"made": MADE, "gradients": GRADIENTS},
    **{each: START + EACH.replace("LAYOUT", each) for each in ("coo", "csr", "csc", "bsr", "bsc")},
}


def lay_out(name: str) -> list[str]:
    """Return what sparse tensors of each layout become, and their gradients."""
    pool.set_seeds()
    names: dict[str, Any] = {"importlib": importlib, "reload": reload}
    names |= {each: importlib.import_module(each) for each in ("copy", "pickle")}
    try:
        return play_script(LISTS[name], names)
    finally:
        torch.sparse.check_sparse_tensor_invariants.disable()


OF_LAYOUTS = (Family(lay_out, lambda: [*LISTS], lambda _: None),)
