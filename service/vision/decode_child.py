"""The child process that decodes a clip: ``python -m service.vision.decode_child REQUEST``.

A video file is a program for a decoder of a million lines of C. Here it can crash, hang or ask
for all the memory without hurting anybody: the parent (`isolated.py`) reads what came and notes
the rest as lost. Nothing but this protocol leaves the process.

Each message is a JSON line and, for a frame, the pixels that follow it:

    {"info": {...}}                          once, first
    {"frame": {"index", "time_s", "shape"}}  then H * W * 3 bytes, RGB
    {"alive": [errors]}                      once a second at most: the damage so far
    {"end": [errors]}                        last, when the clip was read to its end
    {"refused": [kind, detail]}              last, instead
"""

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from service import errors
from service.vision.clips import ClipReader

ALIVE_EVERY_S = 1.0


def main(request_json: str) -> None:
    """Decode as asked and write the messages to stdout."""
    # FFmpeg and Python may print; the channel must carry nothing but messages.
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    request = json.loads(request_json)
    limit, cpu_s = request.pop("memory_bytes"), request.pop("cpu_s")
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if cpu_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(BrokenPipeError):  # the parent has seen enough, or is gone
        _decode(request, channel)


def _decode(request: Mapping[str, Any], channel: BinaryIO) -> None:
    told_at = time.monotonic()

    def tell_damage() -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= ALIVE_EVERY_S:
            told_at = time.monotonic()
            _send(channel, {"alive": [asdict(error) for error in reader.decode_errors]})

    try:
        with ClipReader(
            Path(request["path"]),
            request["sample_fps"],
            request["max_pixels"],
            request["max_seconds"],
            after_index=request["after_index"],
            on_picture=tell_damage,
        ) as reader:
            _send(channel, {"info": asdict(reader.info)})
            for sampled in reader:
                row = {"index": sampled.index, "time_s": sampled.time_s}
                _send(channel, {"frame": {**row, "shape": sampled.frame.shape}})
                # A turned picture is a view with its axes swapped.
                _write(channel, np.ascontiguousarray(sampled.frame).data.cast("B"))
            _send(channel, {"end": [asdict(error) for error in reader.decode_errors]})
    except errors.ServiceError as error:
        _send(channel, {"refused": [type(error).__name__, str(error)]})
    except MemoryError:
        detail = "decoding it takes more memory than is allowed"
        _send(channel, {"refused": [errors.VideoTooLarge.__name__, detail]})


def _send(channel: BinaryIO, message: Mapping[str, Any]) -> None:
    _write(channel, memoryview(json.dumps(message).encode() + b"\n"))


def _write(channel: BinaryIO, data: memoryview) -> None:
    while data:  # a pipe takes what it has room for
        data = data[channel.write(data) :]


if __name__ == "__main__":
    main(sys.argv[1])
