"""Callbacks of a real server to a real receiver; those of workers are in tests/faults."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.webhooks import sign
from tests.builders.footage import street_clip
from tests.builders.servers import Receiver, Server, closing_all, wait_until

SECRET = b"twenty-four bytes or more"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Out of order at first, then well."""
    opened = Receiver([500, 200])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(
    receiver: Receiver, tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """It may call the receiver and nobody else."""
    folder = tmp_path_factory.mktemp("callbacks")
    (folder / "secret").write_bytes(SECRET)
    with closing_all() as keep:
        yield keep(
            Server(
                folder / "log",
                bundle=tiny_bundle_dir,
                data_dir=folder / "data",
                min_free_bytes=0,
                callback_hosts=f"elsewhere.example,127.0.0.1:{receiver.port}",
                callback_secret_file=folder / "secret",
            )
        )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4")


def test_the_end_of_a_job_is_told_again_until_it_is_heard(
    server: Server, receiver: Receiver, clip: Path
) -> None:
    """A 500, then a 200: the same message twice, signed, with the job as the API shows it."""
    url = f"http://127.0.0.1:{receiver.port}/done?case=7"

    job_id = server.send(clip, film="false", callback_url=url)
    wait_until(lambda: len(receiver.seen) == 2, 20, "from the server")

    (first, body), (second, again) = receiver.seen
    assert first["webhook-id"] == second["webhook-id"] == f"job_{job_id}"
    assert body == again
    for headers in (first, second):
        stamp = headers["webhook-timestamp"]
        assert headers["webhook-signature"] == sign(SECRET, f"job_{job_id}", stamp, body)
    content = json.loads(body)
    assert content["type"] == "job.completed"
    assert content["data"] == server.job(job_id) | {"revision": content["data"]["revision"]}
    assert receiver.paths == ["/done?case=7"] * 2
    # Nothing follows: it was heard.
    wait_until(lambda: "webhook_delivered" in server.text(), 5)
    assert len(receiver.seen) == 2


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/x", "evil.example is not among the hosts"),
        ("http://127.0.0.1:1/x", "127.0.0.1:1 is not among the hosts"),
        ("file:///etc/passwd", "http(s)://host"),
    ],
)
def test_a_host_that_is_not_listed_makes_no_job(
    server: Server, clip: Path, url: str, why: str
) -> None:
    """422 before anything is queued."""
    before = len(server.http.get("/jobs").json()["jobs"])

    with clip.open("rb") as file:
        answer = server.http.post(
            "/videos/analyze", files={"video": file}, data={"callback_url": url}
        )

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/callback-refused")
    assert why in answer.json()["detail"]
    assert len(server.http.get("/jobs").json()["jobs"]) == before
