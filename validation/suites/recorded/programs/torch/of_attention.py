"""Programs with attention: choice of the kernel, biases, scores and masks in blocks."""

from __future__ import annotations

import importlib

import torch

from ... import pool
from ..families import Family
from .scripts import play_script

KERNELS = """
from torch.nn.attention import sdpa_kernel, SDPBackend
states = lambda: [torch.backends.cuda.flash_sdp_enabled(),
 torch.backends.cuda.mem_efficient_sdp_enabled(), torch.backends.cuda.math_sdp_enabled(),
 torch.backends.cuda.cudnn_sdp_enabled()]
def choose(*values, **options):
    with sdpa_kernel(*values, **options):
        return [states(), refuse(F.scaled_dot_product_attention, query, key, value)]
before = states()
choose(SDPBackend.MATH), choose([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
choose(SDPBackend.EFFICIENT_ATTENTION), choose([]), choose(3), choose([3])
choose(SDPBackend.CUDNN_ATTENTION), choose(SDPBackend.FLASH_ATTENTION)
choose([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], set_priority=True), states() == before
[*SDPBackend.__members__], SDPBackend.MATH.name
@sdpa_kernel(SDPBackend.MATH)
def inner():
    return states()
inner(), states() == before
with sdpa_kernel(SDPBackend.MATH):
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        first = states()
    second = states()
first, second, torch.nn.attention._cur_sdpa_kernel_backends()
torch.nn.attention._backend_from_string('MATH'), torch.nn.attention._backend_from_string('zz')
bias = torch.nn.attention.bias
sdpa = F.scaled_dot_product_attention
upper, lower = bias.causal_upper_left(4, 5), bias.causal_lower_right(4, 5)
repr(upper), repr(lower), upper._materialize(), lower._materialize()
repr(bias.CausalBias(bias.CausalVariant.UPPER_LEFT, 3, 3))
sdpa(query, key, value, upper), sdpa(query, key, value, lower)
sdpa(query, query, query, bias.causal_lower_right(4, 4)), sdpa(query, key, value, upper, scale=0.3)
repr(upper + 1), repr(bias.causal_upper_left(4)), repr(bias.CausalBias(3, 4, 4))
repr(bias.CausalBias(bias.CausalVariant.LOWER_RIGHT, 5, 3))
sdpa(query, key, value, upper, is_causal=True), sdpa(query[0], key, value, upper)
sdpa(query.clone().requires_grad_(), key, value, lower).requires_grad, [*bias.CausalVariant]
mask = torch.arange(20).reshape(4, 5) % 3 > 0
sdpa(query, key, value, mask), sdpa(query, key, value, mask.float())
sdpa(query, query, query, is_causal=True), sdpa(query, key, value, is_causal=True)
sdpa(query, key, value, mask, is_causal=True), sdpa(query, key, value, scale=2.0)
sdpa(query, key[:, :1], value[:, :1], enable_gqa=True), sdpa(query, key[:, :1], value[:, :1])
sdpa(query, key, value, ~mask & False), sdpa(query, key.double(), value)
sdpa(query, key[..., :2], value), sdpa(query, key, value, mask[:2])
sdpa(query, key, value, dropout_p=2.0), sdpa(query[0, 0], key[0, 0], value[0, 0])
sdpa(query.long(), key.long(), value.long())
pool.set_seeds(3), sdpa(query, key, value, dropout_p=0.5)
utils = torch.nn.attention._utils
utils._input_requires_grad(query), utils._calculate_scale(16, None)
utils._calculate_scale(16, 0.5), utils._supported_head_dim(16), utils._supported_head_dim(3)
utils._validate_sdpa_input(query, key, value[0])
utils._validate_sdpa_input(query, key, value, mask, is_causal=True)
utils._validate_sdpa_input(query, key.double(), value), utils._postprocess_flash_output(query, 2)
"""
FLEXIBLE = """
flex, block = fa.flex_attention, fa.create_block_mask
causal = lambda b, h, q, k: q >= k
near = lambda b, h, q, k: q - k <= 1
score = lambda score, b, h, q, k: score + (q - k) * 0.1 + h
wide = [each.repeat(1, 1, 4, 1)[..., :16, :].repeat(1, 1, 1, 4) for each in (query, key, value)]
flex(wide[0], wide[1][:, :1], wide[2][:, :1])
blocks = block(causal, None, None, 16, 16, device='cpu', BLOCK_SIZE=8)
blocks, repr(blocks), blocks.shape, blocks.numel(), blocks.sparsity(), blocks.to_dense()
blocks.to_string(), blocks.to_string(limit=1, grid_size=(1, 1)), blocks.as_tuple(False)
len(blocks.as_tuple()), blocks.kv_num_blocks, blocks.kv_indices, blocks.full_kv_num_blocks
blocks.q_indices, blocks.BLOCK_SIZE, blocks.mask_mod is causal, blocks[0], blocks[0, 0]
blocks[:, :, 0], blocks.to('cpu').shape
many = block(lambda b, h, q, k: (q + h) % 2 == k % (b + 1), 2, 2, 10, 12, device='cpu',
 BLOCK_SIZE=(4, 8))
many, many.shape, many.kv_indices, many.full_kv_num_blocks, many[1].shape
many[1, 0].kv_num_blocks, many.sparsity()
block(causal, 1, 1, 16, 16, device='cpu', BLOCK_SIZE=16)
block(causal, 1, 1, 16, 16, device='cpu').BLOCK_SIZE, block(3, 1, 1, 16, 16, device='cpu')
block(causal, 1, 1, 16, 16, device='cpu', BLOCK_SIZE='a')
fa.create_mask(causal, 1, 2, 3, 4, device='cpu'), fa.create_mask(score, 1, 2, 3, 4, device='cpu')
fa.create_mask(lambda a: a, 1, 1, 2, 2, device='cpu')
fa.and_masks(causal, near)(torch.tensor(0), 0, torch.tensor(3), torch.arange(5))
fa.or_masks(causal, near)(torch.tensor(0), 0, torch.tensor(3), torch.arange(5)), fa.and_masks(3)
fa.or_masks(3)
fa.and_masks()(torch.tensor(0), 0, torch.tensor(1), torch.tensor(1))
fa.noop_mask(torch.tensor(0), 0, 0, 0)
made = fa.BlockMask.from_kv_blocks(blocks.kv_num_blocks, blocks.kv_indices,
 blocks.full_kv_num_blocks, blocks.full_kv_indices, BLOCK_SIZE=8, mask_mod=causal)
made, made.q_indices, made.q_num_blocks, fa.BlockMask.from_kv_blocks(torch.ones(2), torch.ones(2))
fa.BlockMask.from_kv_blocks(blocks.kv_num_blocks, blocks.kv_indices, blocks.full_kv_num_blocks,
 None)
fa._get_mod_type(causal), fa._get_mod_type(score), fa._get_mod_type(lambda a: a)
fa._create_empty_block_mask(*wide[:2]), fa._dense_to_ordered(torch.tensor([[1, 0, 1]]))
fa._ordered_to_dense(torch.tensor([2]), torch.tensor([[2, 0, 1]]))
fa._transpose_ordered(torch.tensor([1, 2]), torch.tensor([[0, 1], [1, 0]]))
fa._round_up_to_multiple(9, 4), fa._broadcast_to_dim(torch.ones(2), 3).shape
fa._convert_mask_to_block_mask(torch.ones(1, 1, 9, 9).tril(), 4, 4, True)
fa._convert_mask_to_block_mask(torch.ones(8, 8) > 0, 4, 4)
flex(wide[0], wide[1], wide[2][0]), flex(wide[0].double(), *wide[1:])
flex(wide[0], wide[1][..., :3], wide[2]), flex(*wide, block_mask=many), flex(*wide, block_mask=3)
flex(*wide, block_mask=block(causal, 1, 1, 9, 9, device='cpu', BLOCK_SIZE=8))
flex(wide[0], wide[1][:, :1], wide[2][:, :1], score, blocks, 0.3, True, return_lse=True)
nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(3, 3)], layout=torch.jagged)
fa.create_nested_block_mask(causal, 1, 1, nested, BLOCK_SIZE=4, _compile=False)
fa.create_nested_block_mask(causal, 1, 1, query)
"""

LISTS = {"kernels": KERNELS, "flexible": FLEXIBLE}


def attend_blocks(name: str) -> list[str]:
    """Return what attention gives with kernels, biases, masks and scores of one's own."""
    flexible = importlib.import_module("torch.nn.attention.flex_attention")
    importlib.import_module("torch.nn.attention.bias")
    pool.set_seeds()
    names = {"query": torch.rand(1, 2, 4, 4), "key": torch.rand(1, 2, 5, 4), "fa": flexible}
    return play_script(LISTS[name], names | {"value": torch.rand(1, 2, 5, 4), "pool": pool})


OF_ATTENTION = (Family(attend_blocks, lambda: [*LISTS], lambda _: None),)
