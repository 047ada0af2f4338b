"""What the annotated film says, frame by frame."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from service.pipeline import film
from service.pipeline.details import DetailWriter, read_details
from service.pipeline.engine import load_engine
from service.pipeline.film import render_film
from service.pipeline.report import ExplanationRow, Report, SegmentRow
from service.pipeline.video import VideoAnalyzer
from service.vision.draw import Result
from service.vision.film import enlargement
from service.vision.images import Frame
from service.vision.isolated import in_this_process
from tests.builders.footage import street_clip

OPEN = in_this_process(10**7, 100)
START, END = 10, 19  # frames of the segment; 10 a second


@pytest.fixture(scope="module")
def analysed(
    tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Report, Path]:
    """A clip, its report and its details."""
    folder = tmp_path_factory.mktemp("film")
    clip, details = street_clip(folder / "street.mp4", frames=30), folder / "frames.sqlite"
    with DetailWriter(details) as writer:
        engine = load_engine(tiny_bundle_dir, threads=1)
        report = VideoAnalyzer(engine, OPEN).analyze(clip, on_frame=writer.add)
    return clip, report, details


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What is drawn into the frames of a film, in order."""
    results: list[Result] = []

    def keep(frame: Frame, result: Result) -> Frame:
        results.append(result)
        return frame

    monkeypatch.setattr(film, "draw_result", keep)
    return results


def with_segment(report: Report, told: ExplanationRow) -> Report:
    """The report with a single segment, from START to END."""
    segment = SegmentRow(
        start_s=report.frames[START].time_s, end_s=report.frames[END].time_s, peak_s=1.5,
        peak_index=15, probability=0.9, explanations=(told,),
    )  # fmt: skip
    return report.model_copy(update={"segments": (segment,)})


def test_within_a_segment_the_film_says_what_the_report_says(
    drawn: list[Result], analysed: tuple[Path, Report, Path], tmp_path: Path
) -> None:
    """Its words on every frame, its pair where it is now; its own words on every other frame."""
    clip, report, path = analysed
    details = dict(read_details(path))
    roi = next(roi for roi in details[START].rois if roi.track_id is not None)
    place = next(roi for roi in details[START].rois if roi.roi_source == "pseudo")
    own = details[START].explanations[0]
    told = own.model_copy(update={"text": "told by the segment", "subject": roi, "object": place})

    render_film(clip, with_segment(report, told), path, tmp_path / "film.mp4", OPEN)

    texts = [result.explanations[0].text for result in drawn]
    own_texts = [details[row.index].explanations[0].text for row in report.frames]
    assert texts[START : END + 1] == ["told by the segment"] * 10
    assert texts[:START] + texts[END + 1 :] == own_texts[:START] + own_texts[END + 1 :]
    times = enlargement(report.video.width, report.video.height)
    for index in range(START, END + 1):
        subject = drawn[index].explanations[0].subject
        now = [r for r in details[index].rois if r.track_id == roi.track_id]
        assert [tuple(times * edge for edge in r.xyxy) for r in now] == (
            [subject.xyxy] if subject else []
        )
        object_ = drawn[index].explanations[0].object
        assert object_ is not None  # a place does not move
        assert object_.xyxy == tuple(times * edge for edge in place.xyxy)
    places = {s.xyxy for r in drawn[START : END + 1] if (s := r.explanations[0].subject)}
    assert len(places) > 1  # it moves, and its box with it


def test_a_frame_of_which_nothing_is_known_shows_the_words_without_boxes(
    drawn: list[Result], analysed: tuple[Path, Report, Path], tmp_path: Path
) -> None:
    """It could not be scored; where the pair was in another frame would be wrong here."""
    clip, report, path = analysed
    details = dict(read_details(path))
    roi = next(roi for roi in details[START].rois if roi.track_id is not None)
    told = details[START].explanations[0].model_copy(update={"subject": roi, "object": None})
    holed = tmp_path / "holed.sqlite"
    shutil.copy(path, holed)
    with sqlite3.connect(holed) as file:
        file.execute("DELETE FROM frame WHERE number = ?", (START,))
    render_film(clip, with_segment(report, told), holed, tmp_path / "film.mp4", OPEN)

    (shown,) = drawn[START].explanations
    assert (shown.text, shown.subject) == (told.text, None)
    assert len(drawn[START].rois) == 0
    assert drawn[START + 1].explanations[0].subject is not None
