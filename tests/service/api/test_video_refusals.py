"""`POST /videos/analyze`: uploads that cannot become a job, each refused by name."""

import errno
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders.footage import encoded, street
from tests.service.api.conftest import MakeClient, post


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        pytest.param(b"", 422, "video-not-decodable", id="0 bytes"),
        pytest.param(b"these are words", 415, "video-not-supported", id="text"),
        pytest.param(encoded(street()), 415, "video-not-supported", id="a picture"),
        pytest.param(b"#EXTM3U\n/etc/passwd\n", 415, "video-not-supported", id="a playlist"),
        pytest.param(None, 422, "video-not-decodable", id="cut off"),
    ],
)
def test_a_file_that_is_no_video_is_no_job(
    make_client: MakeClient,
    tmp_path: Path,
    clip: bytes,
    content: bytes | None,
    status: int,
    kind: str,
) -> None:
    """It is refused with the request, and its bytes are not kept."""
    client = make_client(data_dir=tmp_path)

    response = post(client, clip[: len(clip) // 2] if content is None else content)

    assert response.status_code == status
    assert response.json()["type"] == f"/problems/{kind}"
    assert client.get("/jobs").json()["jobs"] == []
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"sample_fps": "0"}, "sample_fps"),
        ({"sample_fps": "nan"}, "sample_fps"),
        ({"sample_fps": "1000"}, "sample_fps"),
        ({"top_k": "true"}, "top_k"),
        ({"mode": "best"}, "mode"),
        ({"mode": ["paired", "paired"]}, "mode"),
        ({"samplefps": "5"}, "samplefps"),
    ],
)
def test_a_bad_field_is_named(
    client: TestClient, clip: bytes, fields: dict[str, Any], named: str
) -> None:
    """As with pictures: refused, not ignored."""
    response = post(client, clip, **fields)

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/invalid-request"
    assert response.json()["detail"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 422),
        ("multipart/form-data", b"--x\r\n", 400),
        ("multipart/form-data; boundary=x", b"no part", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\ncut off',
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="mode"\r\n\r\npaired\r\n--x--\r\n',
            422,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="mode"\r\n\r\n'
            + b"p" * 5000
            + b"\r\n--x--\r\n",
            400,
        ),
    ],
)
def test_a_body_that_is_no_form_with_a_video_is_refused(
    client: TestClient, content_type: str, body: bytes, status: int
) -> None:
    """400 for what cannot be parsed or is cut off, 422 for a form without the video."""
    headers = {"content-type": content_type}

    response = client.post("/videos/analyze", content=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_two_videos_in_one_form_are_refused(client: TestClient, clip: bytes) -> None:
    """One job has one clip."""
    response = client.post("/videos/analyze", files=[("video", clip), ("video", clip)])

    assert response.status_code == 400


def test_an_upload_over_the_limit_is_refused(make_client: MakeClient) -> None:
    """Byte counting stops it before it is stored."""
    client = make_client(max_video_bytes=1000)

    response = post(client, b"\x00" * 100_000)

    assert response.status_code == 413
    assert response.json()["type"] == "/problems/upload-too-large"


def test_an_upload_that_would_fill_the_disk_is_refused(
    make_client: MakeClient, clip: bytes
) -> None:
    """507, and the service says that it is not ready."""
    client = make_client(min_free_bytes=10**18)

    response = post(client, clip)

    assert response.status_code == 507
    assert response.json()["type"] == "/problems/storage-full"
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["reasons"][0].startswith("disk nearly full: ")


def test_a_disk_that_fills_up_meanwhile_is_said(
    make_client: MakeClient, tmp_path: Path, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunked upload announces nothing; what was written of it is removed."""
    client = make_client(data_dir=tmp_path)

    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("service.api.videos.receive_upload", full)
    response = post(client, clip)

    assert response.status_code == 507
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_clip_under_another_name_is_told_its_name(client: TestClient, clip: bytes) -> None:
    """`file` instead of `video` is the usual slip; a long field is named as well."""
    slip = client.post("/videos/analyze", files={"file": ("a.mp4", clip)})
    long = post(client, clip, mode="x" * 5000)

    assert (slip.status_code, long.status_code) == (400, 400)
    assert slip.json()["detail"] == "a file came as 'file': send the one file as 'video'"
    assert long.json()["detail"] == "mode: more than 4096 bytes"
