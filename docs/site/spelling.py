"""The other spelling of words such as normalisation, so that the search finds a page by either."""

import re

TURNED = re.compile(
    r"\b\w*(?:normal|regular|initial|optim|quant|standard|visual|parallel|vector)i[sz]\w+|"
    r"\b\w*(?:colour|color|grey|gray)\w*",
    re.IGNORECASE | re.ASCII,
)
PAIRS = (("colour", "color"), ("grey", "gray"))


def other_spellings(text: str) -> list[str]:
    """Of the words in a text that have two spellings, those that it does not have, sorted."""
    words = {word.lower() for word in TURNED.findall(text)}
    return sorted({_turned(word) for word in words} - words)


def _turned(word: str) -> str:
    for ours, other in PAIRS:
        if ours in word:
            return word.replace(ours, other)
        if other in word:
            return word.replace(other, ours)
    return re.sub(
        r"i([sz])(?=[aei])", lambda found: "iz" if found[1] == "s" else "is", word, count=1
    )
