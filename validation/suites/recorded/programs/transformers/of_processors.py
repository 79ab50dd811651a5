"""Programs with what prepares pictures and sounds for models, and pipelines that take them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_pipelines import ask, get_library, make_pipe
from .small_models import make_small

PICTURES = (
    *("ViTImageProcessor", "ViTImageProcessorPil", "CLIPImageProcessor", "CLIPImageProcessorPil"),
    *("ConvNextImageProcessor", "DetrImageProcessor", "SegformerImageProcessor"),
    *("DeiTImageProcessor", "BeitImageProcessor", "BlipImageProcessor", "SiglipImageProcessor"),
)
IMAGE_WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"do_resize": False},
    {"do_rescale": False},
    {"do_rescale": True, "rescale_factor": 0.5, "do_normalize": False},
    {"do_normalize": True, "image_mean": [0.1, 0.2, 0.3], "image_std": [2.0, 1.0, 0.5]},
    {"size": {"height": 6, "width": 4}},
    {"size": {"shortest_edge": 5}},
    {"size": {"shortest_edge": 5, "longest_edge": 6}},
    {"size": {"longest_edge": 6}},
    {"size": 7},
    {"resample": 0},
    {"resample": 3, "do_center_crop": False},
    {"do_center_crop": True, "crop_size": {"height": 6, "width": 10}},
    {"do_center_crop": True, "crop_size": 20, "do_resize": False},
    {"do_convert_rgb": True},
    {"do_pad": True, "pad_size": {"height": 18, "width": 20}, "do_resize": False},
    {"input_data_format": "channels_last"},
    {"data_format": "channels_last"},
    {"return_tensors": "np"},
    {"return_tensors": "no"},
)


def prepare_pictures(name: str, **options: Any) -> Any:
    """Return what pictures of several kinds are for a model, with every option, and when loaded."""
    kind = getattr(get_library(), name)
    small = {"size": {"height": 8, "width": 8}, "crop_size": {"height": 6, "width": 6}}
    if name.startswith(("CLIP", "Detr")):
        small["size"] = {"shortest_edge": 8, "longest_edge": 12}
    elif name.startswith("ConvNext"):
        small["size"] = {"shortest_edge": 8}
    made = kind(**{**small, **options})
    photo, plain = pool.make_value("$photo"), pool.make_value("$pil")
    results: list[Any] = []
    for way in IMAGE_WAYS:
        given = {"return_tensors": "pt", **way}
        results.append(unpack(attempt(made, plain, **given)))
    gray, alpha = pool.make_value("$pil_gray"), pool.make_value("$pil_alpha")
    turned = torch.from_numpy(photo).permute(2, 0, 1)
    for pictures in (photo, turned, [plain, plain], [photo, photo[:9]], photo[None], gray, alpha):
        results.append(unpack(attempt(made, pictures, return_tensors="pt")))
        results.append(unpack(attempt(made, pictures, do_resize=False)))
    results += [unpack(attempt(made, each)) for each in ([], 3, "no.png", [[plain], [plain]])]
    made.save_pretrained("kept")
    loaded = attempt(kind.from_pretrained, "kept", do_normalize=False)
    results += [unpack(attempt(loaded, plain)), attempt(lambda: sorted(loaded.to_dict()))]
    return [*results, attempt(lambda: kind.from_dict({"size": {"no": 3}}).to_dict())]


def unpack(value: Any) -> Any:
    """Return features as an ordinary dictionary, large numbers as small ones."""
    return dict(value) if hasattr(value, "keys") else value


SOUND_WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"padding": True},
    {"padding": "longest", "return_attention_mask": True},
    {"padding": "max_length", "max_length": 700, "return_attention_mask": True},
    {"padding": "max_length", "max_length": 500, "truncation": True},
    {"padding": True, "pad_to_multiple_of": 128, "return_tensors": "np"},
    {"truncation": True, "max_length": 300},
    {"truncation": True},
    {"padding": "max_length"},
    {"padding": "no"},
    {"padding": True, "return_tensors": "pt"},
    {"sampling_rate": 16000, "padding": True},
    {"sampling_rate": 8000},
    {"do_normalize": True, "padding": True, "return_attention_mask": True},
)


def prepare_sounds(name: str, **options: Any) -> Any:
    """Return what sounds of different lengths are for a model, with every option."""
    kind = getattr(get_library(), name)
    short = {"chunk_length": 1, "feature_size": 4, "n_fft": 64, "hop_length": 32}
    short["sampling_rate"] = 800
    made = kind(**{**(short if "Whisper" in name else {}), **options})
    waves = [np.sin(np.arange(size) * 0.1 * place) for place, size in ((1, 400), (2, 640))]
    results: list[Any] = []
    sounds: Any
    for way in (*SOUND_WAYS, {"sampling_rate": made.sampling_rate}):
        for sounds in (waves[0], waves, [wave.tolist() for wave in waves]):
            results.append(unpack(attempt(made, sounds, **way)))
    others: tuple[Any, ...] = (np.ones((2, 3, 4)), [], torch.ones(300))
    results += [unpack(attempt(made, each)) for each in others]
    made.save_pretrained("kept")
    loaded = kind.from_pretrained("kept", padding_value=0.5)
    results.append(unpack(attempt(loaded, waves, padding=True, return_tensors="np")))
    held = {name: each for name, each in loaded.to_dict().items() if name != "mel_filters"}
    return [*results, held, loaded.model_input_names]


def pad_features(side: str = "right", value: float = 0.0, size: int = 1) -> Any:
    """Return how an extractor of features pads and cuts rows of different lengths."""
    kind = get_library().SequenceFeatureExtractor
    made = kind(size, 16000, value, padding_side=side, return_attention_mask=True)
    made.model_input_names = ["input_values"]
    rows: list[Any] = [np.arange(1.0, length) for length in (4, 7, 3)]
    rows = [row[:, None] * np.ones(size) for row in rows] if size > 1 else rows
    results: list[Any] = []
    features: tuple[Any, ...] = (
        [{"input_values": each} for each in rows],
        {"input_values": rows},
        {"input_values": [each.tolist() for each in rows], "other": [1, 2, 3]},
        {"input_values": [torch.from_numpy(each) for each in rows]},
        {"input_values": []},
        {"no": rows},
    )
    for held in features:
        for way in SOUND_WAYS[:11]:
            short = {**way, **({"max_length": 5} if "max_length" in way else {})}
            results.append(unpack(attempt(made.pad, held, **short)))
    return [*results, attempt(made.pad, features[1], return_attention_mask=False)]


def see_pictures(task: str, **options: Any) -> Any:
    """Return what a pipeline with a small model tells of pictures."""
    library = get_library()
    config = make_small(library.AutoConfig.for_model("vit", num_labels=4))
    config.initializer_range = 0.5
    pool.set_seeds()
    head = "ViTModel" if task.endswith("extraction") else "ViTForImageClassification"
    model = getattr(library, head)(config).eval()
    processor = library.ViTImageProcessor(size={"height": 16, "width": 16})
    pipe = make_pipe(task, model, tokenizer=None, image_processor=processor, **options)
    pictures = [pool.make_value(each) for each in ("$pil", "$pil_gray", "$pil_alpha")]
    results: list[Any] = [ask(pipe, pictures[0]), ask(pipe, pictures), ask(pipe, 3), ask(pipe, [])]
    results.append(ask(pipe, pictures, batch_size=2))
    for way in ({"top_k": 2}, {"top_k": 9}, {"function_to_apply": "sigmoid"}):
        results.append(ask(pipe, pictures[0], **way))
    for way in ({"function_to_apply": "none"}, {"function_to_apply": "no"}):
        results.append(ask(pipe, pictures[0], **way))
    for more in ({"pool": True}, {"return_tensors": True}):
        results.append(ask(pipe, pictures[0], **more))
    return results


def hear_sounds(**options: Any) -> Any:
    """Return what a pipeline with a small model tells of sounds."""
    library = get_library()
    importlib.import_module("transformers.pipelines")
    sizes = {"conv_dim": [8, 8], "conv_kernel": [10, 4], "conv_stride": [8, 4]}
    config = library.Wav2Vec2Config(
        **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
        **{"intermediate_size": 16, "num_conv_pos_embeddings": 4, "num_labels": 3},
        **{"num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 2, **sizes},
        **{"classifier_proj_size": 8, "num_adapter_layers": 1},
    )
    pool.set_seeds()
    model = library.Wav2Vec2ForSequenceClassification(config).eval()
    extractor = library.Wav2Vec2FeatureExtractor()
    pipe = make_pipe("audio-classification", model, tokenizer=None, feature_extractor=extractor)
    waves = [np.sin(np.arange(size) * 0.1 * i).astype("f4") for i, size in ((1, 400), (2, 640))]
    results = [ask(pipe, each, **options) for each in (waves[0], waves, 3, np.ones((2, 3)))]
    rated = {"array": waves[0], "sampling_rate": 16000}
    results += [ask(pipe, rated, **options), ask(pipe, {"raw": waves[1], "sampling_rate": 16000})]
    results += [ask(pipe, {"array": waves[0]}), ask(pipe, torch.from_numpy(waves[0]))]
    for way in ({"top_k": 1}, {"top_k": None}, {"function_to_apply": "sigmoid"}):
        results.append(ask(pipe, waves[0], **way))
    return [*results, ask(pipe, waves, batch_size=2)]


OF_PROCESSORS = (
    Family(
        prepare_pictures,
        lambda: [*PICTURES],
        lambda _: {"do_rescale": True, "do_normalize": True, "rescale_factor": 0.01},
    ),
    Family(
        prepare_sounds,
        lambda: ["Wav2Vec2FeatureExtractor", "WhisperFeatureExtractor"],
        lambda _: {"padding_value": 0.0, "do_normalize": True, "return_attention_mask": False},
    ),
    Family(
        pad_features,
        lambda: ["", "'left'", "'right',0.5,2", "'no'"],
        lambda _: {},
    ),
    Family(
        see_pictures,
        lambda: ["image-classification", "image-feature-extraction"],
        lambda _: {},
    ),
    Family(hear_sounds, lambda: [""], lambda _: {"top_k": 2}),
)
