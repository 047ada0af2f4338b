"""The model card: what a bundle is, learned from, reaches and does not reach, from its own figures."""

from pathlib import Path
from typing import Any

CARD = "MODEL_CARD.md"
DETECTOR_SETS = ("held_out_cameras", "unseen_ego_clips", "unseen_photos")
RARE = 10  # fewer boxes than this carry no figure


def write_card(bundle: Path, fields: dict[str, Any], remarks: tuple[str, ...]) -> None:
    """Write ``MODEL_CARD.md`` into the bundle.

    Args:
        bundle: Bundle folder.
        fields: Fields of the manifest, ``evaluation`` filled.
        remarks: What a reader must know about this run and cannot see in a figure.
    """
    evaluation = fields["evaluation"]
    lines = [
        f"# {fields['name']}",
        "",
        "Detector and encoders of SA-CLIP for the service, written by this project's own code; "
        f"commit {fields['git_commit'][:12]}.",
        "",
        "## Sources and licences",
        "",
        *(
            f"- {s['name']}: {s.get('use', '')}. {s['licence']}. {s.get('url', '')}".rstrip()
            for s in fields["training_sources"]
        ),
        "",
        *(_measured(evaluation) if "texts" in evaluation else ()),
        "## Largest difference between torch and ONNX",
        "",
        *(f"- {name}: {value:.1e}" for name, value in fields["parity"].items()),
        "",
        f"GPU: {fields['gpu']}.",
        "",
        "## Remarks",
        "",
        *(f"- {remark}" for remark in remarks),
    ]
    (bundle / CARD).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _measured(evaluation: dict[str, Any]) -> list[str]:
    """What `saclip-model export` measures of the student; other towers bring their own runs."""
    return [
        "## Do the texts matter?",
        "",
        *_texts(evaluation["texts"]),
        "",
        "## Detector, against its teacher's boxes of confidence 0.5 and more (not human labels)",
        "",
        *_detector(evaluation["detector"]),
        "",
        "## False alarms on normal footage",
        "",
        *_false_alarms(evaluation),
        "",
    ]


def _texts(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "Held-out generated scenes with detector noise, explained by the expert hierarchy over all pairs of "
        "the frame; a row each for the trained vectors, for the same hierarchy in words that somebody chose "
        "who had not read the captions, for the trained vectors dealt out among the wrong descriptions, and "
        "for random weights in both towers.",
        "",
        "| vectors | anomalous scenes | top leaf right (95 %) | DoTA code right | participants right | frame AUC |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["leaf_interval"]
        lines.append(
            f"| {row['name']} | {row['num_scenes']} | {row['leaf_right']:.3f} ({low:.3f} to {high:.3f}) | "
            f"{row['code_right']:.3f} | {row['participants_right']:.3f} | {row['frame_auc']:.3f} |"
        )
    return lines


def _detector(figures: dict[str, Any]) -> list[str]:
    lines = ["| set | class | recall | of | precision | shown |", "|---|---|---|---|---|---|"]
    for name in [known for known in DETECTOR_SETS if known in figures]:
        entry = figures[name]
        rows = {"all": entry["all"], **entry["class"]}
        for kind, row in rows.items():
            if row["of"] < RARE:
                continue
            precision = "-" if row["precision"] is None else f"{row['precision']:.3f}"
            label = f"{name.replace('_', ' ')}, {entry['frames']} frames" if kind == "all" else ""
            lines.append(
                f"| {label} | {kind} | {row['recall']:.3f} | {row['of']} | {precision} | {row['shown']} |"
            )
    return [
        *lines,
        "",
        f"Classes with fewer than {RARE} boxes in a set are left out. Photos are of everyday life, squashed to a square.",
    ]


def _false_alarms(evaluation: dict[str, Any]) -> list[str]:
    stills, clips = evaluation["false_alarms_stills"], evaluation["false_alarms_clips"]
    return [
        f"- stills: {stills['rate']:.3f} a frame on {stills['normal_frames']} normal pictures of the "
        f"training cameras (95 % bound {stills['upper_bound']:.3f}); the threshold was chosen for 5 %.",
        f"- clips: {clips['rate']:.1f} an hour on {clips['normal_seconds']:.0f} s of generated and real normal "
        f"traffic (95 % bound {clips['upper_bound']:.0f} an hour); the threshold was chosen on it: docs/experiments.md.",
    ]
