"""What a preprocessor_config.json of CLIP asks for, with Pillow and NumPy."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


class Prepare:
    """Bytes to [3, side, side] numbers, step by step as Hugging Face's slow processor."""

    def __init__(self, folder):
        config = json.loads((Path(folder) / "preprocessor_config.json").read_text())
        self.edge = config["size"]["shortest_edge"]
        self.side = config["crop_size"]["height"]
        self.filter = Image.Resampling(config["resample"])
        mean, std = (np.asarray(config[name], np.float32) for name in ("image_mean", "image_std"))
        self.scale, self.offset = np.float32(config["rescale_factor"]) / std, -mean / std

    def decoded(self, data):
        picture = Image.open(BytesIO(data))
        picture = ImageOps.exif_transpose(picture)
        return picture.convert("RGB")

    def resized(self, data):
        picture = self.decoded(data)
        shorter = min(picture.size)
        width, height = (side * self.edge // shorter for side in picture.size)
        picture = picture.resize((width, height), self.filter)
        left, top = (width - self.side) // 2, (height - self.side) // 2
        return picture.crop((left, top, left + self.side, top + self.side))

    def all(self, data):
        numbers = np.asarray(self.resized(data), np.float32) * self.scale + self.offset
        return np.ascontiguousarray(numbers.transpose(2, 0, 1))
