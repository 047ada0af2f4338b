"""The names that other programs read."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from service.pipeline.report import Report, explanation_rows, roi_rows
from service.scoring.explain import Explanation, Participant
from service.vision.rois import detected_rois, with_pseudo_rois

EXPLANATION = Explanation(
    description_id="leaf/text",
    text="a car hits a person",
    path=("road", "collision"),
    polarity="anomaly",
    severity=4,
    similarity=0.5,
    margin=0.25,
    counterpart="leaf/normal",
    subject=Participant((1.0, 2.0, 3.0, 4.0), "car", 0.75, 7, "detected"),
    object=None,
)


def test_an_explanation_has_the_published_names() -> None:
    """`class` and not `class_name`; null for an absent object; an empty dictionary of cues."""
    (row,) = explanation_rows([EXPLANATION])

    assert json.loads(row.model_dump_json()) == {
        "description_id": "leaf/text",
        "text": "a car hits a person",
        "path": ["road", "collision"],
        "polarity": "anomaly",
        "severity": 4,
        "similarity": 0.5,
        "margin": 0.25,
        "counterpart": "leaf/normal",
        "subject": {
            "xyxy": [1.0, 2.0, 3.0, 4.0],
            "class": "car",
            "confidence": 0.75,
            "track_id": 7,
            "roi_source": "detected",
        },
        "object": None,
        "cues": {},
    }


def test_rois_are_given_in_pixels() -> None:
    """A quarter of a 200 x 100 picture; the road of the pseudo ROIs begins at 55 of 100."""
    rois = with_pseudo_rois(detected_rois(np.array([[0.25, 0.5, 0.5, 1.0]]), ["car"], [0.5]))

    rows = roi_rows(rois, width=200, height=100)

    assert rows[0].xyxy == (50.0, 50.0, 100.0, 100.0)
    assert (rows[0].class_name, rows[0].roi_source, rows[0].track_id) == ("car", "detected", None)
    road = next(row for row in rows if row.class_name == "road")
    assert road.roi_source == "pseudo"
    assert road.xyxy == pytest.approx((0, 55, 200, 100), abs=1e-4)


def test_a_report_survives_being_written_and_read() -> None:
    """And an unknown field or version is refused, not dropped."""
    report = Report.model_validate(
        {
            "schema_version": 1,
            "video": {
                "name": "a.mp4", "width": 2, "height": 1, "duration_s": 1.0, "fps": 30.0,
                "codec": "h264", "sampled_frames": 1, "sample_fps": 10.0,
            },
            "model": {"bundle": "nano", "knowledge_sha256": "0", "mode": "paired"},
            "frames": [
                {
                    "index": 0, "time_s": 0.0, "score": 1.0, "eq11": 0.1, "probability": 0.9,
                    "anomalous": True,
                }
            ],
            "segments": [
                {
                    "start_s": 0.0, "end_s": 0.0, "peak_s": 0.0, "peak_index": 0,
                    "probability": 0.9, "explanations": explanation_rows([EXPLANATION]),
                }
            ],
            "decode_errors": [{"time_s": None, "detail": "damaged packet", "count": 2}],
            "timings": {"decode": 0.1},
        }
    )  # fmt: skip
    written = json.loads(report.model_dump_json())

    assert Report.model_validate(written) == report
    assert written["segments"][0]["explanations"][0]["subject"]["class"] == "car"
    with pytest.raises(ValidationError, match="schema_version"):
        Report.model_validate({**written, "schema_version": 2})
    with pytest.raises(ValidationError, match="extra"):
        Report.model_validate({**written, "note": "x"})
