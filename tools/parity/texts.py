"""The texts that are tokenized: groups of what product texts are made of, and of what breaks tokenizers."""

TEXTS = {
    "English": [
        "a photo of a red mug",
        "Men's T-Shirt, size XL (pack of 3) - 100% cotton!",
        "I'll say it's the customer's 2nd-best choice, isn't it?",
        "USB-C to HDMI 4K@60Hz adapter w/ 1.5m cable; 20% off",
        "UPPER lower MiXeD cAsE",
    ],
    "Latin with accents": [
        "Größe: 42, weiß, Füße wärmend",
        "Crème brûlée façon grand-mère",
        "El niño pidió piñatas y cigüeñas",
        "Zażółć gęślą jaźń",
        "Iğdır'da ışıl ışıl İSTANBUL",
        "Tiếng Việt: áo dài màu đỏ",
        "Cafe\u0301 with a combining accent",
    ],
    "Other alphabets": [
        "красная кружка из керамики",
        "Κόκκινη κούπα από ΚΕΡΑΜΙΚΌ ΣΆΣ",
        "كوب أحمر من السيراميك",
        "ספל אדום מקרמיקה",
        "लाल मग, चीनी मिट्टी",
        "แก้วสีแดงเซรามิก",
        "წითელი ჭიქა",
        "ቀይ ኩባያ",
    ],
    "Chinese, Japanese, Korean": ["红色陶瓷马克杯", "赤いマグカップ、ｶﾞﾗｽ製", "빨간 머그컵", "한글 (자모)"],
    "Emoji": [
        "red mug ☕",
        "👩‍👩‍👧‍👦 family 👍🏽 thumbs",
        "🇩🇪🇫🇷 flags ❤️ heart",
        "🔥🔥🔥 sale!!! 💯",
        "1️⃣ 2️⃣ keycaps",
    ],
    "Numbers and signs": [
        "12345 6.789,00 € 3½ m² 10⁻³",
        "© ® ™ № § ¶ † ‡ • … – —",
        "±5 °C ≈ 41 °F, 3×4 = 12, x² ≠ y",
        "a_b-c/d\\e|f~g^h`i",
        "https://example.com/a?b=c&d=%20e#f",
    ],
    "Spaces": [
        " leading and trailing ",
        "two  spaces\tand\ta tab",
        "line\nbreak\r\nand another",
        "no\u00a0break \u2003 wide \u3000 ideographic",
    ],
    "Empty": ["", " ", "\n\t "],
    "Control characters": [
        "nul\x00inside",
        "bell\x07 escape\x1b[31mred",
        "delete\x7f and c1 \x85 \x9f",
        "zero\u200bwidth, soft\u00adhyphen, \ufeffmark",
        "\u202eright to left\u202c",
        "\x1c\x1d\x1e\x1f separators",
    ],
    "Compatibility forms": ["ﬁne ﬂour", "ｆｕｌｌ ｗｉｄｔｈ", "“curly” ‘quotes’ and it’s", "Ⅳ ㎏ ㍿"],
    "Markup and spoilt text": [
        "Tom &amp; Jerry &lt;b&gt;mug&lt;/b&gt;",
        "&amp;lt; twice &quot;escaped&quot;",
        "schÃ¶ne GrÃ¼ÃŸe",
        "letâ€™s fix this",
    ],
    "Marks of the vocabulary": ["<|endoftext|> inside", "a <|startoftext|> b", "<start_of_text>", "</w> end</w>"],
    "Longer than the context": [
        "a red mug " * 40,
        "Donaudampfschifffahrtsgesellschaft" * 20,
        "☕" * 200,
        "很长的文字" * 60,
        "word" + " " * 3000 + "far away",
        "1234567890" * 30,
    ],
}
#: Those that fit a fixture: one or two of each group.
FEW = [text for texts in TEXTS.values() for text in texts[:2]] + [TEXTS["Emoji"][1], TEXTS["Longer than the context"][2]]
