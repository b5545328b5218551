"""Files of every kind, rendered from a seed; nothing is downloaded."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SEED = 1
#: Width and height: usual ones, odd ones, one that is enlarged, lines one pixel wide.
SHAPES = [(1280, 960), (640, 480), (480, 640), (333, 251), (97, 61), (1, 300), (300, 1)]
FEW = [(640, 480), (480, 640), (97, 61)]
LARGE = [(5472, 3648), (3648, 5472)]
ORIENTATION = 0x0112
#: How many photographs of the data set are taken, spread over it.
PHOTOGRAPHS = 56


@dataclass(frozen=True)
class Case:
    kind: str
    path: Path
    #: Names the function of `reference.py` that says what is right.
    against: str = "loaded"


def scene(width, height, seed=SEED):
    """Slopes, coloured discs with hard edges, fine stripes, noise: all that decoders and filters differ in."""
    random = np.random.default_rng([seed, width, height])
    y, x = np.ogrid[0:height, 0:width]
    picture = np.empty((height, width, 3), np.float32)
    for channel, (across, down) in enumerate([(1, 0), (0, 1), (-0.5, 0.5)]):
        slope = across * x / max(width - 1, 1) + down * y / max(height - 1, 1)
        picture[..., channel] = 255 * (slope - min(across, 0))
    for _ in range(12):
        left, top = random.uniform(0, width), random.uniform(0, height)
        radius = random.uniform(0.05, 0.3) * max(min(width, height), 8)
        picture[(x - left) ** 2 + (y - top) ** 2 < radius**2] = random.integers(0, 256, 3)
    picture[height // 2 :, width // 2 :] += np.where((x // 2 + y // 3) % 2, 50, -50)[
        height // 2 :, width // 2 :, None
    ]
    picture += random.normal(0, 6, (height, width, 1)).astype(np.float32)
    return picture.clip(0, 255).astype(np.uint8)


def opacity(width, height):
    """From clear to opaque, with steps that a palette can hold, too."""
    return np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8), (height, width))


def sixteen(picture):
    """16 bits a channel; the lower eight are of their own."""
    low = np.random.default_rng(SEED).integers(0, 256, picture.shape, dtype=np.uint16)
    return picture.astype(np.uint16) << 8 | low


def png(levels, path):
    """16 bits a channel, in one to four channels: Pillow writes grey only."""
    height, width, channels = levels.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = levels.astype(">u2").reshape(height, -1).view(np.uint8)
    plain = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
        (b"IDAT", zlib.compress(plain)),
        (b"IEND", b""),
    ]
    whole = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(whole))


def ycck(picture, path):
    """The bytes of a CMYK file, declared as YCCK in its Adobe segment: Pillow only reads that kind."""
    Image.fromarray(picture).convert("CMYK").save(path, quality=90)
    data = bytearray(path.read_bytes())
    at = data.index(b"Adobe") + 11
    data[at] = 2
    path.write_bytes(data)


def with_alpha(picture):
    height, width, _ = picture.shape
    return Image.fromarray(np.dstack([picture, opacity(width, height)]))


def saved(mode=None, **options):
    """Writes a picture by Pillow, in one of its modes."""

    def write(picture, path):
        image = Image.fromarray(picture)
        (image.convert(mode) if mode else image).save(path, **options)

    return write


def saved_with_alpha(mode="RGBA", **options):
    return lambda picture, path: with_alpha(picture).convert(mode).save(path, **options)


def deep(channels, alpha):
    def write(picture, path):
        height, width, _ = picture.shape
        layers = [picture[..., :channels]] + ([opacity(width, height)[..., None]] if alpha else [])
        png(sixteen(np.concatenate(layers, axis=2)), path)

    return write


def animated(**options):
    def write(picture, path):
        later = Image.fromarray(255 - picture)
        Image.fromarray(picture).save(path, save_all=True, append_images=[later], **options)

    return write


def palette_with_clear_colour(picture, path):
    image = Image.fromarray(picture).quantize(64)
    image.save(path, transparency=7)


#: Kind, file name, writer, what it is held against.
KINDS = [
    ("JPEG 4:2:0", "420.jpg", saved(quality=85, subsampling=2), "loaded"),
    ("JPEG 4:2:0, quality 30", "420-30.jpg", saved(quality=30, subsampling=2), "loaded"),
    ("JPEG 4:2:2", "422.jpg", saved(quality=85, subsampling=1), "loaded"),
    ("JPEG 4:4:4", "444.jpg", saved(quality=85, subsampling=0), "loaded"),
    ("JPEG 4:4:4, quality 100", "444-100.jpg", saved(quality=100, subsampling=0), "loaded"),
    ("JPEG stored as RGB", "rgb.jpg", saved(quality=85, keep_rgb=True), "loaded"),
    ("JPEG progressive, 4:2:0", "p420.jpg", saved(quality=85, subsampling=2, progressive=True), "loaded"),
    ("JPEG progressive, 4:4:4", "p444.jpg", saved(quality=85, subsampling=0, progressive=True), "loaded"),
    ("JPEG with restart markers", "restart.jpg", saved(quality=85, restart_marker_rows=1), "loaded"),
    ("JPEG grey", "grey.jpg", saved("L", quality=85), "loaded"),
    ("JPEG CMYK", "cmyk.jpg", saved("CMYK", quality=90), "loaded"),
    ("JPEG YCCK", "ycck.jpg", ycck, "loaded"),
    ("PNG RGB", "rgb.png", saved(), "loaded"),
    ("PNG grey", "grey.png", saved("L"), "loaded"),
    ("PNG grey, 1 bit", "bit.png", saved("1"), "loaded"),
    ("PNG palette", "palette.png", saved("P"), "loaded"),
    ("PNG palette with a clear colour", "clear.png", palette_with_clear_colour, "over_white"),
    ("PNG alpha", "alpha.png", saved_with_alpha(), "over_white"),
    ("PNG grey and alpha", "grey-alpha.png", saved_with_alpha("LA"), "over_white"),
    ("PNG grey, 16 bits", "grey16.png", deep(1, False), "high_byte"),
    ("PNG RGB, 16 bits", "rgb16.png", deep(3, False), "loaded"),
    ("PNG RGB and alpha, 16 bits", "rgba16.png", deep(3, True), "over_white"),
    ("WebP", "lossy.webp", saved(quality=80), "loaded"),
    ("WebP lossless", "lossless.webp", saved(lossless=True), "loaded"),
    ("WebP alpha", "alpha.webp", saved_with_alpha(quality=80), "over_white"),
    ("WebP lossless, alpha", "lossless-alpha.webp", saved_with_alpha(lossless=True), "over_white"),
    ("WebP animated, first frame", "animated.webp", animated(quality=80), "loaded"),
    ("GIF", "plain.gif", saved("P"), "loaded"),
    ("GIF with a clear colour", "clear.gif", palette_with_clear_colour, "over_white"),
    ("GIF animated, first frame", "animated.gif", animated(), "loaded"),
]


def every(folder, photographs, say):
    """All cases; the files are written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for kind, name, write, against in KINDS:
        for width, height in SHAPES:
            path = folder / f"{width}x{height}-{name}"
            write(scene(width, height), path)
            cases.append(Case(kind, path, against))
    for suffix, options in {"jpg": {"quality": 85}, "png": {}, "webp": {"quality": 80}}.items():
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[ORIENTATION] = orientation
            for width, height in FEW:
                path = folder / f"{width}x{height}-orientation-{orientation}.{suffix}"
                saved(exif=exif, **options)(scene(width, height), path)
                name = {"jpg": "JPEG", "png": "PNG", "webp": "WebP"}[suffix]
                cases.append(Case(f"{name}, EXIF orientation 1 to 8", path))
    for width, height in LARGE:
        path = folder / f"{width}x{height}.jpg"
        saved(quality=85)(scene(width, height), path)
        cases.append(Case("JPEG, 20 megapixels", path))
    found = sorted(photographs.glob("**/*.jpg"))
    if found:
        step = max(len(found) // PHOTOGRAPHS, 1)
        cases += [Case("photographs (ETH-80)", path) for path in found[::step]]
    else:
        say(f"left out, for want of {photographs}: the photographs")
    return cases
