"""Programs that give transforms of albumentations their options, one after the other."""

from __future__ import annotations

from typing import Any

from .. import telling
from ..families import Family
from ..torchvision.of_pictures import augment

PART = 10
"""So many transforms are in one call."""

CROPS = """
"Crop", x_min=1, y_min=2, x_max=9, y_max=12
"Crop", x_min=-3, y_min=2, x_max=20, y_max=30, pad_if_needed=True
"CenterCrop", height=20, width=20, pad_if_needed=True, border_mode=2
"CenterCrop", height=20, width=9, pad_if_needed=True, fill=7, fill_mask=3
"RandomResizedCrop", size=(9, 8), scale=(0.3, 0.6), ratio=(0.5, 0.9)
"RandomResizedCrop", size=(9, 8), area_for_downscale="image_mask"
"RandomSizedCrop", min_max_height=(4, 9), size=(6, 5), w2h_ratio=0.7
"CropAndPad", px=(-2, 3), keep_size=False, sample_independently=False, fill=(1, 9)
"RandomCropFromBorders", crop_left=0.3, crop_top=0.2
"BBoxSafeRandomCrop", erosion_rate=0.5
"RandomSizedBBoxSafeCrop", height=8, width=7, erosion_rate=0.2
"CropNonEmptyMaskIfExists", height=5, width=4
"CropNonEmptyMaskIfExists", height=5, width=4, ignore_values=[1, 2]
"AtLeastOneBBoxRandomCrop", height=8, width=6, erosion_factor=0.3
"RandomCropNearBBox", max_part_shift=(0.1, 0.4)
"""

CROPS += telling.fill_lines(
    '"RandomCrop", 20, 9, pad_if_needed=True, pad_position="AT"\n',
    AT="center top_left top_right bottom_left bottom_right random",
)

CROPS += telling.fill_lines(
    '"CropAndPad", SIZE\n',
    SIZE="2 -3 (-2,3) ((1,2),(1,3),(-2,1),(0,1)) [1,-1] None,0.1 None,-0.2 None,(-0.1,0.2)",
)

SIZES = """
"Resize", height=7, width=20, interpolation=2
"RandomScale", scale_limit=(0.3, 0.5), mask_interpolation=1
"PadIfNeeded", min_height=None, min_width=None, pad_height_divisor=7, pad_width_divisor=5
"Pad", padding=2, border_mode=0
"Pad", padding=(1, 3), border_mode=1
"Pad", padding=(1, 2, 3, 4), border_mode=4
"Affine", scale=(0.7, 0.7)
"Affine", translate_px={"x": 2, "y": -3}
"Affine", translate_percent=0.2
"Affine", rotate=30, fit_output=True
"Affine", shear={"x": 10, "y": (5, 5)}
"Affine", rotate=20, keep_ratio=True
"Affine", rotate=20, rotate_method="ellipse", balanced_scale=True, border_mode=1
"Rotate", limit=(20, 40), crop_border=True
"Rotate", limit=(20, 40), rotate_method="ellipse"
"Rotate", limit=(20, 40), border_mode=4
"RandomGridShuffle", grid=(2, 3)
"ShiftScaleRotate", shift_limit=0.2, rotate_limit=30
"GridElasticDeform", num_grid_xy=(3, 4), magnitude=3
"ElasticTransform", alpha=20, sigma=3, same_dxdy=True
"ElasticTransform", alpha=20, sigma=3
"OpticalDistortion", distort_limit=0.5, mode="fisheye"
"GridDistortion", num_steps=3, distort_limit=0.5, normalized=False
"ThinPlateSpline", scale_range=(0.3, 0.3), num_control_points=3
"Morphological", scale=(2, 3), operation="erosion"
"""

SIZES += telling.fill_lines(
    '"NAMEestMaxSize", SIZE\n',
    NAME="Long Small",
    SIZE="9 [7,30] max_size_hw=(8,8) max_size_hw=(None,9)",
)

SIZES += telling.fill_lines('"PadIfNeeded", 20, 21, position="AT"\n', AT="center top_left random")

SIZES += telling.fill_lines('"Perspective", OPTION\n', OPTION="0.2 fit_output=True keep_size=False")

SIZES += telling.fill_lines('"NAME"\n', NAME="D4 Transpose SquareSymmetry RandomRotate90")

HOLES = """
"CoarseDropout", hole_height_range=(0.5, 0.6), hole_width_range=(0.5, 0.6), fill_mask=3
"GridDropout", ratio=0.4, holes_number_xy=(2, 3)
"GridDropout", ratio=0.4, unit_size_range=(3, 5), random_offset=False
"GridDropout", ratio=0.4, shift_xy=(1, 2), random_offset=False, fill_mask=1
"XYMasking", num_masks_x=(1, 2), num_masks_y=2, mask_x_length=(2, 3), mask_y_length=2, fill=9
"MaskDropout", max_objects=2, fill=0, fill_mask=4
"MaskDropout", max_objects=2, fill=7.0, fill_mask=4
"ConstrainedCoarseDropout", (2, 3), (0.3, 0.5), (0.3, 0.5), mask_indices=[1, 2]
"ConstrainedCoarseDropout", (2, 3), (0.3, 0.5), (0.3, 0.5), bbox_labels=[1]
"ChannelDropout", channel_drop_range=(1, 2), fill=50
"TimeMasking", time_mask_param=5
"FrequencyMasking", freq_mask_param=5
"TimeReverse"
"""

HOLES += telling.fill_lines(
    '"CoarseDropout", (2, 3), (0.2, 0.4), (0.2, 0.4), FILL\n',
    FILL="9 (1,2,3) 'random' 'random_uniform'",
)

HOLES += telling.fill_lines(
    '"PixelDropout", 0.3, OPTION\n', OPTION="per_channel=True drop_value=None mask_drop_value=5"
)

COLOURS = """
"Normalize", mean=0.4, std=(0.2, 0.3, 0.1), max_pixel_value=200.0
"CLAHE", tile_grid_size=(2, 2)
"Equalize", mode="pil", by_channels=False
"AutoContrast", cutoff=5, method="pil"
"GaussNoise", std_range=(0.1, 0.2), per_channel=False
"GaussNoise", std_range=(0.1, 0.2), noise_scale_factor=0.5
"ImageCompression", compression_type="jpeg", quality_range=(20, 30)
"ImageCompression", compression_type="webp", quality_range=(20, 30)
"RandomBrightnessContrast", brightness_by_max=True, ensure_safe_range=True
"RandomBrightnessContrast", brightness_by_max=False
"ColorJitter", brightness=(0.5, 0.6), hue=(0.2, 0.3)
"Solarize", threshold_range=(0.2, 0.4)
"RandomToneCurve", per_channel=True
"FancyPCA", alpha=0.5
"Sharpen", method="gaussian"
"Blur", blur_limit=5
"GlassBlur", iterations=1
"Defocus", radius=3
"MotionBlur", blur_limit=(5, 7), allow_shifted=False
"GaussianBlur", sigma_limit=1.5
"AdvancedBlur", blur_limit=(3, 5)
"MedianBlur", blur_limit=5
"Superpixels", n_segments=9
"Downscale", scale_range=(0.3, 0.4)
"RandomRain", rain_type="heavy"
"RandomSnow", method="texture"
"Spatter", mode="mud"
"MultiplicativeNoise", elementwise=True
"PlanckianJitter", mode="cied"
"HEStain", method="random_preset"
"""

COLOURS += telling.fill_lines(
    '"Normalize", normalization="KIND"\n',
    KIND="standard image image_per_channel min_max min_max_per_channel",
)

COLOURS += telling.fill_lines(
    '"ToGray", method="KIND"\n', KIND="weighted_average from_lab desaturation average max pca"
)

COLOURS += telling.fill_lines(
    '"AdditiveNoise", "KIND"\n',
    KIND='uniform","per_pixel gaussian","shared laplace","constant beta","per_pixel',
)

COLOURS += telling.fill_lines('"Illumination", "KIND"\n', KIND="linear corner gaussian")

COLOURS += telling.fill_lines('"Posterize", BITS\n', BITS="3 (2,5) [1,3,5]")

COLOURS += telling.fill_lines(
    '"NAME"\n',
    NAME="ZoomBlur UnsharpMask ToRGB ToSepia ToFloat ChannelShuffle RandomFog RandomShadow",
)

COLOURS += telling.fill_lines(
    '"NAME"\n', NAME="SaltAndPepper ShotNoise ISONoise RingingOvershoot Emboss Spatter PlasmaShadow"
)

COLOURS += telling.fill_lines('"NAME"\n', NAME="PlasmaBrightnessContrast RandomGravel Dithering")

LISTS = {"crops": CROPS, "sizes": SIZES, "holes": HOLES, "colours": COLOURS}


def list_options(part: str) -> list[str]:
    """Return the names of transforms with their options."""
    return [each for each in LISTS[part].splitlines() if each]


def augment_each(part: str, first: int) -> list[Any]:
    """Return what ten transforms of a part make of a picture with all that belongs to it."""
    options = list_options(part)[first : first + PART]
    return telling.play_lines("\n".join(f"augment({each})" for each in options), augment=augment)


def list_parts() -> list[str]:
    """Return the values of calls for all transforms with options."""
    return [f"'{part}',{n}" for part in LISTS for n in range(0, len(list_options(part)), PART)]


OF_AUGMENTATIONS = (Family(augment_each, list_parts, lambda _: None),)
