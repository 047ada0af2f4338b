"""Generated clips through the service's code."""

import io

import numpy as np
import pytest
from rich.console import Console

from model.evaluate.generated import analyze_clip, see_clip, smoothed
from model.evaluate.motion_null import NULL_SEED, normal_motion
from model.evaluate.nulls import shuffled_texts
from model.evaluate.traffic import evaluate_traffic
from model.synthesis.traffic import make_clip
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.pipeline.engine import Engine, load_engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(EMBEDDED_BUNDLE, threads=1)


def test_every_frame_is_scored_in_order_with_its_motion(engine: Engine) -> None:
    """Batches change nothing: a clip is one story."""
    clip = make_clip(7, anomalous=True)

    results = analyze_clip(engine.analyzer, clip, seed=7)

    assert len(results) == len(clip.times_s)
    assert all(result.motion is not None for result in results)
    assert max(float(result.motion.max()) for result in results if result.motion is not None) > 0
    calibration = engine.analyzer.calibration.clips
    row = smoothed(clip, results, calibration)
    first = results[0].score - calibration.past_share * results[0].text_level
    assert row.scores[0] == pytest.approx(first)
    assert np.array_equal(row.labels, clip.label)


def test_the_motion_of_a_loud_leaf_is_turned_down(engine: Engine) -> None:
    """To half of what it is at full weight, frame by frame, and so in the evidence."""
    clip, analyzer = make_clip(7, anomalous=True), engine.analyzer
    told = analyzer.calibration
    louder = told.clips.model_copy(update={"leaf_motion_weight": {}})
    quieter = told.clips.model_copy(
        update={"leaf_motion_weight": dict.fromkeys(analyzer.text_bank.leaf_ids, 0.5)}
    )
    found = []
    for clips in (louder, quieter):
        one = analyzer.with_text_bank(analyzer.text_bank)
        one.calibration = told.model_copy(update={"clips": clips})
        found.append(analyze_clip(one, clip, seed=7))

    for loud, quiet in zip(*found, strict=True):
        assert loud.motion is not None
        assert quiet.motion is not None
        assert quiet.motion.tolist() == pytest.approx((loud.motion / 2).tolist())
    assert max(r.score for r in found[0]) > max(r.score for r in found[1])


def test_motion_has_a_say_in_what_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never speaks against a leaf, so what is told first has as much evidence or more."""
    seen = see_clip(engine.analyzer, make_clip(7, anomalous=True), seed=7)
    told = [r.told_evidence for r in engine.analyzer.judge(seen, domain="clips")]
    monkeypatch.setattr("service.pipeline.judging.MOTION_TELLS", 0.0)
    alone = [r.told_evidence for r in engine.analyzer.judge(seen, domain="clips")]

    assert all(both >= text for both, text in zip(told, alone, strict=True))
    assert max(both - text for both, text in zip(told, alone, strict=True)) > 0.1


def test_motion_of_normal_traffic_has_a_row_for_each_frame(engine: Engine) -> None:
    """In 0..1; what moves speaks, but not of ice where nobody has looked at the road."""
    leaf_ids = engine.analyzer.text_bank.leaf_ids
    clips = [make_clip(seed, anomalous=False) for seed in (NULL_SEED, NULL_SEED + 1)]

    rows = normal_motion(engine.analyzer.text_bank, 32, num_clips=2)

    assert rows.shape == (sum(len(clip.moments) for clip in clips), len(leaf_ids))
    assert 0 <= rows.min() < 0.05 < rows.max() <= 1
    assert not rows[:, leaf_ids.index("a.oo.weather")].any()


def test_shuffled_texts_are_the_same_vectors_at_other_descriptions(engine: Engine) -> None:
    """Roles, leaves and weights stay; every shuffle is another one, with nulls of its own."""
    controls = shuffled_texts(engine.analyzer, num_shuffles=2, num_clips=1)
    bank = engine.analyzer.text_bank

    for mixed in (control.text_bank for control in controls):
        assert mixed.descriptions == bank.descriptions
        assert not np.array_equal(mixed.svo, bank.svo)
        assert np.array_equal(np.sort(mixed.svo, axis=0), np.sort(bank.svo, axis=0))
    first, second = controls
    assert not np.array_equal(first.text_bank.svo, second.text_bank.svo)
    assert first.calibration.clips.leaf_null != second.calibration.clips.leaf_null


def test_what_was_seen_once_is_judged_as_if_it_were_analysed_again(engine: Engine) -> None:
    """By the hierarchy that saw it and by another one: the models are not asked again."""
    clip, analyzer = make_clip(7, anomalous=True), engine.analyzer
    (other,) = shuffled_texts(analyzer, num_shuffles=1, num_clips=1)

    seen = see_clip(analyzer, clip, seed=7)

    for one in (analyzer, other):
        judged = [result.score for result in one.judge(seen, domain="clips")]
        assert judged == [result.score for result in analyze_clip(one, clip, seed=7)]


@pytest.mark.slow
def test_figures_stand_beside_their_controls(engine: Engine) -> None:
    """Four clips are enough to see that each row is there and lies where it must."""
    console = Console(file=io.StringIO(), width=160)

    figures = evaluate_traffic(
        engine.analyzer,
        shuffled_texts(engine.analyzer, num_shuffles=2, num_clips=1),
        num_clips=4,
        console=console,
    )

    auc = figures["auc"]
    assert isinstance(auc, dict)
    assert set(auc) == {
        "text and motion", "text alone", "motion alone", "shuffled texts (2)",
        "control: position t/T",
    }  # fmt: skip
    assert all(0 <= row["pooled"] <= 1 for row in auc.values())
    assert auc["control: position t/T"]["per_clip"] > 0.9  # an anomaly lasts to the clip's end
    leaves = figures["leaves"]
    assert isinstance(leaves, list)
    constant = leaves[-1]
    assert constant["name"].startswith("control: always a.")
    assert constant["code"] >= 0.5  # of two accidents it fits one at least
    assert all(row["leaf"] <= row["first_code"] <= row["code"] for row in leaves)
