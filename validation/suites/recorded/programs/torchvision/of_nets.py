"""Programs with the models of torchvision: small ones of each kind, and how large ones are made."""

from __future__ import annotations

import importlib
from typing import Any
from unittest import mock

import torch

from ... import pool
from ..families import Family
from ..steps import play_sums
from ..telling import tell_bytes
from ..torchaudio.of_voices import fill, shake

RUN = """
def run(made, *given, size=0.05, train=True):
    seed()
    m = tried(made)
    if isinstance(m, str):
        out.append(m)
        return
    m = shake(m, size)
    out.append([tell_bytes(repr(m).encode()), len(m.state_dict()), tried(lambda: m(*given))])
    if train:
        m.train()
        seed()
        found = tried(lambda: m(*given))
        out.append(found)
        try:
            (found if torch.is_tensor(found) else found[0]).square().sum().backward()
            out.append([each.grad for each in m.parameters()][:3])
        except Exception:
            out.append('no')
    out.append(tried(m, given[0][0]))
"""

WATCHED = (
    RUN
    + """
from torchvision.models import swin_transformer as s, maxvit, vision_transformer as v
from torchvision.models import convnext as c, efficientnet as e, mobilenetv3 as b
for block, down in ((s.SwinTransformerBlock, s.PatchMerging),
    (s.SwinTransformerBlockV2, s.PatchMergingV2)):
    for size in (16, 20):
        run(lambda: s.SwinTransformer([2, 2], 8, [2, 1], [2, 2], [3, 3], num_classes=4,
            block=block, downsample_layer=down), fill(2, 3, size, size), train=size == 16)
run(lambda: s.SwinTransformer([4, 4], 8, [1, 1], [2, 4], [2, 2], 2.0, 0.1, 0.1, 0.3, 3),
    fill(1, 3, 32, 32), train=False)
run(lambda: s.ShiftedWindowAttention(8, [3, 3], [1, 1], 2, False, False), fill(2, 5, 6, 8),
    train=False), s.PatchMerging(4)(fill(1, 3, 5, 4)).shape
for options in ({}, {'squeeze_ratio': 0.5, 'expansion_ratio': 2, 'mlp_ratio': 2},
    {'norm_layer': torch.nn.BatchNorm2d}, {'activation_layer': torch.nn.ReLU}):
    run(lambda: maxvit.MaxVit((16, 16), 4, 2, [4, 6], [1, 1], 2, 0.2, num_classes=3, **options),
        fill(2, 3, 16, 16), train=not options)
maxvit.MaxVit((15, 15), 4, 2, [4, 6], [1, 1], 2, 0.2)
maxvit._get_conv_output_shape((7, 8), 3, 2, 1), maxvit._make_block_input_shapes((16, 16), 2)
maxvit._get_relative_position_index(2, 3)
for options in ({}, {'representation_size': 5},
    {'conv_stem_configs': [v.ConvStemConfig(4, 3, 2), v.ConvStemConfig(6, 3, 2)]},
    {'dropout': 0.2, 'attention_dropout': 0.2}):
    run(lambda: v.VisionTransformer(8, 4, 2, 2, 8, 12, num_classes=3, **options),
        fill(2, 3, 8, 8))
v.VisionTransformer(9, 4, 1, 2, 8, 12)
shake(v.VisionTransformer(8, 4, 1, 2, 8, 12))(fill(1, 3, 9, 8))
state = v.VisionTransformer(8, 4, 1, 2, 8, 12).state_dict()
for size in (8, 16, 12):
    for options in ({}, {'interpolation_mode': 'nearest'}, {'reset_heads': True}):
        given = tried(lambda: v.interpolate_embeddings(size, 4, {**state}, **options))
        out.append(given if isinstance(given, str) else [len(given),
            given['encoder.pos_embedding']])
for options in ({}, {'stochastic_depth_prob': 0.5}, {'layer_scale': 0.5}):
    run(lambda: c.ConvNeXt([c.CNBlockConfig(6, 8, 1), c.CNBlockConfig(8, None, 1)], num_classes=3,
        **options), fill(2, 3, 16, 16))
c.ConvNeXt([]), c.ConvNeXt([3]), repr(c.CNBlockConfig(6, None, 1))
c.LayerNorm2d(3)(fill(2, 3, 2, 2))
run(lambda: e.EfficientNet([e.MBConvConfig(1, 3, 1, 8, 8, 1), e.MBConvConfig(2, 5, 2, 8, 16, 2),
    e.FusedMBConvConfig(1, 3, 1, 16, 16, 1), e.FusedMBConvConfig(2, 3, 2, 16, 16, 1)], 0.2, 0.3,
    4, last_channel=12), fill(2, 3, 16, 16))
e.EfficientNet([], 0.1), e.EfficientNet([3], 0.1), e.EfficientNet(3, 0.1)
repr(e.MBConvConfig(1, 3, 1, 8, 8, 2, 1.5, 2.5))
e.MBConv(e.MBConvConfig(1, 3, 3, 8, 8, 1), 0.1, torch.nn.BatchNorm2d)
e.FusedMBConv(e.FusedMBConvConfig(1, 3, 3, 8, 8, 1), 0.1, torch.nn.BatchNorm2d)
e._efficientnet_conf('no'), e.MBConvConfig.adjust_channels(9, 1.3)
e._efficientnet_conf('efficientnet_b1', width_mult=1.0, depth_mult=1.1)
run(lambda: b.MobileNetV3([b.InvertedResidualConfig(8, 3, 8, 8, True, 'RE', 2, 1, 1.0),
    b.InvertedResidualConfig(8, 5, 16, 12, False, 'HS', 1, 2, 1.0)], 10, 4), fill(2, 3, 16, 16))
b.MobileNetV3([], 9), b.MobileNetV3([3], 9)
b.InvertedResidual(b.InvertedResidualConfig(8, 3, 8, 8, True, 'RE', 3, 1, 1.0),
    torch.nn.BatchNorm2d), b._mobilenet_v3_conf('no')
from torchvision.models import resnet, regnet, densenet, mobilenetv2
from torchvision.models import squeezenet, shufflenetv2, vgg
class Thin(resnet.ResNet):
    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        return super()._make_layer(block, planes // 32, blocks, stride, dilate)
for block, layers, options in ((resnet.BasicBlock, [1, 1, 1, 1], {}),
    (resnet.Bottleneck, [1, 2, 1, 1], {'zero_init_residual': True, 'groups': 2}),
    (resnet.Bottleneck, [1, 1, 1, 1], {'replace_stride_with_dilation': [False, True, True],
    'width_per_group': 128}), (resnet.BasicBlock, [1, 1, 1, 1], {'groups': 2}),
    (resnet.BasicBlock, [1, 1, 1, 1], {'replace_stride_with_dilation': [True]}),
    (resnet.BasicBlock, [1, 1, 1, 1], {'replace_stride_with_dilation': [False, True, False]}),
    (resnet.BasicBlock, [2, 1, 1, 1], {'zero_init_residual': True,
    'norm_layer': torch.nn.Identity})):
    with mock.patch.object(block, 'expansion', 1):
        run(lambda: features(Thin(block, layers, num_classes=4, **options)), fill(2, 3, 33, 33),
            train=False)
for kwargs in ({}, {'se_ratio': 0.25}, {'bottleneck_multiplier': 2.0}):
    p = tried(lambda: regnet.BlockParams.from_init_params(depth=4, w_0=8, w_a=4.0, w_m=2.0,
        group_width=4, **kwargs))
    out += [vars(p) if not isinstance(p, str) else p,
        [each for each in p._get_expanded_params()] if not isinstance(p, str) else p]
    run(lambda: regnet.RegNet(p, 4, 6), fill(2, 3, 16, 16))
regnet.BlockParams.from_init_params(4, 7, 4.0, 2.0, 4)
regnet.BlockParams.from_init_params(4, 8, -4.0, 2.0, 4)
for options in ({}, {'drop_rate': 0.2}, {'bn_size': 2}):
    run(lambda: densenet.DenseNet(3, (2, 1), 4, num_classes=3, **options), fill(2, 3, 32, 32))
run(lambda: mobilenetv2.MobileNetV2(4, 0.1, [[1, 8, 1, 1], [2, 8, 2, 2]], 4), fill(2, 3, 16, 16))
mobilenetv2.MobileNetV2(4, 0.1, []), mobilenetv2.MobileNetV2(4, 0.1, [[1, 2]])
mobilenetv2.InvertedResidual(3, 4, 3, 1)
run(lambda: shufflenetv2.ShuffleNetV2([1, 1, 1], [4, 4, 8, 8, 12], 3), fill(2, 3, 32, 32))
shufflenetv2.ShuffleNetV2([1], [1]), shufflenetv2.ShuffleNetV2([1, 1, 1], [1])
shufflenetv2.InvertedResidual(3, 4, 3), shufflenetv2.InvertedResidual(4, 6, 1)
run(lambda: torch.nn.Sequential(squeezenet.Fire(3, 2, 4, 4), squeezenet.Fire(8, 2, 2, 2)),
    fill(2, 3, 6, 6)), squeezenet.SqueezeNet('no')
run(lambda: vgg.make_layers([4, 'M', 6], True), fill(2, 3, 8, 8))
run(lambda: vgg.make_layers([4, 'M'], False), fill(2, 3, 8, 8))
"""
)

MOVED = (
    RUN
    + """
from torchvision.models.video import mvit, swin_transformer as w, resnet as r
s3d = importlib.import_module('torchvision.models.video.s3d')
googlenet = importlib.import_module('torchvision.models.googlenet')
from torchvision.models.optical_flow import raft
from torchvision.models import segmentation as g, inception
def blocks(heads=2, stride=2):
    return [mvit.MSBlockConfig(1, 8, 8, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, stride, stride]),
        mvit.MSBlockConfig(heads, 8, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
        mvit.MSBlockConfig(heads, 16, 16, [], [3, 3, 3], [], [1, 1, 1])]
for pooled, with_first, places, after in ((True, False, True, True), (False, True, False, False),
    (True, True, True, False), (True, False, False, True)):
    run(lambda: mvit.MViT((16, 16), 4, blocks(), pooled, with_first, places, after, 0.0,
        num_classes=3), fill(1, 3, 4, 16, 16), train=pooled and after)
mvit.MViT((16, 16), 4, [], True, True, True, True)
shake(mvit.MViT((16, 16), 4, blocks(), True, False, True, True, num_classes=3))(fill(3, 4, 16,
    16)[None])
for options in ({}, {'patch_embed': None, 'mlp_ratio': 2.0}, {'dropout': 0.1}):
    run(lambda: w.SwinTransformer3d([2, 4, 4], 8, [2, 1], [2, 2], [2, 3, 3], num_classes=3,
        **options), fill(1, 3, 4, 16, 18), train=not options)
for makers, stem in (([r.Conv3DSimple] * 4, r.BasicStem), ([r.Conv2Plus1D] * 4, r.R2Plus1dStem),
    ([r.Conv3DSimple] + [r.Conv3DNoTemporal] * 3, r.BasicStem)):
    seed()
    part = torch.nn.Sequential(stem(),
        r.BasicBlock(64, 4, makers[-1], 1, torch.nn.Conv3d(64, 4, 1)), r.BasicBlock(4, 4,
        makers[1]))
    run(lambda: part, fill(1, 3, 2, 8, 8), train=False)
    run(lambda: torch.nn.Sequential(r.Bottleneck(8, 2, makers[-1]), makers[-1](8, 4, 5, 2)),
        fill(1, 8, 2, 6, 6), train=False)
    out += [makers[-1].get_downsample_stride(2)]
run(lambda: torch.nn.Sequential(s3d.TemporalSeparableConv(3, 4, 3, 1, 1, torch.nn.BatchNorm3d),
    s3d.SepInceptionBlock3D(4, 2, 2, 3, 2, 2, 2, torch.nn.BatchNorm3d)), fill(1, 3, 4, 8, 8))
sizes = {'feature_encoder_layers': (4, 4, 6, 8, 8), 'context_encoder_layers': (4, 4, 6, 8, 10),
    'corr_block_num_levels': 2, 'corr_block_radius': 1, 'motion_encoder_flow_layers': (4, 4),
    'motion_encoder_out_channels': 8, 'recurrent_block_hidden_state_size': 6,
    'flow_head_hidden_size': 5, 'feature_encoder_norm_layer': torch.nn.InstanceNorm2d,
    'context_encoder_norm_layer': torch.nn.BatchNorm2d}
for block, corr, kernel, padding, masked in ((raft.ResidualBlock, (6, 5), ((1, 5), (5, 1)),
    ((0, 2), (2, 0)), True), (raft.BottleneckBlock, (6,), ((3, 3),), ((1, 1),), False)):
    seed()
    m = shake(raft._raft(feature_encoder_block=block, context_encoder_block=block,
        motion_encoder_corr_layers=corr, recurrent_block_kernel_size=kernel,
        recurrent_block_padding=padding, use_mask_predictor=masked, **sizes), 0.05)
    out += [m(fill(1, 3, 128, 128), fill(1, 3, 128, 128).flip(3), 2),
        tried(m, fill(1, 3, 128, 128), fill(1, 3, 128, 136)), tried(m, fill(1, 3, 129, 129),
        fill(1, 3, 129, 129)), tried(m, fill(1, 3, 32, 32), fill(1, 3, 32, 32)),
        tell_bytes(repr(m).encode())]
raft.MotionEncoder(in_channels_corr=4, corr_layers=(1, 2, 3))
raft.MotionEncoder(in_channels_corr=4, flow_layers=(1,))
raft.RecurrentBlock(input_size=4, hidden_size=3, kernel_size=((1, 5),), padding=((0, 2), (2, 0)))
raft.FeatureEncoder(layers=(1, 2)), raft.CorrBlock(num_levels=2, radius=1).out_channels
class Back(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.Conv2d(4, 8, 3, 2, 1)
    def forward(self, x):
        low = self.a(x)
        return {'low': low, 'high': self.b(low), 'out': self.b(low), 'aux': low}
for made in (lambda: g.FCN(Back(), g.fcn.FCNHead(8, 3)),
    lambda: g.FCN(Back(), g.fcn.FCNHead(8, 3), g.fcn.FCNHead(4, 3)), lambda: g.DeepLabV3(Back(),
    g.deeplabv3.DeepLabHead(8, 3, (2, 3))), lambda: g.LRASPP(Back(), 4, 8, 3, 6)):
    seed()
    m = shake(made(), 0.05)
    out += [m(fill(2, 3, 16, 16)), repr(m.classifier)[:80]]
    seed()
    out.append(tried(lambda: m.train()(fill(2, 3, 16, 16))))
run(lambda: torch.nn.Sequential(inception.InceptionA(4, 2), inception.InceptionB(226)),
    fill(1, 4, 9, 9), train=False), inception.Inception3(3, inception_blocks=[1])
run(lambda: torch.nn.Sequential(inception.InceptionC(4, 2)), fill(1, 4, 7, 7), train=False)
run(lambda: inception.BasicConv2d(3, 4, kernel_size=3), fill(2, 3, 6, 6))
run(lambda: googlenet.Inception(3, 2, 2, 3, 2, 2, 2), fill(2, 3, 6, 6))
googlenet.GoogLeNet(blocks=[1], init_weights=False)
"""
)

LARGE = """
import torchvision
from torchvision import models as m
from torchvision.models import _api, _utils, _meta
names = m.list_models()
out += [len(names), tell_bytes(str(names).encode()), m.list_models(module=m.detection),
    m.list_models(include='*vit*', exclude=['*32*']), m.list_models(include=['resnet1*']),
    m.list_models(exclude='*'), m.list_models(include='no')]
for name in names:
    kinds = tried(m.get_model_weights, name)
    for each in kinds if not isinstance(kinds, str) else ():
        told = str(sorted(each.meta.items(), key=lambda item: item[0]))
        out += [name, each.name, each.url, tell_bytes(told.encode()), repr(each.transforms())]
[tried(m.get_weight, name) for name in ('ResNet18_Weights.DEFAULT', 'ResNet18_Weights.NO',
    'No_Weights.A', 'ResNet18_Weights',
    'Raft_Small_Weights.C_T_V2')], m.get_model_weights('no'), m.get_model_weights(3)
m.get_model_builder('resnet18').__name__, m.get_model_builder('no')
m.get_model_builder('RESNET18'), m.get_model('no')
w = m.ResNet18_Weights
w.verify(w.DEFAULT), w.verify('DEFAULT'), w.verify(3), w.verify('IMAGENET1K_V1')
w.verify(m.ResNet34_Weights.DEFAULT), w.DEFAULT == w.IMAGENET1K_V1, w['DEFAULT'], repr(w.DEFAULT)
w.DEFAULT.meta['num_params'], w.DEFAULT.value == w.DEFAULT.value
hash(w.DEFAULT.value) == hash(w.DEFAULT.value), copy.deepcopy(w.DEFAULT) is w.DEFAULT
w.DEFAULT.value == 3, m.ResNet50_Weights.IMAGENET1K_V1 == m.ResNet50_Weights.IMAGENET1K_V2
class Made(dict):
    def __init__(self, *given, **options):
        super().__init__(options)
        self['given'] = [see(each) for each in given]
    def load_state_dict(self, *_):
        pass
def see(value):
    if isinstance(value, (list, tuple)):
        return [see(each) for each in value]
    if isinstance(value, dict):
        return [[key, see(each)] for key, each in value.items()]
    if hasattr(value, '__dict__') and not callable(value):
        return see(vars(value))
    named = getattr(value, '__name__', None) or getattr(getattr(value, 'func', None), '__name__',
        0)
    return named or (type(value).__name__ if isinstance(value, torch.nn.Module) else str(value))
homes = '''swin_transformer:SwinTransformer maxvit:MaxVit vision_transformer:VisionTransformer
    convnext:ConvNeXt efficientnet:EfficientNet mobilenetv3:MobileNetV3 mobilenetv2:MobileNetV2
    resnet:ResNet regnet:RegNet densenet:DenseNet mnasnet:MNASNet shufflenetv2:ShuffleNetV2
    squeezenet:SqueezeNet inception:Inception3 googlenet:GoogLeNet alexnet:AlexNet video.mvit:MViT
    video.swin_transformer:SwinTransformer3d video.resnet:VideoResNet video.s3d:S3D'''
for home, kind in (each.split(':') for each in homes.split()):
    place = importlib.import_module('torchvision.models.' + home)
    with mock.patch.object(place, kind, Made):
        mine = [each for each in names if m.get_model_builder(each).__module__ == place.__name__]
        for name in mine:
            out += [name, see(tried(lambda: m.get_model(name))),
                see(tried(lambda: m.get_model(name, num_classes=7, weights=None))),
                see(tried(lambda: m.get_model(name, weights='no'))),
                see(tried(lambda: m.get_model(name, pretrained=False)))]
from torchvision.transforms import _presets as p
one = (torch.arange(3 * 12 * 14) % 256).reshape(3, 12, 14).to(torch.uint8)
picture = torchvision.transforms.functional.to_pil_image(one)
for made in (p.ObjectDetection(), p.ImageClassification(crop_size=4),
    p.ImageClassification(crop_size=4, resize_size=6, mean=(0.1, 0.2, 0.3), std=(1, 2, 3)),
    p.ImageClassification(crop_size=4, resize_size=6, antialias=None),
    p.SemanticSegmentation(resize_size=6), p.SemanticSegmentation(resize_size=None),
    p.OpticalFlow(), p.VideoClassification(crop_size=(4, 4), resize_size=(6, 6)),
    p.VideoClassification(crop_size=(4, 4), resize_size=(6,), mean=(0, 0, 0), std=(1, 1, 1))):
    out += [repr(made), made.describe()]
    for given in ((one,), (picture,), (one.float() / 255,), (one, one.flip(2)),
        (torch.stack([one, one.flip(1)]),), (picture, picture), (one[None, None],), ('a',)):
        out.append(tried(lambda: made(*given)))
[_utils._make_divisible(each, 8) for each in (3, 12, 20.5)], _utils._make_divisible(9, 8, 16)
_utils._ovewrite_named_param({'a': 1}, 'a', 2), _utils._ovewrite_named_param({'a': 1}, 'a', 1)
_utils._ovewrite_value_param('a', None, 3), _utils._ovewrite_value_param('a', 2, 3)
len(_meta._IMAGENET_CATEGORIES), tell_bytes(str(_meta._COCO_CATEGORIES).encode())
net = torch.nn.Sequential()
net.a, net.b, net.c = torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)
_utils.IntermediateLayerGetter(net, {'a': 'first', 'b': 'second'})(torch.ones(1, 2)).keys()
_utils.IntermediateLayerGetter(net, {'z': '1'})
from torchvision.models import feature_extraction as f
seed()
net = shake(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4),
    torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3), torch.nn.Dropout(0.5)),
    torch.nn.Flatten()))
f.get_graph_node_names(net), f.get_graph_node_names(net, suppress_diff_warning=True)
for options in ({'return_nodes': ['2', '3']}, {'return_nodes': {'2.1': 'x'}},
    {'return_nodes': ['no']}, {'train_return_nodes': ['2'], 'eval_return_nodes': ['3']},
    {'train_return_nodes': ['2']}, {'return_nodes': ['2'], 'train_return_nodes': ['2']}, {},
    {'return_nodes': ['2'], 'suppress_diff_warning': True}, {'return_nodes': ['0'],
    'tracer_kwargs': {'leaf_modules': [torch.nn.Sequential]}}):
    made = tried(lambda: f.create_feature_extractor(net, **options))
    out += [tried(lambda: made(fill(2, 3, 6, 6))),
        tried(lambda: [name for name, _ in made.named_modules()]),
        tried(lambda: made.train()(fill(2, 3, 6, 6))), tried(lambda: made.eval()(fill(2, 3, 6,
        6)))]
"""

LISTS = {"watched": WATCHED, "moved": MOVED, "large": LARGE}


class Features(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """All of a model for pictures but its last part, which would be too large."""

    def __init__(self, model: Any) -> None:
        """Take the parts of a model."""
        super().__init__()
        self.parts = torch.nn.Sequential(model.layer1, model.layer2, model.layer3, model.layer4)
        self.begun = torch.nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)

    def forward(self, pictures: torch.Tensor) -> Any:
        """Return what the parts make of pictures."""
        return self.parts(self.begun(pictures))


def use_nets(name: str) -> list[Any]:
    """Return what the steps of a list with models of torchvision give."""
    pool.set_seeds()
    names: dict[str, Any] = {"fill": fill, "shake": shake, "mock": mock, "features": Features}
    names |= {each: importlib.import_module(each) for each in ("copy", "importlib")}
    return play_sums(LISTS[name], tell_bytes=tell_bytes, **names)


OF_NETS = (Family(use_nets, lambda: [*LISTS], lambda _: None),)
