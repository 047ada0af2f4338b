"""What a finished job offers: report formats, frames, film, and events on the way."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from starlette.testclient import TestClient

from service.vision.images import decode_image
from tests.builders.footage import street_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds at ten frames a second, 320 x 240."""
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4").read_bytes()


@pytest.fixture(scope="module")
def job_url(client: TestClient, clip: bytes) -> str:
    return analysed(client, clip)


def analysed(client: TestClient, clip: bytes, **fields: Any) -> str:
    files = {"video": ("street.mp4", clip)}
    response = client.post("/videos/analyze?wait=30", files=files, data={"sample_fps": 5, **fields})
    assert response.status_code == 200
    return str(response.headers["location"])


def events(client: TestClient, url: str, **headers: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"{url}/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(response.iter_text()).strip().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    return [{**item, "data": json.loads(item["data"])} for item in fields if "data" in item]


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("?format=csv", "", "text/csv; charset=utf-8"),
        ("?format=html", "application/json", "text/html; charset=utf-8"),
        ("?format=vtt", "", "text/vtt; charset=utf-8"),
        ("", "text/csv", "text/csv; charset=utf-8"),
        ("", "text/html,application/xhtml+xml", "text/html; charset=utf-8"),
        ("", "*/*", "application/json"),
        ("?format=json", "text/csv", "application/json"),
    ],
)
def test_a_report_in_the_form_that_was_asked_for(
    client: TestClient, job_url: str, query: str, accept: str, kind: str
) -> None:
    """The query goes before `Accept`."""
    response = client.get(f"{job_url}/report{query}", headers={"accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, kind)


def test_an_unknown_format_is_refused(client: TestClient, job_url: str) -> None:
    """422 that names the field."""
    response = client.get(f"{job_url}/report?format=pdf")

    assert response.status_code == 422
    assert "format" in response.text


def test_the_printed_page_carries_its_own_policy(client: TestClient, job_url: str) -> None:
    """Its one style is allowed by hash; no script at all."""
    response = client.get(f"{job_url}/report?format=html")

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_details_and_picture_of_a_scored_frame(client: TestClient, job_url: str) -> None:
    """The same objects as in the result; the picture is drawn on, twice as large."""
    report = client.get(f"{job_url}/report").json()
    index = report["frames"][3]["index"]

    detail = client.get(f"{job_url}/frames/{index}").json()
    picture = client.get(f"{job_url}/frames/{index}.jpg")

    assert (detail["width"], detail["height"], detail["name"]) == (320, 240, str(index))
    assert [roi["class"] for roi in detail["rois"]][-3:] == ["full", "road", "ego"]
    assert detail["explanations"]
    assert picture.headers["content-type"] == "image/jpeg"
    drawn = decode_image(picture.content, 10**6)
    assert drawn.shape == (480, 640, 3)


def test_a_frame_between_the_scored_ones_names_its_neighbours(
    client: TestClient, job_url: str
) -> None:
    """At 5 of 10 frames a second, the odd ones were not looked at."""
    for url in (f"{job_url}/frames/3", f"{job_url}/frames/3.jpg"):
        response = client.get(url)

        assert response.status_code == 404
        assert response.json()["detail"].endswith("the nearest that were: 2 and 4")


@pytest.mark.parametrize(("index", "status"), [(2**63 - 1, 404), (2**63, 422), (-1, 422)])
def test_a_number_that_no_frame_can_have_is_refused(
    client: TestClient, job_url: str, index: int, status: int
) -> None:
    """Also one that no database takes."""
    for url in (f"{job_url}/frames/{index}", f"{job_url}/frames/{index}.jpg"):
        assert client.get(url).status_code == status


def test_the_film_has_every_scored_frame_and_answers_ranges(
    client: TestClient, job_url: str, tmp_path: Path
) -> None:
    """10 frames; bytes 0 to 99 of it are 206."""
    response = client.get(f"{job_url}/video.mp4")
    (tmp_path / "film.mp4").write_bytes(response.content)

    with av.open(str(tmp_path / "film.mp4")) as film:
        pictures = [p.to_ndarray(format="rgb24") for p in film.decode(video=0)]
    assert len(pictures) == 10
    assert pictures[0].shape == (480, 640, 3)
    assert not np.array_equal(pictures[0], pictures[-1])
    part = client.get(f"{job_url}/video.mp4", headers={"range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)


def test_a_job_without_film_still_has_its_details(client: TestClient, clip: bytes) -> None:
    """409 for what was not made, and the report page comes without pictures."""
    url = analysed(client, clip, film="false")

    assert client.get(f"{url}/video.mp4").status_code == 409
    assert client.get(f"{url}/frames/0.jpg").status_code == 409
    assert client.get(f"{url}/frames/0").status_code == 200
    assert client.get(f"{url}/report?format=html").status_code == 200


def test_events_end_with_the_job_and_carry_growing_revisions(
    client: TestClient, clip: bytes
) -> None:
    """From whatever it is at first to completed; each id is the revision in its data."""
    files = {"video": ("street.mp4", clip)}
    url = client.post("/videos/analyze", files=files).headers["location"]

    seen = events(client, url)

    revisions = [event["data"]["revision"] for event in seen]
    assert revisions == sorted(set(revisions))
    assert [int(event["id"]) for event in seen] == revisions
    assert seen[-1]["data"]["status"] == "completed"
    assert seen[-1]["data"]["progress"] == 100


def test_who_comes_back_after_the_end_gets_the_end_once(client: TestClient, job_url: str) -> None:
    """Also with the last id: the browser would else come back for ever."""
    revision = client.get(job_url).json()["revision"]

    seen = events(client, job_url, **{"Last-Event-ID": str(revision)})

    assert [event["data"]["status"] for event in seen] == ["completed"]


def test_events_of_no_job_are_refused_before_the_stream_begins(client: TestClient) -> None:
    """A problem, not an empty stream of 200."""
    response = client.get("/jobs/nothing/events")

    assert (response.status_code, response.json()["status"]) == (404, 404)
