"""Keys, scopes, tokens and owners, tried on every route there is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from service.api.access import BY_TOKEN, POLICY, check_policy
from service.app import routes_of
from service.errors import SettingsError
from service.keys import SCOPES, new_key
from tests.builders.footage import encoded, street, street_clip
from tests.service.api.conftest import MakeApp, MakeClient

ROUTES = sorted(POLICY.items())
GUARDED = [(route, needs) for route, needs in ROUTES if needs != "open"]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A file with one key of each scope and a few more, and the keys by name."""
    made: dict[str, tuple[str, str]] = {scope: new_key(scope, [scope]) for scope in SCOPES}
    made["north"] = new_key("north", ["read", "score"])
    made["south"] = new_key("south", ["read", "score"])
    made["slow"] = new_key("slow", ["read"], rate=6)
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    path.write_text("\n".join(line for _, line in made.values()))
    return path, {name: key for name, (key, _) in made.items()}


@pytest.fixture(scope="module")
def guarded(make_client: MakeClient, ring: tuple[Path, dict[str, str]]) -> TestClient:
    return make_client(api_keys_file=ring[0])


@pytest.fixture(scope="module")
def bearer(ring: tuple[Path, dict[str, str]]) -> Callable[[str], dict[str, str]]:
    """The header of a key by its name."""
    return lambda name: {"Authorization": f"Bearer {ring[1][name]}"}


def ask(client: TestClient, route: tuple[str, str], **options: Any) -> int:
    """The status of a route asked with ids that do not exist."""
    method, path = route
    path = path.replace("{job_id}", "x").replace("{index}", "0")
    if path == "/static":
        path = "/static/page.js"
    if method == "WEBSOCKET":
        try:
            with client.websocket_connect(path, **options):
                return 101
        except WebSocketDenialResponse as refused:
            return refused.status_code
    return client.request(method, path, **options).status_code


def test_every_route_has_an_entry_and_every_entry_a_route(make_app: MakeApp) -> None:
    """The service would not start otherwise; this says which."""
    routes = set(routes_of(make_app()))

    assert routes == set(POLICY)
    with pytest.raises(LookupError, match="/new"):
        check_policy(routes | {("GET", "/new")})
    with pytest.raises(LookupError, match="/jobs"):
        check_policy(routes - {("GET", "/jobs")})


@pytest.mark.parametrize(("route", "needs"), ROUTES, ids=lambda x: str(x))
def test_without_a_key_only_the_open_routes_answer(
    guarded: TestClient, route: tuple[str, str], needs: str
) -> None:
    """401 and how to do better, for all others."""
    assert (ask(guarded, route) == 401) == (needs != "open")


@pytest.mark.parametrize(("route", "needs"), GUARDED, ids=lambda x: str(x))
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer saclip_" + "x" * 43},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "é".encode("latin-1").decode("latin-1")},
        {"X-API-Key": "sha256:" + "0" * 64},
    ],
    ids=["wrong", "empty", "basic", "not ascii", "a hash"],
)
def test_a_wrong_key_opens_nothing(
    guarded: TestClient, route: tuple[str, str], needs: str, headers: dict[str, str]
) -> None:
    """Nor does the hash that the file holds."""
    sent = {name: value.encode("latin-1") for name, value in headers.items()}

    assert ask(guarded, route, headers=sent) == 401


@pytest.mark.parametrize(("route", "needs"), GUARDED, ids=lambda x: str(x))
@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_its_own_routes_and_no_other(
    guarded: TestClient,
    bearer: Callable[[str], dict[str, str]],
    route: tuple[str, str],
    needs: str,
    scope: str,
) -> None:
    """`admin` opens all of them."""
    allowed = scope in (needs, "admin") or needs == "any"

    status = ask(guarded, route, headers=bearer(scope))

    assert (status == 403) == (not allowed)
    assert status != 401


def test_both_headers_carry_a_key(guarded: TestClient, ring: tuple[Path, dict[str, str]]) -> None:
    """Bearer, whatever its case, and X-API-Key."""
    key = ring[1]["read"]

    assert guarded.get("/jobs", headers={"X-API-Key": key}).status_code == 200
    assert guarded.get("/jobs", headers={"Authorization": f"bearer {key}"}).status_code == 200
    assert guarded.head("/metrics", headers={"X-API-Key": key}).status_code == 403


def test_a_refusal_is_a_problem_that_says_how(guarded: TestClient) -> None:
    """With the header that RFC 9110 asks for."""
    response = guarded.get("/jobs")

    assert response.headers["www-authenticate"] == 'Bearer realm="saclip"'
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/key-refused"
    assert "Authorization: Bearer" in response.json()["detail"]


def test_a_refused_upload_is_not_read(guarded: TestClient) -> None:
    """The refusal comes before the first byte of the body is taken."""
    # Far more is announced than is sent or could be stored.
    response = guarded.post(
        "/videos/analyze", content=b"", headers={"Content-Length": "1000000000000"}
    )

    assert response.status_code == 401


def test_two_keys_do_not_see_each_others_jobs(
    guarded: TestClient, bearer: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """To the other key a job is as one that does not exist; `admin` sees both."""
    files = {"video": ("a.mp4", street_clip(tmp_path / "a.mp4").read_bytes())}
    mine = guarded.post(
        "/videos/analyze", params={"wait": 60}, files=files, headers=bearer("north")
    )
    assert mine.status_code == 200
    job = mine.headers["location"].rsplit("/", 1)[1]

    for path in ("", "/report", "/events", "/frames/0", "/frames/0.jpg", "/video.mp4"):
        other = guarded.get(f"/jobs/{job}{path}", headers=bearer("south"))
        absent = guarded.get(f"/jobs/none{path}", headers=bearer("south"))
        assert other.status_code == absent.status_code == 404
        assert other.json()["detail"] == absent.json()["detail"]
        assert guarded.get(f"/jobs/{job}{path}", headers=bearer("north")).status_code == 200
    assert guarded.delete(f"/jobs/{job}", headers=bearer("south")).status_code == 404
    assert guarded.get("/jobs", headers=bearer("south")).json()["jobs"] == []
    for name in ("north", "admin"):
        listed = guarded.get("/jobs", headers=bearer(name)).json()["jobs"]
        assert [row["id"] for row in listed] == [job]
    assert "owner" not in str(listed)

    token = guarded.post("/tokens", headers=bearer("south")).json()["token"]
    assert guarded.get(f"/jobs/{job}/video.mp4", params={"token": token}).status_code == 404
    token = guarded.post("/tokens", headers=bearer("north")).json()["token"]
    assert guarded.get(f"/jobs/{job}/video.mp4", params={"token": token}).status_code == 200


@pytest.mark.parametrize(("route", "needs"), GUARDED, ids=lambda x: str(x))
def test_a_token_opens_only_what_sends_no_header(
    guarded: TestClient,
    bearer: Callable[[str], dict[str, str]],
    route: tuple[str, str],
    needs: str,
) -> None:
    """Pictures, films, events, downloads and the stream; nothing that changes anything."""
    token = guarded.post("/tokens", headers=bearer("north")).json()["token"]

    status = ask(guarded, (route[0], f"{route[1]}?token={token}"))

    assert (status != 401) == (route in BY_TOKEN)


@pytest.mark.parametrize("token", ["", "x", "north.9999999999.x"])
def test_a_forged_token_opens_nothing(guarded: TestClient, token: str) -> None:
    """Its signature is wrong."""
    assert guarded.get("/jobs/x/events", params={"token": token}).status_code == 401


def test_too_many_requests_of_a_key_wait(
    guarded: TestClient, bearer: Callable[[str], dict[str, str]]
) -> None:
    """Six a minute: five at once, the sixth is told when to come back; others are not touched."""
    statuses = [guarded.get("/jobs", headers=bearer("slow")).status_code for _ in range(5)]
    refused = guarded.get("/jobs", headers=bearer("slow"))

    assert statuses == [200] * 5
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.json()["type"] == "/problems/rate-exceeded"
    assert refused.json()["title"] == "The key has sent too many requests."
    assert guarded.get("/jobs", headers=bearer("read")).status_code == 200


def test_refusals_are_counted(guarded: TestClient, bearer: Callable[[str], dict[str, str]]) -> None:
    """By their kind."""
    guarded.get("/jobs")

    text = guarded.get("/metrics", headers=bearer("metrics")).text

    assert 'saclip_requests_rejected_total{reason="key-refused"}' in text


def test_a_path_that_no_route_has_tells_a_stranger_nothing(
    guarded: TestClient, bearer: Callable[[str], dict[str, str]]
) -> None:
    """Any key may learn that it is not there."""
    assert guarded.get("/nothing").status_code == 401
    assert guarded.get("/nothing", headers=bearer("read")).status_code == 404


def test_another_sites_page_cannot_use_the_service(client: TestClient) -> None:
    """A browser lets it send a form; CORS stays closed, and what would change something stops."""
    picture = {"image": encoded(street())}
    foreign, own = {"Origin": "https://evil.example"}, {"Origin": "http://testserver"}

    assert client.post("/frames/score", files=picture, headers=foreign).status_code == 403
    assert client.post("/frames/score", files=picture, headers=own).status_code == 200
    answer = client.get("/jobs", headers=foreign)
    assert "access-control-allow-origin" not in answer.headers
    preflight = client.options(
        "/frames/score", headers={**foreign, "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_every_answer_carries_the_headers_of_security(client: TestClient) -> None:
    """Errors too."""
    for path in ("/", "/healthz", "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104
def test_beyond_loopback_keys_are_asked_for(make_app: MakeApp, host: str) -> None:
    """Unless somebody says in words that they shall not be."""
    with pytest.raises(SettingsError, match=r"SACLIP_API_KEYS_FILE .* SACLIP_AUTH=off"):
        make_app(host=host)

    make_app(host=host, auth="off")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_no_key_is_needed(make_app: MakeApp, host: str) -> None:
    """But `on` asks for them everywhere."""
    make_app(host=host)

    with pytest.raises(SettingsError, match="SACLIP_API_KEYS_FILE"):
        make_app(host=host, auth="on")


def test_the_description_of_the_api_names_both_ways(client: TestClient) -> None:
    """So that generated clients know where the key goes."""
    schema = client.get("/openapi.json").json()

    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert {"api_key": []} in schema["security"]
