"""Opening a video file: what is accepted, and one clear line for what is not."""

import contextlib
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from service.errors import VideoNotDecodable, VideoNotSupported, VideoTooLarge

# FFmpeg checks both lists itself: the format right after probing, before a demuxer reads on, and
# the protocol whenever anything is opened. So no playlist can name a file or a host of its own.
OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,webm,avi,mpegts,flv",
}
ACCEPTED = "MP4/MOV, Matroska/WebM, AVI, MPEG-TS or FLV"

PICTURE_HINT = "is a still picture; score it with `saclip score` or POST /frames/score"
PLAYLIST_HINT = "is a playlist; playlists are not followed, send the video itself"
# What a refused file turns out to be: (offset, bytes, what it is).
NOT_VIDEOS = (
    (0, b"\xff\xd8\xff", PICTURE_HINT),
    (0, b"\x89PNG", PICTURE_HINT),
    (0, b"GIF8", PICTURE_HINT),
    (8, b"WEBP", PICTURE_HINT),
    (0, b"BM", PICTURE_HINT),
    (0, b"#EXTM3U", PLAYLIST_HINT),
    (0, b"ffconcat", PLAYLIST_HINT),
)
# Marks of the accepted containers: a file that carries one and does not open is damaged.
VIDEO_MARKS = ((4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "), (0, b"FLV"))
TS_PACKET, TS_SYNC = 188, b"G"


def open_video(path: Path, max_pixels: int) -> tuple[InputContainer, VideoStream]:
    """Open a local video and its best video stream, ready to decode on several threads.

    Raises:
        VideoNotSupported: Another kind of file, or one without a video stream.
        VideoNotDecodable: A damaged, cut off or empty video.
        VideoTooLarge: Pictures larger than ``max_pixels``.
    """
    if not path.is_file():
        raise VideoNotDecodable(f"{path.name} is not a file")
    try:
        # `file:` keeps a name such as `concat:a|b` or `http:x` a plain file name.
        container = av.open(f"file:{path.resolve()}", options=OPEN_OPTIONS)
    except (av.FFmpegError, ValueError) as error:
        raise _refusal(path) from error
    try:
        return container, _video_stream(container, path.name, max_pixels)
    except Exception:
        container.close()
        raise


def measured_seconds(path: Path, max_pixels: int, step_s: float, max_seconds: float) -> float:
    """Seconds from the first packet of the video stream to the end of its last; nothing is decoded.

    A recording that broke off declares no length, and a hostile file any. Packets without a later
    time than the one before count as one frame each, as their pictures will.

    Args:
        path: A video that `open_video` accepts.
        max_pixels: As there.
        step_s: Seconds of one frame.
        max_seconds: Where the search ends; the answer is then a little more than this.
    """
    container, stream = open_video(path, max_pixels)
    start_s: float | None = None
    time_s = -step_s
    with container, contextlib.suppress(av.FFmpegError, IndexError):  # what is lost shows later
        for packet in container.demux(stream):
            if not packet.size or packet.is_corrupt:
                continue
            next_s = time_s + step_s
            if packet.dts is not None and packet.time_base is not None:
                stamp_s = float(packet.dts * packet.time_base)
                start_s = stamp_s - next_s if start_s is None else start_s
                if stamp_s - start_s > time_s:
                    next_s = stamp_s - start_s
            time_s = next_s
            if time_s > max_seconds:
                break
    return time_s + step_s


def _refusal(path: Path) -> VideoNotSupported | VideoNotDecodable:
    with path.open("rb") as file:
        start = file.read(TS_PACKET + 1)
    if not start:
        return VideoNotDecodable(f"{path.name} is empty (0 bytes)")
    for offset, magic, what in NOT_VIDEOS:
        if start[offset : offset + len(magic)] == magic:
            return VideoNotSupported(f"{path.name} {what}")
    is_ts = start[:1] == TS_SYNC == start[TS_PACKET:]
    if is_ts or any(start[offset : offset + len(mark)] == mark for offset, mark in VIDEO_MARKS):
        return VideoNotDecodable(f"{path.name} cannot be opened: it is cut off or damaged")
    return VideoNotSupported(
        f"{path.name} is in no supported format: expected {ACCEPTED}, "
        f"but it begins with {start[:8].hex(' ')}"
    )


def _video_stream(container: InputContainer, name: str, max_pixels: int) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        raise VideoNotSupported(f"{name} has no video stream (it holds: {kinds or 'nothing'})")
    stream = streams[0]
    codec = stream.codec_context
    if codec is None:
        raise VideoNotSupported(f"{name}: this build has no decoder for its video stream")
    if codec.width * codec.height > max_pixels:
        raise VideoTooLarge(
            f"{name} shows {codec.width}x{codec.height} = {codec.width * codec.height} pixels, "
            f"the limit is {max_pixels}"
        )
    # A stream may grow after its header; FFmpeg then refuses before it allocates. Coded sizes are
    # padded to whole macroblocks, hence the room above the limit.
    codec.options = {"max_pixels": str(2 * max_pixels)}
    stream.thread_type = "AUTO"
    return stream
