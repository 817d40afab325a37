"""What document E counts in a plot: the share of words of each theme, and the balance of glad and sad ones.

Its word lists are not published. These are this project's own, short and general; the row's note says so.
"""

import re
from collections.abc import Sequence

import numpy as np

from models.labels import Floats

_LISTS = """
love: love lover marry marriage wedding girlfriend boyfriend romance kiss affair
death: death dead die dies kill killed killer murder murdered funeral
tragedy: tragedy tragic loss grief accident suicide disaster mourning
betrayal: betrayal betrayed betrays traitor cheating revenge conspiracy double-cross
fear: fear terror terrifying haunted ghost evil monster nightmare demon scream
war: war army soldier soldiers battle general troops invasion enemy
family: family mother father son daughter brother sister parents wife husband
law: police cop detective agent fbi prison lawyer court crime gang heist
adventure: journey quest treasure island adventure expedition jungle pirate hero
future: space alien aliens earth planet robot future scientist experiment
magic: magic magical kingdom king queen prince princess witch dragon wizard
youth: school college teen teenage student students boy girl kids young
music: music band singer song concert dance dancer musician
west: west sheriff outlaw cowboy ranch gunfighter frontier
glad: love friend friends happy hope joy funny beautiful dream dreams win wins success celebrate fun
  perfect best together save saves
sad: death dead kill murder war evil fear lost alone dark dangerous terror crime revenge victim pain
  tragic violent threat destroy desperate
"""


def _lists(text: str) -> dict[str, frozenset[str]]:
    joined = text.replace("\n  ", " ").strip().splitlines()
    return {name: frozenset(words.split()) for name, words in (line.split(": ") for line in joined)}


THEMES = _lists(_LISTS)
GLAD, SAD = THEMES.pop("glad"), THEMES.pop("sad")
NAMES = (*(f"theme_{name}" for name in THEMES), "sentiment")
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")


def measure(overviews: Sequence[str]) -> Floats:
    """Return `(n, len(NAMES)) float32` of the overviews.

    Each theme's column is its words per word, the last is (glad - sad) per word. NaN without a text.
    """
    theme_of = {word: i for i, words in enumerate(THEMES.values()) for word in words}
    out = np.full((len(overviews), len(NAMES)), np.nan, np.float32)
    for row, text in enumerate(overviews):
        words = _WORD.findall(text.lower())
        if not words:
            continue
        counts = np.zeros(len(NAMES))
        for word in words:
            if word in theme_of:
                counts[theme_of[word]] += 1
            counts[-1] += (word in GLAD) - (word in SAD)
        out[row] = counts / len(words)
    return out
