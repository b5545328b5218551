"""open_clip as its users call it, with the weights of the exported model."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image

from peer import Peer

ARCHITECTURE = "ViT-B-32-quickgelu"


class OpenClip(Peer):
    """Needs `open_clip.npz` beside the model: the same weights under open_clip's names."""

    def open(self, directory, batch):
        created = open_clip.create_model_and_transforms(ARCHITECTURE, pretrained=None)
        self.model, _, self.transform = created
        weights = np.load(Path(directory) / "open_clip.npz")
        tower = {name.removeprefix("visual."): torch.from_numpy(weights[name]) for name in weights}
        self.model.visual.load_state_dict(tower)
        self.model.eval()
        self.batch, self.pool = batch, ThreadPoolExecutor()

    def embed(self, images):
        found = []
        with torch.inference_mode():
            for start in range(0, images, self.batch):
                places = range(start, min(start + self.batch, images))
                values = torch.stack(list(self.pool.map(self.prepared, places)))
                found.extend(self.model.encode_image(values, normalize=True).tolist())
        return found

    def prepared(self, place):
        return self.transform(Image.open(BytesIO(self.file(place))))
