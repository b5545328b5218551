"""Pictures that cost what photographs cost to decode.

Each is noise whose amplitude falls with the frequency as that of photographs does, in
three channels that are mostly alike, under a few flat shapes with sharp edges. The same
seed gives the same pictures.
"""

from io import BytesIO

import numpy as np
from PIL import Image

QUALITY = 90
#: Pillow's number for 4:2:0.
SUBSAMPLING = 2
#: Photographs have 1.2 ± 0.2 (Tolhurst, Tadmor and Chao 1992). With this, 640 × 480 pixels
#: take about 100 KiB, as photographs of this quality do.
FALL = 1.3


def picture(rng, width, height):
    luma = noise(rng, width, height)
    channels = [0.95 * luma + 0.3 * noise(rng, width, height) for _ in range(3)]
    pixels = np.stack(channels, axis=-1) * 45 + 120
    rows, columns = np.mgrid[:height, :width]
    for _ in range(6):
        middle = rng.uniform((0, 0), (height, width))
        radii = rng.uniform(0.05, 0.2, 2) * min(width, height)
        inside = ((rows - middle[0]) / radii[0]) ** 2 + ((columns - middle[1]) / radii[1]) ** 2 < 1
        pixels[inside] = 0.4 * pixels[inside] + 0.6 * rng.uniform(0, 255, 3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def noise(rng, width, height):
    """Mean 0, deviation 1."""
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)[:, None]
    frequency = np.hypot(across, down)
    frequency[0, 0] = np.inf
    waves = np.fft.rfft2(rng.standard_normal((height, width), dtype=np.float32)) / frequency**FALL
    values = np.fft.irfft2(waves, (height, width))
    return (values - values.mean()) / values.std()


def write(folder, count, width, height, seed=1):
    """Paths of so many JPEG files, made unless they are there."""
    folder = folder / f"{width}x{height}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}-{place}.jpg" for place in range(count)]
    for place, path in enumerate(paths):
        if path.exists():
            continue
        made, file = picture(np.random.default_rng([seed, place]), width, height), BytesIO()
        made.save(file, "JPEG", quality=QUALITY, subsampling=SUBSAMPLING)
        part = path.with_suffix(".part")
        part.write_bytes(file.getvalue())
        part.replace(path)
    return paths
