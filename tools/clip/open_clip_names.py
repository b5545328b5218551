"""What open_clip says of a model, in the words of transformers."""

import numpy as np

from towers import Tower

#: `LayerNorm` of PyTorch.
EPSILON = 1e-5
#: Settings that are read below, or that only say how large a tower is, as its weights do.
VISION = {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio"}
TEXT = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "hf_tokenizer_name"}
MODEL = {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"}
RESAMPLE = {"bicubic": 3, "bilinear": 2}

BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
VISION_NAMES = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
TEXT_NAMES = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}


def towers(config):
    """The image and the text tower of a `model_cfg`."""
    for known, part, what in [
        (MODEL, config, "model_cfg"),
        (VISION, config["vision_cfg"], "vision_cfg"),
        (TEXT, config["text_cfg"], "text_cfg"),
    ]:
        unknown = [name for name in part if name not in known and part[name] not in (None, False)]
        if unknown:
            raise ValueError(f"open_clip_config.json: {unknown[0]} in {what} is not supported")
    if not isinstance(config["vision_cfg"]["layers"], int):
        raise ValueError("open_clip_config.json: only vision transformers are supported, no ResNet")
    activation = "quick_gelu" if config.get("quick_gelu") else "gelu"
    head_width = config["vision_cfg"].get("head_width", 64)
    return (
        Tower(config["vision_cfg"]["width"] // head_width, activation, EPSILON),
        Tower(config["text_cfg"]["heads"], activation, EPSILON),
    )


def renamed(weights):
    """All weights under the names of transformers. Unknown names stay, to be refused later."""
    found = {}
    for name, array in weights.items():
        if name.startswith("visual."):
            add(found, "vision_model.", name.removeprefix("visual."), array, VISION_NAMES, "visual_projection")
        else:
            add(found, "text_model.", name.removeprefix("text."), array, TEXT_NAMES, "text_projection")
    return found


def add(found, below, name, array, names, projection):
    if name in ("proj", "text_projection"):
        found[f"{projection}.weight"] = array.T
    elif name in names:
        found[below + names[name]] = array
    elif name.startswith("transformer.resblocks."):
        _, _, place, part = name.split(".", 3)
        add_to_block(found, f"{below}encoder.layers.{place}.", part, array)
    elif name not in ("logit_scale", "logit_bias", "attn_mask"):
        # None of these three takes part in a vector.
        found[below + name] = array


def add_to_block(found, layer, part, array):
    module, _, kind = part.rpartition(".")
    if module == "attn" and kind.startswith("in_proj_"):
        # Queries, keys and values on top of each other.
        for letter, third in zip("qkv", np.split(array, 3)):
            found[f"{layer}self_attn.{letter}_proj.{kind.removeprefix('in_proj_')}"] = third
    else:
        found[f"{layer}{BLOCK.get(module, module)}.{kind}"] = array


def as_open_clip(weights):
    """The way back: weights of transformers under the names of open_clip."""
    found = {}
    for name, array in weights.items():
        is_vision = name.startswith("vis")
        prefix, own = ("visual.", VISION_NAMES) if is_vision else ("", TEXT_NAMES)
        short = name.partition(".")[2]
        back = {new: old for old, new in own.items()}
        if name in ("visual_projection.weight", "text_projection.weight"):
            found["visual.proj" if is_vision else "text_projection"] = array.T
        elif short in back:
            found[prefix + back[short]] = array
        else:
            # encoder.layers.PLACE.MODULE.KIND
            _, _, place, part = short.split(".", 3)
            module, _, kind = part.rpartition(".")
            layer = f"{prefix}transformer.resblocks.{place}."
            if module == "self_attn.q_proj":
                three = [weights[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
                found[f"{layer}attn.in_proj_{kind}"] = np.concatenate(three)
            elif module not in ("self_attn.k_proj", "self_attn.v_proj"):
                blocks = {new: old for old, new in BLOCK.items()}
                found[f"{layer}{blocks[module]}.{kind}"] = array
    return found


def preprocessor(preprocess, model):
    """A preprocessor_config.json that does what open_clip's `image_transform` does."""
    mode = preprocess.get("resize_mode", "shortest")
    resample = RESAMPLE.get(preprocess.get("interpolation", "bicubic"))
    if mode != "shortest" or resample is None:
        raise ValueError(f"open_clip_config.json: the preprocessing {preprocess} is not supported")
    side = preprocess.get("size", model["vision_cfg"].get("image_size", 224))
    side = side[0] if isinstance(side, list) else side
    return clip_preprocessor(side, preprocess["mean"], preprocess["std"], resample)


def clip_preprocessor(side, mean, std, resample=3):
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": resample,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(std),
    }
