"""What is told of a frame and of a segment, on numbers that can be read off."""

from types import SimpleNamespace

import numpy as np

from service.scoring.telling import Voice, spokesman, told_first, told_leaf
from service.vision.rois import NO_OBJECT

NONE = -np.inf
PAIRS = np.array([[0, 1], [1, 0], [2, 3], [1, NO_OBJECT]])
NO_PLACES = np.zeros(5, np.bool_)
# Leaves: collision, rollover. Participants 0 and 1 move oddly, which looks like a rollover of 1.
MOVED = np.array([[3.0, NONE], [2.0, NONE], [1.0, NONE], [NONE, 5.0]])


def test_motion_says_to_whom_and_the_text_says_what() -> None:
    """The pair (2, 3) has the best text, but has nothing to do with the odd participant 1."""
    text = np.array([[1.0, NONE], [2.0, NONE], [9.0, NONE], [NONE, 0.5]])

    assert told_first(PAIRS, NO_PLACES, MOVED, text) == (1, 0)


def test_a_lone_participant_is_told_of_where_the_text_says_so() -> None:
    """Nothing that two do fits as well."""
    text = np.array([[-1.0, NONE], [0.2, NONE], [9.0, NONE], [NONE, 0.5]])

    assert told_first(PAIRS, NO_PLACES, MOVED, text) == (3, 1)


def test_those_without_an_object_have_only_their_subject_in_common() -> None:
    """That two have no object makes them no pair: 4 is not involved."""
    pairs = np.array([[1, NO_OBJECT], [4, NO_OBJECT]])

    assert told_first(pairs, NO_PLACES, np.array([[5.0], [1.0]]), np.array([[0.1], [7.0]])) == (
        0,
        0,
    )


def test_who_shares_only_the_road_is_not_involved() -> None:
    """Participant 0 moves oddly on the road 2, on which 1 drives too; the camera's car is 3."""
    places = np.array([False, False, True, True])
    pairs = np.array([[0, 2], [0, 3], [1, 2], [1, 3]])
    text = np.array([[0.1], [0.2], [7.0], [7.0]])

    assert told_first(pairs, places, np.array([[5.0], [1.0], [1.0], [1.0]]), text) == (1, 0)
    assert told_first(pairs, places, np.array([[1.0], [5.0], [1.0], [1.0]]), text) == (1, 0)


def test_what_the_own_car_does_alone_involves_whom_it_meets() -> None:
    """The oddest pair holds places only: our car 3 on the road 2."""
    places = np.array([False, False, True, True])
    pairs = np.array([[3, 2], [1, 3]])

    assert told_first(pairs, places, np.array([[5.0], [1.0]]), np.array([[0.1], [0.4]])) == (1, 0)


def test_the_leaf_that_is_told_is_that_of_the_first_anomaly() -> None:
    """Normal descriptions come first where a frame is calm."""
    normal = SimpleNamespace(polarity="normal", description_id="n.following/keeps-its-distance")
    hit, flip = (
        SimpleNamespace(polarity="anomaly", description_id=f"{leaf}/some-words")
        for leaf in ("a.hit", "a.flip")
    )

    assert told_leaf([normal, hit, flip]) == "a.hit"
    assert told_leaf([normal]) == told_leaf([]) == ""


def test_where_no_leaf_can_speak_nothing_is_told() -> None:
    """Neither with pairs nor without."""
    assert told_first(PAIRS, NO_PLACES, np.full((4, 2), NONE), np.full((4, 2), NONE)) is None
    assert (
        told_first(np.zeros((0, 2), np.int64), NO_PLACES, np.zeros((0, 2)), np.zeros((0, 2)))
        is None
    )


def voices(told: list[str], evidence: list[float], scores: list[float]) -> list[Voice]:
    return [Voice(*voice) for voice in zip(told, evidence, scores, strict=True)]


def test_frames_vote_with_their_evidence_and_the_clearest_of_them_tells_it() -> None:
    """2.2 speak for a rear-end collision, 2.0 for a rollover; of the three frames 3 is best."""
    told, scores = ["rear", "roll", "rear", "rear", "side"], [3.0, 9.0, 3.5, 4.0, 5.0]

    assert spokesman(voices(told, [1.0, 2.0, 0.5, 0.7, 0.1], scores)) == 3
    assert spokesman(voices(told, [1.0, 2.3, 0.5, 0.7, 0.1], scores)) == 1


def test_without_evidence_most_frames_decide_then_the_score() -> None:
    """Where the text speaks for nothing, as in the modes of Eq. (11)."""
    assert spokesman(voices(["rear", "roll", "rear"], [0.0] * 3, [3.0, 9.0, 4.0])) == 2
    assert spokesman(voices(["rear", "roll"], [0.0] * 2, [3.0, 9.0])) == 1


def test_frames_that_look_normal_do_not_vote() -> None:
    """A motorcycle slides and no text fits; a man whom only the calm frames tell of is no cause."""
    told, evidence = ["slide", "man", "man", "slide"], [0.0, 0.6, 0.6, 0.0]

    assert spokesman(voices(told, evidence, [3.3, 0.1, 0.1, 2.4])) == 0
    assert spokesman(voices(told, evidence, [3.2, 0.8, 0.1, 2.4])) == 1  # a quarter is enough
    assert spokesman(voices(told, evidence, [-0.4, -0.1, -0.2, -0.3])) == 1  # all alike: all vote
