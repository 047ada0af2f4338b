"""Reports against labels, and the whole evaluation on clips made here."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from rich.console import Console

from model.evaluate.clips import evaluate_clips
from model.evaluate.labels import LabelledClip, labelled_scores, read_labels
from model.evaluate.report import ClipsEvaluation
from service.pipeline.report import FrameRow, ModelRow, Report, VideoRow

VIDEO = VideoRow(
    name="a.mp4", width=8, height=8, duration_s=1.0, fps=10.0, codec="h264", sampled_frames=10,
    sample_fps=10.0,
)  # fmt: skip


def report_of(scores: list[float]) -> Report:
    """A frame a tenth of a second; index 3 apart, as in a 30 fps clip."""
    return Report(
        video=VIDEO,
        model=ModelRow(bundle="tiny", knowledge_sha256="0", mode="paired"),
        frames=tuple(
            FrameRow(
                index=3 * i, time_s=i / 10, score=score, eq11=0.0, probability=0.5, anomalous=False
            )
            for i, score in enumerate(scores)
        ),
        segments=(),
        decode_errors=(),
        timings={},
    )


def labelled(start: int | None, end: int | None, replay: int | None = None) -> LabelledClip:
    return LabelledClip(
        id="a", file="a.mp4", label="accident", category="", n_frames=30, fps=30.0,
        anomaly_start=start, anomaly_end=end, replay_from=replay,
    )  # fmt: skip


def test_both_ends_of_the_window_are_anomalous() -> None:
    """Samples at 0, 3, 6, 9, 12, 15; the window 6..12 holds the third to the fifth."""
    scored = labelled_scores(labelled(6, 12), report_of([0, 1, 2, 3, 4, 5]))

    assert scored.labels.tolist() == [False, False, True, True, True, False]
    assert scored.scores.tolist() == [0, 1, 2, 3, 4, 5]


def test_the_replay_is_cut_off_and_places_are_within_what_is_left() -> None:
    """Of samples at 0, 3, .. 15 those before frame 9 stay; the last of them stands at 1."""
    scored = labelled_scores(labelled(6, 12, replay=9), report_of([0, 1, 2, 3, 4, 5]))

    assert scored.times_s.tolist() == pytest.approx([0.0, 0.1, 0.2])
    assert scored.position.tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert scored.labels.tolist() == [False, False, True]


def test_a_normal_clip_has_no_positive_frame() -> None:
    """And a clip of one frame has a place."""
    scored = labelled_scores(labelled(None, None), report_of([0.3]))

    assert (scored.labels.tolist(), scored.position.tolist()) == ([False], [0.0])


def write_clip(path: Path, frames: int) -> None:
    noise = np.random.default_rng(frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            pixels = noise.integers(0, 256, (48, 64, 3), np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, 30)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def test_an_evaluation_writes_figures_reports_and_timelines_with_its_controls(
    tiny_bundle_dir: Path, tmp_path: Path
) -> None:
    """Two accident clips and a normal one through the real analyzer."""
    folder, out = tmp_path / "clips", tmp_path / "out"
    folder.mkdir()
    rows = []
    for name, frames, start, end in (("a", 60, 30, 45), ("b", 45, 15, 44), ("n", 30, None, None)):
        write_clip(folder / f"{name}.mp4", frames)
        rows.append(
            {
                "id": name, "file": f"{name}.mp4", "label": "", "category": "", "n_frames": frames,
                "fps": 30.0, "anomaly_start": start, "anomaly_end": end, "replay_from": None,
                "licence": "none",
            }
        )  # fmt: skip
    (folder / "clips.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    console = Console(record=True, width=200)

    evaluation = evaluate_clips(
        folder, tiny_bundle_dir, out, threads=1, num_shuffles=3, console=console
    )

    shown = console.export_text()
    for control in ("position t/T", "ramp min(t/4 s, 1)", "always on", "smoothed noise"):
        assert f"control: {control}" in shown
    assert (evaluation.num_clips, evaluation.num_clips_with_both) == (3, 2)
    assert [clip.auc is None for clip in evaluation.clips] == [False, False, True]
    figures = {row.name: row for row in evaluation.rows}
    assert figures["control: always on"].pooled.value == 0.5
    mixed = figures["shuffled texts (3)"].pooled
    assert mixed.low is not None
    assert mixed.high is not None
    assert mixed.value is not None
    assert mixed.low <= mixed.value <= mixed.high
    assert (out / "a.png").read_bytes().startswith(b"\x89PNG")
    assert len(Report.model_validate_json((out / "n.json").read_text()).frames) == 10
    written = (out / "evaluation.json").read_text()
    assert ClipsEvaluation.model_validate_json(written).num_clips == 3


def test_an_unknown_clip_is_named(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    """Before any model is loaded."""
    (tmp_path / "clips.jsonl").write_text("")

    assert read_labels(tmp_path) == []
    with pytest.raises(ValueError, match="no clip x"):
        evaluate_clips(tmp_path, tiny_bundle_dir, tmp_path / "out", clip_ids=["x"])
