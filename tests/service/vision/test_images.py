"""Decoding pictures written by Pillow and OpenCV, each compared with the pixels put in."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import FrameNotDecodable, FrameTooLarge
from service.vision.image_header import read_header
from service.vision.images import decode_image

LIMIT = 1_000_000


def corners() -> NDArray[np.uint8]:
    """(48, 64, 3): red, green / blue, white quarters, so that every turn and flip shows."""
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:24, :32] = (255, 0, 0)
    frame[:24, 32:] = (0, 255, 0)
    frame[24:, :32] = (0, 0, 255)
    frame[24:, 32:] = (255, 255, 255)
    return frame


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture() -> Image.Image:
    return Image.fromarray(corners())


def largest_difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(np.int16) - b.astype(np.int16)).max())


LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_lossless_picture_comes_back_exactly(kind: str) -> None:
    """RGB order, rows first, contiguous."""
    frame = decode_image(encoded(picture(), kind, **LOSSLESS[kind]), LIMIT)

    assert np.array_equal(frame, corners())
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_its_colours(mode: str, progressive: bool) -> None:
    """CMYK is inverted by Adobe's convention; read wrongly, red turns to cyan."""
    data = encoded(
        picture().convert(mode), "JPEG", quality=95, subsampling=0, progressive=progressive
    )

    assert largest_difference(decode_image(data, LIMIT), corners()) < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(kind: str, orientation: int) -> None:
    """Each stored picture is turned the other way first, so all eight must look the same."""
    undo: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo(corners())))
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else LOSSLESS[kind]

    frame = decode_image(encoded(stored, kind, exif=exif.tobytes(), **options), LIMIT)

    assert frame.shape == (48, 64, 3)
    assert largest_difference(frame, corners()) < 12


def test_sixteen_bits_become_eight() -> None:
    """65535 is white, not a wrapped-around number."""
    deep = corners()[..., ::-1].astype(np.uint16) * 257

    frame = decode_image(cv2.imencode(".png", deep)[1].tobytes(), LIMIT)

    assert frame.dtype == np.uint8
    assert np.array_equal(frame, corners())


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    """With alpha, with one bit or with sixteen."""
    grey = np.zeros((8, 8), np.uint16 if mode == "I;16" else np.uint8)
    grey[:, 4:] = 65535 if mode == "I;16" else 255
    image = Image.fromarray(grey) if mode == "I;16" else Image.fromarray(grey).convert(mode)

    frame = decode_image(encoded(image, "PNG"), LIMIT)

    assert frame[0, 0].tolist() == [0, 0, 0]
    assert frame[0, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_alpha_is_dropped_and_the_colour_under_it_kept(kind: str) -> None:
    """A camera has no alpha; any background would be our invention."""
    rgba = np.dstack([corners(), np.full((48, 64), 128, np.uint8)])
    options = {} if kind == "PNG" else {"lossless": True, "exact": True}

    frame = decode_image(encoded(Image.fromarray(rgba), kind, **options), LIMIT)

    assert np.array_equal(frame, corners())


def test_a_palette_is_resolved() -> None:
    """Four colours fit a palette exactly."""
    data = encoded(picture().quantize(4), "PNG")

    assert np.array_equal(decode_image(data, LIMIT), corners())


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_scored_and_the_header_says_so(kind: str) -> None:
    """The second frame is the negative and must not show."""
    negative = Image.fromarray(255 - corners())
    data = encoded(
        picture(), kind, save_all=True, append_images=[negative], duration=99, **LOSSLESS[kind]
    )

    assert read_header(data).animated
    assert np.array_equal(decode_image(data, LIMIT), corners())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_one_pixel_is_a_picture(kind: str) -> None:
    """Small, but nothing is wrong with it."""
    data = encoded(Image.new("RGB", (1, 1), (255, 255, 255)), kind)

    assert decode_image(data, LIMIT).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.995])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_cut_off_picture_is_refused_not_filled_with_grey(kind: str, share: float) -> None:
    """Decoders like to return the half they have; a score of half a picture misleads."""
    data = encoded(picture().resize((320, 240)), kind)

    with pytest.raises(FrameNotDecodable):
        decode_image(data[: int(len(data) * share)], LIMIT)


def test_damage_in_the_middle_of_a_png_is_refused() -> None:
    """PNG carries checksums; JPEG and WebP do not (see images.py)."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = bytearray(encoded(Image.fromarray(noise), "PNG"))
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)

    with pytest.raises(FrameNotDecodable, match="damaged"):
        decode_image(bytes(data), LIMIT)


def test_a_picture_of_20000_by_20000_is_refused_by_its_header() -> None:
    """Its rows are missing, so an attempt to decode it would end in another error."""
    body = zlib.compress(bytes(1_000_000), 9)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)),
        (b"IDAT", body),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts
    )

    with pytest.raises(
        FrameTooLarge, match=r"20000x20000 = 400000000 pixels, the limit is 1000000"
    ):
        decode_image(data, LIMIT)


def test_the_limit_itself_is_allowed() -> None:
    """One pixel more is not."""
    data = encoded(picture(), "PNG")

    assert decode_image(data, 64 * 48).shape == (48, 64, 3)
    with pytest.raises(FrameTooLarge):
        decode_image(data, 64 * 48 - 1)
