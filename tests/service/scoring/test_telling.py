"""What is told of a frame and of a segment, on numbers that can be read off."""

import numpy as np

from service.scoring.telling import spokesman, told_first
from service.vision.rois import NO_OBJECT

NONE = -np.inf
PAIRS = np.array([[0, 1], [1, 0], [2, 3], [1, NO_OBJECT]])
# Leaves: collision, rollover. Participants 0 and 1 move oddly, which looks like a rollover of 1.
MOVED = np.array([[3.0, NONE], [2.0, NONE], [1.0, NONE], [NONE, 5.0]])


def test_motion_says_to_whom_and_the_text_says_what() -> None:
    """The pair (2, 3) has the best text, but has nothing to do with the odd participant 1."""
    text = np.array([[1.0, NONE], [2.0, NONE], [9.0, NONE], [NONE, 0.5]])

    assert told_first(PAIRS, MOVED, text) == (1, 0)


def test_a_lone_participant_is_told_of_where_the_text_says_so() -> None:
    """Nothing that two do fits as well."""
    text = np.array([[-1.0, NONE], [0.2, NONE], [9.0, NONE], [NONE, 0.5]])

    assert told_first(PAIRS, MOVED, text) == (3, 1)


def test_those_without_an_object_have_only_their_subject_in_common() -> None:
    """That two have no object makes them no pair: 4 is not involved."""
    pairs = np.array([[1, NO_OBJECT], [4, NO_OBJECT]])

    assert told_first(pairs, np.array([[5.0], [1.0]]), np.array([[0.1], [7.0]])) == (0, 0)


def test_where_no_leaf_can_speak_nothing_is_told() -> None:
    """Neither with pairs nor without."""
    assert told_first(PAIRS, np.full((4, 2), NONE), np.full((4, 2), NONE)) is None
    assert told_first(np.zeros((0, 2), np.int64), np.zeros((0, 2)), np.zeros((0, 2))) is None


def test_frames_vote_with_their_evidence_and_the_clearest_of_them_tells_it() -> None:
    """2.2 speak for a rear-end collision, 2.0 for a rollover; of the three frames 3 is best."""
    told = ["rear_end", "rollover", "rear_end", "rear_end", "sideswipe"]

    assert spokesman(told, [1.0, 2.0, 0.5, 0.7, 0.1], [1.0, 9.0, 2.0, 4.0, 5.0]) == 3
    assert spokesman(told, [1.0, 2.3, 0.5, 0.7, 0.1], [1.0, 9.0, 2.0, 4.0, 5.0]) == 1


def test_without_evidence_most_frames_decide_then_the_score() -> None:
    """In the modes of Eq. (11) and where the text speaks for nothing."""
    assert spokesman(["rear_end", "rollover", "rear_end"], [0.0] * 3, [1.0, 9.0, 2.0]) == 2
    assert spokesman(["rear_end", "rollover"], [0.0, 0.0], [1.0, 9.0]) == 1
