"""The exporter: the tokenizer without any package, the towers where onnx is installed."""

import gzip
import importlib.util
import tempfile
import unittest
from pathlib import Path

import tokenizer

PACKAGES = ["numpy", "onnx", "onnxruntime"]
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


class Tokenizer(unittest.TestCase):
    def test_every_byte_has_a_letter_of_its_own(self):
        letters = tokenizer.byte_letters()
        self.assertEqual(len(set(letters)), 256)
        self.assertEqual(letters[0], "!")
        # The first byte that is not visible, 0, follows the visible ones.
        self.assertEqual(letters[188], "Ā")

    def test_a_vocabulary_has_all_tokens_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocabulary.gz"
            pairs = [f"a{place} b" for place in range(tokenizer.MERGES)]
            path.write_bytes(gzip.compress("\n".join(["# version", *pairs, "rest rest"]).encode()))
            found = tokenizer.from_vocabulary(path)
        vocabulary = found["model"]["vocab"]
        self.assertEqual(len(vocabulary), 49408)
        self.assertEqual((vocabulary["!"], vocabulary["!</w>"], vocabulary["a0b"]), (0, 256, 512))
        self.assertEqual((vocabulary[tokenizer.START], vocabulary[tokenizer.END]), (49406, 49407))
        self.assertEqual([token["id"] for token in found["added_tokens"]], [49406, 49407])

    def test_another_vocabulary_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocabulary.gz"
            path.write_bytes(gzip.compress(b"# version\na b\n"))
            with self.assertRaises(ValueError):
                tokenizer.from_vocabulary(path)


@unittest.skipIf(MISSING, f"left out, for want of {', '.join(MISSING)}: the towers")
class Towers(unittest.TestCase):
    def model(self, **changes):
        import random_weights

        size = random_weights.Size(8, 2, 128, 2, 64, 32, image=24, vocabulary=300, context=16, **changes)
        return random_weights.random_model(size)

    def run_tower(self, model, kind, values, half=False):
        import onnxruntime
        import towers

        graph = {"vision": towers.vision, "text": towers.text}[kind](model, half)
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: values})[0]

    def test_what_follows_the_end_of_a_text_changes_nothing(self):
        import numpy as np

        text = [[7, 8, 299, 0, 0], [7, 8, 299, 5, 6], [9, 8, 299, 0, 0]]
        found = self.run_tower(self.model(), "text", np.asarray(text, np.int64))
        shorter = self.run_tower(self.model(), "text", np.asarray([[7, 8, 299]], np.int64))
        np.testing.assert_allclose(found[0], found[1], atol=1e-5)
        np.testing.assert_allclose(found[0], shorter[0], atol=1e-5)
        self.assertGreater(np.abs(found[0] - found[2]).max(), 1e-3)

    def test_sixteen_bits_agree_with_thirty_two(self):
        import numpy as np
        from directory import unit

        values = np.random.default_rng(2).standard_normal((3, 3, 24, 24), dtype=np.float32)
        wide, half = (self.run_tower(self.model(), "vision", values, half) for half in (False, True))
        self.assertEqual(half.dtype, np.float32)
        self.assertGreater((unit(wide) * unit(half)).sum(axis=1).min(), 0.9999)

    def test_a_weight_without_a_place_is_refused(self):
        import numpy as np
        import towers

        model = self.model()
        model.weights["vision_model.encoder.layers.0.ls_1.gamma"] = np.ones(128, np.float32)
        with self.assertRaisesRegex(ValueError, "ls_1"):
            towers.vision(model)
        del model.weights["vision_model.encoder.layers.0.ls_1.gamma"]
        del model.weights["vision_model.encoder.layers.1.mlp.fc2.weight"]
        with self.assertRaisesRegex(ValueError, "layers.1.mlp.fc2.weight is missing"):
            towers.vision(model)

    def test_names_of_open_clip_lead_to_the_same_weights(self):
        import numpy as np
        import open_clip_names

        model = self.model()
        found = open_clip_names.renamed(open_clip_names.as_open_clip(model.weights))
        self.assertEqual(found.keys(), model.weights.keys())
        for name, array in found.items():
            np.testing.assert_array_equal(array, model.weights[name])

    def test_settings_of_open_clip_that_are_not_known_are_refused(self):
        import open_clip_names

        vision = {"image_size": 224, "layers": 2, "width": 128, "patch_size": 8}
        text = {"context_length": 77, "vocab_size": 300, "width": 64, "heads": 1, "layers": 2}
        config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
        self.assertEqual(open_clip_names.towers(config)[0].heads, 2)
        with self.assertRaisesRegex(ValueError, "timm_model_name"):
            open_clip_names.towers({**config, "vision_cfg": {**vision, "timm_model_name": "convnext"}})
        with self.assertRaisesRegex(ValueError, "ResNet"):
            open_clip_names.towers({**config, "vision_cfg": {**vision, "layers": [3, 4, 6, 3]}})

    def test_a_written_directory_is_whole_and_never_replaced(self):
        import directory
        import random_weights

        size = random_weights.Size(8, 1, 64, 1, 64, 32, image=16, vocabulary=300, context=8)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "model"
            directory.write(directory.of_random(size, 1, {"version": "1.0"}), made)
            names = ["config.json", "preprocessor_config.json", "text_model.onnx", "tokenizer.json", "vision_model.onnx"]
            self.assertEqual(sorted(path.name for path in made.iterdir()), names)
            with self.assertRaises(SystemExit):
                directory.write(directory.of_random(size, 2), made)
            again = Path(folder) / "again"
            directory.write(directory.of_random(size, 1), again)
            self.assertEqual((again / "vision_model.onnx").read_bytes(), (made / "vision_model.onnx").read_bytes())


if __name__ == "__main__":
    unittest.main()
