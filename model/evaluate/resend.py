"""Labelled clips as somebody else would have sent them: encoded again, or mirrored as well.

    saclip-model evaluate resend DIR --out runs/resent --mirrored
    saclip-model evaluate clips runs/resent

Nothing that happens in a clip changes, so what its figures lose or gain is not the model's: a
difference between two bundles that is no larger says nothing (docs/experiments.md).
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from rich.progress import track

from model.errors import ModelError
from model.evaluate.labels import read_labels

CRF = "20"  # of x264: hardly to be told from the original
OF_THE_FILE = ("bytes", "md5")  # what the labels' lines may say of the file itself


def resend(folder: Path, out: Path, mirrored: bool = False) -> None:
    """Decode every clip of a labelled folder and encode it again, frame by frame.

    Times become those of the labelled frame rate, and a last odd row or column is cut off.

    Args:
        folder: Holds ``clips.jsonl`` and the clips.
        out: New folder of the same form.
        mirrored: Left and right change places.

    Raises:
        ModelError: ``out`` is ``folder``, or a clip does not have the frames that its labels count.
    """
    if out.resolve() == folder.resolve():
        raise ModelError(f"{out} is the folder itself: its clips would be overwritten")
    out.mkdir(parents=True, exist_ok=True)
    for clip in track(read_labels(folder), "clips"):
        written = _encode_again(folder / clip.file, out / clip.file, clip.fps, mirrored)
        if written != clip.n_frames:
            raise ModelError(f"{clip.file} has {written} frames, its labels say {clip.n_frames}")
    lines = (folder / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    kept = [{key: value for key, value in row.items() if key not in OF_THE_FILE} for row in rows]
    text = "".join(f"{json.dumps(row)}\n" for row in kept)
    (out / "clips.jsonl").write_text(text, encoding="utf-8")


def _encode_again(source: Path, target: Path, fps: float, mirrored: bool) -> int:
    """Write ``target`` and return how many frames it has."""
    count = 0
    with av.open(str(source)) as film, av.open(str(target), "w") as again:
        stream = again.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt, stream.options = "yuv420p", {"crf": CRF, "preset": "veryfast"}
        for frame in film.decode(film.streams.video[0]):
            pixels = frame.to_ndarray(format="rgb24")
            pixels = pixels[: frame.height // 2 * 2, : frame.width // 2 * 2]
            if mirrored:
                pixels = pixels[:, ::-1]
            if count == 0:
                stream.height, stream.width = pixels.shape[:2]
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels, np.uint8), format="rgb24"
            )
            again.mux(stream.encode(picture))
            count += 1
        again.mux(stream.encode(None))
    return count
