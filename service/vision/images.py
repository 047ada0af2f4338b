"""One picture file to one RGB frame.

What becomes of the unusual ones (each has a test):

- CMYK and grey become RGB; 16-bit samples become 8-bit; a palette is resolved; alpha is dropped,
  because a camera has none and any background would be our invention.
- EXIF orientation 1..8 is applied, so ROIs are in pixels of the picture as people see it.
- Of an animation (APNG, animated WebP) the first frame is scored; `read_header(...).animated`
  lets a caller say so.
- A JPEG or WebP with damaged bytes in its middle but an intact end cannot be told from an odd
  picture (neither carries a checksum): it is scored as the decoder shows it.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import FrameNotDecodable, FrameTooLarge
from service.vision.image_header import read_header

Frame: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB, C-contiguous."""


def decode_image(data: bytes, max_pixels: int) -> Frame:
    """Decode a JPEG, PNG or WebP.

    Args:
        data: The file's bytes.
        max_pixels: Largest width x height, compared with the header before anything is decoded.

    Returns:
        (H, W, 3) uint8 RGB, contiguous, turned upright.

    Raises:
        FrameTooLarge: More pixels than ``max_pixels``.
        FrameNotSupported: Not a JPEG, PNG or WebP.
        FrameNotDecodable: Empty, cut off or damaged.
    """
    header = read_header(data)
    pixels = header.width * header.height
    if pixels > max_pixels:
        raise FrameTooLarge(
            f"the {header.kind} has {header.width}x{header.height} = {pixels} pixels, "
            f"the limit is {max_pixels}"
        )
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise FrameNotDecodable(f"the {header.kind} is damaged: {error.err}") from error
    if bgr is None:
        raise FrameNotDecodable(
            f"the {header.kind} ({header.width}x{header.height}, {len(data)} bytes) is damaged"
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
