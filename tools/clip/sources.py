"""Models as their libraries keep them: a folder of transformers or open_clip.

Guarantee: a setting that changes the vectors and is not known here is an error, so is a
weight that finds no place. Nothing is downloaded unless a name is given that is no folder.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import open_clip_names
from towers import Model, Tower

#: What `CLIPVisionConfig`, `SiglipTextConfig` and so on take where config.json is silent.
CLIP = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
SIGLIP = {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "num_attention_heads": 12}
DEFAULTS = {
    "clip": ({**CLIP, "num_attention_heads": 12}, {**CLIP, "num_attention_heads": 8}),
    "siglip": (SIGLIP, SIGLIP),
}
#: CLIP's token for the end of a text.
END = 49407
WEIGHTS = [
    "model.safetensors",
    "model.safetensors.index.json",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
]
FILES = ["*.json", "*.txt", *WEIGHTS[2:], "model*.safetensors"]


@dataclass
class Source:
    model: Model
    #: The contents of preprocessor_config.json and tokenizer.json.
    preprocessor: dict
    tokenizer: dict | None
    #: Fills up shorter texts.
    pad: int | None


def folder_of(name):
    """The folder itself, or what the Hugging Face hub has under that name."""
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise SystemExit(
            f"{name} is no folder, and without the package huggingface_hub none can be fetched: "
            "pip install huggingface_hub, or give the folder of a model"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except Exception as error:  # of many kinds, and each says what it is
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SystemExit(f"{name} is no folder here, and the hub does not give it: {reason}") from None


def read(name):
    folder = folder_of(name)
    if (folder / "open_clip_config.json").exists():
        return from_open_clip(folder)
    config = json_file(folder / "config.json")
    if config is None:
        raise ValueError(f"{folder} has neither config.json nor open_clip_config.json")
    return from_transformers(folder, config)


def from_transformers(folder, config):
    kind = config.get("model_type")
    if kind not in DEFAULTS:
        raise ValueError(f"config.json says model_type {kind!r}; clip and siglip are supported")
    vision, text = ({**own, **(config.get(part) or {})} for own, part in zip(DEFAULTS[kind], ["vision_config", "text_config"]))
    weights = load_weights(folder)
    end = None
    if kind == "clip":
        # 2 stands in files older than 2023; transformers then takes the highest token.
        end = text.get("eos_token_id", END)
        end = len(weights["text_model.embeddings.token_embedding.weight"]) - 1 if end == 2 else end
    model = Model(tower(vision), tower(text), end, weights)
    preprocessor = json_file(folder / "preprocessor_config.json")
    if preprocessor is None:
        preprocessor = (json_file(folder / "processor_config.json") or {}).get("image_processor")
    if preprocessor is None:
        raise ValueError(f"{folder} has no preprocessor_config.json: save the model's processor there, too")
    # A causal tower never sees what follows the end, so any token fills up.
    pad = end if end is not None else text.get("pad_token_id", 1)
    return Source(model, preprocessor, json_file(folder / "tokenizer.json"), pad)


def tower(config):
    return Tower(config["num_attention_heads"], config["hidden_act"], config["layer_norm_eps"])


def from_open_clip(folder):
    config = json_file(folder / "open_clip_config.json")
    vision, text = open_clip_names.towers(config["model_cfg"])
    weights = open_clip_names.renamed(load_weights(folder))
    preprocessor = open_clip_names.preprocessor(config["preprocess_cfg"], config["model_cfg"])
    end = len(weights["text_model.embeddings.token_embedding.weight"]) - 1
    model = Model(vision, text, end, weights)
    return Source(model, preprocessor, json_file(folder / "tokenizer.json"), end)


def load_weights(folder):
    """`{name: array}` in f32."""
    for name in WEIGHTS:
        path = folder / name
        if not path.exists():
            continue
        if path.suffix == ".json":
            parts = sorted(set(json_file(path)["weight_map"].values()))
        else:
            parts = [name]
        arrays = {}
        for part in parts:
            arrays |= load_file(folder / part)
        return arrays
    raise ValueError(f"{folder} has no weights: {', '.join(WEIGHTS)} are looked for")


def load_file(path):
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file as load

        arrays = load(path)
    else:
        try:
            import torch
        except ImportError:
            raise SystemExit(f"{path} can be read with PyTorch only: install torch, or give safetensors") from None
        arrays = torch.load(path, map_location="cpu", weights_only=True)
        arrays = {name: tensor.float().numpy() for name, tensor in arrays.items()}
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def json_file(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
