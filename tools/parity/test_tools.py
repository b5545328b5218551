"""The section of the documentation and the verdict, without any package."""

import sys
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(REPOSITORY / "tools" / "bench_similarity"))

import sections  # noqa: E402
import texts  # noqa: E402
from report import replace_section  # noqa: E402


def apart(largest, share=0.0):
    return {"largest": largest, "share": share}


def results(decoded=0, prepared=0, cosine=0.99999, resized=0, same=2):
    file = {"kind": "JPEG", "against": "loaded", "count": 3, "cosines": {"demo": cosine}}
    file |= {"decoded": apart(decoded, 0.25), "prepared": apart(prepared, 0.00001)}
    names = {"CLIPTokenizerFast": same, "open_clip": 1}
    text = {"group": "Empty", "count": 2, "same": names, "differing": {"open_clip": ["a\\x00b"]}}
    resizing = {"processor": "CLIPImageProcessor", "filter": "box", "count": 7, **apart(resized)}
    return {"machine": {"Date": "today"}, "files": [file], "filters": [resizing], "texts": [text]}


class Verdict(unittest.TestCase):
    def test_what_is_promised_is_no_failure(self):
        # Decoding alone may differ by more, and other tokenizers may differ from tokenizer.json.
        self.assertEqual(list(sections.failures(results(decoded=3))), [])

    def test_each_promise_can_fail(self):
        for broken in ({"prepared": 1}, {"cosine": 0.99989}, {"resized": 1}, {"same": 1}):
            self.assertEqual(len(list(sections.failures(results(**broken)))), 1, broken)


class Section(unittest.TestCase):
    def test_figures_never_look_better_than_they_are(self):
        self.assertEqual(sections.cosine(0.99999999), "0.9999999")
        self.assertEqual(sections.cosine(1.0000001), "1.0000000")
        self.assertEqual(sections.share(0.00001), "< 0.01 %")
        self.assertEqual((sections.share(0), sections.share(0.25)), ("0", "25.00 %"))

    def test_rows_and_what_differs(self):
        section = sections.parity(results())
        self.assertIn('| JPEG | Pillow, `convert("RGB")` | 3 | 0 | 25.00 % | 0 | < 0.01 % | 0.9999900 |', section)
        self.assertIn("| Empty | 2 | 2 | 1 |", section)
        self.assertIn("- `open_clip` differs on: `a\\x00b`", section)

    def test_the_page_has_the_marks(self):
        page = (REPOSITORY / "docs" / "encoders.md").read_text()
        self.assertIn("\n\nfigures\n\n", replace_section(page, "parity", "figures"))


class Texts(unittest.TestCase):
    def test_no_text_stands_there_twice(self):
        listed = [text for members in texts.TEXTS.values() for text in members]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(set(texts.FEW), set(listed))


if __name__ == "__main__":
    unittest.main()
