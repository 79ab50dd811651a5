"""Programs with the parts that quantization is made of, and with the pruning of data."""

from __future__ import annotations

import importlib

import torch

from ... import pool
from ..families import Family
from .scripts import play_script

DECOMPOSED = """
importlib.import_module('torch.ao.quantization.fx._decomposed').__name__
d = torch.ops.quantized_decomposed
scale, zero, scales, zeros = torch.tensor(0.1), torch.tensor(3), torch.tensor([0.1, 0.2,
 0.3]), torch.tensor([0, 1, 2])
a = d.quantize_per_tensor(rows, 0.1, 3, 0, 255, torch.uint8)
a, d.quantize_per_tensor(rows, 0.1, 3, 5, 9, torch.uint8)
d.quantize_per_tensor(rows.half(), 0.1, 3, 0, 255, torch.uint8)
d.quantize_per_tensor(rows, 0.1, 3, 0, 300, torch.uint8)
d.quantize_per_tensor(rows.double(), 0.1, 3, 0, 255, torch.uint8)
d.quantize_per_tensor(rows, 0.1, 3, 0, 255, torch.float64)
d.quantize_per_tensor.tensor(rows, scale, zero, -128, 127, torch.int8)
d.quantize_per_tensor.tensor(rows, scales, zero, -128, 127, torch.int8)
d.quantize_per_tensor.tensor2(rows, scale, zero, torch.tensor(-8), torch.tensor(7), torch.int8)
d.dequantize_per_tensor(a, 0.1, 3, 0, 255, torch.uint8)
d.dequantize_per_tensor(a, 0.1, 3, 0, 255, torch.uint8, out_dtype=torch.float64)
d.dequantize_per_tensor(a, 0.1, 3, 0, 255, torch.int8)
d.dequantize_per_tensor(rows, 0.1, 3, 0, 255, torch.uint8)
d.dequantize_per_tensor.tensor(a, scale, zero, 0, 255, torch.uint8)
d.dequantize_per_tensor.tensor(a, scales, zero, 0, 255, torch.uint8)
d.dequantize_per_tensor.tensor2(a, scale, zero, torch.tensor(0), torch.tensor(255), torch.uint8)
d.choose_qparams.tensor(rows, 0, 255, 1e-9, torch.uint8)
d.choose_qparams.tensor(rows, -8, 7, 0.5, torch.int8)
d.choose_qparams.tensor(rows, 9, 1, 1e-9, torch.int8)
d.choose_qparams.tensor(rows.double(), 0, 255, 1e-9, torch.uint8)
d.choose_qparams_symmetric.tensor(rows, -127, 127, 1e-9, torch.int8)
d.choose_qparams.tensor(rows, 0, 255, 1e-9, torch.float64)

b = d.quantize_per_channel(rows, scales, zeros, 1, 0, 255, torch.uint8)
b, d.quantize_per_channel(rows, scales, zeros, 0, 0, 255, torch.uint8)
d.quantize_per_channel(rows, scales, zeros, 5, 0, 255, torch.uint8)
d.quantize_per_channel(rows.bfloat16(), scales, zeros, 1, 0, 255, torch.uint8)
d.dequantize_per_channel(b, scales, zeros, 1, 0, 255, torch.uint8)
d.dequantize_per_channel(b, scales, None, 1, 0, 255, torch.uint8)
d.dequantize_per_channel(b, scales, zeros, 1, 0, 255, torch.uint8, out_dtype=torch.float16)
d.dequantize_per_channel(b, scales, zeros, 1, 0, 255, torch.int8)
d.choose_qparams_per_token(rows, torch.int8), d.choose_qparams_per_token(rows.half(), torch.int8)
d.choose_qparams_per_token_asymmetric(rows, torch.int8)
d._choose_qparams_per_token_asymmetric_impl(rows, torch.int8)
d.choose_qparams_per_token(rows[0], torch.int8)
some, none = d.choose_qparams_per_token(rows, torch.int8)
c = d.quantize_per_token(rows, some, none, -128, 127, torch.int8)
c, d.dequantize_per_token(c, some, none, -128, 127, torch.int8, torch.float32)
d.dequantize_per_token(c, some, none, -128, 127, torch.int8, torch.float16)
d.quantize_per_token(rows, some[:2], none, -128, 127, torch.int8)
wide = torch.arange(16.0).reshape(2, 8) / 4 - 1.8
groups, places = torch.tensor([[0.1, 0.2], [0.3, 0.4]]), torch.zeros(2, 2, dtype=torch.int32)
e = d.quantize_per_channel_group(wide, groups, places, -8, 7, torch.int8, 4)
e, d.dequantize_per_channel_group(e, groups, places, -8, 7, torch.int8, 4, torch.float32)
d.dequantize_per_channel_group(e, groups, None, -8, 7, torch.int8, 4, torch.float64)
d.quantize_per_channel_group(wide, groups, places, -8, 7, torch.int8, 3)
d.quantize_per_channel_group(wide, groups, places, -8, 7, torch.int8, 1)

grown = rows.clone().requires_grad_()
d.fake_quant_per_channel(grown, scales, zeros.int(), 1, -3, 3)
d.fake_quant_per_channel(grown, scales, zeros.int(), 1, -3, 3).sum().backward(), grown.grad
u = importlib.import_module('torch.ao.quantization.utils')
u.calculate_qmin_qmax(0, 9, True, torch.quint8, False)
[[u.calculate_qmin_qmax(-128, 127, False, kind, less) for less in (False, True)] for kind in
 (torch.qint8, torch.quint8, torch.qint32, torch.quint4x2, torch.int16, torch.uint16)]
u.calculate_qmin_qmax(3, 2, True, torch.quint8, False)
u.calculate_qmin_qmax(0, 300, True, torch.qint8, False)
u.check_min_max_valid(torch.tensor(1.0), torch.tensor(0.0))
u.check_min_max_valid(torch.tensor(float('inf')), torch.tensor(0.0))
u.check_min_max_valid(torch.tensor([1.0, 2]), torch.tensor([3.0, 1])), u.validate_qmin_qmax(1, 2)
u.validate_qmin_qmax(0, 0)
u.determine_qparams(torch.tensor(-1.0), torch.tensor(2.0), 0, 255, torch.quint8,
 torch.tensor(1e-6), False)
u.determine_qparams(torch.tensor([-1.0, 0]), torch.tensor([2.0, 3]), -128, 127, torch.qint8,
 torch.tensor(1e-6), True, torch.per_channel_symmetric)
u.determine_qparams(torch.tensor([-1.0]), torch.tensor([2.0]), 0, 15, torch.quint8,
 torch.tensor(1e-6), False, torch.per_channel_affine_float_qparams)
u.is_per_tensor(torch.per_tensor_affine), u.is_per_channel(torch.per_channel_symmetric)
u.to_underlying_dtype(torch.qint8), u.to_underlying_dtype(torch.float32)
u.get_combined_dict({1: 2}, {3: 4})
u.getattr_from_fqn(nn.Sequential(nn.Linear(1, 1)), '0.bias').shape
u.getattr_from_fqn(nn.Linear(1, 1), 'zz')
u.get_qparam_dict(torch.ao.quantization.MinMaxObserver())
u.get_fqn_to_example_inputs(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (rows,))
u.has_no_children_ignoring_parametrizations(nn.ReLU())
u._get_path_of_module(nn.Sequential(nn.ReLU()), nn.ReLU()), u._parent_name('a.b.c')
u._parent_name('a'), u._normalize_kwargs(lambda a, b=2: 3, {'b': 5, 'z': 1})
u._get_num_pos_args(lambda a, b=2: 3), u.MatchAllNode
[[getattr(u, name)(config) for name in ('activation_dtype', 'weight_dtype',
 'activation_is_statically_quantized', 'activation_is_dynamically_quantized',
 'activation_is_int8_quantized', 'activation_is_int32_quantized', 'weight_is_quantized',
 'weight_is_statically_quantized', 'op_is_int8_dynamically_quantized', 'get_qconfig_dtypes',
 'get_quant_type')] for config in (q.default_qconfig, q.default_dynamic_qconfig,
 q.float16_dynamic_qconfig, q.float_qparams_weight_only_qconfig)]
u.get_quant_type(q.QConfig(q.NoopObserver, q.default_weight_observer))
torch.ao.quantization.quant_type._get_quant_type_to_str(q.QuantType.DYNAMIC)
torch.ao.quantization.quant_type._quant_type_from_str('static')
torch.ao.quantization.quant_type._quant_type_from_str('zz')
r = importlib.import_module('torch.ao.nn.quantized.reference')
kinds = [{'qscheme': scheme, 'dtype': kind, 'scale': size, 'zero_point': place, 'axis': 0} for
 scheme, kind, size, place in ((None, torch.float, 1.0, 0), (torch.per_tensor_affine, torch.qint8,
 0.1, 2), (torch.per_channel_affine, torch.qint8, torch.tensor([0.1, 0.2]), torch.tensor([0, 1])),
 (torch.per_channel_affine_float_qparams, torch.quint8, torch.tensor([0.1, 0.2]),
 torch.tensor([0.5, 1])), (torch.per_tensor_affine, torch.int8, 0.1, 2))]
def fill(layer):
    values = torch.arange(float(layer.weight.numel())).reshape(layer.weight.shape)
    layer.weight.data = values * 5 % 7 / 9 - 0.3
    layer.bias.data.fill_(0.5) if getattr(layer, 'bias', None) is not None else 0
    return layer
def play(layer, *values):
    return [refuse(fill(layer), *values), layer._get_name(), refuse(layer.get_weight),
       refuse(layer.get_quantized_weight), sorted(layer.state_dict())]
[play(r.Linear(3, 2, weight_qparams=kind), rows) for kind in kinds]
play(r.Linear(3, 2, False), rows), play(r.Conv1d(1, 2, 2, weight_qparams=kinds[1]), rows[:, None])
play(r.Conv2d(1, 2, 2, weight_qparams=kinds[2]), rows[None, None])
play(r.Conv3d(1, 2, 1, weight_qparams=kinds[2]), rows[None, None, None])
play(r.ConvTranspose1d(1, 2, 2, weight_qparams=kinds[1]), rows[:, None])
play(r.ConvTranspose2d(1, 2, 2, weight_qparams=kinds[1]), rows[None, None])
play(r.Embedding(2, 3, weight_qparams=kinds[3]), torch.tensor([1, 0]))
play(r.EmbeddingBag(2, 3, mode='sum', weight_qparams=kinds[3]), torch.tensor([[1, 0]]))
r.Linear.from_float(nn.Linear(3, 2), kinds[1])._get_name()
r.Linear(3, 2, weight_qparams={'qscheme': 3, 'dtype': torch.qint8, 'scale': 1.0, 'zero_point': 0})
cell = {name: kinds[1] for name in ('weight_ih', 'weight_hh')} | {'is_decomposed': False}
[made(rows).shape if not isinstance(made(rows), tuple) else len(made(rows)) for made in
 (r.RNNCell(3, 2, weight_qparams_dict=cell), r.LSTMCell(3, 2, weight_qparams_dict=cell),
 r.GRUCell(3, 2, weight_qparams_dict=cell))]
"""
SPARSIFIED = """
from torch.ao.pruning._experimental import data_sparsifier, data_scheduler
name = 'torch.ao.pruning._experimental.activation_sparsifier.activation_sparsifier'
Active = importlib.import_module(name).ActivationSparsifier
net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
def largest(data, level=0.5):
    return data.abs() > data.abs().max() * level
active = Active(net, aggregate_fn=lambda
 a, b: a + b, mask_fn=largest,
 reduce_fn=lambda a: a.mean(0), level=0.25)
active.register_layer(net[0])
active.register_layer(net[2], reduce_fn=lambda a: a.mean(0), mask_fn=lambda data, level:
 largest(data, level), level=0.9)
active.register_layer(net[0])
active.register_layer(net[1], features=[0, 2], feature_dim=1, level=0.1)
wide = torch.arange(12.0).reshape(3, 4) / 4 - 1
net(wide).shape, active.get_mask('0'), active.step(), active.get_mask('0')
active.get_mask(layer=net[2]), active.get_mask('1'), active.get_mask('zz'), active.get_mask()
active.state_dict()['state'], sorted(active.data_groups), active.squash_mask(), net(wide).shape
active.unregister_layer('2'), sorted(active.data_groups), len(repr(active)) > 9
other = Active(nn.Sequential(nn.Linear(4, 4)), aggregate_fn=lambda a, b: a, mask_fn=largest)
other.load_state_dict(active.state_dict()), sorted(other.state), other.step()
norm = data_sparsifier.DataNormSparsifier
data = norm([('a', wide.clone()), ('b', nn.Parameter(torch.ones(2, 4)))], sparsity_level=0.5,
 sparse_block_shape=(1, 2), zeros_per_block=2)
data, data.get_mask('a'), data.step(), data.get_mask('a'), data.get_data('a')
data.get_data('a', return_original=False), data.get_data('b'), data.get_data('zz')
data.add_data('c', nn.Embedding(4, 2), sparsity_level=0.25, sparse_block_shape=(2, 1),
 zeros_per_block=2)
data.step(), data.get_mask('c'), data.add_data('a', wide * 2, reuse_mask=True), data.get_mask('a')
data.add_data('a', wide * 2, reuse_mask=False), data.get_mask('a'), data.add_data('d', 3)
data.add_data(3, wide), sorted(data.data_groups), data.state_dict()['state']['b']
data.prepare(net, None), len(repr(data)) > 99
saved = data.state_dict()
again = norm([('a', wide.clone())])
again.load_state_dict(saved), again.get_mask('c'), again.load_state_dict(saved, strict=False)
sorted(again.data_groups), data.squash_mask(names=['b']), data.squash_mask(names=['zz'])
sorted(data.data_groups), data.squash_mask(leave_parametrized=False)
norm(norm='L1'), norm(norm='zz'), norm([('a', wide)], norm='L1', sparsity_level=0.3).step()
norm([('a', wide)], zeros_per_block=9), norm(sparse_block_shape=(3,))
class Halving(data_scheduler.base_data_scheduler.BaseDataScheduler):
    def get_schedule_param(self):
        if self.last_epoch > 0:
            return {name: config['sparsity_level'] / 2 for name, config in
               self.data_sparsifier.data_groups.items()}
        return self.base_param
fresh = norm([('a', wide.clone())], sparsity_level=0.8)
plan = Halving(fresh, 'sparsity_level')
plan, plan.get_last_param(), plan.step(), plan.get_last_param(), fresh.step(), plan.step()
plan.get_last_param(), sorted(plan.state_dict()), plan.load_state_dict(plan.state_dict())
Halving(3, 'a'), Halving(fresh, 'zz')
"""

LISTS = {"decomposed": DECOMPOSED, "sparsified": SPARSIFIED}


def quantize_parts(name: str) -> list[str]:
    """Return what the parts of quantization give, or what becomes of data that is pruned."""
    rows = torch.arange(12.0).reshape(4, 3) * 5 % 7 / 4 - 0.6
    found = importlib.import_module("torch.ao.quantization")
    pool.set_seeds()
    return play_script(LISTS[name], {"rows": rows, "q": found, "importlib": importlib})


OF_QUANTIZED_PARTS = (Family(quantize_parts, lambda: [*LISTS], lambda _: None),)
