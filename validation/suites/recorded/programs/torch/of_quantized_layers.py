"""Programs with layers and functions of quantized values."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import fill_lines
from .scripts import play_script

FUNCTIONS = """
picture = torch.quantize_per_tensor((torch.arange(128.0).reshape(1, 2, 8, 8) * 7 % 23) / 9 - 1,
 0.0523, 60, torch.quint8)
line, volume = picture[..., 0].contiguous(), picture[:, :, :4].reshape(1, 2, 2, 4, 4)
table = torch.quantize_per_tensor((torch.arange(36.0).reshape(2, 2, 3, 3) * 5 % 7) / 9 - 0.3,
 0.02, 0, torch.qint8)
cube = torch.quantize_per_tensor((torch.arange(32.0).reshape(2, 2, 2, 2, 2) * 5 % 7) / 9 - 0.3,
 0.02, 0, torch.qint8)
flat, bias = table[:, :, 0].contiguous(), torch.tensor([0.5, -0.25])
qf.conv2d(picture, table, bias, scale=0.0917, zero_point=5)
qf.conv2d(picture, table, bias, (2, 1), (1, 0), scale=0.0917, zero_point=5)
qf.conv2d(picture, table, None, padding=1, dilation=2, scale=0.0917)
qf.conv2d(picture, table, bias, padding_mode='reflect')
qf.conv2d(picture, table, bias, dtype=torch.qint8), qf.conv2d(picture.dequantize(), table, bias)
qf.conv2d(line, table, bias), qf.conv2d(picture, picture, bias)
qf.conv1d(line, flat, bias, 2, 1, scale=0.0917, zero_point=4), qf.conv1d(picture, flat, bias)
qf.conv1d(line, flat, bias, padding_mode='zz')
qf.conv3d(volume, cube, bias, scale=0.193, zero_point=9), qf.conv3d(line, cube, bias)
qf.conv3d(volume, cube, bias, padding_mode='circular')
qf.avg_pool2d(picture, 3), qf.avg_pool2d(picture, (2, 3), 1, 1, True, False)
qf.avg_pool2d(picture, 2, divisor_override=3), qf.avg_pool3d(volume, 2)
qf.adaptive_avg_pool2d(picture, 3), qf.adaptive_avg_pool3d(volume, (1, 2, 2))
qf.max_pool1d(line, 2, 2), qf.max_pool1d(line, 3, stride=1, padding=1, dilation=2)
qf.max_pool2d(picture, 2), qf.max_pool2d(picture, 3, 2, 1, 1, True)
qf.max_pool2d(picture, 2, return_indices=True), qf.max_pool1d(line, 2, return_indices=True)
qf.celu(line, 0.0917, 3, 0.5), qf.leaky_relu(line, 0.3)
qf.leaky_relu(line, 0.3, scale=0.0917, zero_point=2), qf.leaky_relu(line, 0.3, True)
qf.hardtanh(line, -0.5, 0.25), qf.hardtanh(line.clone(), -0.5, 0.25, True)
qf.hardswish(line, 0.0917, 3), qf.threshold(line, 0.1, -0.5), qf.elu(line, 0.0917, 30, 0.7)
qf.hardsigmoid(line), qf.hardsigmoid(line, True), qf.clamp(line, -0.2, 0.4)
qf.threshold(line, None, 1), qf.threshold(line, 1, None), qf.celu(rows, 0.0917, 3)
qf.elu(rows, 0.0917, 3), qf.clamp(rows, 0, 1), qf.hardswish(rows, 0.0917, 3)
qf.leaky_relu(rows, 0.1), qf.avg_pool2d(rows, 2), qf.adaptive_avg_pool2d(rows, 2)
qf.adaptive_avg_pool3d(rows, 2), qf.avg_pool3d(rows, 2), qf.interpolate(rows, 2)
qf.threshold(rows, 1, 2), qf.hardtanh(rows), qf.hardsigmoid(rows), qf.conv1d(rows, flat, bias)
qf.linear(rows, flat)
qf.interpolate(picture, 4), qf.interpolate(picture, scale_factor=2)
qf.interpolate(picture, (4, 5), mode='bilinear')
qf.interpolate(picture, 5, mode='bilinear', align_corners=True), qf.interpolate(volume, 3)
qf.interpolate(volume, 3, mode='trilinear'), qf.upsample(picture, 4)
qf.upsample_nearest(picture, 4), qf.upsample_bilinear(picture, 4)
qf.upsample(picture, 4, mode='zz')
weight = torch.quantize_per_tensor(torch.arange(16.0).reshape(2, 8) / 20 - 0.3, 0.01, 0,
 torch.qint8)
qf.linear(picture, weight), qf.linear(picture, weight, bias)
qf.linear(picture, weight, bias, 0.297, 7), qf.linear(picture, weight[:, :3], bias)
"""
LAYERS = (
    """
picture = torch.quantize_per_tensor((torch.arange(128.0).reshape(1, 2, 8, 8) * 7 % 23) / 9 - 1,
 0.0523, 60, torch.quint8)
line, volume, flat = picture[..., 0].contiguous(), picture[:, :, :4].reshape(1, 2, 2, 4,
 4), picture.reshape(16, 8)
def fill(layer, shape, dtype):
    if dtype == torch.float32:
        return layer.set_weight_bias(torch.ones(shape) / 9, None)
    values = (torch.arange(float(torch.Size(shape).numel())).reshape(shape) * 5 % 7) / 9 - 0.3
    if hasattr(layer, 'set_weight'):
        kind = torch.quint4x2 if layer.dtype == torch.quint4x2 else torch.quint8
        scales = torch.arange(1.0, shape[0] + 1) / 50
        layer.set_weight(torch.quantize_per_channel(values, scales, scales, 0, kind))
    if hasattr(layer, 'set_weight_bias'):
        layer.set_weight_bias(torch.quantize_per_tensor(values, 0.02, 0, torch.qint8), layer.bias())
def look(layer, *values):
    # Its state is not told: what unpacks these weights reads memory that is free.
    fill(layer, (5, 8), torch.quint8)
    return [layer(*values), repr(layer), layer._get_name()]
def play(layer, value):
    if callable(getattr(layer, 'weight', None)):
        weight = layer.weight()
        fill(layer, weight.shape, weight.dtype)
    given = refuse(layer, value)
    state = layer.state_dict()
    other = pickle.loads(pickle.dumps(layer))
    again = copy.deepcopy(layer)
    again.load_state_dict(state)
    return [given, repr(layer), layer._get_name(), state, refuse(other, value) == given,
    refuse(again, value) == given, copy.copy(layer).extra_repr()]
def g(size):
    return nn.Parameter(torch.arange(1.0, size + 1))
import copy, pickle
"""
    + fill_lines(
        """
play(qn.LAYER, SOURCE)""",
        SOURCE="picture",
        LAYER="""Conv2d(2,3,3) Conv2d(2,2,(2,3),2,1,1,2) Conv2d(2,3,3,bias=False)
    Conv2d(2,3,3,padding=1,padding_mode='reflect') ReLU6() ReLU6(True) Hardswish(0.0917,3)
    ELU(0.0917,3)
    ELU(0.0917,3,0.5) LeakyReLU(0.0917,3) LeakyReLU(0.0917,3,0.3) Sigmoid(0.0093,0) Softmax()
    Softmax(1,0.01,2)
    ConvTranspose2d(2,3,2) ConvTranspose2d(2,2,3,2,1,1,2) ConvTranspose2d(2,3,2,bias=False)
    BatchNorm2d(2) BatchNorm2d(2,0.5) GroupNorm(2,2,g(2),g(2),0.0917,3)
    LayerNorm([8],g(8),g(8),0.0917,3) InstanceNorm2d(2,g(2),g(2),0.0917,3)
    Dropout(0.5) DeQuantize() MaxPool2d(2) PReLU(0.0917,3) Linear(8,3) Linear(8,3,False)
    FloatFunctional()
    Linear(8,3,dtype=torch.float16) Conv2d(2,3,3,padding_mode='zz') Conv2d(3,4,3,groups=2)""",
    )
    + """
play(qn.Conv1d(2, 3, 3, 2, 1), line)
play(qn.Conv1d(2, 3, 3, padding=2, padding_mode='circular'), line)
play(qn.Conv3d(2, 3, 2, padding=1), volume), play(qn.ConvTranspose1d(2, 3, 2), line)
play(qn.ConvTranspose3d(2, 3, 2, 2), volume), play(qn.BatchNorm3d(2), volume)
play(qn.InstanceNorm1d(2, g(2), g(2), 0.0917, 3), line)
play(qn.InstanceNorm3d(2, g(2), g(2), 0.0917, 3), volume)
play(qn.Quantize(0.0917, 3, torch.quint8), rows)
play(qn.Quantize(torch.tensor([0.1]), torch.tensor([3]), torch.qint8), rows)
play(qn.DeQuantize(), flat), look(qn.Embedding(5, 8), torch.tensor([1, 4, 1]))
look(qn.Embedding(5, 8, dtype=torch.quint4x2), torch.tensor([1, 4, 1]))
look(qn.EmbeddingBag(5, 8, mode='sum'), torch.tensor([[1, 4, 1]]))
look(qn.EmbeddingBag(5, 8, mode='sum', include_last_offset=True, dtype=torch.quint4x2),
 torch.tensor([1, 4, 1]), torch.tensor([0, 1, 3]))
repr(qn.EmbeddingBag(5, 8, mode='mean'))
layer = qn.Conv2d(2, 2, 1)
layer.set_weight_bias(torch.quantize_per_channel(torch.arange(4.0).reshape(2, 2, 1, 1),
 torch.tensor([0.1, 0.2]).double(), torch.zeros(2).long(), 0, torch.qint8), torch.tensor([1.0,
 2]))
layer(picture), layer.scale, setattr(layer, 'scale', 0.3), layer(picture), layer(rows)
q_functional = qn.QFunctional()
[getattr(q_functional, name)(picture, picture) for name in ('add', 'mul', 'add_relu')]
q_functional.cat([picture, picture], 1), q_functional.add_scalar(picture, 0.5)
q_functional.mul_scalar(picture, 0.5), q_functional.matmul(flat, flat.T), q_functional
q_functional(picture)
plain = qn.FloatFunctional()
[getattr(plain, name)(rows, rows + 1) for name in ('add', 'mul', 'add_relu')]
plain.matmul(rows, rows.T), plain.cat([rows, rows], 1), plain.add_scalar(rows, 2)
plain.mul_scalar(rows, 2), plain(rows), qn.FXFloatFunctional().add(rows, rows)
qn.FXFloatFunctional()(rows)
[getattr(qn.FXFloatFunctional(), name)(rows, 2.0) for name in ('mul', 'add_scalar', 'mul_scalar')]
qn.FXFloatFunctional().cat([rows, rows]), qn.FXFloatFunctional().add_relu(rows, rows)
qn.FXFloatFunctional().matmul(rows, rows.T)
from torch.ao.nn.quantized import dynamic
play(dynamic.Linear(3, 2), rows), play(dynamic.Linear(3, 2, False, dtype=torch.float16), rows)
play(dynamic.LSTMCell(3, 2), rows), play(dynamic.GRUCell(3, 2), rows)
play(dynamic.RNNCell(3, 2, nonlinearity='relu'), rows)
play(dynamic.LSTM(3, 2, bidirectional=True, batch_first=True), rows[None])
play(dynamic.GRU(3, 2, 2), rows[:, None]), dynamic.GRU(3, 2, bias=False)(rows)
dynamic.Linear(3, 2, dtype=torch.int8), dynamic.RNNCell(3, 2, nonlinearity='zz')(rows)
play(dynamic.Conv1d(2, 3, 3), line.dequantize())
play(dynamic.Conv2d(2, 3, 3), picture.dequantize())
play(dynamic.Conv3d(2, 3, 2), volume.dequantize())
play(dynamic.ConvTranspose2d(2, 3, 2), picture.dequantize()), dynamic.LSTM(3, 2, dropout=2.0)
dynamic.LSTM(3, 2).get_weight(), dynamic.LSTM(3, 2).get_bias()
from torch.ao.nn.intrinsic import quantized as joined
play(joined.ConvReLU2d(2, 3, 3), picture), play(joined.ConvReLU1d(2, 3, 3), line)
play(joined.ConvReLU3d(2, 3, 2), volume), play(joined.LinearReLU(8, 3), flat)
play(joined.LinearLeakyReLU(8, 3, 0.2), flat), play(joined.LinearTanh(8, 3), flat)
play(joined.BNReLU2d(2), picture), play(joined.BNReLU3d(2), volume)
joined.ConvAdd2d(2, 2, 1)(picture, picture), joined.ConvAddReLU2d(2, 2, 1)(picture, picture)
"""
)

LISTS = {"functions": FUNCTIONS, "layers": LAYERS}


def call_quantized(name: str) -> list[str]:
    """Return what quantized layers or functions give, and what they are made of."""
    rows = torch.arange(12.0).reshape(4, 3) * 5 % 7 / 4 - 0.6
    names = {"qn": "nn.quantized", "qf": "nn.quantized.functional"}
    found: dict[str, Any] = {
        short: importlib.import_module(f"torch.ao.{each}") for short, each in names.items()
    }
    pool.set_seeds()
    return play_script(LISTS[name], {"rows": rows} | found)


OF_QUANTIZED_LAYERS = (Family(call_quantized, lambda: [*LISTS], lambda _: None),)
