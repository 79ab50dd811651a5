"""Programs that quantize layers of each kind, alone and fused."""

from __future__ import annotations

import importlib

import torch

from ... import pool
from ..families import Family
from ..telling import fill_lines
from .scripts import play_script

KINDS = (
    """
import copy
from torch.ao.nn import quantizable
def play(layer, values=pictures, config=q.default_qconfig, **options):
    net = nn.Sequential(q.QuantStub(), layer, q.DeQuantStub()).eval()
    net.qconfig = config
    watched = q.prepare(net, **options)
    watched(values)
    done = q.convert(watched)
    return [[type(each).__name__ for each in done.modules()], refuse(done, values), repr(done)]
"""
    + fill_lines(
        """
play(nn.LAYER)""",
        LAYER="""LayerNorm(4) GroupNorm(1,1) InstanceNorm2d(1,affine=True) Hardswish() ELU(0.5)
    LeakyReLU(0.2) Sigmoid() Tanh() PReLU() Softmax(-1) Dropout(0.5) ConvTranspose2d(1,2,2)
    ReLU6() ReLU() Hardsigmoid() BatchNorm2d(1) Linear(4,3) GELU() MaxPool2d(2) AvgPool2d(2)
    AdaptiveAvgPool2d(1) Identity() Conv2d(1,2,2,padding=1,padding_mode='reflect') Hardtanh()
    Upsample(scale_factor=2) Flatten() Mish()""",
    )
    + """
rows = pictures[:, 0]
play(nn.Conv1d(4, 2, 2), rows), play(nn.ConvTranspose1d(4, 2, 2), rows), play(nn.LSTM(4, 2), rows)
play(nn.Conv3d(1, 2, 2), pictures.reshape(1, 1, 2, 4, 4))
words = torch.tensor([[1, 2], [0, 1]])
table = nn.Sequential(nn.Embedding(3, 4), nn.EmbeddingBag(3, 4, mode='sum'))
table.qconfig = q.float_qparams_weight_only_qconfig
[type(each).__name__ for each in q.convert(q.prepare(table)).modules()]
q.convert(q.prepare(table))[0](words), q.convert(q.prepare(table))[1](words)
plain = nn.LSTM(4, 2, 2, bidirectional=True)
plain.qconfig = q.default_qconfig
lstm = quantizable.LSTM.from_float(plain)
lstm(rows), lstm(rows, None)[1], repr(lstm)[:400], quantizable.LSTM(4, 2, dropout=0.5, num_layers=1)
quantizable.LSTM(4, 2, dropout=2.0), quantizable.LSTMCell(4, 2)(rows[0])
heads = nn.MultiheadAttention(4, 2, add_bias_kv=True)
heads.qconfig = q.default_qconfig
other = quantizable.MultiheadAttention.from_float(heads)
other(rows, rows, rows), heads(rows, rows, rows), other.dequantize()(rows, rows, rows)
other(rows, rows, rows, need_weights=False, attn_mask=torch.ones(2, 2).triu(1).bool())
other(rows, rows, rows, torch.tensor([[True, False]] * 4), average_attn_weights=False)
def fuse(*layers, train=False):
    net = nn.Sequential(*layers).train(train)
    named = [str(place) for place in range(len(layers))]
    return repr((q.fuse_modules_qat if train else q.fuse_modules)(net, named))
line, norm, deep = nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Conv3d(1, 2, 2)
fuse(line, norm), fuse(line, nn.ReLU()), fuse(nn.Conv1d(1, 3, 2), norm)
fuse(line, norm, train=True)
fuse(nn.Conv1d(1, 3, 2), norm, nn.ReLU()), fuse(nn.Conv1d(1, 3, 2), nn.ReLU(), train=True)
fuse(deep, nn.BatchNorm3d(2)), fuse(deep, nn.BatchNorm3d(2), nn.ReLU()), fuse(deep, nn.ReLU())
fuse(deep, nn.BatchNorm3d(2), train=True), fuse(nn.ConvTranspose2d(1, 2, 2), nn.BatchNorm2d(2))
fuse(nn.BatchNorm2d(2), nn.ReLU()), fuse(nn.BatchNorm3d(2), nn.ReLU()), fuse(deep, norm), fuse(deep)
fuse(line, nn.LeakyReLU()), fuse(line, nn.Tanh()), fuse(line, nn.BatchNorm1d(4)), fuse(line, line)
q.get_fuser_method((nn.Linear, nn.ReLU)), q.get_fuser_method((nn.ReLU, nn.Linear))
q.fuse_conv_bn(False, nn.Conv2d(1, 2, 2, bias=False).eval(), nn.BatchNorm2d(2, affine=False).eval())
q.fuse_linear_bn(True, line, norm), q.fuse_linear_bn(False, line, norm.eval())
[q.get_static_quant_module_class(each) for each in (nn.Linear, nn.ReLU6, nn.LSTM)]
q.get_static_quant_module_class(nn.ReLU), q.get_static_quant_module_class(nn.Linear, None, True)
q.get_dynamic_quant_module_class(nn.GRU), q.get_dynamic_quant_module_class(nn.ReLU)
[len(getattr(q, f'get_default_{each}_mappings')()) for each in ('static_quant_module',
   'qat_module', 'dynamic_quant_module', 'float_to_quantized_operator')]
q.get_quantized_operator(torch.add), q.get_quantized_operator(torch.ops.aten.abs)
same = torch.ao.quantization.qconfig.qconfig_equals
same(q.default_qconfig, q.default_qconfig), same(q.default_qconfig, q.default_qat_qconfig)
"""
)


def quantize_kinds() -> list[str]:
    """Return what layers of each kind become when they are quantized or fused."""
    pictures = torch.arange(32.0).reshape(2, 1, 4, 4) * 5 % 7 / 4 - 0.6
    found = importlib.import_module("torch.ao.quantization")
    pool.set_seeds()
    return play_script(KINDS, {"pictures": pictures, "q": found})


OF_QUANTIZED_KINDS = (Family(quantize_kinds, lambda: [""], lambda _: None),)
