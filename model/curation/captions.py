"""Readers of caption collections: whatever the format, rows of image, caption and source."""

import csv
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.errors import ModelError

Format = Literal["coco", "flickr8k", "jsonl", "cc3m", "cc12m", "sbu", "visual_genome", "webdataset"]
MAX_CAPTION = 1000  # characters; a longer text is no caption


class CaptionsError(ModelError):
    """A collection cannot be read or its format is unknown."""


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """One caption of one image; ``image`` is a file name or an address."""

    image: str
    caption: str
    source: str


def read_captions(
    path: Path, skipped: Counter[str], kind: Format | None = None
) -> Iterator[CaptionRow]:
    """Read a collection row by row.

    Args:
        path: File or, for webdataset, a tar shard or a folder of them.
        skipped: Counts rows that cannot be used, by reason.
        kind: Format; told from name and content when left out.

    Raises:
        CaptionsError: The file is missing, empty, damaged or of no known format.
    """
    if not path.exists():
        raise CaptionsError(f"{path}: there is no such file")
    chosen = kind or sniff(path)
    try:
        for row in READERS[chosen](path, skipped):
            caption = " ".join(row.caption.split())
            if not caption:
                skipped["empty caption"] += 1
            elif len(caption) > MAX_CAPTION:
                skipped["caption over 1000 characters"] += 1
            elif not row.image:
                skipped["no image named"] += 1
            else:
                yield CaptionRow(row.image, caption, row.source)
    except (json.JSONDecodeError, UnicodeDecodeError, csv.Error, tarfile.TarError) as error:
        raise CaptionsError(f"{path}: not readable as {chosen} ({error})") from error


def sniff(path: Path) -> Format:
    """The format of a file by its name and its first characters.

    Raises:
        CaptionsError: It is none that is known.
    """
    if path.is_dir() or path.suffix == ".tar":
        return "webdataset"
    if path.suffix == ".jsonl":
        return "jsonl"
    with path.open(encoding="utf-8", errors="replace") as file:
        start = file.read(4096)
    first = start.splitlines()[0] if start.strip() else ""
    if path.suffix == ".tsv":
        return "cc12m" if first.startswith(("http://", "https://")) else "cc3m"
    if path.suffix in (".csv", ".txt") and ("," in first or "#" in first):
        return "flickr8k"
    if path.suffix == ".json":
        for mark, kind in (('"regions"', "visual_genome"), ('"image_urls"', "sbu")):
            if mark in start:
                return kind  # type: ignore[return-value]  # both are formats
        if '"annotations"' in start or '"info"' in start or '"images"' in start:
            return "coco"
    raise CaptionsError(f"{path}: unknown format; name it with --format ({', '.join(READERS)})")


def _coco(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    data = _json(path)
    if not isinstance(data, dict) or "annotations" not in data:
        raise CaptionsError(f"{path}: COCO captions have `annotations`, found none")
    names = {row.get("id"): row.get("file_name", "") for row in data.get("images", [])}
    for row in data["annotations"]:
        image = row.get("image_id") if isinstance(row, dict) else None
        if image is None or not isinstance(row.get("caption"), str):
            skipped["row without image_id or caption"] += 1
            continue
        yield CaptionRow(str(names.get(image) or f"{image}.jpg"), row["caption"], "coco")


def _flickr8k(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.reader(file)):
            if len(line) == 1 and "\t" in line[0]:  # the token file: name.jpg#0<tab>caption
                image, _, caption = line[0].partition("\t")
                yield CaptionRow(image.split("#")[0], caption, "flickr8k")
            elif len(line) >= 2:
                if number == 0 and line[0].lower() in ("image", "image_name", "file"):
                    continue
                yield CaptionRow(line[0].split("#")[0], ",".join(line[1:]), "flickr8k")
            else:
                skipped["row without image or caption"] += 1


def _jsonl(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                skipped["line that is no JSON"] += 1
                continue
            captions = row.get("captions", row.get("caption")) if isinstance(row, dict) else None
            image = row.get("image", row.get("file_name")) if isinstance(row, dict) else None
            texts = [captions] if isinstance(captions, str) else captions
            if not isinstance(image, str) or not isinstance(texts, list):
                skipped["row without image or caption"] += 1
                continue
            for text in texts:
                if isinstance(text, str):
                    yield CaptionRow(image, text, str(row.get("source", path.stem)))
                else:
                    skipped["caption that is no text"] += 1


def _tsv(source: str, caption_column: int) -> Callable[[Path, Counter[str]], Iterator[CaptionRow]]:
    def read(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
        with path.open(encoding="utf-8") as file:
            for line in file:
                columns = line.rstrip("\n").split("\t")
                if len(columns) != 2:
                    skipped["row that has not two columns"] += 1
                    continue
                yield CaptionRow(columns[1 - caption_column], columns[caption_column], source)

    return read


def _sbu(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    data = _json(path)
    images, captions = data.get("image_urls", []), data.get("captions", [])
    skipped["row without image or caption"] += abs(len(images) - len(captions))
    for image, caption in zip(images, captions, strict=False):
        yield CaptionRow(str(image), str(caption), "sbu")


def _visual_genome(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    for row in _json(path):
        image = row.get("id", row.get("image_id"))
        for region in row.get("regions", []):
            if isinstance(region.get("phrase"), str):
                name = f"{region.get('image_id', image)}.jpg"
                yield CaptionRow(name, region["phrase"], "visual_genome")
            else:
                skipped["region without phrase"] += 1


def _webdataset(path: Path, skipped: Counter[str]) -> Iterator[CaptionRow]:
    shards = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not shards:
        raise CaptionsError(f"{path}: no shards (*.tar) in this folder")
    for shard in shards:
        with tarfile.open(shard) as tar:
            files = [member for member in tar if member.isfile()]
            if not files:
                skipped["empty shard"] += 1
            for member in files:
                stem, _, suffix = member.name.partition(".")
                if suffix not in ("txt", "json"):
                    continue
                content = tar.extractfile(member)
                text = content.read().decode("utf-8") if content is not None else ""
                caption = text
                if suffix == "json":
                    data = json.loads(text)
                    if not isinstance(data.get("caption"), str):
                        skipped["row without image or caption"] += 1
                        continue
                    caption = data["caption"]
                yield CaptionRow(f"{stem}.jpg", caption, shard.stem)


READERS: dict[Format, Callable[[Path, Counter[str]], Iterator[CaptionRow]]] = {
    "coco": _coco,
    "flickr8k": _flickr8k,
    "jsonl": _jsonl,
    "cc3m": _tsv("cc3m", 0),
    "cc12m": _tsv("cc12m", 1),
    "sbu": _sbu,
    "visual_genome": _visual_genome,
    "webdataset": _webdataset,
}


def write_shards(folder: Path, rows: Iterator[dict[str, Any]], images: Path, size: int) -> int:
    """Write records and their images as webdataset tar shards; returns how many shards."""
    folder.mkdir(parents=True, exist_ok=True)
    shard, count, number = None, 0, 0
    for row in rows:
        if shard is None or count == size:
            if shard is not None:
                shard.close()
            shard = tarfile.open(folder / f"triplets-{number:06d}.tar", "w")  # noqa: SIM115
            number, count = number + 1, 0
        stem = f"{number:06d}{count:06d}"
        _add(shard, f"{stem}.json", json.dumps(row, sort_keys=True).encode())
        picture = images / str(row["image"])
        if picture.is_file():
            _add(shard, f"{stem}{picture.suffix.lower()}", picture.read_bytes())
        count += 1
    if shard is not None:
        shard.close()
    return number


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
