"""Hostile clips: cut off, damaged, larger or longer than they say, thousands of frames."""

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.builders.footage import street_clip
from tests.hostile.corpus import Hostile, bit_flipped, noise, truncated
from tests.hostile.pictures import GOOD, chunk, png, zeros

CONTAINERS = ("mp4", "mkv", "webm", "avi", "ts", "flv", "mov")


def clips(folder: Path) -> Iterator[Hostile]:
    """All of them; they are made in a folder."""
    yield from noise()
    for extension in CONTAINERS:
        good = Hostile(extension, f"a.{extension}", clip_bytes(folder, extension))
        yield from truncated(good, 6)
        yield from bit_flipped(good, 8)
        yield good._replace(name=f"{extension} twice", data=good.data * 2)
    for good in GOOD:
        yield good._replace(name=f"{good.name} as a clip")
    yield from bombs()
    yield from lies(folder)


def clip_bytes(folder: Path, extension: str) -> bytes:
    """A short clip in this container."""
    if extension != "webm":
        return street_clip(folder / f"good.{extension}").read_bytes()
    return encode("webm", "libvpx", [np.full((64, 64, 3), i * 9, np.uint8) for i in range(10)])


def encode(container: str, codec: str, frames: list[NDArray[np.uint8]], rate: int = 10) -> bytes:
    """Frames of (H, W, 3) uint8 as a clip."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = (
            "rgb24" if codec == "png" else "yuvj420p" if codec == "mjpeg" else "yuv420p"
        )
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, rate)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def bombs() -> Iterator[Hostile]:
    """Small files that ask for much memory or time."""
    grey = np.full((16, 16, 3), 90, np.uint8)
    motion = encode("avi", "mjpeg", [grey] * 4)
    yield Hostile("avi whose jpeg is 65500x65500", "bomb.avi", every_jpeg(motion, 65_500))
    yield Hostile("avi whose jpeg is 16000x16000", "bomb.avi", every_jpeg(motion, 16_000))
    still = encode("mov", "png", [grey] * 2)
    yield Hostile("mov with png bombs", "bomb.mov", still.replace(*png_sizes(30_000)))
    many = encode("matroska", "mpeg4", [grey] * 20_000, 1000)  # 20 s of clip
    yield Hostile("20,000 tiny frames", "bomb.mkv", many)
    for container in ("avi", "matroska"):
        yield no_picture(encode(container, "mpeg4", [grey]), container, 4_000_000)
    large = np.zeros((4320, 7680, 3), np.uint8)
    yield Hostile("8K within limits", "large.mkv", encode("matroska", "mjpeg", [large] * 2))
    yield Hostile(
        "png of 200 MB in an mp4", "bomb.mp4", png(10, 10, chunk(b"IDAT", zeros(200 * 1024**2)))
    )


def no_picture(clip: bytes, container: str, count: int) -> Hostile:
    """The head of a clip and so many packets that hold no picture: decoders try them all."""
    junk = bytes.fromhex("000001b6") + b"junk"
    if container == "avi":
        head = clip[: clip.index(b"movi") + 4]
        packet = b"00dc" + struct.pack("<I", len(junk)) + junk
    else:  # a cluster of unknown size at time 0, and its blocks of track 1
        head = clip[: clip.index(bytes.fromhex("1f43b675"))]
        head += bytes.fromhex("1f43b675 01ffffffffffffff e78100")
        packet = b"\xa3" + bytes([0x80 | (4 + len(junk))]) + bytes.fromhex("81000080") + junk
    return Hostile(f"{container} of {count:,} junk packets", "junk.bin", head + packet * count)


def png_sizes(size: int) -> tuple[bytes, bytes]:
    """What to replace by what, so that a PNG of 16x16 claims more."""
    return struct.pack(">II", 16, 16), struct.pack(">II", size, size)


def every_jpeg(data: bytes, size: int) -> bytes:
    """Frames that claim another size than the container."""
    out, at = bytearray(data), 0
    while (at := data.find(b"\xff\xc0\x00\x11\x08", at)) >= 0:
        struct.pack_into(">HH", out, at + 5, size, size)
        at += 9
    return bytes(out)


def lies(folder: Path) -> Iterator[Hostile]:
    """Containers whose numbers cannot be."""
    mp4 = street_clip(folder / "good.mp4").read_bytes()
    for name in (b"mvhd", b"mdhd", b"tkhd", b"stts", b"stsz", b"stsc", b"stco", b"elst", b"ctts"):
        at = mp4.find(name)
        if at < 0:
            continue
        for value in (0xFF, 0x00, 0x7F):
            data = bytearray(mp4)
            data[at + 8 : at + 28] = bytes([value]) * 20
            yield Hostile(f"mp4 with {name.decode()} of {value:02x}", "a.mp4", bytes(data))
    at = mp4.index(b"moov") - 4
    for size in (0, 1, 7, 2**31, 2**32 - 1):
        data = bytearray(mp4)
        struct.pack_into(">I", data, at, size)
        yield Hostile(f"mp4 whose moov has {size} bytes", "a.mp4", bytes(data))
    nested = mp4[at:]
    for _ in range(2000):
        nested = struct.pack(">I", len(nested) + 8) + b"moov" + nested
    yield Hostile("mp4 with boxes 2,000 deep", "a.mp4", mp4[:at] + nested)
    head = bytes.fromhex("1a45dfa3 01ffffffffffffff")
    yield Hostile("matroska without an end", "a.mkv", head + bytes(4096))
    yield Hostile("matroska of empty elements", "a.mkv", clip_head(folder) + b"\xec\x80" * 200_000)
    yield Hostile("flv of empty tags", "a.flv", b"FLV\x01\x01\0\0\0\x09" + bytes(400_000))
    yield Hostile("ts of one packet", "a.ts", (b"G\x1f\xff\x10" + bytes(184)) * 5_000)
    yield Hostile(
        "avi of empty chunks",
        "a.avi",
        b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffmovi" + b"00dc\0\0\0\0" * 50_000,
    )


def clip_head(folder: Path) -> bytes:
    """The first bytes of a Matroska, up to its first cluster."""
    data = street_clip(folder / "good.mkv").read_bytes()
    return data[: data.index(bytes.fromhex("1f43b675"))]
