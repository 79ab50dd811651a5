"""Programs with small networks of torchvision for detection and segmentation."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from .. import pool
from . import telling
from .families import Family

WIDTH = 32


CLASSES = 3


class TwoLevels(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Gives features of a picture in two sizes."""

    def __init__(self, kind: str = "dict") -> None:
        """Make the layers."""
        super().__init__()
        self.first = torch.nn.Conv2d(3, WIDTH, 5, 4, 2)
        self.second = torch.nn.Conv2d(WIDTH, WIDTH, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(WIDTH)
        self.out_channels = [WIDTH, WIDTH] if kind == "list" else WIDTH

    def forward(self, picture: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        """Return both sizes."""
        one = self.norm(self.first(picture)).relu()
        return OrderedDict([("0", one), ("out", self.second(one).relu())])


def find_detection(name: str) -> Any:
    """Return the class of a detection network."""
    home = importlib.import_module("torchvision.models.detection")
    return getattr(home.ssd if name == "SSD" else home, name)


def list_parts(name: str) -> dict[str, Any]:
    """Return the small parts that a detection network is made with."""
    home = importlib.import_module("torchvision.models.detection")
    pooling = importlib.import_module("torchvision.ops").MultiScaleRoIAlign
    anchors = home.anchor_utils
    parts: dict[str, Any] = {"num_classes": CLASSES}
    if name != "SSD":
        parts |= {"min_size": 40, "max_size": 56}
    if name in ("RetinaNet", "FCOS"):
        ratios = ((0.5, 1.0, 2.0),) * 2 if name == "RetinaNet" else ((1.0,),) * 2
        return {**parts, "anchor_generator": anchors.AnchorGenerator(((8,), (16,)), ratios)}
    if name == "SSD":
        parts["anchor_generator"] = anchors.DefaultBoxGenerator([[2], [2, 3]])
        return {**parts, "size": (48, 40)}
    parts["rpn_anchor_generator"] = anchors.AnchorGenerator(((8, 12), (16, 24)), ((0.5, 1.0),) * 2)
    parts["box_roi_pool"] = pooling(["0", "out"], 4, 2)
    parts |= {"box_head": home.faster_rcnn.TwoMLPHead(WIDTH * 16, 24), "num_classes": None}
    parts["box_predictor"] = home.faster_rcnn.FastRCNNPredictor(24, CLASSES)
    if name == "MaskRCNN":
        parts["mask_roi_pool"] = pooling(["0", "out"], 6, 2)
        parts["mask_head"] = home.mask_rcnn.MaskRCNNHeads(WIDTH, (8, 8), 1)
        parts["mask_predictor"] = home.mask_rcnn.MaskRCNNPredictor(8, 8, CLASSES)
    if name == "KeypointRCNN":
        parts["keypoint_roi_pool"] = pooling(["0", "out"], 6, 2)
        parts["keypoint_head"] = home.keypoint_rcnn.KeypointRCNNHeads(WIDTH, (8, 8))
        parts["keypoint_predictor"] = home.keypoint_rcnn.KeypointRCNNPredictor(8, 2)
    return parts


def make_targets(empty: bool = False) -> list[dict[str, torch.Tensor]]:
    """Return boxes, classes, masks and points of two pictures."""
    boxes = torch.tensor([[3.0, 4, 20, 25], [10, 6, 36, 30]])
    masks = torch.zeros(2, 40, 40, dtype=torch.uint8)
    masks[0, 4:25, 3:20], masks[1, 6:30, 10:36] = 1, 1
    points = torch.tensor([[[5.0, 6, 1], [15, 20, 1]], [[12, 8, 1], [30, 25, 0]]])
    one = {"boxes": boxes, "labels": torch.tensor([1, 2]), "masks": masks, "keypoints": points}
    two = {name: value[:1] for name, value in one.items()}
    if empty:
        two = {name: value[:0] for name, value in one.items()}
    return [one, two]


def detect(name: str, **options: Any) -> Any:
    """Return losses, gradients and boxes of a small detection network."""
    pool.set_seeds()
    backbone = TwoLevels("list" if name == "SSD" else "dict")
    net = find_detection(name)(backbone, **{**list_parts(name), **options})
    with torch.no_grad():
        for part, weight in net.named_parameters():
            if "cls" in part and weight.dim() > 1:
                weight.mul_(10)  # the scores must differ by more than processors round
    pictures = [torch.rand(3, 40, 40), torch.rand(3, 36, 40)]
    losses = {}
    for empty in (True,) if name in ("MaskRCNN", "KeypointRCNN") else (False, True):
        torch.manual_seed(3)
        losses = net(pictures, make_targets(empty))
        sum(losses.values()).backward()
    sizes = [
        float(each.grad.abs().sum().log1p()) for each in net.parameters() if each.grad is not None
    ]
    net.eval()
    with torch.no_grad():
        found = net(pictures)
    rows = [{k: v[:12] for k, v in each.items() if v.dtype.is_floating_point} for each in found]
    labels = [str(each["labels"][:6].tolist()) for each in found]
    wrong = [{**make_targets()[0], "boxes": torch.tensor([[5.0, 5, 5, 9], [1, 1, 4, 4]])}] * 2
    net.train()
    refused = [telling.attempt(net, pictures, each) for each in (None, wrong)]
    return [losses, telling.split_rows(sizes), rows, labels, refused]


def make_boxes(count: int = 6, size: float = 30) -> torch.Tensor:
    """Return boxes that overlap."""
    corners = torch.rand(count, 2) * size
    return torch.cat([corners, corners + torch.rand(count, 2) * size + 2], 1)


def match_boxes() -> list[Any]:
    """Return what matchers, samplers and coders of boxes give."""
    tools = importlib.import_module("torchvision.models.detection._utils")
    ops = importlib.import_module("torchvision.ops")
    one, two = make_boxes(3), make_boxes(9)
    overlap = ops.box_iou(one, two)
    rows: list[Any] = []
    for low in (False, True):
        for high, below in ((0.3, 0.1), (0.5, 0.5)):
            rows.append(tools.Matcher(high, below, low)(overlap))
    rows += [telling.attempt(tools.Matcher(0.3, 0.1), overlap[:0]), tools.SSDMatcher(0.3)(overlap)]
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        coder = tools.BoxCoder(weights, 0.3)
        codes = coder.encode([two[:3], two[3:5]], [one, one[:2]])
        rows += [codes, coder.decode(torch.cat(codes) * 2, [one, one[:2]])]
        rows.append(coder.decode_single(torch.cat([codes[0]] * 2, 1), one))
    for norm in (False, True):
        linear = tools.BoxLinearCoder(norm)
        rows += [linear.encode(two[:3], one), linear.decode(linear.encode(two[:3], one), one)]
    labels = [torch.tensor([1, 0, -1, 2, 0, 0, 1, 0]), torch.tensor([0, 0, -1, -1])]
    for size, part in ((4, 0.25), (6, 0.5), (99, 0.9)):
        rows.append(tools.BalancedPositiveNegativeSampler(size, part)(labels))
    for kind in ("smooth_l1", "l1", "ciou", "diou", "giou", "nothing"):
        given = (kind, coder, one, two[:3] + 1, coder.encode_single(two[:3], one))
        rows.append(telling.attempt(tools._box_loss, *given, {"beta": 0.3}))
    rows += [
        tools._topk_min(torch.rand(5), 9, 0),
        tools.retrieve_out_channels(TwoLevels(), (30, 30)),
    ]
    return rows


def make_anchors() -> list[Any]:
    """Return anchors of several generators, and what the list of pictures does."""
    tools = importlib.import_module("torchvision.models.detection.anchor_utils")
    lists = importlib.import_module("torchvision.models.detection.image_list").ImageList
    pictures = lists(torch.rand(2, 3, 24, 32), [(20, 30), (24, 32)])
    features = [torch.rand(2, 4, 3, 4), torch.rand(2, 4, 2, 2)]
    ratios = ((0.5, 1.0, 2.0), (1.0,))
    rows: list[Any] = [pictures.to("cpu").image_sizes]
    for sizes in (((8,), (16, 32)), (8, 16)):
        made = tools.AnchorGenerator(sizes, ratios if isinstance(sizes[0], tuple) else (0.5, 1.0))
        rows += [telling.attempt(made, pictures, features), made.num_anchors_per_location()]
    rows += [telling.attempt(tools.AnchorGenerator(((8,),), ((1.0,),)), pictures, features)]
    options: tuple[dict[str, Any], ...] = (
        *({}, {"clip": False}, {"steps": [8, 12]}, {"scales": [0.1, 0.4, 0.9]}),
        *({"min_ratio": 0.2, "max_ratio": 0.5}, {"scales": [0.1]}),
    )
    for each in options:
        made = telling.attempt(tools.DefaultBoxGenerator, [[2], [2, 3]], **each)
        rows += [str(made), telling.attempt(lambda m: m(pictures, features), made)]
    return rows


def change_sizes() -> list[Any]:
    """Return what the first and the last part of detection networks make of pictures and boxes."""
    kind = importlib.import_module(
        "torchvision.models.detection.transform"
    ).GeneralizedRCNNTransform
    rows: list[Any] = []
    for sizes, options in (
        *(((30, 50), {}), (((20, 26, 30), 40), {}), ((300, 35), {"size_divisible": 8})),
        ((30, 50), {"fixed_size": (24, 36)}),
        ((30, 50), {"_skip_resize": True, "size_divisible": 16}),
    ):
        made = kind(*sizes, [0.4, 0.5, 0.6], [0.2, 0.3, 0.1], **options)
        for training in (True, False):
            made.train(training)
            torch.manual_seed(5)
            pictures = [torch.rand(3, 40, 40), torch.rand(3, 36, 40)]
            batch, targets = made(pictures, make_targets())
            rows += [batch.tensors.shape, batch.tensors.mean((2, 3)), str(batch.image_sizes)]
            rows += [[*each.values()] for each in targets]
            targets = [{**each, "masks": each["masks"][:, None].float()} for each in targets]
            rows.append(made.postprocess(targets, batch.image_sizes, [(80, 70), (36, 40)]))
        rows.append(repr(made))
    rows += [
        telling.attempt(made, [torch.rand(3, 4)]),
        telling.attempt(made, [torch.zeros(3, 4, 4).int()]),
    ]
    return telling.split_rows(rows)


def pool_levels() -> list[Any]:
    """Return what pooling over several levels and pyramids of features give, with gradients."""
    ops = importlib.import_module("torchvision.ops")
    pyramids = importlib.import_module("torchvision.ops.feature_pyramid_network")
    levels = OrderedDict((str(n), torch.rand(2, 4, 32 >> n, 32 >> n) - 0.3) for n in range(3))
    boxes = [make_boxes(4), make_boxes(3) * 1.5]
    rows: list[Any] = []
    for names, size, ratio in ((["0", "2"], 3, 2), (["1"], (2, 4), 1), (["0", "1", "2"], 2, 0)):
        for scale in (224, 20):
            made = ops.MultiScaleRoIAlign(
                names, size, ratio, canonical_scale=scale, canonical_level=3
            )
            rows.append(made(levels, boxes, [(64, 64), (60, 62)]))
    rows.append(repr(made))
    extras: tuple[Callable[[], Any], ...] = (
        *(lambda: None, pyramids.LastLevelMaxPool, lambda: pyramids.LastLevelP6P7(4, 5)),
        lambda: pyramids.LastLevelP6P7(5, 5),
    )
    for make in extras:
        pool.set_seeds()
        net = ops.FeaturePyramidNetwork([4, 4, 4], 5, make(), torch.nn.BatchNorm2d)
        given = net(levels)
        sum(each.square().mean() for each in given.values()).backward()
        rows += [given, [float(each.grad.norm()) for each in net.parameters()]]
    return rows


def pool_regions() -> list[Any]:
    """Return what pooling of regions gives, with gradients, for each of its options."""
    ops = importlib.import_module("torchvision.ops")
    rows: list[Any] = []
    listed = [make_boxes(2, 7), make_boxes(1, 6)]
    rois = torch.cat([torch.tensor([[0.0], [0], [1]]), torch.cat(listed)], 1)
    for name, channels in (
        ("roi_align", 3),
        ("roi_pool", 3),
        ("ps_roi_align", 12),
        ("ps_roi_pool", 12),
    ):
        for boxes in (rois, listed, rois[:, 1:], rois[:0]):
            for options in ({}, {"spatial_scale": 0.5}, {"sampling_ratio": 2}, {"aligned": True}):
                picture = torch.rand(2, channels, 9, 8, generator=torch.Generator().manual_seed(1))
                picture.requires_grad_()
                given = telling.attempt(getattr(ops, name), picture, boxes, 2, **options)
                if isinstance(given, torch.Tensor):
                    (given * torch.arange(given.numel()).view(given.shape)).sum().backward()
                rows.append([given, picture.grad])
        kind = {"roi_align": "RoIAlign", "roi_pool": "RoIPool"}.get(
            name, name.replace("ps_roi_", "PSRoI")
        )
        kind = {"PSRoIalign": "PSRoIAlign", "PSRoIpool": "PSRoIPool"}.get(kind, kind)
        options = {"sampling_ratio": 1} if "lign" in kind else {}
        made = getattr(ops, kind)((2, 2), 0.5, **options)
        rows.append([made(torch.rand(2, channels, 9, 8), rois), repr(made)])
    return telling.split_rows(rows)


def compare_boxes() -> list[Any]:
    """Return what functions of boxes and their losses give, with gradients."""
    ops = importlib.import_module("torchvision.ops")
    one, two = (make_boxes(), make_boxes())
    rows: list[Any] = [ops.box_area(one)]
    for name in ("box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou"):
        rows += [getattr(ops, name)(one, two), getattr(ops, name)(one.int(), two.int())]
    for name in ("generalized", "distance", "complete"):
        for reduction in ("none", "mean", "sum", "other"):
            moved = one.clone().requires_grad_()
            given = telling.attempt(
                getattr(ops, f"{name}_box_iou_loss"), moved, two, reduction, 0.001
            )
            if isinstance(given, torch.Tensor):
                given.sum().backward()
            rows.append([given, moved.grad])
    extend_compare_boxes_1(one, ops, rows)
    return telling.split_rows(rows)


def extend_compare_boxes_1(one: Any, ops: Any, rows: Any) -> None:
    """Add more results to those of `compare_boxes`."""
    for alpha, gamma, reduction in (
        (0.25, 2, "none"),
        (-1, 1.5, "mean"),
        (0.6, 0, "sum"),
        (2, 2, "x"),
    ):
        scores = (torch.arange(12) / 3 - 2).view(4, 3).requires_grad_()
        given = telling.attempt(
            ops.sigmoid_focal_loss, scores, scores.detach().gt(0).float(), alpha, gamma, reduction
        )
        if isinstance(given, torch.Tensor):
            given.sum().backward()
        rows.append([given, scores.grad])
    scores, groups = (
        torch.tensor([0.3, 0.9, 0.5, 0.7, 0.2, 0.8]),
        torch.tensor([0, 1, 0, 1, 1, 0]),
    )
    for limit in (0.0, 0.1, 0.3, 1.0):
        rows += [ops.nms(one, scores, limit), ops.batched_nms(one, scores, groups, limit)]
    rows += [ops.remove_small_boxes(one, 9.5), ops.clip_boxes_to_image(one, (20, 25))]
    forms = ("xyxy", "xywh", "cxcywh", "xyxyxyxy", "cxcywhr", "xywhr", "other")
    rows += [telling.attempt(ops.box_convert, one, a, b) for a in forms for b in forms]
    masks = torch.zeros(3, 8, 9, dtype=torch.bool)
    masks[0, 2:5, 3:8], masks[1, 7, 0], masks[2, :, 8] = (True, True, True)
    rows += [ops.masks_to_boxes(masks), ops.masks_to_boxes(masks[:0])]


def run_layers() -> list[Any]:
    """Return what the layers of torchvision.ops give in training and after it, with gradients."""
    ops = importlib.import_module("torchvision.ops")
    picture = (torch.rand(2, 4, 8, 8) - 0.4).requires_grad_()
    layers: tuple[Callable[[], Any], ...] = (
        *(lambda: ops.DeformConv2d(4, 6, 3), lambda: ops.SqueezeExcitation(4, 2)),
        lambda: ops.SqueezeExcitation(4, 2, torch.nn.SiLU, torch.nn.Hardsigmoid),
        *(lambda: ops.StochasticDepth(0.5, "row"), lambda: ops.StochasticDepth(0.5, "batch")),
        *(lambda: ops.DropBlock2d(0.4, 3), lambda: ops.DropBlock2d(0.1, 5, True, 0.5)),
        *(lambda: ops.FrozenBatchNorm2d(4, 0.1), lambda: ops.Permute([0, 2, 3, 1])),
        lambda: ops.MLP(8, [5, 3], dropout=0.3),
        lambda: ops.MLP(8, [5, 3], torch.nn.LayerNorm, torch.nn.GELU, None, False),
        *(
            lambda: ops.Conv2dNormActivation(4, 6),
            lambda: ops.Conv2dNormActivation(4, 4, 3, 2, groups=2),
        ),
        lambda: ops.Conv2dNormActivation(
            4, 6, 3, dilation=2, norm_layer=None, activation_layer=None
        ),
        lambda: ops.Conv2dNormActivation(4, 6, (3, 5), 1, 0, bias=True, inplace=False),
        lambda: ops.DropBlock3d(0.3, 3),
        lambda: ops.Conv3dNormActivation(4, 3, 3),
    )
    rows: list[Any] = []
    extend_run_layers_1(layers, ops, picture, rows)
    return telling.split_rows(rows)


def extend_run_layers_1(layers: Any, ops: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `run_layers`."""
    for make in layers:
        pool.set_seeds()
        net = make()
        offset = (torch.rand(2, 18, 6, 6) - 0.5) * 3
        three = "3" in type(net).__name__
        given = (picture[:, :, None] + torch.zeros(3, 1, 1) if three else picture,)
        given += (offset, torch.rand(2, 9, 6, 6)) if isinstance(net, ops.DeformConv2d) else ()
        for training in (True, False):
            net.train(training)
            torch.manual_seed(4)
            out = net(given[0] * 1, *given[1:])
            (grad,) = torch.autograd.grad(out.square().sum(), picture)
            rows.append([out, grad, repr(net), net.state_dict()])
    for stride, padding, dilation, groups in ((2, 1, 1, 1), (1, (2, 1), (2, 1), 2)):
        shape = (4, 4) if groups == 1 else (8, 8)
        values = (torch.rand(2, 36, *shape) - 0.5, torch.rand(6, 4 // groups, 3, 3), torch.rand(6))
        rows.append(ops.deform_conv2d(picture, *values, stride, padding, dilation))
        rows.append(telling.attempt(ops.deform_conv2d, picture, values[0][:, :7], *values[1:]))
    for mode in ("row", "batch", "other"):
        for share in (0.5, 1.0, 1.5):
            rows.append(telling.attempt(ops.stochastic_depth, picture.detach(), share, mode))


def segment(name: str) -> list[Any]:
    """Return what a small network for segmentation gives in training and after it."""
    home = importlib.import_module("torchvision.models.segmentation")
    pool.set_seeds()
    heads = {
        "DeepLabV3": lambda: home.deeplabv3.DeepLabHead(WIDTH, CLASSES, (1, 2)),
        "FCN": lambda: home.fcn.FCNHead(WIDTH, CLASSES),
    }
    if name == "LRASPP":
        low = importlib.import_module("torchvision.models._utils").IntermediateLayerGetter
        inner = low(torch.nn.Sequential(*[torch.nn.Conv2d(3, WIDTH, 3, 2)]), {"0": "low"})
        rows: list[Any] = [inner(torch.rand(1, 3, 9, 9))]
        backbone: Any = RenameLevels()
        net = home.LRASPP(backbone, WIDTH, WIDTH, CLASSES, 8)
    else:
        rows = []
        net = getattr(home, name)(AuxLevels(), heads[name](), home.fcn.FCNHead(WIDTH, CLASSES))
    picture = torch.rand(2, 3, 24, 20)
    for training in (True, False):
        net.train(training)
        torch.manual_seed(4)
        given = net(picture)
        sum(each.square().mean() for each in given.values()).backward()
        rows += [{k: v.detach()[..., ::5, ::5] for k, v in given.items()}]
    rows += [
        telling.split_rows([float(p.grad.norm()) for p in net.parameters() if p.grad is not None])
    ]
    return [*rows, *net.state_dict()][:30]


class AuxLevels(TwoLevels):
    """Gives the first size as what a helper head takes."""

    def forward(self, picture: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        """Return both sizes."""
        return OrderedDict(
            [("aux", super().forward(picture)["0"]), ("out", super().forward(picture)["out"])]
        )


class RenameLevels(TwoLevels):
    """Gives the sizes with other names."""

    def forward(self, picture: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        """Return both sizes."""
        both = super().forward(picture)
        return OrderedDict([("low", both["0"]), ("high", both["out"])])


def extract_features() -> list[Any]:
    """Return the features that are taken out of a network, and the names of its nodes."""
    tools = importlib.import_module("torchvision.models.feature_extraction")
    pool.set_seeds()
    net = torch.nn.Sequential(
        *(
            torch.nn.Conv2d(3, 4, 3),
            torch.nn.BatchNorm2d(4),
            torch.nn.Dropout(0.5),
            torch.nn.ReLU(),
        ),
        torch.nn.Sequential(torch.nn.Conv2d(4, 2, 3), torch.nn.Flatten()),
    )
    picture = torch.rand(2, 3, 8, 8)
    rows: list[Any] = [str(tools.get_graph_node_names(net))]
    for options in (
        *({"return_nodes": ["0", "3"]}, {"return_nodes": {"4.0": "a", "1": "b"}}),
        {"train_return_nodes": ["2"], "eval_return_nodes": ["4.1", "1"]},
        *({"return_nodes": ["9"]}, {"return_nodes": ["4"], "suppress_diff_warning": True}, {}),
    ):
        made = telling.attempt(tools.create_feature_extractor, net, **options)
        for training in (True, False):
            torch.manual_seed(4)
            rows.append(telling.attempt(lambda m, t: m.train(t)(picture), made, training))
        rows.append(str(telling.attempt(lambda m: m.state_dict().keys(), made)))
    tracer = tools.NodePathTracer()
    tracer.trace(net)
    rows.append(str([*tracer.node_to_qualname.values()]))
    return rows


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


NETWORKS = ("FasterRCNN", "MaskRCNN", "KeypointRCNN", "RetinaNet", "FCOS", "SSD")


OF_DETECTION = (
    Family(detect, lambda: [*NETWORKS], find_detection, 2, 12.0),
    Family(run_part, lambda: [*PARTS], lambda _: None),
    Family(segment, lambda: ["DeepLabV3", "FCN", "LRASPP"], lambda _: None),
)
