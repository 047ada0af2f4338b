"""Whether a relation says where things are, what they do, or both."""

from knowledge.relations import relations
from model.curation.records import Kind

STILL = frozenset({"be", "sit", "stand", "lie", "hang", "lean", "rest", "park", "perch", "stay"})


def relation_kind(key: str) -> Kind:
    """Kind of a key ``subject|verb|object``: a preposition is spatial, a bare verb an action."""
    words = key.split("|")[1].split()
    has_place = any(
        " ".join(words[start:]) in relations()
        and relations()[" ".join(words[start:])].kind == "spatial"
        for start in range(len(words))
    )
    if not has_place:
        return "action"
    return "both" if words[0] not in STILL and _is_verb(words) else "spatial"


def _is_verb(words: list[str]) -> bool:
    """Whether the relation has more than its preposition."""
    return " ".join(words) not in relations() or relations()[" ".join(words)].kind != "spatial"
