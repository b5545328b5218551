"""Checksums of what Pillow makes of random pictures in all sizes and by every filter.

`crates/pixel-resample/tests/pillow.rs` draws the same pictures and compares.
"""

import numpy as np
from PIL import Image

#: Lines one pixel wide, the smallest, odd ones, usual ones; some are reduced much, some
#: more down than across, where Pillow takes the other axis first.
SOURCES = [(1, 1), (1, 300), (300, 1), (2, 2), (3, 2), (5, 4), (49, 3), (97, 61), (333, 251), (640, 480), (1500, 40), (60, 200)]
#: `None` keeps that side, so that one pass is left out.
SIZES = [(1, 1), (2, 3), (7, 5), (16, 14), (64, 60), (33, 224), (298, 224), (99, 33), (50, 100), (40, 160), (39, 158), (None, 9), (17, None), (None, None)]
FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


def mixed(count):
    """SplitMix64 of 0, 1, 2, …: 64 random bits each."""
    bits = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def picture(width, height):
    """Random levels, half of them the darkest or the brightest."""
    bits = mixed(width * height * 3)
    chosen = (bits >> np.uint64(62)).astype(np.int8)
    levels = np.where(chosen == 0, 0, np.where(chosen == 1, 255, bits & np.uint64(255)))
    return Image.fromarray(levels.astype(np.uint8).reshape(height, width, 3))


def checksum(image):
    levels = np.asarray(image).reshape(-1)
    return int((levels.astype(np.uint64) * mixed(levels.size)).sum(dtype=np.uint64))


def write(path):
    lines = []
    for source in SOURCES:
        image = picture(*source)
        for size in dict.fromkeys(tuple(new or old for new, old in zip(size, source)) for size in SIZES):
            for name in FILTERS:
                resized = image.resize(size, Image.Resampling[name.upper()])
                lines.append(f"{source[0]} {source[1]} {size[0]} {size[1]} {name} {checksum(resized):016x}\n")
    path.write_text("".join(lines))
