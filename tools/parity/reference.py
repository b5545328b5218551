"""What is right: Pillow, and the image processors of Hugging Face that work by it.

`transformers` loads a file upright and as RGB. Where Pillow's conversion to RGB is not
what is wanted, the reference is built from Pillow's own parts: see `over_white` and
`high_byte`.
"""

import numpy as np
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor, SiglipImageProcessor
from transformers.image_utils import load_image

#: Every level stays what it is, so that pixels can be compared.
PLAIN = {"do_rescale": False, "do_normalize": False}
CLIP = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "resample": 3,
    **PLAIN,
}
EXACT = {
    "image_processor_type": "SiglipImageProcessor",
    "size": {"height": 224, "width": 224},
    "resample": 3,
    **PLAIN,
}
PROCESSORS = {"CLIPImageProcessor": CLIPImageProcessor, "SiglipImageProcessor": SiglipImageProcessor}


def loaded(path):
    """As Hugging Face loads it: EXIF orientation, then `convert("RGB")`."""
    return load_image(str(path))


def over_white(path):
    """Transparency laid over white; `convert("RGB")` would show whatever colour is hidden there."""
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")


def high_byte(path):
    """The higher byte of grey 16-bit levels; `convert("RGB")` would make all above 255 white."""
    levels = np.asarray(ImageOps.exif_transpose(Image.open(path)), np.uint32)
    return Image.fromarray((levels >> 8).astype(np.uint8)).convert("RGB")


WAYS = {"loaded": loaded, "over_white": over_white, "high_byte": high_byte}


def prepared(image, settings):
    """The numbers that a network reads: channels, rows, columns."""
    settings = dict(settings)
    processor = PROCESSORS[settings.pop("image_processor_type")](**settings)
    # Else a picture one pixel high would be taken for channels.
    layout = {"return_tensors": "np", "input_data_format": "channels_last"}
    return processor(images=np.asarray(image), **layout)["pixel_values"][0]
