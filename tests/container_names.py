"""Names for models that say more than a name where they are not quoted."""

HOSTILE = [
    "",
    "猫",
    "-rf",
    "no",
    "a" * 200,
    '"; rm -rf / #',
    "$(touch x)`touch y`",
    "a\nUSER root\n",
    "a: b, {c: [d]} # e",
    "x\x00\x1b[31m\x85\u2028\ufeff",
    "\\",
    "```",
    "😀",
]
