"""Defects that the references suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched

IN_BOTH = ("operators[cpu-float32]", "operators[cpu-float64]")
"""The checks of an operator's values."""

SAVED = "saved_states_continue"

DEFECTS = (
    Defect(
        "class weights ignored",
        "references",
        (
            ("operators[cpu-float64]", "nn.functional.cross_entropy(weight="),  # of late samples
            ("layers[cpu]", "CrossEntropyLoss(weight=..."),
        ),
        patched("class_weights_ignored"),
    ),
    Defect(
        "corners that are never aligned",
        "references",
        (
            *((check, "nn.functional.interpolate") for check in IN_BOTH),
            ("layers[cpu]", "align_corners=True"),
        ),
        patched("corners_not_aligned"),
    ),
    Defect(
        "a layer norm with another eps",
        "references",
        (
            *((check, "nn.functional.layer_norm(eps=") for check in IN_BOTH),
            ("layers[cpu]", "LayerNorm(normalized_shape="),
        ),
        patched("norm_eps_ignored"),
    ),
    Defect(
        "a derivative cut short",
        "references",
        (("operator_gradients[cpu]", "nn.functional.softsign: Jacobian mismatch"),),
        patched("gradient_cut"),
    ),
    Defect(
        "recurrent layers with the batch in second place",
        "references",
        (("layers[cpu]", "batch_first=True"),),
        patched("batch_not_first"),
    ),
    Defect(
        "a batch norm with another momentum",
        "references",
        (
            ("kept_statistics[cpu]", "BatchNorm1d(momentum=0.4) keeps statistics that are off by"),
            ("averaged_models", "update_bn leaves another running_mean than the mean"),
        ),
        patched("norm_momentum_ignored"),
    ),
    Defect(
        "padding that is learned",
        "references",
        (
            (
                "gradient_options[cpu]",
                "the gradient of Embedding with {'padding_idx': 2} is off by",
            ),
        ),
        patched("padding_learned"),
    ),
    Defect(
        "AdamW without its decay",
        "references",
        (("optimizers[cpu]", "AdamW() is off by"),),
        patched("adamw_no_decay"),
    ),
    Defect(
        "SGD without Nesterov's momentum",
        "references",
        (("optimizers[cpu]", "SGD(momentum=0.9, nesterov=True"),),
        patched("nesterov_ignored"),
    ),
    Defect(
        "a learning rate that falls a step late",
        "references",
        (("schedules", "StepLR gives 0.4 after 3 steps, not 0.2"),),
        patched("schedule_late"),
        representative=True,
    ),
    Defect(
        "optimizers that load nothing",
        "references",
        (
            (SAVED, "went on otherwise: Ada"),
            ("strict_loading", "an optimizer loaded the state of another number of parameters"),
        ),
        patched("optimizer_state_lost"),
    ),
    Defect(
        "a loss scaler that loads nothing",
        "references",
        ((SAVED, "went on otherwise: GradScaler"),),
        patched("scaler_state_lost"),
    ),
    Defect(
        "averaged weights that load nothing",
        "references",
        ((SAVED, "AveragedModel, AveragedModel with EMA"),),
        patched("average_state_lost"),
    ),
    Defect(
        "a distributed checkpoint that loads nothing",
        "references",
        ((SAVED, "went on otherwise: a distributed checkpoint"),),
        patched("distributed_state_lost"),
    ),
    Defect(
        "states that lack weights and are loaded",
        "references",
        (("strict_loading", "a state without `0.bias` was loaded without an error"),),
        patched("strict_ignored"),
    ),
    Defect(
        "a last batch that is never dropped",
        "references",
        (
            ("loaders[batches]", "len of a loader of"),
            ("loader_workers", "workers cut other batches"),
        ),
        patched("last_batch_kept"),
    ),
    Defect(
        "shuffled samples that repeat",
        "references",
        (("loaders[shuffles]", "which is no new order of them"),),
        patched("shuffle_repeats"),
    ),
    Defect(
        "sample weights ignored",
        "references",
        (("loaders[weights]", "number 0 came"),),
        patched("sample_weights_ignored"),
    ),
    Defect(
        "splits that overlap",
        "references",
        (("loaders[splits]", "overlap or lose samples"),),
        patched("splits_overlap"),
    ),
    Defect(
        "joined data sets that count from the wrong end",
        "references",
        (("loaders[combinations]", "ConcatDataset counts from the end to another sample"),),
        patched("joined_from_the_front"),
    ),
    Defect(
        "epochs of ranks in one order",
        "references",
        (("loaders[ranks]", "the order changed 0 times in 3 epochs"),),
        patched("epoch_ignored"),
    ),
    Defect(
        "a collate function that is not called",
        "references",
        (("loaders[collation]", "a collate_fn of the user is not called with each batch"),),
        patched("collation_ignored"),
    ),
    Defect(
        "workers that all read the whole stream",
        "references",
        (("loader_workers", "a stream of 7 samples over 2 workers gave 14"),),
        patched("worker_info_missing"),
    ),
    Defect(
        "dropout that is not made up for",
        "references",
        (("dropout[cpu]", "scales what it keeps by 1.0000, not 1.1111"),),
        patched("dropout_unscaled"),
    ),
    Defect(
        "recomputed layers with other random numbers",
        "references",
        (("recomputed_layers[cpu]", "gives other gradients than the same layers without it"),),
        patched("recomputed_at_random"),
    ),
    Defect(
        "random numbers drawn aside that move the generator",
        "references",
        (
            ("seeds[cpu]", "fork_rng does not bring back the generators as they were"),
            ("context_managers", "fork_rng and a seed(3) leaves the random state"),
            ("recomputed_layers[cpu]", "use_reentrant=False leaves the generator elsewhere"),
        ),
        patched("fork_leaks"),
    ),
    Defect(
        "Pillow without WebP",
        "references",
        (
            ("picture_files", "Pillow cannot write and read WEBP"),
            ("turned_pictures", "WEBP of Pillow keeps the orientation None, not 1"),
        ),
        patched("webp_missing"),
    ),
    Defect(
        "torchvision without JPEG",
        "references",
        (
            ("picture_decoders", "torchvision not compiled with libjpeg support"),
            ("turned_pictures", "torchvision not compiled with libjpeg support"),
        ),
        patched("jpeg_missing"),
    ),
    Defect(
        "classes numbered as the disk lists them",
        "references",
        (("picture_folders", "classes of ImageFolder are ['c', 'a2', 'a10', 'Z', 'B']"),),
        patched("classes_as_listed"),
    ),
    Defect(
        "a turned picture that says that it is to be turned",
        "references",
        (("turned_pictures", "PIL.ImageOps.exif_transpose: its result still has an orientation"),),
        patched("orientation_left"),
    ),
    Defect(
        "a poster with fewer colours",
        "references",
        (("picture_operations", "PIL.ImageOps.posterize(3) is off by 32 grey levels"),),
        patched("posterize_coarse"),
    ),
    Defect(
        "boxes that are not flipped",
        "references",
        (("picture_transforms", "RandomHorizontalFlip moves boxes as XYXY to another place"),),
        patched("boxes_stay"),
    ),
    Defect(
        "masks that are not flipped",
        "references",
        (("picture_transforms", "RandomVerticalFlip moves mask to another place"),),
        patched("masks_stay"),
    ),
    Defect(
        "boxes that are all kept",
        "references",
        (("boxes", "torchvision.ops.nms gives"),),
        patched("boxes_all_kept"),
    ),
    Defect(
        "boxes of all classes chosen together",
        "references",
        (("boxes", "torchvision.ops.batched_nms gives"),),
        patched("classes_mixed"),
    ),
    Defect(
        "percentiles that are the value below",
        "references",
        (("arrays", "numpy.percentile gives"),),
        patched("percentiles_low"),
    ),
    Defect(
        "a mapped array that is read whole",
        "references",
        (
            ("array_files", "numpy.load(mmap_mode='r') reads the whole file into memory"),
            ("documented_examples", "an example of numpy.load gives something else"),
        ),
        patched("mapped_at_once"),
    ),
    Defect(
        "averages with the statistics of the beginning",
        "references",
        (("averaged_models", "use_buffers=False) is off by"),),
        patched("averages_keep_statistics"),
    ),
    Defect(
        "a converted batch norm without its statistics",
        "references",
        (("converted_models", "after SyncBatchNorm.convert_sync_batchnorm, scores are off"),),
        patched("converted_anew"),
    ),
    Defect(
        "zeros at the ends that stay",
        "references",
        (("documented_examples", "an example of numpy.trim_zeros gives"),),
        patched("zeros_stay"),
    ),
    Defect(
        "sound without a filter",
        "references",
        (("sounds", "resample to 8000 Hz keeps a tone of 6000 Hz"),),
        patched("sound_thinned"),
    ),
    Defect(
        "products off by one percent",
        "references",
        (
            *((check, "matmul(), sample 0, is off by") for check in IN_BOTH),
            ("picture_transforms", "RandomRotation by 90 moves boxes as XYXY to another place"),
            ("challenge", "the answer to `product` has"),
        ),
        patched("matmul_off"),
    ),
    Defect(
        "last states of packed sequences in another order",
        "references",
        (
            (
                "packed_sequences[cpu]",
                "gives for sequence 1 of the packed lengths [4, 1, 3] last states that are off by",
            ),
        ),
        patched("packed_order_lost"),
    ),
    Defect(
        "optimizers that are never freed",
        "references",
        (("dropped_objects_are_freed", "the optimizer is kept after the program dropped it"),),
        patched("optimizers_kept"),
    ),
    Defect(
        "a mode that the end of an inner one switches off",
        "references",
        (("context_managers", "leaves torch.is_anomaly_enabled False, and found True"),),
        patched("anomaly_switched_off"),
    ),
    Defect(
        "a covariance that changes its values",
        "references",
        (("arguments_unchanged", "numpy.cov changes argument 0 of float64"),),
        patched("covariance_in_place"),
    ),
    Defect(
        "a trace that clears its matrix",
        "references",
        tuple((check, "trace(), sample 0, changes what it is given") for check in IN_BOTH),
        patched("trace_in_place"),
    ),
    Defect(
        "a sequence of schedules that forgets its last one",
        "references",
        ((SAVED, "went on otherwise: SequentialLR after 5 steps"),),
        patched("sequence_state_lost"),
    ),
    Defect(
        "an autocast that cannot be switched off inside",
        "references",
        (("context_managers", "has the type of products torch.bfloat16, not torch.float32"),),
        patched("autocast_stays"),
    ),
    Defect(
        "padding that is attended to beside another mask",
        "references",
        (("layers[cpu]", "in training with key_padding_mask and attn_mask is off by"),),
        patched("padding_dropped"),
    ),
    Defect(
        "compiled losses that count ignored targets",
        "references",
        (("decompositions", "nn.functional.cross_entropy(ignore_index=1) by the definition of"),),
        patched("ignored_targets_counted"),
    ),
    Defect(
        "compiled activations that are approximated",
        "references",
        (("decompositions", "nn.functional.gelu(approximate=none) by the definition of"),),
        patched("compiled_gelu_is_tanh"),
    ),
)
