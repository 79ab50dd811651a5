"""Options of layers and losses that torch's database has no samples of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Drawn:
    """A tensor to be drawn: normal, whole numbers below `below`, or of a kind.

    The kinds are shares, and masks that hide some places or each later one, and never the first.
    A mask of kind `bias` is added.
    """

    shape: tuple[int, ...]
    below: int = 0
    kind: str = ""


def draw(drawn: Drawn | tuple[int, ...], generator: Any, device: str, dtype: Any) -> Any:
    """Return the tensor; a bare shape is that of normal numbers."""
    wanted = drawn if isinstance(drawn, Drawn) else Drawn(drawn)
    if wanted.kind == "later":
        result = torch.ones(wanted.shape, dtype=torch.bool).triu(1)
    elif wanted.kind:
        shares = torch.rand(wanted.shape, generator=generator, dtype=torch.float64)
        hidden = (shares < 0.3) & (torch.arange(wanted.shape[-1]) > 0)
        added = shares.masked_fill(hidden, -torch.inf)
        result = {"share": shares.to(dtype), "hidden": hidden, "bias": added.to(dtype)}[wanted.kind]
    elif wanted.below:
        result = torch.randint(wanted.below, wanted.shape, generator=generator)
    else:
        result = torch.randn(wanted.shape, generator=generator, dtype=torch.float64).to(dtype)
    return result.to(device)


PICTURE = (2, 4, 6, 7)
CLASSES = (Drawn((5, 4)), Drawn((5,), below=4))
PLACES = (Drawn((2, 4, 3)), Drawn((2, 3), below=4))
SHARES = (Drawn((5, 4), kind="share"), Drawn((5, 4), kind="share"))
SEQUENCE = (3, 5, 4)
REDUCTIONS = ("none", "sum", "mean")

RECURRENT: tuple[tuple[str, dict[str, Any]], ...] = (
    *(
        (kind, options)
        for kind in ("RNN", "GRU", "LSTM")
        for options in (
            {"num_layers": 2, "bidirectional": True, "batch_first": True},
            {"num_layers": 2, "bias": False},
        )
    ),
    ("RNN", {"nonlinearity": "relu"}),
    ("LSTM", {"proj_size": 2, "bidirectional": True}),
)
ENCODERS: tuple[dict[str, Any], ...] = (
    {"batch_first": True, "layer_norm_eps": 0.1},
    {"norm_first": True},
    {"batch_first": True, "norm_first": True, "bias": False},
)

MASKS: tuple[tuple[Drawn, Drawn, dict[str, Any]], ...] = (
    (Drawn((3, 5), kind="hidden"), Drawn((5, 5), kind="hidden"), {"average_attn_weights": False}),
    (Drawn((3, 5), kind="hidden"), Drawn((6, 5, 5), kind="hidden"), {}),
    (Drawn((3, 5), kind="bias"), Drawn((5, 5), kind="bias"), {}),
    (Drawn((3, 5), kind="bias"), Drawn((6, 5, 5), kind="bias"), {"need_weights": False}),
    (
        Drawn((3, 5), kind="hidden"),
        Drawn((5, 5), kind="later"),
        {"need_weights": False, "is_causal": True},
    ),
)
"""Of the keys of a sequence, of its pairs of places (or for each head), and options of a call."""

WITH_MORE_KEYS: tuple[dict[str, Any], ...] = (
    {},
    {"add_bias_kv": True, "add_zero_attn": True, "bias": False},
)
TRANSFORMER: dict[str, Any] = {"d_model": 4, "nhead": 2, "dim_feedforward": 6, "dropout": 0.0}

CASES: tuple[tuple[Any, ...], ...] = (
    *(
        (name, {"reduction": reduction, **dict(options)}, *inputs)
        for reduction in REDUCTIONS
        for name, options, inputs in (
            ("CrossEntropyLoss", {"weight": Drawn((4,), kind="share")}, CLASSES),
            ("CrossEntropyLoss", {"weight": Drawn((4,), kind="share"), "ignore_index": 1}, PLACES),
            ("CrossEntropyLoss", {"label_smoothing": 0.3, "ignore_index": 2}, CLASSES),
            ("CrossEntropyLoss", {"label_smoothing": 0.2}, SHARES),
            ("NLLLoss", {"weight": Drawn((4,), kind="share"), "ignore_index": 1}, CLASSES),
            ("BCELoss", {"weight": Drawn((4,), kind="share")}, SHARES),
            ("BCEWithLogitsLoss", {"pos_weight": Drawn((4,), kind="share")}, SHARES),
            ("BCEWithLogitsLoss", {"weight": Drawn((4,), kind="share")}, SHARES),
            ("SmoothL1Loss", {"beta": 0.3}, SHARES),
            ("HuberLoss", {"delta": 0.3}, SHARES),
            ("MultiMarginLoss", {"p": 2, "margin": 0.4}, CLASSES),
            ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}, SHARES),
            ("KLDivLoss", {"log_target": True}, SHARES),
        )
    ),
    *(
        (
            f"Conv{axes}d",
            {**options, "in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": 2},
            shape,
        )
        for axes, shape in ((1, (2, 4, 9)), (2, PICTURE), (3, (2, 4, 4, 5, 6)))
        for options in (
            {"stride": 2, "padding": 1, "dilation": 1, "padding_mode": "circular"},
            {"stride": 2, "padding": 2, "dilation": 2, "padding_mode": "reflect", "bias": False},
            {"stride": 1, "padding": 1, "padding_mode": "replicate"},
        )
    ),
    *(
        (
            f"ConvTranspose{axes}d",
            {
                "in_channels": 4,
                "out_channels": 6,
                "kernel_size": 3,
                "stride": 2,
                "padding": 1,
                "output_padding": 1,
                "groups": 2,
                "dilation": 2,
            },
            shape,
        )
        for axes, shape in ((1, (2, 4, 5)), (2, (2, 4, 4, 3)))
    ),
    (
        "MaxPool2d",
        {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
        PICTURE,
    ),
    ("AvgPool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, PICTURE),
    (
        "AvgPool2d",
        {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        PICTURE,
    ),
    ("AvgPool2d", {"kernel_size": 3, "divisor_override": 5}, PICTURE),
    ("LPPool2d", {"norm_type": 2, "kernel_size": 3, "stride": 2}, Drawn(PICTURE, kind="share")),
    ("BatchNorm2d", {"num_features": 4, "eps": 0.1}, PICTURE),
    ("BatchNorm2d", {"num_features": 4, "affine": False}, PICTURE),
    ("BatchNorm1d", {"num_features": 4, "track_running_stats": False, "eps": 0.3}, (6, 4)),
    ("InstanceNorm2d", {"num_features": 4, "eps": 0.1, "affine": True}, PICTURE),
    ("InstanceNorm2d", {"num_features": 4, "track_running_stats": True}, PICTURE),
    ("GroupNorm", {"num_groups": 2, "num_channels": 4, "eps": 0.1}, PICTURE),
    ("GroupNorm", {"num_groups": 4, "num_channels": 4, "affine": False}, PICTURE),
    ("LayerNorm", {"normalized_shape": (6, 7), "eps": 0.1}, PICTURE),
    ("LayerNorm", {"normalized_shape": 7, "bias": False}, PICTURE),
    ("LayerNorm", {"normalized_shape": 7, "elementwise_affine": False}, PICTURE),
    ("RMSNorm", {"normalized_shape": 7, "eps": 0.1}, PICTURE),
    ("LocalResponseNorm", {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2.0}, PICTURE),
    (
        "Embedding",
        {"num_embeddings": 9, "embedding_dim": 3, "padding_idx": 2},
        Drawn((4, 5), below=9),
    ),
    (
        "Embedding",
        {"num_embeddings": 9, "embedding_dim": 3, "max_norm": 0.5, "norm_type": 1.0},
        Drawn((4,), below=9),
    ),
    *(
        (
            "EmbeddingBag",
            {"num_embeddings": 9, "embedding_dim": 3, "mode": mode, "padding_idx": 2},
            Drawn((4, 5), below=9),
        )
        for mode in ("sum", "mean", "max")
    ),
    *(
        ("Upsample", {"scale_factor": factor, "mode": mode, **options}, PICTURE)
        for factor in (2.0, 1.5)
        for mode, options in (
            ("nearest", {}),
            ("bilinear", {"align_corners": True}),
            ("bilinear", {"align_corners": False}),
            ("bicubic", {"align_corners": True}),
            ("bicubic", {"align_corners": False}),
            ("bilinear", {"align_corners": False, "recompute_scale_factor": True}),
        )
    ),
    *(
        (kind, {"input_size": 4, "hidden_size": 3, **options}, SEQUENCE)
        for kind, options in RECURRENT
    ),
    *(
        ("MultiheadAttention", {"embed_dim": 4, "num_heads": 2, **options}, *[SEQUENCE] * 3, *masks)
        for options, masks in (
            ({"batch_first": True}, (Drawn((3, 5), kind="hidden"),)),
            ({"batch_first": False}, ()),
            ({"add_bias_kv": True, "add_zero_attn": True, "bias": False}, ()),
            ({"kdim": 4, "vdim": 4, "add_bias_kv": True}, ()),
        )
    ),
    *(
        (
            "MultiheadAttention",
            options | {"embed_dim": 4, "num_heads": 2, "batch_first": True},
            *[SEQUENCE] * 3,
            {"key_padding_mask": padding, "attn_mask": mask} | call,
        )
        for options in WITH_MORE_KEYS
        for padding, mask, call in MASKS
    ),
    *(("TransformerEncoderLayer", TRANSFORMER | options, SEQUENCE) for options in ENCODERS),
    *(
        (
            name,
            TRANSFORMER | options | {"batch_first": True},
            *[SEQUENCE] * (2 - name.endswith("EncoderLayer")),
            {f"{of}_key_padding_mask": padding for of in parts}
            | {f"{of}_mask": mask for of in parts},
        )
        for name, parts, options in (
            ("TransformerEncoderLayer", ("src",), {}),
            ("TransformerDecoderLayer", ("tgt", "memory"), {"norm_first": True}),
            (
                "Transformer",
                ("src", "tgt", "memory"),
                {"num_encoder_layers": 2, "num_decoder_layers": 2, "activation": "gelu"},
            ),
        )
        for padding, mask, _ in MASKS
    ),
)
"""The name of a layer, its options, and the arguments of a call, those with names in a dict."""
