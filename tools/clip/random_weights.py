"""Random weights of the real sizes, for measuring where no trained ones can be had.

The same seed gives the same weights. Their spreads are those that CLIP's training began
with (`initialize_parameters` in OpenAI's model.py), so numbers stay in a sane range
through all layers; the vectors mean nothing.
"""

from dataclasses import dataclass

import numpy as np

from towers import Model, Tower

EPSILON = 1e-5
VOCABULARY, CONTEXT = 49408, 77
END = VOCABULARY - 1


@dataclass(frozen=True)
class Size:
    """Of one architecture; heads are 64 wide."""

    patch: int
    vision_layers: int
    vision_width: int
    text_layers: int
    text_width: int
    dimension: int
    image: int = 224
    vocabulary: int = VOCABULARY
    context: int = CONTEXT

    def tower(self, width):
        return Tower(heads=max(1, width // 64), activation="quick_gelu", epsilon=EPSILON)


SIZES = {
    "ViT-B/32": Size(32, 12, 768, 12, 512, 512),
    "ViT-B/16": Size(16, 12, 768, 12, 512, 512),
    "ViT-L/14": Size(14, 24, 1024, 12, 768, 768),
}


def random_model(size, seed=1):
    draw = Draw(np.random.default_rng(seed))
    width, dimension = size.vision_width, size.dimension
    patches = (size.image // size.patch) ** 2
    below = "vision_model."
    draw.normal(f"{below}embeddings.class_embedding", width**-0.5, width)
    inputs = 3 * size.patch**2
    draw.normal(f"{below}embeddings.patch_embedding.weight", inputs**-0.5, width, 3, size.patch, size.patch)
    draw.normal(f"{below}embeddings.position_embedding.weight", width**-0.5, patches + 1, width)
    for name in ("pre_layrnorm", "post_layernorm"):
        draw.norm(below + name, width)
    draw.layers(below, size.vision_layers, width)
    draw.normal("visual_projection.weight", width**-0.5, dimension, width)
    width, below = size.text_width, "text_model."
    draw.normal(f"{below}embeddings.token_embedding.weight", 0.02, size.vocabulary, width)
    draw.normal(f"{below}embeddings.position_embedding.weight", 0.01, size.context, width)
    draw.layers(below, size.text_layers, width)
    draw.norm(f"{below}final_layer_norm", width)
    draw.normal("text_projection.weight", width**-0.5, dimension, width)
    return Model(
        vision=size.tower(size.vision_width),
        text=size.tower(size.text_width),
        end=size.vocabulary - 1,
        weights=draw.weights,
    )


class Draw:
    def __init__(self, rng):
        self.rng, self.weights = rng, {}

    def normal(self, name, deviation, *shape):
        values = self.rng.standard_normal(shape, dtype=np.float32)
        self.weights[name] = values * np.float32(deviation)

    def norm(self, name, width):
        self.weights[f"{name}.weight"] = np.ones(width, np.float32)
        self.weights[f"{name}.bias"] = np.zeros(width, np.float32)

    def layers(self, below, count, width):
        first, second = (2 * width) ** -0.5, width**-0.5 * (2 * count) ** -0.5
        shapes = {f"self_attn.{part}_proj": (width**-0.5, width, width) for part in "qkv"}
        shapes |= {"self_attn.out_proj": (second, width, width)}
        shapes |= {"mlp.fc1": (first, 4 * width, width), "mlp.fc2": (second, width, 4 * width)}
        for place in range(count):
            layer = f"{below}encoder.layers.{place}."
            for name, (deviation, *shape) in shapes.items():
                self.normal(f"{layer}{name}.weight", deviation, *shape)
                self.normal(f"{layer}{name}.bias", 0.01, shape[0])
            for name in ("layer_norm1", "layer_norm2"):
                self.norm(layer + name, width)
