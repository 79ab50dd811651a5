"""Programs with boxes, anchors, regions and layers that networks of torchvision are made of."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from ... import pool
from .. import telling
from ..families import Family
from .of_detection import TwoLevels, extract_features, make_targets

MATCHES = """
tools.Matcher(0.3, 0.1, False)(overlap)
tools.Matcher(0.3, 0.1, True)(overlap)
tools.Matcher(0.5, 0.5, True)(overlap)
tools.Matcher(0.3, 0.1)(overlap[:0])
tools.SSDMatcher(0.3)(overlap)
tools.BoxLinearCoder(NORM).encode(two[:3], one)
tools.BoxLinearCoder(NORM).decode(two[:3], one)
tools.BalancedPositiveNegativeSampler(4, 0.25)(labels)
tools.BalancedPositiveNegativeSampler(6, 0.5)(labels)
tools.BalancedPositiveNegativeSampler(99, 0.9)(labels)
tools._topk_min(one, 9, 0)
tools.retrieve_out_channels(net, (30, 30))
coder.encode([two[:3], two[3:5]], [one, one[:2]])
coder.decode(torch.cat(coder.encode([two[:3], two[3:5]], [one, one[:2]])) * 2, [one, one[:2]])
coder.decode_single(torch.cat([coder.encode_single(two[:3], one)] * 2, 1), one)
"""

LOSSES = """
tools._box_loss("KIND", coder, one, two[:3] + 1, coder.encode_single(two[:3], one), {"beta": 0.3})
"""


def make_boxes(count: int = 6, size: float = 30) -> torch.Tensor:
    """Return boxes that overlap."""
    corners = torch.rand(count, 2) * size
    return torch.cat([corners, corners + torch.rand(count, 2) * size + 2], 1)


def match_boxes() -> list[Any]:
    """Return what matchers, samplers and coders of boxes give."""
    tools = importlib.import_module("torchvision.models.detection._utils")
    one, two = make_boxes(3), make_boxes(9)
    names = {"tools": tools, "torch": torch, "one": one, "two": two, "net": TwoLevels()}
    names["overlap"] = importlib.import_module("torchvision.ops").box_iou(one, two)
    names["labels"] = [torch.tensor([1, 0, -1, 2, 0, 0, 1, 0]), torch.tensor([0, 0, -1, -1])]
    lines = telling.fill_lines(LOSSES, KIND="smooth_l1 l1 ciou diou giou nothing")
    lines += MATCHES.replace("NORM", "True")
    rows = []
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        rows.append(telling.play_lines(lines, coder=tools.BoxCoder(weights, 0.3), **names))
    return rows


ANCHORS = """
tools.AnchorGenerator(((8,), (16, 32)), ((0.5, 1.0, 2.0), (1.0,)))
tools.AnchorGenerator((8, 16), (0.5, 1.0))
tools.AnchorGenerator(((8,),), ((1.0,),))
tools.DefaultBoxGenerator([[2], [2, 3]])
tools.DefaultBoxGenerator([[2], [2, 3]], clip=False)
tools.DefaultBoxGenerator([[2], [2, 3]], steps=[8, 12])
tools.DefaultBoxGenerator([[2], [2, 3]], scales=[0.1, 0.4, 0.9])
tools.DefaultBoxGenerator([[2], [2, 3]], min_ratio=0.2, max_ratio=0.5)
tools.DefaultBoxGenerator([[2], [2, 3]], scales=[0.1])
"""


def make_anchors() -> list[Any]:
    """Return anchors of several generators, and what the list of pictures does."""
    tools = importlib.import_module("torchvision.models.detection.anchor_utils")
    lists = importlib.import_module("torchvision.models.detection.image_list").ImageList
    pictures = lists(torch.rand(2, 3, 24, 32), [(20, 30), (24, 32)])
    features = [torch.rand(2, 4, 3, 4), torch.rand(2, 4, 2, 2)]
    steps = "made(pictures, features)\nmade.num_anchors_per_location()\nstr(made)"
    names = {"pictures": pictures, "features": features}
    made = telling.play_lines(ANCHORS, tools=tools)
    rows: list[Any] = [telling.play_lines(steps, made=each, **names) for each in made]
    return [pictures.to("cpu").image_sizes, *rows]


RESIZES = """
kind(30, 50, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1])
kind((20, 26, 30), 40, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1])
kind(300, 35, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1], size_divisible=8)
kind(30, 50, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1], fixed_size=(24, 36))
kind(30, 50, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1], 16, _skip_resize=True)
"""


def change_sizes() -> list[Any]:
    """Return what the first and the last part of detection networks make of pictures and boxes."""
    home = importlib.import_module("torchvision.models.detection.transform")
    rows: list[Any] = []
    for made in telling.play_lines(RESIZES, kind=home.GeneralizedRCNNTransform):
        for training in (True, False):
            made.train(training)
            torch.manual_seed(5)
            pictures = [torch.rand(3, 40, 40), torch.rand(3, 36, 40)]
            batch, targets = made(pictures, make_targets())
            rows += [batch.tensors.shape, batch.tensors.mean((2, 3)), batch.image_sizes, targets]
            targets = [{**each, "masks": each["masks"][:, None].float()} for each in targets]
            rows.append(made.postprocess(targets, batch.image_sizes, [(80, 70), (36, 40)]))
        wrong = (torch.rand(3, 4), torch.zeros(3, 4, 4).int())
        rows += [repr(made), *(telling.attempt(made, [each]) for each in wrong)]
    return rows


POOLINGS = """
ops.MultiScaleRoIAlign(["0", "2"], 3, 2, canonical_scale=SCALE, canonical_level=3)
ops.MultiScaleRoIAlign(["1"], (2, 4), 1, canonical_scale=SCALE, canonical_level=3)
ops.MultiScaleRoIAlign(["0", "1", "2"], 2, 0, canonical_scale=SCALE, canonical_level=3)
"""


def pool_levels() -> list[Any]:
    """Return what pooling over several levels and pyramids of features give, with gradients."""
    ops = importlib.import_module("torchvision.ops")
    pyramids = ops.feature_pyramid_network
    levels = OrderedDict((str(n), torch.rand(2, 4, 32 >> n, 32 >> n) - 0.3) for n in range(3))
    boxes = [make_boxes(4), make_boxes(3) * 1.5]
    rows: list[Any] = []
    for made in telling.play_lines(telling.fill_lines(POOLINGS, SCALE="224 20"), ops=ops):
        rows += [repr(made), made(levels, boxes, [(64, 64), (60, 62)])]
    extras: tuple[Callable[[], Any], ...] = (
        lambda: None,
        pyramids.LastLevelMaxPool,
        lambda: pyramids.LastLevelP6P7(4, 5),
        lambda: pyramids.LastLevelP6P7(5, 5),
    )
    for make in extras:
        pool.set_seeds()
        net = ops.FeaturePyramidNetwork([4, 4, 4], 5, make(), torch.nn.BatchNorm2d)
        given = net(levels)
        sum(each.square().mean() for each in given.values()).backward()
        rows += [given, [float(each.grad.norm()) for each in net.parameters()]]
    return rows


REGIONS = {
    "ops.NAME(picture, BOXES, 2, OPTIONS)": "roi_align roi_pool ps_roi_align ps_roi_pool",
    "ops.NAME((2, 2), 0.5)(picture, rois)": "RoIPool PSRoIPool",
    "ops.NAME((2, 2), 0.5, 1)(picture, rois)": "RoIAlign PSRoIAlign",
}

REGION_OPTIONS = "spatial_scale=1.0 spatial_scale=0.5 sampling_ratio=2 aligned=True"


def tell_gradient(line: str, subject: str, **names: Any) -> list[Any]:
    """Return what a line gives, and the gradient of one of its names."""
    leaf = names[subject].detach().clone().requires_grad_()
    (given,) = telling.play_lines(line, **{**names, subject: leaf})
    if isinstance(given, torch.Tensor):
        (given * torch.linspace(1, 2, given.numel()).view(given.shape)).sum().backward()
    return [given, leaf.grad]


def pool_regions() -> list[Any]:
    """Return what pooling of regions gives, with gradients, for each of its options."""
    listed = [make_boxes(2, 7), make_boxes(1, 6)]
    rois = torch.cat([torch.tensor([[0.0], [0], [1]]), torch.cat(listed)], 1)
    names = {"ops": importlib.import_module("torchvision.ops"), "rois": rois, "listed": listed}
    words = {"BOXES": "rois listed rois[:0]", "OPTIONS": REGION_OPTIONS}
    rows = []
    for text, kinds in REGIONS.items():
        for line in telling.fill_lines(text, NAME=kinds, **words).splitlines():
            picture = torch.rand(2, 12 if "ps_" in line or "PS" in line else 3, 9, 8)
            rows.append(tell_gradient(line, "picture", picture=picture, **names))
    return rows


BOX_STEPS = """
ops.box_area(one)
ops.remove_small_boxes(one, 9.5)
ops.clip_boxes_to_image(one, (20, 25))
ops.masks_to_boxes(masks)
ops.masks_to_boxes(masks[:0])
"""

BOX_LOSSES = """
ops.generalized_box_iou_loss(one, two, "HOW", 0.001)
ops.distance_box_iou_loss(one, two, "HOW", 0.001)
ops.complete_box_iou_loss(one, two, "HOW", 0.001)
ops.sigmoid_focal_loss(one - 20, (two > 20).float(), 0.25, 2, "HOW")
ops.sigmoid_focal_loss(one - 20, (two > 20).float(), -1, 1.5, "HOW")
"""


def compare_boxes() -> list[Any]:
    """Return what functions of boxes and their losses give, with gradients."""
    masks = torch.zeros(3, 8, 9, dtype=torch.bool)
    masks[0, 2:5, 3:8], masks[1, 7, 0], masks[2, :, 8] = (True, True, True)
    names = {"ops": importlib.import_module("torchvision.ops"), "masks": masks}
    names |= {"one": make_boxes(), "two": make_boxes(), "groups": torch.tensor([0, 1, 0, 1, 1, 0])}
    names["scores"] = torch.tensor([0.3, 0.9, 0.5, 0.7, 0.2, 0.8])
    kinds = "box_iou generalized_box_iou distance_box_iou complete_box_iou"
    forms = "xyxy xywh cxcywh cxcywhr other"
    limits = "ops.nms(one, scores, LIMIT)\nops.batched_nms(one, scores, groups, LIMIT)"
    lines = [
        BOX_STEPS,
        telling.fill_lines("ops.NAME(one, two)\nops.NAME(one.int(), two.int())", NAME=kinds),
        telling.fill_lines("ops.box_convert(one, 'FROM', 'INTO')", FROM=forms, INTO=forms),
        telling.fill_lines(limits, LIMIT="0.0 0.1 0.3 1.0"),
    ]
    losses = telling.fill_lines(BOX_LOSSES, HOW="none mean sum wrong").split("\n")
    rows: list[Any] = [tell_gradient(line, "one", **names) for line in losses if line]
    return [*rows, telling.play_lines("\n".join(lines), **names)]


LAYERS = """
ops.SqueezeExcitation(4, 2)
ops.SqueezeExcitation(4, 2, nn.SiLU, nn.Hardsigmoid)
ops.StochasticDepth(0.5, "row")
ops.StochasticDepth(0.5, "batch")
ops.StochasticDepth(1.5, "row")
ops.DropBlock2d(0.4, 3)
ops.DropBlock2d(0.1, 5, True, 0.5)
ops.FrozenBatchNorm2d(4, 0.1)
ops.Permute([0, 2, 3, 1])
ops.MLP(8, [5, 3], dropout=0.3)
ops.MLP(8, [5, 3], nn.LayerNorm, nn.GELU, None, False)
ops.Conv2dNormActivation(4, 6)
ops.Conv2dNormActivation(4, 4, 3, 2, groups=2)
ops.Conv2dNormActivation(4, 6, 3, dilation=2, norm_layer=None, activation_layer=None)
ops.Conv2dNormActivation(4, 6, (3, 5), 1, 0, bias=True, inplace=False)
ops.DropBlock3d(0.3, 3)
ops.Conv3dNormActivation(4, 3, 3)
"""

CONVOLUTIONS = """
ops.deform_conv2d(picture, offset[..., :4, :4], weight, bias, 2, 1)
ops.deform_conv2d(picture, offset, weight[:, :2], bias, 1, (2, 1), (2, 1))
ops.deform_conv2d(picture, offset[..., :6, :6], weight, bias, mask=mask)
ops.deform_conv2d(picture, offset[:, :7], weight, bias)
"""


def run_layers() -> list[Any]:
    """Return what the layers of torchvision.ops give in training and after it, with gradients."""
    ops = importlib.import_module("torchvision.ops")
    picture = torch.rand(2, 4, 8, 8) - 0.4
    rows: list[Any] = []
    for line in LAYERS.strip().splitlines():
        pool.set_seeds()
        (net,) = telling.play_lines(line, ops=ops, nn=torch.nn)
        given = picture[:, :, None] + torch.zeros(3, 1, 1) if "3d" in line else picture
        for training in (True, False):
            net.train(training)
            torch.manual_seed(4)
            rows.append(tell_gradient("net(given * 1)", "given", net=net, given=given))
        rows += [repr(net), net.state_dict()]
    names = {"ops": ops, "offset": torch.rand(2, 18, 8, 8) - 0.5, "bias": torch.rand(6)}
    names |= {"weight": torch.rand(6, 4, 3, 3), "mask": torch.rand(2, 9, 6, 6)}
    lines = CONVOLUTIONS.strip().splitlines()
    return rows + [tell_gradient(line, "picture", picture=picture, **names) for line in lines]


PARTS: dict[str, Callable[[], list[Any]]] = {
    "matching": match_boxes,
    "anchors": make_anchors,
    "sizes": change_sizes,
    "levels": pool_levels,
    "regions": pool_regions,
    "boxes": compare_boxes,
    "layers": run_layers,
    "features": extract_features,
}


def run_part(name: str) -> list[Any]:
    """Return what a part of torchvision gives."""
    return PARTS[name]()


OF_BOXES = (Family(run_part, lambda: [*PARTS], lambda _: None),)
