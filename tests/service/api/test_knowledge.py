"""`GET` and `PUT /knowledge`: experts change the descriptions without a restart."""

from pathlib import Path

import pytest
import yaml
from starlette.testclient import TestClient

from tests.builders.footage import encoded, street
from tests.service.api.conftest import MakeClient

YAML = {"content-type": "application/yaml"}


def as_yaml(client: TestClient) -> str:
    return str(client.get("/knowledge", headers={"accept": "application/yaml"}).text)


def with_another_title(client: TestClient, title: str) -> str:
    """The hierarchy in service with its first leaf renamed."""
    content = client.get("/knowledge").json()
    node = content["tree"][0]
    while "children" in node:
        node = node["children"][0]
    node["title"] = title
    return yaml.safe_dump(content, sort_keys=False)


def test_the_shipped_hierarchy_is_in_service(client: TestClient) -> None:
    """JSON by default, YAML when asked for, one digest for both."""
    as_json = client.get("/knowledge")
    in_yaml = client.get("/knowledge", headers={"accept": "application/yaml"})

    assert as_json.json() == yaml.safe_load(in_yaml.text)
    assert in_yaml.headers["content-type"].startswith("application/yaml")
    assert as_json.headers["etag"] == in_yaml.headers["etag"]


@pytest.mark.parametrize("accept", ["application/yaml", "application/json"])
def test_what_was_read_can_be_written_back(client: TestClient, accept: str) -> None:
    """Unchanged content keeps its digest."""
    read = client.get("/knowledge", headers={"accept": accept})

    response = client.put("/knowledge", content=read.content, headers={"content-type": accept})

    assert response.status_code == 200
    assert response.headers["etag"] == read.headers["etag"]
    assert f'"{response.json()["sha256"]}"' == read.headers["etag"]


def test_a_change_is_in_service_at_once_and_after_a_restart(
    make_client: MakeClient, tmp_path: Path
) -> None:
    """The accepted file is kept as it was sent, comments included."""
    client = make_client(data_dir=tmp_path)
    changed = "# a comment\n" + with_another_title(client, "A new title")

    digest = client.put("/knowledge", content=changed, headers=YAML).json()["sha256"]

    picture = {"image": encoded(street())}
    assert client.post("/frames/score", files=picture).json()["model"]["knowledge_sha256"] == digest
    assert (tmp_path / "knowledge.yaml").read_text(encoding="utf-8") == changed
    assert make_client(data_dir=tmp_path).get("/knowledge").headers["etag"] == f'"{digest}"'


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        pytest.param(b"", "not-a-mapping", id="empty"),
        pytest.param(b"- 1", "not-a-mapping", id="a list"),
        pytest.param(b"\xff\xfe", "not-utf8", id="not text"),
        pytest.param(b"a: [1", "yaml-syntax", id="no YAML"),
        pytest.param(b"a: &x 1\nb: *x", "yaml-alias", id="aliases"),
    ],
)
def test_a_broken_hierarchy_changes_nothing_and_says_why(
    client: TestClient, body: bytes, rule: str
) -> None:
    """422 with every broken rule: where, which, and what to do."""
    before = as_yaml(client)

    response = client.put("/knowledge", content=body, headers=YAML)

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/knowledge-rejected"
    assert rule in [error["rule"] for error in response.json()["errors"]]
    assert all(set(error) == {"id", "rule", "detail"} for error in response.json()["errors"])
    assert as_yaml(client) == before


def test_a_text_too_long_for_the_encoder_is_named(client: TestClient) -> None:
    """The rules of the hierarchy know no encoder; the bundle does."""
    content = client.get("/knowledge").json()
    node = content["tree"][0]
    while "children" in node:
        node = node["children"][0]
    node["d"][0]["v"] = "runs " + "x" * 90
    before = as_yaml(client)

    response = client.put("/knowledge", content=yaml.safe_dump(content), headers=YAML)

    assert response.status_code == 422
    assert response.json()["errors"]
    assert as_yaml(client) == before


def test_a_body_over_one_mebibyte_is_refused(client: TestClient) -> None:
    """Before it is parsed."""
    response = client.put("/knowledge", content=b"#" * (1024**2 + 1), headers=YAML)

    assert response.status_code == 413


def test_a_change_made_from_an_older_version_is_refused(client: TestClient) -> None:
    """Two experts do not overwrite each other unawares."""
    stale = {**YAML, "if-match": '"0123"'}
    fresh = {**YAML, "if-match": client.get("/knowledge").headers["etag"]}
    body = as_yaml(client)

    refused = client.put("/knowledge", content=body, headers=stale)

    assert refused.status_code == 412
    assert refused.json()["type"] == "/problems/knowledge-changed"
    assert client.put("/knowledge", content=body, headers=fresh).status_code == 200
    assert client.put("/knowledge", content=body, headers={**YAML, "if-match": "*"}).is_success
