"""DoTA's groups and figures on its real lists, and STAUC by hand."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from model.evaluate.dota import (
    GroupFigures,
    figures,
    noise,
    position_prior,
    postprocess,
    ramp,
)
from model.evaluate.dota_metadata import DotaClip, DotaError, read_annotation, read_metadata
from model.evaluate.dota_report import report_dota
from model.evaluate.dota_run import DownloadError, score_clips
from model.evaluate.stauc import anomaly_map, region_rate, stauc
from model.synthesis.export import generate
from model.synthesis.traffic import make_clip
from service.pipeline.engine import load_engine
from service.pipeline.stream import StreamScorer
from service.vision.images import decode_image
from tests.builders.tiny_bundle import write_tiny_bundle

PRIOR_BY_POSITION = (56.8, 53.1)  # 10 bins, 20 bins: what a clock still finds inside a bin


@pytest.fixture
def lists(real_data: Path) -> Path:
    """DoTA's metadata as published."""
    return real_data / "relations_text" / "dota"


def by_group(rows: list[GroupFigures]) -> dict[str, GroupFigures]:
    return {row.group: row for row in rows}


def test_the_groups_are_those_that_the_tables_are_made_of(lists: Path) -> None:
    """Clips, frames and anomalous frames of every class without the own car."""
    rows = by_group(figures(read_metadata(lists / "metadata_val.json"), ramp))

    sizes = {name: (row.clips, row.frames, row.positives) for name, row in rows.items()}
    assert sizes["ST*"] == (17, 2007, 413)
    assert sizes["AH*"] == (75, 7994, 2418)
    assert sizes["LA*"] == (83, 8829, 3058)
    assert sizes["OC*"] == (30, 3035, 755)
    assert sizes["TC*"] == (206, 20814, 5981)
    assert sizes["VP*"] == (21, 2196, 608)
    assert sizes["VO*"] == (20, 1891, 619)
    assert sizes["OO*"] == (131, 14815, 5698)
    assert sizes["UK*"] == (14, 1596, 601)
    assert sizes["non-ego"] == (597, 63177, 20151)
    assert rows["ego"].clips == 805


def test_what_a_clock_reaches(lists: Path) -> None:
    """The published figures of two scores that see no pixel, to a tenth of a percent."""
    clips = read_metadata(lists / "metadata_val.json")
    prior = position_prior(read_metadata(lists / "metadata_train.json"))

    found = [by_group(figures(clips, scorer)) for scorer in (ramp, prior)]

    pooled = [[round(rows[g].pooled, 1) for g in ("all", "VV*", "VP*", "VO*")] for rows in found]
    assert pooled == [[66.1, 60.6, 59.8, 66.3], [81.8, 79.8, 77.3, 83.5]]
    assert all(abs(rows["all"].stratified - 50) < 4 for rows in found)
    assert all(np.isnan(row.stauc) for rows in found for row in rows.values())
    ten, twenty = (getattr(found[1]["all"], name) for name in ("stratified_10", "stratified"))
    assert (round(ten, 1), round(twenty, 1)) == PRIOR_BY_POSITION


def test_zero_padding_makes_figures_out_of_noise(lists: Path) -> None:
    """About 61 of nothing; reflected padding gives 50."""
    clips = read_metadata(lists / "metadata_val.json")

    padded, honest = (
        by_group(figures(clips, noise(), how))["all"].pooled
        for how in ("tthf_compat", "median_reflect")
    )

    assert padded > 59
    assert abs(honest - 50) < 1


def clip(name: str = "a", start: int = 2, end: int = 4, code: str = "TC") -> DotaClip:
    return DotaClip(name, code, False, 6, start, end)


def test_the_last_frame_is_a_switch() -> None:
    """[2, 4) or [2, 4]."""
    assert clip().labels().tolist() == [False, False, True, True, False, False]
    assert clip().labels("inclusive").tolist() == [False, False, True, True, True, False]


def test_figures_by_hand() -> None:
    """Scores 0..5 with frames 2 and 3 anomalous: 2 + 2 of 8 pairs are in order."""
    (row,) = [r for r in figures([clip()], lambda c: np.arange(6.0)) if r.group == "TC*"]

    assert (row.clips, row.frames, row.positives) == (1, 6, 2)
    assert row.pooled == row.raw == row.macro == pytest.approx(50)


def test_min_max_makes_clips_comparable() -> None:
    """Two clips of the same shape, one a hundred times as loud."""
    clips = [clip("quiet"), clip("loud")]
    shape = np.array([0, 0, 1, 1, 0, 0.0])

    rows = figures(clips, lambda c: shape + 100 if c.name == "loud" else shape)

    (row,) = [r for r in rows if r.group == "TC*"]
    assert row.pooled == 100
    assert row.raw == pytest.approx(75)  # 4 x 8 pairs: the quiet accident loses to loud calm


@pytest.mark.parametrize(
    "how", ["none", "tthf_compat", "median_reflect", "gauss_reflect", "ema_first"]
)
def test_only_padding_with_zeros_knows_where_it_is(how: str) -> None:
    """Of noise around 0.5 it makes less at both ends; every other smoothing stays about there."""
    rows = [postprocess(row, how) for row in np.random.default_rng(0).random((60, 40))]  # type: ignore[arg-type]

    first = float(np.mean([row[0] for row in rows]))
    assert (first < 0.2) == (how == "tthf_compat")
    assert float(np.mean([row[20] for row in rows])) == pytest.approx(0.5, abs=0.08)


def test_region_rate_by_hand() -> None:
    """All mass inside is 1, all outside 0, a frame without boxes 1."""
    box = np.array([[0.0, 0.0, 0.5, 1.0]])
    left = anomaly_map(np.array([[0.1, 0.3, 0.3, 0.6]]), np.array([1.0]))
    right = anomaly_map(np.array([[0.8, 0.4, 0.9, 0.5]]), np.array([1.0]))

    assert region_rate(left, box) > 0.99
    assert region_rate(right, box) < 0.01
    assert region_rate(right, np.zeros((0, 4))) == 1
    assert region_rate(np.zeros_like(left), box) == 0


def test_stauc_by_hand() -> None:
    """AUC when every place is right; each found frame counts as much as its rate."""
    scores = np.array([0.9, 0.8, 0.7, 0.1])
    labels = np.array([True, False, True, False])

    assert stauc(scores, labels, np.ones(4)) == pytest.approx(0.75)
    assert stauc(scores, labels, np.array([0.5, 1, 1, 1])) == pytest.approx((0.5 * 2 + 1) / 4)
    assert np.isnan(stauc(scores, np.ones(4, bool), np.ones(4)))


def test_stauc_of_a_whole_list_is_its_auc_when_every_place_is_right() -> None:
    """Ties included, against scikit-learn, with as many frames as DoTA has: no pairwise loop."""
    generator = np.random.default_rng(0)
    labels = generator.random(142_747) < 0.33
    scores = np.round(generator.random(142_747) + 0.2 * labels.astype(np.float64), 3)

    assert stauc(scores, labels, np.ones(142_747)) == pytest.approx(
        roc_auc_score(labels, scores), abs=1e-12
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"anomaly_class": "ego: flying"}, "unknown anomaly_class"),
        ({"anomaly_start": 9, "anomaly_end": 3}, "frames 9 to 3"),
        ({"num_frames": "many"}, "num_frames"),
    ],
)
def test_a_list_that_is_not_as_published(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    """Named with file and clip."""
    row = {"anomaly_start": 1, "anomaly_end": 3, "anomaly_class": "ego: turning", "num_frames": 9}
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"x_1": {**row, **change}}), encoding="utf-8")

    with pytest.raises(DotaError, match=says):
        read_metadata(path)
    with pytest.raises(DotaError, match="No such file"):
        read_metadata(tmp_path / "none.json")


def test_a_download_is_scored_and_kept(tmp_path: Path) -> None:
    """Frames in the published folders; a clip without them is skipped, one kept is not redone."""
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    images = tmp_path / "frames" / "a" / "images"
    images.mkdir(parents=True)
    for number in range(6):
        frame = np.full((72, 128, 3), 40 * number, np.uint8)
        cv2.imwrite(str(images / f"{number:06d}.jpg"), frame)
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    labels = [{"frame_id": 2, "objects": [{"bbox": [0, 0, 640, 720]}]}]
    (annotations / "a.json").write_text(json.dumps({"labels": labels}), encoding="utf-8")
    clips = [clip("a"), clip("missing")]

    found = score_clips(engine, clips, tmp_path / "frames", annotations, tmp_path / "out")
    assert list(found) == ["a"]
    stream = StreamScorer(engine)
    for number, picture in enumerate(sorted(images.iterdir())):
        stream.score(decode_image(picture.read_bytes(), 10**6), number / 10, number)
        assert stream.latest is not None
        assert found["a"].scores[number] == stream.latest.raw_score
    assert found["a"].rates[0] == 1
    assert 0 <= found["a"].rates[2] <= 1
    for picture in images.iterdir():
        picture.unlink()
    again = score_clips(engine, clips, tmp_path / "frames", annotations, tmp_path / "out")
    assert np.array_equal(again["a"].scores, found["a"].scores)
    with pytest.raises(DownloadError, match="no clip of the list"):
        score_clips(engine, clips, tmp_path / "frames", None, tmp_path / "other")
    with pytest.raises(DownloadError, match="no clip of the list"):  # kept ones are of "paired"
        score_clips(engine, clips, tmp_path / "frames", annotations, tmp_path / "out", "literal")


def test_an_annotation_is_read_or_named(tmp_path: Path) -> None:
    """Boxes in 0..1 by frame, by order where no frame is named; a broken file is one line."""
    path = tmp_path / "a.json"
    boxes = [{"bbox": [640, 0, 1280, 720]}]
    content = {"night": True, "labels": [{"objects": []}, {"objects": boxes}]}
    path.write_text(json.dumps(content), encoding="utf-8")

    found = read_annotation(tmp_path, clip("a"))
    assert found is not None
    assert found.night
    assert {k: v.tolist() for k, v in found.boxes.items()} == {1: [[0.5, 0, 1, 1]]}
    assert read_annotation(tmp_path, clip("b")) is None
    for broken in ("{", '{"labels": [{"objects": [{"bbox": [1, 2]}]}]}'):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(DotaError, match=r"a\.json"):
            read_annotation(tmp_path, clip("a"))


def test_a_report_of_a_download(tmp_path: Path) -> None:
    """Lists, frames and annotations as published: tables with night and STAUC, valid JSON, plot."""
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    frames, annotations = tmp_path / "frames", tmp_path / "annotations"
    annotations.mkdir()
    rows = {}
    for name, night in (("a_000001", True), ("b_000007", False)):
        row = {"anomaly_start": 2, "anomaly_end": 4, "num_frames": 6, "subset": "val"}
        rows[name] = {**row, "anomaly_class": "other: turning"}
        images = frames / name / "images"
        images.mkdir(parents=True)
        for number in range(6):
            cv2.imwrite(str(images / f"{number:06d}.jpg"), np.full((72, 128, 3), 40 * number, "u1"))
        labels = [{"frame_id": 2, "objects": [{"bbox": [0, 0, 640, 720]}]}]
        content = {"night": night, "labels": labels}
        (annotations / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps(rows), encoding="utf-8")
    lists = (tmp_path / "list.json", tmp_path / "list.json")

    out = tmp_path / "out"
    tables = report_dota(*lists, engine, frames, annotations, out, "none", "half_open")
    bundle = by_group(tables["bundle"])

    assert {"TC*", "VV*", "all", "day", "night"} <= set(bundle)
    assert 0 <= bundle["all"].stauc <= bundle["all"].pooled
    assert np.isnan(by_group(tables["control: noise"])["all"].stauc)
    text = (out / "dota.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["control: noise"][0]["stauc"] is None
    assert (out / "dota.png").stat().st_size > 3000
    again = report_dota(*lists, engine, frames, None, tmp_path / "plain", "none", "half_open")
    assert np.isnan(by_group(again["bundle"])["all"].stauc)  # unknown is not "all in place"


def test_generated_metadata_is_read_as_dotas_is(tmp_path: Path) -> None:
    """The code and the side of each accident come back."""
    generate("traffic", tmp_path, count=2, seed=0, accidents=True)

    read = read_metadata(tmp_path / "metadata.json")

    made = [make_clip(seed, anomalous=True) for seed in (0, 1)]
    assert [(one.code, one.ego) for one in read] == [(one.dota, one.ego) for one in made]
    assert [one.labels().tolist() for one in read] == [one.label.tolist() for one in made]
