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
        (("results[torchvision]", "hflip"),),
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
        (("results[torchaudio]", "torchaudio.functional.resample"),),
        patched("sound_thinned"),
    ),
    Defect(
        "hidden boxes that are kept, as recorded",
        "recorded",
        (("results[albumentations]", "scenarios.keep_boxes"),),
        patched("hidden_boxes_kept"),
        image="cv",
    ),
    Defect(
        "words chosen the wrong way round, as recorded",
        "recorded",
        (("results[transformers]", "TopPLogitsWarper"),),
        patched("top_p_reversed"),
        image="nlp",
    ),
    Defect(
        "statistics that never rest, as recorded",
        "recorded",
        (("results[stable_baselines3]", "VecNormalize"),),
        patched("statistics_never_rest"),
        image="rl",
    ),
    Defect(
        "copies of frozen layers that are trained",
        "recorded",
        (("results[torch]", "scenarios."),),
        patched("frozen_copied_awake"),
    ),
    Defect(
        "groups that decay alike",
        "recorded",
        (("results[torch]", "scenarios.train_with('AdamW'"),),
        patched("group_decay_ignored"),
    ),
    Defect(
        "a state that loading alters",
        "recorded",
        (("results[torch]", "scenarios."),),
        patched("checkpoint_altered"),
    ),
    Defect(
        "pictures with endings in capitals that are skipped",
        "recorded",
        (("results[torchvision]", "scenarios.use_vision"),),
        patched("capitals_skipped"),
    ),
    Defect(
        "silence by the loudest of a batch",
        "recorded",
        (("results[torchaudio]", "scenarios."),),
        patched("loudest_of_batch"),
    ),
    Defect(
        "pictures from arrays as they lie in memory",
        "recorded",
        (
            ("results[PIL]", "scenarios.make_from_arrays"),
            ("results[torchvision]", "torchvision.utils.draw_keypoints"),
        ),
        patched("columns_taken_for_rows"),
    ),
    Defect(
        "transforms that lose their targets in a file",
        "recorded",
        (("results[albumentations]", "scenarios."),),
        patched("targets_lost"),
        image="cv",
    ),
    Defect(
        "texts that end at the first of several tokens only",
        "recorded",
        (("results[transformers]", "scenarios."),),
        patched("first_end_only"),
        image="nlp",
    ),
    Defect(
        "weights that are missing in a file",
        "recorded",
        (("results[safetensors]", "scenarios."),),
        patched("half_loaded"),
        image="nlp",
    ),
    Defect(
        "padding that stays on its first side",
        "recorded",
        (("results[transformers]", "scenarios."),),
        patched("first_side_kept"),
        image="nlp",
    ),
    Defect(
        "options that leak into other environments",
        "recorded",
        (
            ("results[gymnasium]", "gymnasium."),
            ("results[stable_baselines3]", "stable_baselines3."),
        ),
        patched("options_leak"),
        image="rl",
    ),
    Defect(
        "molten rows with the labels of others",
        "recorded",
        (("results[pandas]", "scenarios."),),
        patched("labels_repeated"),
        image="rl",
    ),
    Defect(
        "pruned parts that one norm chooses",
        "recorded",
        (("results[torch]", "scenarios.prune_parts"),),
        patched("norms_alike"),
    ),
    Defect(
        "exported programs that take what is too large",
        "recorded",
        (("results[torch]", "scenarios."),),
        patched("large_inputs_taken"),
    ),
    Defect(
        "periods whose points are not sorted",
        "recorded",
        (("results[numpy]", "scenarios."),),
        patched("periods_unsorted"),
    ),
    Defect(
        "smoothed edges that are not scaled",
        "recorded",
        (("results[scipy]", "scenarios.use_science"),),
        patched("edges_unscaled"),
        image="cv",
    ),
    Defect(
        "an evaluation that learns",
        "recorded",
        (("results[gymnasium]", "scenarios.normalize_many"),),
        patched("evaluation_learns"),
        image="rl",
    ),
    Defect(
        "joined rows that are not checked",
        "recorded",
        (("results[pandas]", "scenarios.combine_rows"),),
        patched("copies_unchecked"),
        image="rl",
    ),
    Defect(
        "a schedule that leaves the momentum of Adam",
        "recorded",
        (("results[torch]", "scenarios.follow_groups('OneCycleLR','Adam'"),),
        patched("momentum_stays"),
    ),
    Defect(
        "hooks that are called in the first pass only",
        "recorded",
        (("results[torch]", "scenarios.repeat_hooks('any')"),),
        patched("first_pass_only"),
    ),
    Defect(
        "traces that are compared for the first inputs only",
        "recorded",
        (("results[torch]", "scenarios.play_scripts('traces')"),),
        patched("first_inputs_checked"),
    ),
    Defect(
        "rules of quantization in the wrong order",
        "recorded",
        (("results[torch]", "scenarios.quantize_net('options')"),),
        patched("last_rule_counts"),
    ),
    Defect(
        "accents that cannot be kept",
        "recorded",
        (("results[tokenizers]", "scenarios.use_implementation('BertWordPieceTokenizer'"),),
        patched("accents_by_case"),
        image="nlp",
    ),
)
