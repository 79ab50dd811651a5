"""Defects that the suite recorded must catch: no definition is written for what it records.

Some are planted for other suites, too: there a definition sees them, here a changed result.
"""

from __future__ import annotations

from tests.defects.defect import Defect, patched

DEFECTS = (
    Defect(
        "weights of classes that change no result",
        "recorded",
        (("results[torch]", "torch.nn.functional.cross_entropy"),),
        patched("class_weights_ignored"),
        representative=True,
    ),
    Defect(
        "a schedule that is late, as recorded",
        "recorded",
        (("results[torch]", "scenarios.follow"),),
        patched("schedule_late"),
    ),
    Defect(
        "quantiles that are low, as recorded",
        "recorded",
        (("results[numpy]", "numpy.percentile"),),
        patched("percentiles_low"),
    ),
    Defect(
        "boxes that stay, as recorded",
        "recorded",
        (("results[torchvision]", "scenarios.transform_all('RandomHorizontalFlip'"),),
        patched("boxes_stay"),
    ),
    Defect(
        "coarse posters, as recorded",
        "recorded",
        (
            ("results[PIL]", "PIL.ImageOps.posterize"),
            ("results[torchvision]", "torchvision.transforms.functional.posterize"),
        ),
        patched("posterize_coarse"),
    ),
    Defect(
        "thinned sound, as recorded",
        "recorded",
        (("sounds", "torchaudio.functional.resample"),),
        patched("sound_thinned"),
    ),
    Defect(
        "hidden boxes that are kept, as recorded",
        "recorded",
        (("stacks", "scenarios.keep_boxes"),),
        patched("hidden_boxes_kept"),
        image="cv",
    ),
    Defect(
        "words chosen the wrong way round, as recorded",
        "recorded",
        (("stacks", "TopPLogitsWarper"),),
        patched("top_p_reversed"),
        image="nlp",
    ),
    Defect(
        "statistics that never rest, as recorded",
        "recorded",
        (("stacks", "VecNormalize"),),
        patched("statistics_never_rest"),
        image="rl",
    ),
)
