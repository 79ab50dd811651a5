"""Programs that watch ranges and quantize: observers, fake quantization, tensors."""

from __future__ import annotations

import importlib

import torch

from ... import pool
from ..families import Family
from ..telling import fill_lines
from .scripts import play_script

OBSERVERS = (
    """
def watch(make, *batches):
    seen = make() if callable(make) and not isinstance(make, nn.Module) else make
    given = [seen(each) for each in batches]
    ranges = [repr(seen), seen.extra_repr(), getattr(seen, 'min_val', 0), getattr(seen, 'max_val',
    0)]
    other = make()
    other.load_state_dict(seen.state_dict())
    return [given[-1] is batches[-1], ranges, refuse(seen.calculate_qparams),
       refuse(other.calculate_qparams), seen.state_dict()]
"""
    + fill_lines(
        """
watch(q.KIND.with_args(OPTIONS), rows, rows * 2 - 1)""",
        KIND="""MinMaxObserver MovingAverageMinMaxObserver PerChannelMinMaxObserver
    MovingAveragePerChannelMinMaxObserver""",
        OPTIONS="""dtype=torch.quint8 dtype=torch.qint8
    dtype=torch.qint32,quant_min=-1000,quant_max=999
    reduce_range=True quant_min=0,quant_max=15 eps=0.5 is_dynamic=True dtype=torch.float16
    dtype=torch.qint8,reduce_range=True dtype=torch.qint8,quant_min=-127,quant_max=127
    quant_min=9,quant_max=3 quant_min=-3,quant_max=300 dtype=torch.uint8 dtype=torch.int8
    dtype=torch.int32 dtype=torch.quint4x2 dtype=torch.int16 dtype=torch.uint16""",
    )
    + fill_lines(
        """
watch(q.MinMaxObserver.with_args(qscheme=torch.SCHEME,dtype=torch.TYPE), rows)
watch(q.MinMaxObserver.with_args(qscheme=torch.SCHEME,dtype=torch.TYPE), rows.abs() + 1)
watch(q.PerChannelMinMaxObserver.with_args(qscheme=torch.SCHEME,dtype=torch.TYPE), rows.T)""",
        SCHEME="""per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric
    per_channel_affine_float_qparams""",
        TYPE="quint8 qint8",
    )
)
MORE_OBSERVERS = """
watch(q.MovingAverageMinMaxObserver.with_args(averaging_constant=0.5), rows, rows * 3, rows - 9)
watch(q.MovingAveragePerChannelMinMaxObserver.with_args(averaging_constant=0.5, ch_axis=-1), rows,
 rows * 3)
many = torch.arange(64.0) * 5 % 64 / 20 - 1
wide = q.HistogramObserver(bins=64)
wide(many), wide(many * 1.5), wide(many / 9), wide.state_dict(), wide.calculate_qparams()
repr(wide)
wide.load_state_dict({'min_val': torch.tensor(-1.0), 'max_val': torch.tensor(2.0), 'histogram':
 torch.ones(64)})
wide.bins
even = q.HistogramObserver(bins=32, dtype=torch.qint8, qscheme=torch.per_tensor_symmetric,
 reduce_range=True)
even(many[:32]), even.calculate_qparams(), even.histogram
q.HistogramObserver(bins=2, quant_min=0, quant_max=50)
flat = q.HistogramObserver(bins=4)
flat(torch.full((3,), 2.0)), flat(rows), flat(torch.zeros(0)), flat.state_dict()
q.HistogramObserver().calculate_qparams()
watch(q.HistogramObserver.with_args(bins=8, qscheme=torch.per_channel_affine), rows)
watch(q.HistogramObserver, rows.int())
watch(lambda: q.FixedQParamsObserver(0.5, 3), rows)
watch(lambda: q.FixedQParamsObserver(0.5, 3, torch.qint8, torch.per_tensor_symmetric, -4, 5),
 rows)
watch(q.PlaceholderObserver, rows)
watch(q.PlaceholderObserver.with_args(dtype=torch.quint8, quant_min=1, quant_max=9,
 is_dynamic=True), rows)
watch(q.PlaceholderObserver.with_args(compute_dtype=torch.quint8), rows)
watch(q.PlaceholderObserver.with_args(dtype=torch.float16, custom_op_name='own'), rows)
watch(q.RecordingObserver, rows), watch(q.NoopObserver, rows), watch(q.ReuseInputObserver, rows)
watch(q.NoopObserver.with_args(custom_op_name='own'), rows), q.RecordingObserver()(rows)
q.NoopObserver(torch.float16, 'own').convert
recording = q.RecordingObserver()
recording(rows), recording(rows * 2), recording.get_tensor_value()
watch(q.MinMaxObserver, torch.zeros(0, 3)), watch(q.MinMaxObserver)
watch(q.PerChannelMinMaxObserver)
watch(q.MinMaxObserver, torch.tensor([float('nan'), 1]))
watch(q.MinMaxObserver, torch.tensor([float('inf'), 1]))
one = q.MinMaxObserver()
one(rows), one.reset_min_max_vals(), one.min_val, one.calculate_qparams()
every = q.PerChannelMinMaxObserver()
every(rows), every.reset_min_max_vals(), every.min_val, every.max_val
every = q.PerChannelMinMaxObserver()
every.load_state_dict({'min_val': torch.zeros(2), 'max_val': torch.ones(2)}), every.min_val
every.calculate_qparams()
refuse(every.load_state_dict, {'min_val': torch.zeros(2)}, strict=False)
refuse(every.load_state_dict, {'min_val': torch.zeros(2)})
refuse(every.load_state_dict, {'min_vals': torch.zeros(2), 'max_vals': torch.ones(2)})
[each for each in (q.default_observer, q.default_weight_observer,
 q.default_per_channel_weight_observer, q.default_histogram_observer)]
[each() for each in (q.default_observer, q.default_placeholder_observer, q.default_debug_observer,
 q.default_dynamic_quant_observer, q.default_float_qparams_observer,
 q.default_float_qparams_observer_4bit, q.default_fixed_qparams_range_neg1to1_observer,
 q.default_fixed_qparams_range_0to1_observer, q.default_reuse_input_observer,
 q.per_channel_weight_observer_range_neg_127_to_127, q.weight_observer_range_neg_127_to_127)]
made = q.MinMaxObserver.with_args(eps=0.1).with_args(dtype=torch.qint8)
made, made(), made(dtype=torch.quint8).dtype
q.MinMaxObserver.with_callable_args(eps=lambda: 0.25)().eps
net = nn.Sequential(q.MinMaxObserver(), nn.Linear(3, 2)); net(rows); q.get_observer_state_dict(net)
q.load_observer_state_dict(net, {'0.min_val': torch.tensor(-5.0), '0.max_val': torch.tensor(5.0)})
net[0].calculate_qparams()
refuse(q.load_observer_state_dict, net, {}), refuse(q.ObserverBase, torch.quint8)
"""
FAKES = """
def play(make, *batches):
    fake = make()
    given = [fake(each.clone().requires_grad_()) for each in batches]
    given[-1].sum().backward() if given[-1].requires_grad else None
    other = make()
    other.load_state_dict(fake.state_dict())
    return [given, repr(fake), fake.extra_repr(), refuse(fake.calculate_qparams), refuse(other,
       batches[0]), fake.state_dict()]
""" + fill_lines(
    """
play(q.KIND.with_args(OPTIONS), rows, rows * 3)""",
    KIND="FakeQuantize FusedMovingAvgObsFakeQuantize",
    OPTIONS="""observer=q.MovingAverageMinMaxObserver
    quant_min=0,quant_max=15 quant_min=0,quant_max=15,averaging_constant=0.5 reduce_range=True
    observer=q.MovingAveragePerChannelMinMaxObserver,quant_min=-8,quant_max=7,dtype=torch.qint8,qscheme=torch.per_channel_symmetric,ch_axis=1
    dtype=torch.qint8,quant_min=-128,quant_max=127,qscheme=torch.per_tensor_symmetric
    quant_min=-300,quant_max=300 quant_min=9,quant_max=1 dtype=torch.qint8 is_dynamic=True
    observer=q.PlaceholderObserver qscheme=torch.per_channel_affine_float_qparams""",
)
MORE_FAKES = """
play(lambda: q.FixedQParamsFakeQuantize(q.FixedQParamsObserver.with_args(scale=0.25,
 zero_point=3)), rows)
[[each, each()] for each in (q.default_fake_quant, q.default_weight_fake_quant,
 q.default_dynamic_fake_quant, q.default_per_channel_weight_fake_quant,
 q.default_embedding_fake_quant, q.default_embedding_fake_quant_4bit,
 q.default_histogram_fake_quant, q.default_fused_act_fake_quant, q.default_fused_wt_fake_quant,
 q.default_fused_per_channel_wt_fake_quant, q.default_fixed_qparams_range_neg1to1_fake_quant,
 q.default_fixed_qparams_range_0to1_fake_quant, q.fused_wt_fake_quant_range_neg_127_to_127,
 q.fused_per_channel_wt_fake_quant_range_neg_127_to_127)]
fake = q.FakeQuantize(quant_min=0, quant_max=7)
net = nn.Sequential(fake, nn.Linear(3, 2))
[fake(rows), net.apply(q.disable_observer)[0].observer_enabled, fake(rows * 9), fake.scale]
[net.apply(q.disable_fake_quant)[0].fake_quant_enabled, fake(rows * 9), fake.scale]
[net.apply(q.enable_observer)[0].observer_enabled, fake(rows * 9), fake.scale]
[net.apply(q.enable_fake_quant)[0].fake_quant_enabled, fake(rows * 9), fake.state_dict()]
fake.enable_fake_quant(False), fake.enable_observer(False), fake.fake_quant_enabled
fake.observer_enabled
fused = q.FusedMovingAvgObsFakeQuantize(quant_min=0, quant_max=255)
[fused(rows), fused.disable_observer(), fused(rows * 5), fused.disable_fake_quant(), fused(rows *
 7), fused.scale]
grown = rows.clone().requires_grad_()
torch.fake_quantize_per_tensor_affine(grown, 0.1, 3, 0, 15)
torch.fake_quantize_per_tensor_affine(grown, torch.tensor(0.1), torch.tensor(3), 0, 15)
torch.fake_quantize_per_tensor_affine(grown, 0.1, 30, 0, 15)
torch.fake_quantize_per_tensor_affine(grown, 0.1, 3, 5, 4)
torch.fake_quantize_per_tensor_affine(grown, 0.1, 3, 0, 15).sum().backward()
grown.grad
torch.fake_quantize_per_channel_affine(rows, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1, 0,
 2]), 1, 0, 7)
torch.fake_quantize_per_channel_affine(rows, torch.ones(2), torch.zeros(3), 1, 0, 7)
torch._fake_quantize_learnable_per_tensor_affine(grown, torch.tensor([0.1]), torch.tensor([3.0]),
 0, 15, 1.0)
torch.fused_moving_avg_obs_fake_quant(rows, torch.ones(1), torch.ones(1), torch.tensor(0.0),
 torch.tensor(0.0), torch.ones(1), torch.zeros(1, dtype=torch.int), 0.1, 0, 255, 0)
"""
TENSORS = """
a = torch.quantize_per_tensor(rows, 0.1, 3, torch.quint8)
b = torch.quantize_per_channel(rows, torch.tensor([0.1, 0.2, 0.3]).double(), torch.tensor([0, 1,
 2]), 1, torch.qint8)
a, b, repr(a), repr(b), a.dequantize(), b.dequantize(), a.int_repr(), a.q_scale()
a.q_zero_point(), a.qscheme(), b.q_per_channel_axis()
a.q_per_channel_axis(), b.q_scale(), rows.q_scale(), torch.dequantize([a, b]), a.is_quantized
a.element_size(), a.nbytes
torch.quantize_per_tensor(rows, 0.1, -3, torch.qint8)
torch.quantize_per_tensor(rows, 0.001, 3, torch.qint32)
torch.quantize_per_tensor(rows, 0.1, 300, torch.quint8)
torch.quantize_per_tensor(rows, 0.0, 3, torch.quint8)
torch.quantize_per_tensor(rows, 0.1, 3, torch.float32)
torch.quantize_per_tensor(rows.double(), 0.1, 3, torch.quint8)
torch.quantize_per_tensor(rows.bfloat16(), 0.1, 3, torch.quint8)
torch.quantize_per_tensor([rows, rows * 2], torch.tensor([0.1, 0.2]), torch.tensor([1, 2]),
 torch.quint8)
torch.quantize_per_tensor(rows, torch.tensor(0.1), torch.tensor(1), torch.qint8)
torch.quantize_per_tensor_dynamic(rows, torch.quint8, False)
torch.quantize_per_tensor_dynamic(rows, torch.qint8, True)
torch.quantize_per_tensor_dynamic(rows, torch.float16, True)
torch.quantize_per_channel(rows, torch.ones(3), torch.zeros(3), 1, torch.quint4x2)
torch.quantize_per_channel(rows[:, :2], torch.tensor([0.5, 0.1]), torch.tensor([0.5, 3.0]), 1,
 torch.quint4x2).dequantize()
torch.quantize_per_channel(rows, torch.ones(2), torch.zeros(3), 1, torch.qint8)
torch.quantize_per_channel(rows, torch.ones(3), torch.zeros(3), 5, torch.qint8)
torch.choose_qparams_optimized(rows.flatten(), 12, 8, 0.1, 8)
torch._choose_qparams_per_tensor(rows, True)
torch._make_per_tensor_quantized_tensor(torch.tensor([1, 2], dtype=torch.uint8), 0.5, 1)
torch._make_per_channel_quantized_tensor(torch.tensor([[1, 2]], dtype=torch.int8), torch.ones(2),
 torch.zeros(2), 1)
torch._empty_affine_quantized([2], scale=0.5, zero_point=1, dtype=torch.quint8).q_scale()
torch.empty_quantized([2], a).q_scale(), torch.empty_like(a).q_zero_point()
a[1], a[:, 1], a.T, a.reshape(2, 6), a.clone(), a.flip(0), torch.cat([a, a])
torch.stack([a[0], a[1]]), a.max(), a.min(0), a.sort(descending=True), a.topk(2), a.mean()
a.sum(), a.eq(a), a > a[0], a.unsqueeze(0), a.view(12), a.permute(1, 0)
a.transpose(0, 1).contiguous(), a.expand(2, 4, 3), b[:, 1], b[1], b.clone(), b.T
a.relu(), a.relu_(), F.relu6(a), a.sigmoid(), a.tanh(), a + a, a * 2, a.clamp(0.1, 0.3)
F.hardtanh(a, -0.1, 0.2), F.leaky_relu(a, 0.2), F.gelu(a), F.elu(a), a.std()
a.masked_fill(torch.tensor(True), 0.2), torch.where(torch.tensor(True), a, a), a.to(torch.float32)
a.float(), a.int(), a == 0.3, a.item(), a[0, 0].item(), a.tolist(), a.numpy(), a.fill_(0.7)
a.copy_(rows), a.set_(b), rows.clone().copy_(a), a.equal(a.clone()), torch.equal(a, b)
a.unflatten(0, (2, 2)), a.split(2), a.chunk(2, 1), a.index_select(0, torch.tensor([2, 0]))
a.squeeze(), torch.nn.functional.pad(a, [1, 1]), a.resize_(2, 2), len(a), hash(a) == id(a)
import copy, pickle, io
[copy.deepcopy(b), pickle.loads(pickle.dumps(b)), copy.copy(b)]
def reload(value, **options):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **options)
reload([a, b]), reload(b, weights_only=True), reload({'a': a[0]}, weights_only=False)
reload(a, mmap=False)
torch.ops.quantized.add(a, a, 0.2, 1), torch.ops.quantized.mul(a, a, 0.2, 1)
torch.ops.quantized.cat([a, a], 1, 0.2, 1), torch.ops.quantized.add_relu(a, a, 0.2, 1)
torch.ops.quantized.mul_scalar(a, 0.5), torch.ops.quantized.add_scalar(a, 0.5)
torch.ops.quantized.batch_norm
"""
LISTS = {
    "observers": OBSERVERS,
    "more_observers": OBSERVERS[: OBSERVERS.index("\nwatch")] + MORE_OBSERVERS,
    "fakes": FAKES + MORE_FAKES,
    "tensors": TENSORS,
}


def quantize_values(name: str) -> list[str]:
    """Return what the lines of a list make of ranges, quantized tensors."""
    rows = torch.arange(12.0).reshape(4, 3) * 5 % 7 / 4 - 0.6
    found = importlib.import_module("torch.ao.quantization")
    pool.set_seeds()
    return play_script(LISTS[name], {"rows": rows, "q": found})


OF_QUANTIZING = (Family(quantize_values, lambda: [*LISTS], lambda _: None),)
