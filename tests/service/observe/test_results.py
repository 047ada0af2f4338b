"""Metrics of what was found: drift by hand-worked numbers, alarms under bounded labels."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram

from service.observe.results import ResultMetrics

NOTHING = float("-inf")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ResultMetrics:
    stages = Histogram("stage", "", ["stage"], registry=registry)
    return ResultMetrics(registry, frozenset({"a.crash"}), stages)


def explanation(description_id: str, polarity: str = "anomaly", severity: int = 4) -> Any:
    return SimpleNamespace(description_id=description_id, polarity=polarity, severity=severity)


def result(standardised: list[float], *explanations: Any, anomalous: bool = False) -> Any:
    """As much of a frame's result as the metrics look at."""
    return SimpleNamespace(
        probability=0.3,
        appearance="off",
        anomalous=anomalous,
        timings_ms={"detect": 2.0},
        rois=SimpleNamespace(class_name=("car", "full"), source=("detected", "pseudo")),
        standardised=np.array(standardised),
        explanations=explanations,
    )


def bank(*weights: float) -> Any:
    return SimpleNamespace(leaf_weight=np.array(weights))


def test_drift_matches_a_case_worked_out_by_hand(
    registry: CollectorRegistry, metrics: ResultMetrics
) -> None:
    """Deviations 2, -1 and 3 (weight 2 taken out of 6), one silent leaf: mean 4/3."""
    metrics.observe([result([2.0, -1.0, 6.0, NOTHING])], "clips", bank(1, 1, 2, 1))

    get = registry.get_sample_value
    above = get("saclip_evidence_deviation_total", {"domain": "clips", "side": "above"})
    below = get("saclip_evidence_deviation_total", {"domain": "clips", "side": "below"})
    values = get("saclip_evidence_values_total", {"domain": "clips"})
    assert (above, below, values) == (5.0, 1.0, 3.0)


def test_a_frame_is_counted_once(registry: CollectorRegistry, metrics: ResultMetrics) -> None:
    """Its box, its gate, its call; pseudo ROIs are no boxes."""
    metrics.observe([result([0.0]), result([0.0])], "clips", bank(1))

    get = registry.get_sample_value
    assert get("saclip_detector_boxes_total", {"class_name": "car"}) == 2
    assert get("saclip_detector_boxes_total", {"class_name": "full"}) is None
    assert get("saclip_appearance_total", {"state": "off"}) == 2
    assert get("saclip_inference_batch_size_count") == 1
    assert get("saclip_inference_batch_size_sum") == 2
    assert get("saclip_anomaly_score_count", {"domain": "clips"}) == 2
    assert get("stage_sum", {"stage": "detect"}) == pytest.approx(0.004)


def test_an_anomalous_picture_is_an_alarm_and_a_frame_of_a_clip_is_not(
    registry: CollectorRegistry, metrics: ResultMetrics
) -> None:
    """A clip's alarms are its segments, counted with its report."""
    seen = result([0.0], explanation("n.x/y", "normal"), explanation("a.crash/x"), anomalous=True)

    metrics.observe([seen], "stills", bank(1))
    metrics.observe([seen], "clips", bank(1))

    labels = {"leaf": "a.crash", "severity": "4", "source": "picture"}
    assert registry.get_sample_value("saclip_alarms_total", labels) == 1


def test_leaves_that_experts_add_share_one_label(
    registry: CollectorRegistry, metrics: ResultMetrics
) -> None:
    """A label for each would grow without end."""
    for number in range(50):
        metrics.count_alarm([explanation(f"a.mine{number}/x", severity=2)], "clip")
    metrics.count_alarm([], "stream")

    labels = {"leaf": "other", "severity": "2", "source": "clip"}
    assert registry.get_sample_value("saclip_alarms_total", labels) == 50
    labels = {"leaf": "other", "severity": "0", "source": "stream"}
    assert registry.get_sample_value("saclip_alarms_total", labels) == 1
