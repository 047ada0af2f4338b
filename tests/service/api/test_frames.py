"""`POST /frames/score` over a bundle of tiny graphs: the contract of its answers and refusals."""

import struct
import zlib
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from service.api.schemas import EXAMPLE, FramesAnswer
from tests.builders.footage import encoded, street
from tests.service.api.conftest import MakeClient

PICTURE = encoded(street())
INVALID = "/problems/invalid-request"


def post(client: TestClient, *pictures: bytes, **fields: Any) -> Any:
    files = [("image", (f"{i}.jpg", content)) for i, content in enumerate(pictures)]
    return client.post("/frames/score", files=files, data=fields)


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + head + end


def test_a_picture_gets_a_score_rois_and_explanations(client: TestClient) -> None:
    """The names are those of architecture.md section 5."""
    response = post(client, PICTURE)

    assert response.status_code == 200
    answer = response.json()
    assert set(answer["model"]) == {"bundle", "knowledge_sha256", "mode", "threshold"}
    (result,) = answer["results"]
    assert set(result) == {
        "name", "width", "height", "score", "eq11", "probability", "anomalous", "appearance",
        "rois", "explanations", "timings_ms",
    }  # fmt: skip
    assert (result["name"], result["width"], result["height"]) == ("0.jpg", 320, 240)
    assert {"car", "person", "full", "road", "ego"} == {roi["class"] for roi in result["rois"]}
    assert len(result["explanations"]) == 5
    assert set(result["explanations"][0]) == {
        "description_id", "text", "path", "polarity", "severity", "similarity", "margin",
        "counterpart", "subject", "object", "cues",
    }  # fmt: skip
    assert {"decode", "detect", "encode", "score"} <= set(result["timings_ms"])


def test_boxes_are_in_pixels_of_the_picture_as_sent(client: TestClient) -> None:
    """The red car stands at x 32..96 of 320, y 120..168 of 240."""
    (result,) = post(client, PICTURE).json()["results"]

    cars = [roi["xyxy"] for roi in result["rois"] if roi["class"] == "car"]
    # The tiny detector sees cells of a coarse grid, so its boxes reach a cell beyond the patch.
    assert all(x1 > 0 and x2 < 160 and y1 > 80 and y2 < 208 for x1, y1, x2, y2 in cars)


def test_pictures_of_one_request_keep_their_order(client: TestClient) -> None:
    """Sizes differ, so that they cannot share one encoder call."""
    small, large = encoded(street(), ".png"), encoded(street(width=640, height=360), ".webp")

    results = post(client, small, large, small).json()["results"]

    assert [result["width"] for result in results] == [320, 640, 320]
    assert results[0]["score"] == results[2]["score"]


@pytest.mark.parametrize("mode", ["literal", "contrast", "paired"])
def test_eq11_is_the_same_in_every_mode(client: TestClient, mode: str) -> None:
    """It is Eq. (11) as printed; in the literal mode it is the score as well."""
    (result,) = post(client, PICTURE, mode=mode).json()["results"]
    (literal,) = post(client, PICTURE, mode="literal").json()["results"]

    assert result["eq11"] == literal["eq11"] == literal["score"]


def test_top_k_says_how_many_explanations(client: TestClient) -> None:
    """One to fifty."""
    assert len(post(client, PICTURE, top_k=1).json()["results"][0]["explanations"]) == 1
    assert post(client, PICTURE, top_k=50).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        pytest.param(b"", 422, "frame-not-decodable", id="0 bytes"),
        pytest.param(b"these are words", 415, "frame-not-supported", id="text"),
        pytest.param(b"GIF89a" + b"\x00" * 40, 415, "frame-not-supported", id="another format"),
        pytest.param(PICTURE[: len(PICTURE) // 2], 422, "frame-not-decodable", id="cut off"),
        pytest.param(PICTURE[:30], 422, "frame-not-decodable", id="header cut off"),
        pytest.param(png_header(20_000, 20_000), 413, "frame-too-large", id="20000x20000"),
        pytest.param(png_header(0, 10), 422, "frame-not-decodable", id="no width"),
        pytest.param(png_header(64, 64), 422, "frame-not-decodable", id="no pixels"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named(
    client: TestClient, content: bytes, status: int, kind: str
) -> None:
    """One bad picture refuses the request; the detail says which one it was."""
    response = post(client, PICTURE, content)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"/problems/{kind}"
    assert response.json()["detail"].startswith("image 2 (1.jpg): ")


def test_one_pixel_is_a_picture(client: TestClient) -> None:
    """Nothing is found in it, which is a result and no error."""
    response = post(client, encoded(street()[:1, :1], ".png"))

    assert response.status_code == 200
    assert response.json()["results"][0]["width"] == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        pytest.param({"mode": "best"}, "mode: ", id="bad mode"),
        pytest.param({"top_k": "0"}, "top_k: ", id="top_k 0"),
        pytest.param({"top_k": "51"}, "top_k: ", id="top_k 51"),
        pytest.param({"top_k": "true"}, "top_k: ", id="top_k true"),
        pytest.param({"top_k": "1e9"}, "top_k: ", id="top_k 1e9"),
        pytest.param({"top_k": ["1", "2"]}, "top_k: sent more than once", id="top_k twice"),
        pytest.param({"topk": "3"}, "topk: unknown field", id="misspelt field"),
        pytest.param({"image": "a.jpg"}, "image", id="text where a file belongs"),
    ],
)
def test_a_bad_field_is_named(client: TestClient, fields: dict[str, Any], named: str) -> None:
    """A misspelt field is refused, not ignored."""
    response = post(client, PICTURE, **fields)

    assert response.status_code == 422
    assert response.json()["type"] == INVALID
    assert named in response.json()["detail"]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        pytest.param("application/json", b'{"image": "x"}', 422, id="JSON"),
        pytest.param("application/x-www-form-urlencoded", b"image=x", 422, id="plain form"),
        pytest.param("image/jpeg", PICTURE, 422, id="the bare picture"),
        pytest.param("multipart/form-data", b"--x\r\n", 400, id="no boundary"),
        pytest.param("multipart/form-data; boundary=x", b"no part", 400, id="no part"),
        pytest.param("multipart/form-data; boundary=x", b"", 422, id="empty body"),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    client: TestClient, content_type: str, body: bytes, status: int
) -> None:
    """400 for what cannot be parsed, 422 for a form without the picture."""
    headers = {"content-type": content_type}

    response = client.post("/frames/score", content=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_a_file_under_another_name_is_refused(client: TestClient) -> None:
    """`file` instead of `image` is the usual slip; the answer says what the field is called."""
    response = client.post("/frames/score", files={"file": PICTURE})

    assert response.status_code == 422
    assert response.json()["detail"] == "file: unknown field; known are image, top_k, mode"


def test_too_many_pictures_are_refused(make_client: MakeClient) -> None:
    """The limit and the number are both named."""
    client = make_client(max_images_per_request=2)

    response = post(client, PICTURE, PICTURE, PICTURE)

    assert response.status_code == 413
    assert response.json()["type"] == "/problems/too-many-frames"
    assert response.json()["detail"] == "3 pictures, the limit is 2"


def test_one_picture_may_have_so_many_bytes(make_client: MakeClient) -> None:
    """Exactly the limit passes, one byte more does not."""
    client = make_client(max_image_bytes=len(PICTURE))

    assert post(client, PICTURE).status_code == 200
    response = post(client, PICTURE + b"\x00")

    assert response.status_code == 413
    assert response.json()["type"] == "/problems/frame-too-large"


def test_a_defect_is_a_500_that_tells_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traceback belongs into the log; the client gets the id to ask with."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("service.api.frames._scores", broken)
    with structlog.testing.capture_logs() as events:
        response = post(client, PICTURE)

    assert response.status_code == 500
    assert [event["event"] for event in events] == ["request_failed", "request"]
    assert events[0]["exc_info"]
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": response.headers["x-request-id"],
    }


def test_the_documented_example_is_a_valid_answer() -> None:
    """Nobody notices an outdated example but those who rely on it."""
    FramesAnswer.model_validate(EXAMPLE)


def test_openapi_documents_every_refusal(client: TestClient) -> None:
    """A client's author reads there what may come back; all of it are problems."""
    api = client.get("/openapi.json").json()
    operation = api["paths"]["/frames/score"]["post"]

    assert {"200", "400", "413", "415", "422", "429"} <= set(operation["responses"])
    assert "HTTPValidationError" not in api["components"]["schemas"]
