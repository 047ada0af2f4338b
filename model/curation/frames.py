"""Captions often begin with a frame ("a photo of ..."): what follows it is what is shown."""

import re

from model.curation.lexicon import lexicon

LEAD = r"^\s*(?:there (?:is|are) )?(?:a|an|the|this|two|some)?\s*"
MODIFIERS = r"(?:black and white |close-up |old |aerial |blurry |color |colour )*"


def without_frame(caption: str) -> int:
    """Where the caption's content begins, in characters."""
    names = "|".join(sorted(lexicon().lists["frames"]))
    plural = rf"(?:{names})s?"
    match = re.match(rf"{LEAD}{MODIFIERS}(?:{plural}) (?:of|showing|that shows) ", caption, re.I)
    return match.end() if match else 0
