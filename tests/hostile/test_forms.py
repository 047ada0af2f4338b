"""Names and forms that no browser sends, to a real server."""

from pathlib import Path

import httpx2
import pytest

from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Server
from tests.hostile.conftest import SECRET, Listener, Secret
from tests.hostile.test_hostile import ENDED, EXPECTED

B = b"--b\r\n"
END = b"\r\n--b--\r\n"
HEADERS = {"content-type": "multipart/form-data; boundary=b"}


def names(secret: Secret, listener: Listener) -> list[bytes]:
    """What a client may call its file."""
    path = str(secret.path).encode()
    return [
        b"", b"\0", b"a\0.mp4", b"../../../../etc/passwd", path, b"file:" + path, b"file://" + path,
        b"concat:" + path + b"|" + path, listener.url.encode(), b"-i", b"%d.jpg", b"pipe:0",
        b"CON", b"a" * 5000, b"\xff\xfe\x80", "\u202egpj.exe".encode(), b"a;b=c", b"a\tb", b"$(id)",
        b"<script>alert(1)</script>", b"{{7*7}}", b"=1+1", b"a/b\\c", b".", b"..", b"nul.mp4 ",
    ]  # fmt: skip


def form(field: bytes, name: bytes, data: bytes) -> bytes:
    """A form of one file, its name as it is."""
    head = b'Content-Disposition: form-data; name="' + field + b'"; filename="' + name + b'"'
    return B + head + b"\r\n\r\n" + data + END


def test_no_name_of_a_file_is_a_path(
    server: tuple[Server, Path], secret: Secret, listener: Listener, tmp_path: Path
) -> None:
    """It is shown without folders and controls, and nothing else is done with it."""
    program, folder = server
    picture, clip = encoded(street()), street_clip(tmp_path / "a.mp4", frames=3).read_bytes()
    before = {path.name for path in (folder / "data").iterdir()}

    answers = []
    for name in names(secret, listener):
        for route, field, data in (
            ("/frames/score", b"image", picture),
            ("/videos/analyze?wait=20", b"video", clip),
        ):
            body = form(field, name, data)
            answers.append(program.http.post(route, content=body, headers=HEADERS))

    assert {answer.status_code for answer in answers} <= EXPECTED
    assert sum(answer.status_code == 200 for answer in answers) > len(answers) // 2
    assert not [answer for answer in answers if SECRET in answer.text]
    for job in program.http.get("/jobs").json()["jobs"]:
        assert job["status"] in ENDED
        assert job["name"].isprintable()
        assert not set("/\\") & set(job["name"])
        page = program.http.get(f"/jobs/{job['id']}/report", params={"format": "html"}).text
        assert "<script>alert" not in page
    assert listener.seen == []
    assert not secret.was_read
    assert {path.name for path in (folder / "data").iterdir()} == before


FORMS = {
    "no boundary in the body": b"words",
    "never closed": form(b"image", b"a.jpg", b"x")[:-10],
    "closed at once": b"--b--\r\n",
    "no header": B + b"\r\nx" + END,
    "a header without an end": B + b"A" * 100_000,
    "many headers": B + b"A: b\r\n" * 10_000 + b"\r\nx" + END,
    "many parts": b"".join(
        B + b'Content-Disposition: form-data; name="x%d"\r\n\r\ny\r\n' % i for i in range(5000)
    ) + b"--b--\r\n",
    "a field of a megabyte": B + b'Content-Disposition: form-data; name="mode"\r\n\r\n'
    + b"a" * 1_000_000 + END,
    "the file twice": form(b"video", b"a", b"x")[:-6] + form(b"video", b"b", b"y"),
    "no name": B + b"Content-Disposition: form-data\r\n\r\nx" + END,
    "another disposition": B + b"Content-Disposition: attachment; name=image\r\n\r\nx" + END,
    "an encoding": B + b'Content-Disposition: form-data; name="image"; filename="a"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n/9j/" + END,
    "a charset": B + b'Content-Disposition: form-data; name="_charset_"\r\n\r\nutf-7' + END,
    "a form in a form": form(b"image", b"a", form(b"image", b"b", b"x")),
    "bare line feeds": form(b"image", b"a", b"x").replace(b"\r\n", b"\n"),
    "a NUL in a header": B + b'Content-Disposition: form-data; name="ima\0ge"\r\n\r\nx' + END,
}  # fmt: skip


@pytest.mark.parametrize("route", ["/frames/score", "/videos/analyze"])
@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_is_wrong_is_refused(
    server: tuple[Server, Path], name: str, route: str
) -> None:
    """In words; nothing stays on the disk."""
    program, folder = server
    before = set((folder / "data" / "jobs").iterdir())

    answer = program.http.post(route, content=FORMS[name], headers=HEADERS)

    assert answer.status_code in {400, 413, 415, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert set((folder / "data" / "jobs").iterdir()) == before


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/json",
        "multipart/mixed; boundary=b",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 10_000,
    ],
)
@pytest.mark.parametrize("route", ["/frames/score", "/videos/analyze"])
def test_a_body_of_another_kind_is_refused(
    server: tuple[Server, Path], kind: str, route: str
) -> None:
    """Whatever it says that it is."""
    url = f"http://127.0.0.1:{server[0].port}{route}"

    answer = httpx2.post(url, content=form(b"image", b"a", b"x"), headers={"content-type": kind})

    assert answer.status_code in {400, 415, 422}
