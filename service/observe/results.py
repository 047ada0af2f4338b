"""Metrics of what was found in frames: boxes, scores, alarms, distance from normal footage.

Drift. The calibration holds, for each anomaly leaf, mean and standard deviation of its evidence
on normal footage. Measured in them, evidence on such footage has mean 0 and variance 1, whatever
the leaf. Alarms are rare, so over many frames the mean stays near 0 unless camera, weather or
models have moved away from what the calibration knows. A sum that can fall is no counter, so the
parts above and below 0 are counted apart:

    mean = (rate(sum{side="above"}) - rate(sum{side="below"})) / rate(values)
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from service.pipeline.judging import FrameResult
    from service.pipeline.report import ExplanationRow
    from service.scoring.calibration import Domain
    from service.scoring.explain import Explanation
    from service.scoring.text_bank import TextBank

SCORE_BUCKETS = tuple(step / 10 for step in range(1, 11))
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)
OTHER = "other"


class ResultMetrics:
    """What the analyzers found, wherever the frame came from.

    Args:
        registry: Where the metrics are registered.
        leaves: Anomaly leaves of the shipped hierarchy; any other counts as ``other``, so that
            what experts write cannot make labels without end.
        stage_duration: Histogram with the label ``stage``.
    """

    def __init__(
        self, registry: CollectorRegistry, leaves: frozenset[str], stage_duration: Histogram
    ) -> None:
        self._leaves = leaves
        self._stage_duration = stage_duration
        self.anomaly_score = Histogram(
            "saclip_anomaly_score",
            "Calibrated probability of single frames, before any smoothing.",
            ["domain"],
            buckets=SCORE_BUCKETS,
            registry=registry,
        )
        self.boxes = Counter(
            "saclip_detector_boxes",
            "Participants that the detector found.",
            ["class_name"],
            registry=registry,
        )
        self.batch_size = Histogram(
            "saclip_inference_batch_size",
            "Frames analysed in one call.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.alarms = Counter(
            "saclip_alarms",
            "Anomalous pictures, segments of clips, and alarms of streams.",
            ["leaf", "severity", "source"],
            registry=registry,
        )
        self.gate = Counter(
            "saclip_appearance",
            "Frames whose pixels the encoder trusts (on) or does not (off).",
            ["state"],
            registry=registry,
        )
        self.evidence_values = Counter(
            "saclip_evidence_values",
            "Leaf evidences measured against their null on normal footage.",
            ["domain"],
            registry=registry,
        )
        self.evidence_sum = Counter(
            "saclip_evidence_deviation",
            "Their sum in standard deviations of the null, parts above and below its mean apart.",
            ["domain", "side"],
            registry=registry,
        )

    def observe(self, results: Sequence["FrameResult"], domain: "Domain", bank: "TextBank") -> None:
        """Record one call's results."""
        self.batch_size.observe(len(results))
        for result in results:
            self.anomaly_score.labels(domain).observe(result.probability)
            self.gate.labels(result.appearance).inc()
            for stage, milliseconds in result.timings_ms.items():
                self._stage_duration.labels(stage).observe(milliseconds / 1000)
            for name, source in zip(result.rois.class_name, result.rois.source, strict=True):
                if source == "detected":
                    self.boxes.labels(str(name)).inc()
            self._observe_drift(result, domain, bank)
            if domain == "stills" and result.anomalous:
                self.count_alarm(result.explanations, "picture")

    def count_alarm(
        self, explanations: "Sequence[Explanation | ExplanationRow]", source: str
    ) -> None:
        """Count one alarm under the leaf of its best anomaly description."""
        best = next((item for item in explanations if item.polarity == "anomaly"), None)
        leaf = best.description_id.partition("/")[0] if best is not None else OTHER
        severity = str(best.severity) if best is not None else "0"
        self.alarms.labels(leaf if leaf in self._leaves else OTHER, severity, source).inc()

    def _observe_drift(self, result: "FrameResult", domain: "Domain", bank: "TextBank") -> None:
        # The expert's weight is no distance: it is taken out again.
        deviation = result.standardised / bank.leaf_weight
        deviation = deviation[np.isfinite(deviation)]
        self.evidence_values.labels(domain).inc(len(deviation))
        self.evidence_sum.labels(domain, "above").inc(float(deviation.clip(min=0).sum()))
        self.evidence_sum.labels(domain, "below").inc(float(-deviation.clip(max=0).sum()))
