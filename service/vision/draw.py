"""A result drawn into its picture: who was seen, which pair explains the score, and the words.

All sizes follow the picture, so a 320-pixel clip and a 4K frame look alike. Labels give way to
each other: one that finds no free place is left out, the pair of the best explanation never is.
"""

import unicodedata
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from knowledge.entities import CLASS_GROUPS
from service.vision.images import Frame
from service.vision.rois import NO_TRACK, Rois

Colour = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels

FONT = cv2.FONT_HERSHEY_SIMPLEX
WHITE, DARK = (255, 255, 255), (16, 16, 16)
SUBJECT, OBJECT = (255, 80, 40), (40, 200, 255)  # orange-red acts, light blue is acted on
ALARM, CALM = (200, 30, 30), (30, 110, 60)
GROUP_COLOURS: dict[str, Colour] = {
    "person": (255, 220, 60),
    "bicycle": (190, 230, 90),
    "car": (120, 190, 120),
    "motorcycle": (230, 160, 230),
    "bus": (160, 160, 255),
    "truck": (150, 120, 230),
    "animal": (220, 180, 140),
}
REGION_NAMES = {"full": "whole picture", "ego": "own car"}  # of pseudo ROIs, as people call them
OTHER_COLOUR: Colour = (190, 190, 190)

REFERENCE_SIDE = 480  # the short side for which the sizes below are made
MIN_FONT, FONT_SIZE = 0.36, 0.58
BANNER_SHARE = 0.35  # of the height, at most
BANNER_OPACITY = 0.8
LABEL_TO_BOX = 2.0  # a label this much wider than its box is left out


class Participant(Protocol):
    """One side of an explanation; ``xyxy`` in pixels of the frame."""

    @property
    def xyxy(self) -> tuple[float, float, float, float]: ...
    @property
    def class_name(self) -> str: ...
    @property
    def track_id(self) -> int | None: ...


class Explanation(Protocol):
    """A description and the pair it is about."""

    @property
    def text(self) -> str: ...
    @property
    def subject(self) -> Participant | None: ...
    @property
    def object(self) -> Participant | None: ...


class Result(Protocol):
    """What is drawn of a frame's result; `scoring` and `pipeline` lie above this room."""

    @property
    def rois(self) -> Rois: ...
    @property
    def explanations(self) -> Sequence[Explanation]: ...
    @property
    def probability(self) -> float: ...
    @property
    def anomalous(self) -> bool: ...


def draw_result(frame: Frame, result: Result) -> Frame:
    """Draw boxes, the pair of the best explanation and its text.

    Args:
        frame: (H, W, 3) uint8 RGB; left as it is.
        result: What the analysis of this very frame gave.

    Returns:
        A new frame of the same size.
    """
    canvas = _Canvas(frame)
    best = result.explanations[0] if result.explanations else None
    pair = _pair(best)
    state = "ALARM  " if result.anomalous else ""
    headline = f"{state}anomaly probability {_percent(result.probability)}"
    banner = canvas.banner_place(headline, best.text if best else "", [box for box, _, _ in pair])
    paired = {box for box, _, _ in pair}
    for box, colour, _ in (boxes := _detected(result.rois, frame.shape)):
        if box not in paired:
            canvas.box(box, colour, bold=False)
    if len(pair) == 2:
        canvas.arrow(pair[0][0], pair[1][0])
    for box, colour, _ in pair:
        canvas.box(box, colour, bold=True)
    # Most important first: a label only gives way to those before it.
    for box, colour, text in pair:
        canvas.label(box, colour, text, always=True)
    for box, colour, text in boxes:
        if box not in paired:
            canvas.label(box, colour, text)
    canvas.banner(banner, ALARM if result.anomalous else CALM)
    return canvas.pixels


def _pair(best: Explanation | None) -> list[tuple[Rectangle, Colour, str]]:
    if best is None:
        return []
    sides = ((best.subject, SUBJECT, "1"), (best.object, OBJECT, "2"))
    return [
        (_whole(side.xyxy), colour, f"{order} {_called(side)}")
        for side, colour, order in sides
        if side is not None
    ]


def _percent(share: float) -> str:
    """What is not 0 or 1 is never rounded to it."""
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def _called(side: Participant) -> str:
    name = REGION_NAMES.get(side.class_name, side.class_name)
    return name if side.track_id is None else f"{name} #{side.track_id}"


def _detected(rois: Rois, shape: tuple[int, ...]) -> list[tuple[Rectangle, Colour, str]]:
    """Everything but pseudo ROIs, the surest first."""
    height, width = shape[:2]
    corners = rois.xyxy * np.array([width, height, width, height], np.float32)
    surest_first = np.argsort(-rois.confidence, kind="stable")
    return [
        (
            _whole(corners[i].tolist()),
            GROUP_COLOURS.get(CLASS_GROUPS[rois.class_group[i]], OTHER_COLOUR),
            _name(rois, int(i)),
        )
        for i in surest_first
        if rois.source[i] != "pseudo"
    ]


def _name(rois: Rois, i: int) -> str:
    """Class and track; the confidence of a box without a track."""
    track_id = int(rois.track_id[i])
    if track_id == NO_TRACK:
        return f"{rois.class_name[i]} {100 * rois.confidence[i]:.0f} %"
    return f"{rois.class_name[i]} #{track_id}"


def _whole(xyxy: Sequence[float]) -> Rectangle:
    x1, y1, x2, y2 = (round(edge) for edge in xyxy)
    return x1, y1, x2, y2


class _Canvas:
    """Pixels, the sizes that suit them, and the places already taken by text."""

    def __init__(self, frame: Frame) -> None:
        self.pixels: Frame = frame.copy()
        self.height, self.width = frame.shape[:2]
        scale = min(self.height, self.width) / REFERENCE_SIDE
        self._font = max(MIN_FONT, FONT_SIZE * scale)
        self._stroke = max(1, round(scale))
        self._taken: list[Rectangle] = []
        (_, text_height), baseline = cv2.getTextSize("Ag", FONT, self._font, self._stroke)
        self._pad = max(2, round(3 * scale))
        self._line = text_height + baseline + self._pad

    def box(self, box: Rectangle, colour: Colour, *, bold: bool) -> None:
        weight = self._stroke * (3 if bold else 1)
        if bold:  # a dark rim keeps it visible on any ground
            cv2.rectangle(self.pixels, box[:2], box[2:], DARK, weight + 2, cv2.LINE_AA)
        cv2.rectangle(self.pixels, box[:2], box[2:], colour, weight, cv2.LINE_AA)

    def arrow(self, start: Rectangle, end: Rectangle) -> None:
        """From the middle of the subject to the middle of the object."""
        tail, head = [((b[0] + b[2]) // 2, (b[1] + b[3]) // 2) for b in (start, end)]
        for colour, weight in ((DARK, 4 * self._stroke), (WHITE, 2 * self._stroke)):
            cv2.arrowedLine(self.pixels, tail, head, colour, weight, cv2.LINE_AA, tipLength=0.08)

    def label(self, box: Rectangle, colour: Colour, text: str, *, always: bool = False) -> None:
        """Above the box, else below, else inside; left out for a tiny box or for lack of room."""
        width = self._text_width(text) + 2 * self._pad
        if width > LABEL_TO_BOX * max(box[2] - box[0], 1) and not always:
            return  # it would hide more than it says
        x = max(0, min(box[0], self.width - width))
        rows = (box[1] - self._line, box[3], box[1], box[3] - self._line)
        places = [(x, y, x + width, y + self._line) for y in rows]
        free = [place for place in places if self._is_free(place)]
        if not free and not always:
            return
        x1, y1, x2, y2 = free[0] if free else self._inside(places[0])
        self._taken.append((x1, y1, x2, y2))
        cv2.rectangle(self.pixels, (x1, y1), (x2, y2), colour, cv2.FILLED)
        self._text(text, x1 + self._pad, y1, DARK)

    def banner_place(
        self, headline: str, text: str, keep_clear: Sequence[Rectangle]
    ) -> tuple[Rectangle, list[str]]:
        """Reserve a strip at the top or the bottom, whichever hides less of the pair."""
        lines = [*self._wrapped(headline), *self._wrapped(_plain(text))]
        fitting = int(self.height * BANNER_SHARE) // self._line
        if fitting < len(lines):
            lines = lines[:fitting]
            lines[-1:] = [f"{line[:-2]}.." for line in lines[-1:]]
        tall = len(lines) * self._line + (self._pad if lines else 0)
        top = (0, 0, self.width, tall)
        bottom = (0, self.height - tall, self.width, self.height)
        hidden = [sum(_overlap(strip, box) for box in keep_clear) for strip in (top, bottom)]
        strip = bottom if hidden[1] < hidden[0] else top
        if lines:
            self._taken.append(strip)
        return strip, lines

    def banner(self, banner: tuple[Rectangle, list[str]], colour: Colour) -> None:
        (x1, y1, x2, y2), lines = banner
        under = self.pixels[y1:y2, x1:x2].astype(np.float32)
        mixed = under * (1 - BANNER_OPACITY) + np.array(colour, np.float32) * BANNER_OPACITY
        self.pixels[y1:y2, x1:x2] = mixed.astype(np.uint8)
        for row, line in enumerate(lines):
            self._text(line, x1 + 2 * self._pad, y1 + row * self._line, WHITE)

    def _wrapped(self, text: str) -> list[str]:
        """Words in as many lines as the width needs; a word too wide for a line stays whole."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self._text_width(longer) <= self.width - 4 * self._pad:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _text(self, text: str, x: int, top: int, colour: Colour) -> None:
        (_, text_height), _ = cv2.getTextSize(text, FONT, self._font, self._stroke)
        origin = (x, top + self._pad + text_height)
        cv2.putText(self.pixels, text, origin, FONT, self._font, colour, self._stroke, cv2.LINE_AA)

    def _text_width(self, text: str) -> int:
        return int(cv2.getTextSize(text, FONT, self._font, self._stroke)[0][0])

    def _is_free(self, place: Rectangle) -> bool:
        inside = place[0] >= 0 and place[1] >= 0
        inside &= place[2] <= self.width and place[3] <= self.height
        return inside and not any(_overlap(place, taken) for taken in self._taken)

    def _inside(self, place: Rectangle) -> Rectangle:
        """The same rectangle moved into the picture."""
        left = max(0, min(place[0], self.width - (place[2] - place[0])))
        top = max(0, min(place[1], self.height - self._line))
        return left, top, left + place[2] - place[0], top + self._line


def _overlap(a: Rectangle, b: Rectangle) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _plain(text: str) -> str:
    """OpenCV's stroke font knows ASCII only."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
