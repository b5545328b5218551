"""What a shop would write about an object, and the bytes that the text tower reads.

The words are true of the object; which of them are said, and what is said
besides, is left to chance.
"""

import numpy as np

from scene import PATTERNS

PAD_ID = 256
LENGTH = 64  # bytes of a sentence in training; the tower reads up to its context length

SAID = {  # what people call a pattern
    "plain": ["plain", "plain coloured", ""],
    "striped": ["striped", "with stripes"],
    "spotted": ["spotted", "dotted", "with dots"],
    "checked": ["checked", "chequered"],
    "patched": ["patched", "with patches"],
    "marbled": ["marbled", "mottled"],
    "shaded": ["shaded", ""],
}
# True of no picture in particular: the tower learns to look past such words.
MATERIALS = (
    "leather porcelain ceramic cotton plastic metal steel glass wool suede canvas rubber paper linen oak "
    "pine stone enamel velvet silk"
).split()
PRAISE = (
    "new small large tall low big little classic modern vintage soft robust light heavy glossy matt fine "
    "simple handmade original slim round everyday premium"
).split()
assert set(SAID) == set(PATTERNS)


def invented(rng):
    """A brand that does not exist, or a number."""
    if rng.random() < 0.3:
        return str(rng.integers(1, 5000))
    syllables = ["".join(rng.choice(list(group)) for group in ("bdfgklmnprstv", "aeiou")) for _ in range(3)]
    return "".join(syllables[: rng.integers(2, 4)])


def sentence(thing, rng):
    """thing: kind's names, categories, colours and pattern, as in scene.Item."""

    def maybe(chance, word):
        return [word] if rng.random() < chance else []

    name = str(rng.choice(thing["names"]))
    pattern = str(rng.choice(SAID[thing["pattern"]]))
    extra = (
        maybe(0.3, str(rng.choice(PRAISE)))
        + maybe(0.3, str(rng.choice(MATERIALS)))
        + maybe(0.15, invented(rng))
    )
    extra = [extra[i] for i in rng.permutation(len(extra))]
    colour = maybe(0.85, thing["colour"])
    patterned = maybe(0.5, pattern) if pattern else []
    style = rng.random()
    if style < 0.45:
        words = [*colour, *patterned, *extra, name]
    elif style < 0.65:
        words = [*extra, name + ("," if rng.random() < 0.5 else ""), *colour, *patterned]
    elif style < 0.85:
        words = [*maybe(0.5, "a"), *extra, name, "in", thing["colour"], *patterned]
    else:
        words = ["a", "photo", "of", "a", *colour, *patterned, name]
    if thing["pattern"] not in ("plain", "shaded") and rng.random() < 0.5:
        words += ["with" if rng.random() < 0.5 else "and", thing["second"]]
    words += maybe(0.25, thing["categories"])
    return " ".join(word for word in words if word)


def tokens(text, length=LENGTH):
    """i32 [length] as assets/demo-encoder/tokenizer.json makes them of plain lower-case English: a
    space, then the bytes; padded with PAD_ID."""
    raw = (" " + text.lower()).encode()[:length]
    ids = np.full(length, PAD_ID, np.int32)
    ids[: len(raw)] = np.frombuffer(raw, np.uint8)
    return ids
