"""A multipart form with one large file, written to the disk as it arrives.

The framework's own parser would keep the file in the folder for temporary files, which is often
memory, and leave it to be copied once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELD_BYTES = 4096
MAX_FIELDS = 16
MAX_HEADER_BYTES = 8192


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What was received.

    Attributes:
        filename: The client's name of the file, None when the form had no such file.
        fields: The other fields; one that came twice is joined by a comma, which no value has.
        num_bytes: Size of the file.
    """

    filename: str | None
    fields: Mapping[str, str]
    num_bytes: int


async def receive_upload(request: Request, file_field: str, target: Path) -> UploadForm:
    """Write the file of a form to ``target`` and collect its small fields.

    Raises:
        HTTPException: 400 for a body that is no well-formed multipart form.
        UploadTooLarge: From the byte counter below.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != b"multipart/form-data":
        return UploadForm(None, {}, 0)
    if not options.get(b"boundary"):
        raise HTTPException(400, "the multipart form names no boundary")
    with target.open("wb") as file:
        reader = _FormReader(file_field, file)
        try:
            parser = MultipartParser(options[b"boundary"], reader.callbacks())
            async for chunk in request.stream():
                await anyio.to_thread.run_sync(parser.write, chunk)
            parser.finalize()
        except FormParserError as error:
            raise HTTPException(400, "the multipart form is malformed or cut off") from error
        if not reader.is_complete:
            raise HTTPException(400, "the multipart form is cut off")
    return UploadForm(reader.filename, reader.fields, reader.num_bytes)


class _FormReader:
    """Callbacks of the parser: bytes of the one file go to the disk, fields stay in memory."""

    def __init__(self, file_field: str, file: IO[bytes]) -> None:
        self.filename: str | None = None
        self.fields: dict[str, str] = {}
        self.num_bytes = 0
        self.is_complete = False
        self._file_field = file_field
        self._file = file
        self._header = (bytearray(), bytearray())
        self._name = ""
        self._disposition = b""
        self._value: bytearray | None = None

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._extend(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._extend(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._disposition = b""

    def _extend(self, part: int, data: bytes) -> None:
        self._header[part].extend(data)
        if len(self._header[part]) > MAX_HEADER_BYTES:
            raise HTTPException(400, "a header of the multipart form is too long")

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        is_file = b"filename" in options
        if is_file and self._name != self._file_field:
            wrong, right = self._name[:64], self._file_field
            raise HTTPException(400, f"a file came as {wrong!r}: send the one file as {right!r}")
        if is_file:
            if self.filename is not None:
                raise HTTPException(400, f"the form has more than one file {self._file_field!r}")
            self.filename = options[b"filename"].decode("utf-8", "replace")
            self._value = None
            return
        if len(self.fields) >= MAX_FIELDS:
            raise HTTPException(400, f"the form has more than {MAX_FIELDS} fields")
        self._value = bytearray()

    def _take(self, data: bytes) -> None:
        if self._value is None:
            self._file.write(data)
            self.num_bytes += len(data)
            return
        self._value.extend(data)
        if len(self._value) > MAX_FIELD_BYTES:
            raise HTTPException(400, f"{self._name[:64]}: more than {MAX_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        if self._value is not None:
            text = self._value.decode("utf-8", "replace")
            known = self.fields.get(self._name)
            self.fields[self._name] = text if known is None else f"{known},{text}"

    def _finish(self) -> None:
        self.is_complete = True
