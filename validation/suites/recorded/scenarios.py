"""The programs whose results are recorded, by package.

A recorded call names the class and its options, for instance `scenarios.train_with('AdamW',
amsgrad=True)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .programs.albumentations import of_augmentations, of_compositions
from .programs.families import Family
from .programs.gymnasium import (
    of_environments,
    of_games,
    of_rules,
    of_spaces,
    of_vectors,
    of_wrappers,
)
from .programs.huggingface_hub import of_hub
from .programs.numpy import of_arrays, of_numbers, of_records
from .programs.pandas import (
    of_bins,
    of_joins,
    of_kinds,
    of_labels,
    of_readers,
    of_shapes,
    of_tables,
    of_windows,
)
from .programs.pillow import of_changes, of_drawing, of_files
from .programs.safetensors import of_weight_files
from .programs.scipy import of_chances, of_filters, of_matrices, of_science
from .programs.stable_baselines3 import (
    of_agents,
    of_buffers,
    of_helpers,
    of_logs,
    of_training,
    of_worlds,
)
from .programs.tokenizers import of_tokenizers
from .programs.torch import (
    of_archives,
    of_assertions,
    of_attention,
    of_autograd,
    of_averages,
    of_benchmarks,
    of_compiling,
    of_distributions,
    of_exports,
    of_functions,
    of_gradients,
    of_graphs,
    of_layouts,
    of_loading,
    of_modes,
    of_modules,
    of_nested,
    of_operators,
    of_profiles,
    of_quantized_kinds,
    of_quantized_layers,
    of_quantized_nets,
    of_quantized_parts,
    of_quantizing,
    of_references,
    of_saving,
    of_scripts,
    of_sequences,
    of_steps,
    of_tensors,
    of_torch,
    of_weights,
)
from .programs.torchaudio import of_audio, of_beams, of_recordings, of_voices
from .programs.torchvision import (
    of_boxes,
    of_datasets,
    of_detection,
    of_nets,
    of_pictures,
    of_transforms,
)
from .programs.transformers import (
    of_answers,
    of_chats,
    of_checkpoints,
    of_encodings,
    of_generation,
    of_memories,
    of_models,
    of_pipelines,
    of_processors,
    of_scores,
    of_spellings,
    of_texts,
    of_tokens,
    of_trainers,
)

FAMILIES: dict[str, tuple[Family, ...]] = {
    "torch": (
        *of_torch.FAMILIES,
        *of_modules.OF_MODULES,
        *of_sequences.OF_SEQUENCES,
        *of_loading.OF_LOADING,
        *of_saving.OF_SAVING,
        *of_gradients.OF_GRADIENTS,
        *of_autograd.OF_AUTOGRAD,
        *of_modes.OF_MODES,
        *of_distributions.OF_DISTRIBUTIONS,
        *of_weights.OF_WEIGHTS,
        *of_averages.OF_AVERAGES,
        *of_functions.OF_FUNCTIONS,
        *of_tensors.OF_TENSORS,
        *of_graphs.OF_GRAPHS,
        *of_scripts.OF_SCRIPTS,
        *of_exports.OF_EXPORTS,
        *of_compiling.OF_COMPILING,
        *of_quantizing.OF_QUANTIZING,
        *of_quantized_layers.OF_QUANTIZED_LAYERS,
        *of_quantized_nets.OF_QUANTIZED_NETS,
        *of_quantized_kinds.OF_QUANTIZED_KINDS,
        *of_profiles.OF_PROFILES,
        *of_benchmarks.OF_BENCHMARKS,
        *of_operators.OF_OPERATORS,
        *of_references.OF_REFERENCES,
        *of_archives.OF_ARCHIVES,
        *of_assertions.OF_ASSERTIONS,
        *of_attention.OF_ATTENTION,
        *of_nested.OF_NESTED,
        *of_layouts.OF_LAYOUTS,
        *of_steps.OF_STEPS,
        *of_quantized_parts.OF_QUANTIZED_PARTS,
    ),
    "torchaudio": of_audio.OF_TORCHAUDIO
    + of_voices.OF_VOICES
    + of_recordings.OF_RECORDINGS
    + of_beams.OF_BEAMS,
    "numpy": of_arrays.OF_ARRAYS + of_numbers.OF_NUMBERS + of_records.OF_RECORDS,
    "PIL": of_files.OF_FILES + of_changes.OF_CHANGES + of_drawing.OF_DRAWING,
    "pandas": of_tables.OF_PANDAS
    + of_bins.OF_BINS
    + of_joins.OF_JOINS
    + of_shapes.OF_SHAPES
    + of_windows.OF_WINDOWS
    + of_labels.OF_LABELS
    + of_kinds.OF_KINDS
    + of_readers.OF_READERS,
    "scipy": of_filters.OF_SCIPY
    + of_science.OF_SCIENCE
    + of_matrices.OF_MATRICES
    + of_chances.OF_CHANCES,
    "torchvision": of_pictures.OF_TORCHVISION
    + of_detection.OF_DETECTION
    + of_boxes.OF_BOXES
    + of_transforms.OF_TRANSFORMS
    + of_datasets.OF_DATASETS
    + of_nets.OF_NETS,
    "albumentations": of_pictures.OF_ALBUMENTATIONS
    + of_augmentations.OF_AUGMENTATIONS
    + of_compositions.OF_COMPOSITIONS,
    "gymnasium": of_environments.OF_GYMNASIUM
    + of_spaces.OF_SPACES
    + of_vectors.OF_VECTORS
    + of_wrappers.OF_WRAPPERS
    + of_games.OF_GAMES
    + of_rules.OF_RULES,
    "stable_baselines3": of_environments.OF_STABLE_BASELINES3
    + of_agents.OF_AGENTS
    + of_training.OF_TRAINING
    + of_logs.OF_LOGS
    + of_buffers.OF_BUFFERS
    + of_worlds.OF_WORLDS
    + of_helpers.OF_HELPERS,
    "transformers": of_texts.OF_TRANSFORMERS
    + of_tokens.OF_FAST
    + of_models.OF_MODELS
    + of_generation.OF_GENERATION
    + of_pipelines.OF_READERS
    + of_chats.OF_CHATS
    + of_answers.OF_ANSWERS
    + of_trainers.OF_TRAINERS
    + of_checkpoints.OF_CHECKPOINTS
    + of_processors.OF_PROCESSORS
    + of_encodings.OF_ENCODINGS
    + of_memories.OF_MEMORIES
    + of_scores.OF_SCORES
    + of_spellings.OF_SPELLINGS,
    "tokenizers": of_tokenizers.OF_TOKENIZERS,
    "safetensors": of_weight_files.OF_SAFETENSORS,
    "huggingface_hub": of_hub.OF_HUB + of_weight_files.OF_WEIGHT_FILES,
    "torchmetrics": of_texts.OF_TORCHMETRICS,
}


def find_program(name: str) -> Callable[..., Any]:
    """Return the program of a name. Raises AttributeError if there is none."""
    for family in (each for families in FAMILIES.values() for each in families):
        if family.program.__name__ == name:
            return family.program
    raise AttributeError(f"there is no program {name}")
