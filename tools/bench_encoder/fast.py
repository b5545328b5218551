"""fastembed as its users call it, on a local model directory."""

from io import BytesIO

from fastembed import ImageEmbedding
from PIL import Image

from peer import Peer

#: A model that fastembed knows with the same way of preparing pictures; its files are
#: taken from the directory given.
KNOWN = "Qdrant/clip-ViT-B-32-vision"


class Fastembed(Peer):
    def open(self, directory, batch):
        self.batch = batch
        self.model = ImageEmbedding(KNOWN, specific_model_path=directory)

    def embed(self, images):
        # One after the other: a list would keep every picture's pixels.
        pictures = (Image.open(BytesIO(self.file(place))) for place in range(images))
        return list(self.model.embed(pictures, batch_size=self.batch))
