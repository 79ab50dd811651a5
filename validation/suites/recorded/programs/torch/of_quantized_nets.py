"""Programs that quantize and prune whole networks: eager, as graphs, in training, dynamically."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from ... import pool
from ..families import Family
from .scripts import play_script

EAGER = """
import copy, io
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant = q.QuantStub(), q.DeQuantStub()
        self.conv, self.norm, self.relu = nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU()
        self.rest = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU6(), nn.Flatten(), nn.Linear(18, 3))
        self.plus = torch.ao.nn.quantized.FloatFunctional()
    def forward(self, values):
        values = self.relu(self.norm(self.conv(self.quant(values))))
        return self.dequant(self.rest(self.plus.add(values, values)))
def make(train=False):
    torch.manual_seed(3)
    net = Small()
    net(pictures * 2 + 1)
    return net.train(train)
def run(net, repeats=2):
    for each in range(repeats):
        net(pictures + each)
def names(net):
    return [(name, type(each).__name__) for name, each in net.named_modules()]
def weights(net):
    return {name: each for name, each in net.state_dict().items() if 'num' not in name}
net = make()
fused = q.fuse_modules(net, ['conv', 'norm', 'relu'])
names(fused), fused.conv[0].weight, names(net), net.conv is fused.conv, fused(pictures)
q.fuse_modules(net, [['conv', 'norm']], inplace=True) is net, names(net), net(pictures)
q.fuse_modules(make(), ['conv', 'zz']), q.fuse_modules(make(), ['norm', 'conv'])
q.fuse_modules(make(True), ['conv', 'norm']), q.fuse_modules_qat(make(), ['conv', 'norm'])
names(q.fuse_modules_qat(make(True), [['conv', 'norm', 'relu']]))
names(q.fuse_modules(make(), ['rest.3'], fuser_func=lambda found, *rest: [nn.Identity()]))
fused.qconfig = q.default_per_channel_qconfig
fused.rest[1].qconfig, fused.quant.qconfig = None, q.default_qconfig
prepared = q.prepare(fused)
names(prepared), run(prepared), weights(prepared), fused is prepared
done = q.convert(prepared)
names(done), weights(done), done(pictures), done
file = io.BytesIO()
torch.save(done.state_dict(), file), file.seek(0)
again = q.convert(q.prepare(fused))
again.load_state_dict(torch.load(file)), again(pictures)
q.convert(prepared, mapping={nn.Linear: torch.ao.nn.quantized.Linear}), prepared.conv
names(q.convert(prepared, inplace=True, remove_qconfig=False)), hasattr(prepared.conv, 'qconfig')
names(q.convert(q.prepare(fused), is_reference=True)), q.prepare(make()), hasattr(net, 'qconfig')
part = make()
part.rest.qconfig = q.default_per_channel_qconfig
names(q.prepare(part, inplace=True)), part(pictures)
q.prepare(fused, observer_non_leaf_module_list=[nn.Sequential])
names(q.quantize(fused, run, [1])), q.get_default_qconfig_propagation_list() == 3
wrapped = q.QuantWrapper(nn.Linear(4, 2))
wrapped.qconfig = q.default_qconfig
names(q.prepare(wrapped)), names(q.add_quant_dequant(nn.Sequential(nn.Linear(2, 2))))
wrapped(pictures)
q.propagate_qconfig_(net, {'conv': q.default_qconfig, '': q.default_debug_qconfig, nn.Linear: None})
[(name, type(each.qconfig).__name__) for name, each in net.named_modules()]
held = {}
q.QConfig(q.MinMaxObserver, nn.Module()), q.QConfig(q.MinMaxObserver(), q.MinMaxObserver())
[q.get_default_qconfig(each, version) for each in ('fbgemm', 'qnnpack', 'onednn', 'x86') for
 version in (0,)]
q.get_default_qconfig('zz'), q.get_default_qconfig('x86', 1)
"""
TRAINED = (
    EAGER[: EAGER.index("\nnet = make()")]
    + """
net = q.fuse_modules_qat(make(True), [['conv', 'norm', 'relu']])
net.qconfig = q.get_default_qat_qconfig('fbgemm')
trained = q.prepare_qat(net)
names(trained), trained(pictures), trained.conv, q.prepare_qat(make().eval())
trained(pictures).square().sum().backward()
[each.data.sub_(each.grad / 9) for each in trained.parameters()], weights(trained)
trained.conv.weight_fake_quant.scale
joined = torch.ao.nn.intrinsic.qat
trained.apply(joined.freeze_bn_stats).conv.freeze_bn, trained(pictures)
trained.conv.bn.running_mean
trained.apply(joined.update_bn_stats).conv.freeze_bn, trained(pictures)
trained.conv.bn.running_mean
trained.conv.reset_parameters(), trained.conv.to_float(), trained.conv.train(False).training
trained.eval().apply(q.disable_observer), trained(pictures)
done = q.convert(trained)
names(done), done(pictures), weights(done)
names(q.quantize_qat(net, run, [1])), trained.conv.extra_repr(), copy.deepcopy(trained)(pictures)
plain = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Embedding(3, 2)).train()
plain.qconfig, plain[2].qconfig = q.default_qat_qconfig, q.default_embedding_qat_qconfig
linear = torch.ao.nn.qat
linear.Linear(4, 3), linear.Linear.from_float(nn.Linear(2, 2))
setattr(plain[0], 'qconfig', plain.qconfig)
linear.Linear(4, 3, qconfig=q.default_qat_qconfig)(pictures)
[kind.from_float(each).to_float() for kind, each in ((linear.Linear, plain[0]), (linear.Embedding,
 plain[2]))]
linear.Conv1d(2, 3, 2, qconfig=q.default_qat_qconfig)
linear.Conv3d(2, 3, 2, qconfig=q.default_qat_qconfig)
linear.EmbeddingBag(3, 2, qconfig=q.default_embedding_qat_qconfig)(torch.tensor([[1, 2]]))
joined.LinearReLU(4, 3, qconfig=q.default_qat_qconfig)(pictures)
joined.ConvBn1d(1, 2, 2, qconfig=q.default_qat_qconfig)(pictures[:, 0, :1])
joined.LinearBn1d(4, 3, qconfig=q.default_qat_qconfig)._get_name(), joined.LinearBn1d(4, 3)
joined.ConvBnReLU3d(1, 2, 2, qconfig=q.default_qat_qconfig)(pictures.reshape(1, 1, 2, 4, 4))
[q.get_default_qat_qconfig(each, version) for each in ('fbgemm', 'qnnpack', 'onednn', 'x86') for
 version in (0, 1)]
q.get_default_qat_qconfig('zz'), q.get_default_qat_qconfig('x86', 2)
"""
)
DYNAMIC = """
import copy
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTM(4, 3, 2), nn.GRU(3, 3, bidirectional=True)
        self.cell = nn.GRUCell(6, 2)
        self.linear, self.table = nn.Linear(2, 2), nn.EmbeddingBag(5, 4, mode='sum')
    def forward(self, words):
        found = self.gru(self.lstm(self.table(words)[:, None])[0])[0]
        return self.linear(self.cell(found[:, 0]))
net, words = Reader(), torch.tensor([[0, 1, 2], [3, 4, 1]])
def names(net):
    return [(name, type(each).__name__) for name, each in net.named_modules()]
done = q.quantize_dynamic(net)
names(done), done(words), done, names(net)
q.quantize_dynamic(net, {nn.Linear}, inplace=True) is net
q.quantize_dynamic(Reader(), {nn.Linear, nn.LSTM}, torch.float16)
q.quantize_dynamic(Reader(), None, torch.quint8)
q.quantize_dynamic(Reader(), None, torch.int8)
q.quantize_dynamic(Reader(), {'linear': q.float16_dynamic_qconfig, nn.GRU:
 q.per_channel_dynamic_qconfig})
torch.manual_seed(2)
again = q.quantize_dynamic(Reader(), {'table': q.float_qparams_weight_only_qconfig, 'linear':
 q.default_dynamic_qconfig}, mapping=None)
names(again), again.load_state_dict(again.state_dict()), again(words)
half = q.quantize_dynamic(Reader(), {nn.Linear, nn.LSTM, nn.GRUCell}, torch.float16)
half(words[:1]), half.lstm, half.linear, half.linear.weight(), half.cell.state_dict()
other = q.quantize_dynamic(Reader(), {nn.Linear, nn.LSTM, nn.GRUCell}, torch.float16)
other.load_state_dict(half.state_dict()), other(words[:1])
"""
GRAPHS = """
import copy
from torch.ao.quantization import quantize_fx as fx
class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Linear(18, 3)
        self.weight = nn.Parameter(torch.ones(3, 3) / 7)
    def forward(self, values):
        values = F.relu(self.norm(self.conv(values)))
        values = torch.cat([values, values + 1], 1).mean(1, keepdim=True)
        values = F.linear(self.linear(torch.flatten(torch.cat([values, values], 1), 1)),
        self.weight)
        return torch.sigmoid(values) * 2
torch.manual_seed(3)
net = Joined().eval()
mapping = q.get_default_qconfig_mapping('fbgemm').set_global(q.default_qconfig)
fx.fuse_fx(net), fx.fuse_fx(Joined().train()), fx.fuse_fx(net)(pictures)
prepared = fx.prepare_fx(net, mapping, (pictures,))
prepared, prepared(pictures), prepared(pictures * 2), list(prepared.state_dict())
done = fx.convert_fx(prepared)
done, done(pictures), list(done.state_dict()), copy.deepcopy(done)(pictures), net(pictures)
refused = fx.prepare_fx(net, mapping, (pictures,))
fx.convert_to_reference_fx(refused), fx.convert_fx(net), fx.prepare_fx(net, 3, (pictures,))
"""
OPTIONS = (
    GRAPHS[: GRAPHS.index("\nfx.fuse")]
    + """
chosen = q.QConfigMapping().set_global(None).set_object_type(nn.Linear, q.default_dynamic_qconfig)
(chosen.set_module_name('conv', q.default_qconfig).set_module_name_regex('nor.*',
 None).set_module_name_object_type_order('conv', nn.Conv2d, 0, q.default_qconfig))
chosen, chosen.to_dict(), q.QConfigMapping.from_dict(chosen.to_dict())
q.QConfigMapping.from_dict({'': None}), q.QConfigMapping.from_dict({'zz': 3})
one, two = q.default_dynamic_qconfig, q.float16_dynamic_qconfig
rules = q.QConfigMapping().set_module_name_regex('a.*', one).set_module_name_regex('.*', two)
rules.set_module_name_regex('ab.*', None).set_object_type(nn.Linear, q.default_qconfig)
rules.set_module_name('b', q.float_qparams_weight_only_qconfig).set_global(q.default_qconfig)
rules.set_module_name_object_type_order('c', nn.Linear, 1, None)
from torch.ao.quantization.fx import qconfig_mapping_utils as rule_utils
[(n, k.__name__, rule_utils._maybe_adjust_qconfig_for_module_type_or_name(rules, k, n))
 for n in ('a', 'ab', 'b', 'b.a', 'c') for k in (nn.Linear, nn.ReLU)]
[rule_utils._get_object_type_qconfig(rules, k, 'fall back') for k in (nn.Linear, nn.ReLU)]
[rule_utils._get_module_name_regex_qconfig(rules, n, 'back') for n in ('a', 'ab', 'b', '')]
[rule_utils._get_module_name_qconfig(rules, n, 'back') for n in ('a', 'b', 'b.a', 'c.b.a')]
nested = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), nn.Linear(3, 2)).eval()
ordered = q.QConfigMapping().set_module_name_regex('0.*', one).set_module_name_regex('.*', two)
fx.convert_fx(fx.prepare_fx(nested, ordered, (torch.ones(2, 3),)))
custom = torch.ao.quantization.fx.custom_config
kept = (custom.PrepareCustomConfig().set_non_traceable_module_names(['linear'])
 .set_preserved_attributes(['weight']).set_input_quantized_indexes([0]))
kept.to_dict(), custom.PrepareCustomConfig.from_dict(kept.to_dict())
custom.PrepareCustomConfig.from_dict({'zz': 3})
(custom.PrepareCustomConfig().set_output_quantized_indexes([0]).set_standalone_module_name('a',
 None, (1,), None, None).set_float_to_observed_mapping(nn.Linear,
 nn.ReLU).set_non_traceable_module_classes([nn.ReLU]).to_dict())
(custom.ConvertCustomConfig().set_preserved_attributes(['a'])
 .set_observed_to_quantized_mapping(nn.ReLU, nn.Linear).to_dict())
(custom.FuseCustomConfig().set_preserved_attributes(['a']).to_dict())
custom.FuseCustomConfig.from_dict({'b': 1})
some = fx.prepare_fx(net, chosen, (pictures,), prepare_custom_config=kept)
some, some(pictures)
fx.convert_fx(some, qconfig_mapping=q.QConfigMapping().set_module_name('conv', None))
trained = fx.prepare_qat_fx(Joined().train(), q.get_default_qat_qconfig_mapping('x86'), (pictures,))
trained, trained(pictures).sum().backward()
backend = torch.ao.quantization.backend_config
types = backend.DTypeConfig(torch.quint8, torch.quint8, torch.qint8, torch.float)
pattern = (backend.BackendPatternConfig(nn.Linear)
 .set_observation_type(backend.ObservationType.OUTPUT_USE_DIFFERENT_OBSERVER_AS_INPUT)
 .add_dtype_config(types).set_root_module(nn.Linear).set_reference_quantized_module(nn.Linear))
types, types.to_dict(), pattern.to_dict()
backend.BackendPatternConfig.from_dict(pattern.to_dict())
backend.DTypeConfig.from_dict({'zz': 1})
whole = backend.BackendConfig('own').set_backend_pattern_config(pattern)
whole.to_dict(), backend.BackendConfig.from_dict(whole.to_dict()).name, whole.configs
backend.BackendConfig.from_dict({'zz': 1})
few = fx.prepare_fx(net, mapping, (pictures,), backend_config=whole)
few.code
[len(getattr(backend, f'get_{each}_backend_config')().configs) for each in ('native', 'fbgemm',
 'qnnpack', 'onednn', 'executorch', 'tensorrt')]
"""
)
PRUNED = """
import copy
from torch.ao import pruning
def make():
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8, bias=False))
net = make()
sparse = pruning.WeightNormSparsifier(0.5, (1, 4), 2)
sparse.prepare(net, [{'tensor_fqn': '0.weight'}, {'tensor_fqn': '2.weight', 'sparsity_level':
 0.75, 'sparse_block_shape': (2, 2), 'zeros_per_block': 4}])
sparse, sparse.groups, sparse.step(), net[0].weight, net[2].weight
net[0].parametrizations.weight[0].mask
state = sparse.state_dict()
state, sparse.step(False), sparse.enable_mask_update
norm = pruning.WeightNormSparsifier(0.25, (1, 2), 1, norm=1)
norm.load_state_dict({'state': {}, 'groups': []})
norm.prepare(make(), [{'tensor_fqn': '9.weight'}]), norm.prepare(make(), [{}])
levels = pruning.LambdaSL(sparse, lambda step: 0.5 ** step)
levels.get_last_sl(), levels.step(), sparse.groups[0]['sparsity_level'], levels.last_epoch
levels.state_dict(), levels.base_sl
cubic = pruning.CubicSL(sparse, init_sl=0.1, init_t=1, delta_t=2, total_t=3)
[(cubic.step(), cubic.get_last_sl()) for each in range(6)], cubic.base_sl
pruning.CubicSL(sparse, init_sl=[0.1], init_t=1), pruning.LambdaSL(sparse, [lambda step: 0.5])
pruning.LambdaSL(3, 4)
sparse.squash_mask(params_to_keep=('sparsity_level',), params_to_keep_per_layer={'0':
 ('sparse_block_shape',)})
net, net[0].weight, getattr(net[0], 'sparse_params', None), sparse.groups
pruning.WeightNormSparsifier(norm=3), pruning.WeightNormSparsifier(zeros_per_block=9)
pruning.WeightNormSparsifier(norm='zz'), pruning.BaseSparsifier()
diagonal, square = pruning.NearlyDiagonalSparsifier(3), nn.Sequential(nn.Linear(5, 5),
 nn.Linear(2, 3))
diagonal.prepare(square, [{'tensor_fqn': '0.weight'}]), diagonal.step(), square[0].weight
pruning.NearlyDiagonalSparsifier(2)
bad = pruning.NearlyDiagonalSparsifier(1)
bad.prepare(nn.Sequential(nn.Linear(2, 3)), None), bad.step()
every = pruning.WeightNormSparsifier(1.0)
whole = make()
every.prepare(whole, None), every.step(), whole[0].weight
every.convert(whole, {nn.Linear: pruning.WeightNormSparsifier}), every.squash_mask()
whole[2].weight
pruning.FakeSparsity(torch.tensor([1.0, 0]))(torch.ones(2))
pruning.FakeSparsity(torch.ones(2)).state_dict()
pruning.get_static_sparse_quantized_mapping(), pruning.get_dynamic_sparse_quantized_mapping()
pruning.fqn_to_module(net, '2.weight'), pruning.module_to_fqn(net, net[2])
from torch.ao.pruning._experimental.pruner import SaliencyPruner, FPGMPruner
torch.manual_seed(5)
cut = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4), nn.Linear(4, 2))
pruner = SaliencyPruner({})
pruner.prepare(cut, [{'tensor_fqn': '0.weight', 'sparsity_level': 0.5}, {'tensor_fqn': '2.weight',
 'sparsity_level': 0.25}])
pruner.enable_mask_update, pruner.step(), cut(torch.ones(1, 4)), pruner.prune()
cut(torch.ones(1, 4))
layers = nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Conv2d(4, 2, 2), nn.Flatten(),
 nn.Linear(8, 2))
far = FPGMPruner(0.5)
far.prepare(layers, [{'tensor_fqn': '0.weight'}]), far.step(), far.prune(), layers(pictures)
"""

LISTS = {
    "eager": EAGER,
    "trained": TRAINED,
    "dynamic": DYNAMIC,
    "graphs": GRAPHS,
    "options": OPTIONS,
    "pruned": PRUNED,
}


def quantize_net(name: str) -> list[str]:
    """Return what networks become when they are quantized or pruned, and what they give."""
    pictures = torch.arange(32.0).reshape(2, 1, 4, 4) * 5 % 7 / 4 - 0.6
    found: dict[str, Any] = {"q": importlib.import_module("torch.ao.quantization")}
    engine = torch.backends.quantized.engine
    pool.set_seeds()
    try:
        return play_script(LISTS[name], {"pictures": pictures} | found)
    finally:
        torch.backends.quantized.engine = engine


OF_QUANTIZED_NETS = (Family(quantize_net, lambda: [*LISTS], lambda _: None),)
