"""Programs with small networks of torchvision for detection and segmentation."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from typing import Any

import torch

from ... import pool
from .. import telling
from ..families import Family

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
    sizes = [each.grad.abs().sum() for each in net.parameters() if each.grad is not None]
    net.eval()
    with torch.no_grad():
        found = net(pictures)
    rows = [{k: v[:12] for k, v in each.items() if v.dtype.is_floating_point} for each in found]
    labels = [str(each["labels"][:6].tolist()) for each in found]
    wrong = [{**make_targets()[0], "boxes": torch.tensor([[5.0, 5, 5, 9], [1, 1, 4, 4]])}] * 2
    net.train()
    refused = [telling.attempt(net, pictures, each) for each in (None, wrong)]
    return [losses, sizes, rows, labels, refused]


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
    rows.append([float(p.grad.norm()) for p in net.parameters() if p.grad is not None])
    return [*rows, *net.state_dict()]


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


EXTRACTORS = """
tools.create_feature_extractor(net, ["0", "3"])
tools.create_feature_extractor(net, {"4.0": "a", "1": "b"})
tools.create_feature_extractor(net, None, ["2"], ["4.1", "1"])
tools.create_feature_extractor(net, ["9"])
tools.create_feature_extractor(net, ["4"], suppress_diff_warning=True)
tools.create_feature_extractor(net)
"""


def extract_features() -> list[Any]:
    """Return the features that are taken out of a network, and the names of its nodes."""
    tools = importlib.import_module("torchvision.models.feature_extraction")
    pool.set_seeds()
    nn = torch.nn
    last = nn.Sequential(nn.Conv2d(4, 2, 3), nn.Flatten())
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.ReLU(), last)
    picture = torch.rand(2, 3, 8, 8)
    rows: list[Any] = [tools.get_graph_node_names(net)]
    for made in telling.play_lines(EXTRACTORS, tools=tools, net=net):
        for training in (True, False):
            torch.manual_seed(4)
            steps = "made.train(training)(picture)\n[*made.state_dict()]"
            rows += telling.play_lines(steps, made=made, training=training, picture=picture)
    return rows


NETWORKS = ("FasterRCNN", "MaskRCNN", "KeypointRCNN", "RetinaNet", "FCOS", "SSD")


OF_DETECTION = (
    Family(detect, lambda: [*NETWORKS], find_detection, 2, 12.0),
    Family(segment, lambda: ["DeepLabV3", "FCN", "LRASPP"], lambda _: None),
)
