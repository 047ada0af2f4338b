"""The `saclip` command: what it prints, writes and refuses."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from service.cli import app
from service.serving import bind
from tests.builders.footage import encoded, street, street_clip

SACLIP = [sys.executable, "-c", "from service.cli import main; main()"]


@pytest.fixture(autouse=True)
def _tiny_bundle(monkeypatch: pytest.MonkeyPatch, tiny_bundle_dir: Path, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SACLIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SACLIP_BUNDLE", str(tiny_bundle_dir))
    monkeypatch.setenv("SACLIP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "street.jpg"
    path.write_bytes(encoded(street()))
    return path


def run(*words: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


def test_score_prints_a_line_for_each_picture(picture: Path) -> None:
    """With the best description and the objects it is about."""
    code, out, _ = run("score", picture, picture)

    assert code == 0
    assert out.count("street.jpg") == 2
    assert "best description" in out


def test_score_writes_the_results_as_json(picture: Path, tmp_path: Path) -> None:
    """A list of frame results, with the public field names."""
    code, _, _ = run("score", picture, "--json", tmp_path / "out.json", "--top-k", 2)

    assert code == 0
    (result,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (result["name"], len(result["explanations"])) == (str(picture), 2)
    assert "class" in result["rois"][0]


def test_json_on_stdout_is_nothing_but_json(picture: Path) -> None:
    """So that it can be piped."""
    code, out, _ = run("score", picture, "--json", "-")

    assert code == 0
    assert len(json.loads(out)) == 1


def test_draw_writes_a_picture_for_each_of_the_same_name(picture: Path, tmp_path: Path) -> None:
    """Two folders may hold one name."""
    other = tmp_path / "other" / "street.jpg"
    other.parent.mkdir()
    other.write_bytes(picture.read_bytes())

    code, _, _ = run("score", picture, other, "--draw", tmp_path / "drawn")

    assert code == 0
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["street-2.jpg", "street.jpg"]


def test_analyze_writes_a_report(tmp_path: Path) -> None:
    """The same as the HTTP service gives."""
    clip = street_clip(tmp_path / "clip.mp4")

    code, out, _ = run("analyze", clip, "--json", tmp_path / "report.json", "--sample-fps", 5)

    assert code == 0
    assert "10 frames scored" in out
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(report["frames"]) == 10
    assert report["video"]["name"] == "clip.mp4"


def test_analyze_writes_what_is_asked_for(tmp_path: Path) -> None:
    """A film with every scored frame, a page, a table and subtitles, each in its place."""
    clip = street_clip(tmp_path / "clip.mp4")
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("film", "html", "csv", "vtt")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", path)]

    code, _, _ = run("analyze", clip, "--sample-fps", 5, *options)

    assert code == 0
    with av.open(str(paths["film"])) as film:
        assert sum(1 for _ in film.decode(video=0)) == 10
    assert paths["html"].read_text(encoding="utf-8").startswith("<!doctype html>")
    assert paths["csv"].read_bytes().count(b"\r\n") == 11
    assert paths["vtt"].read_text(encoding="utf-8").startswith("WEBVTT")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["score", "{tmp}/none.jpg"], "saclip: {tmp}/none.jpg: No such file or directory"),
        (["score", "{tmp}"], "saclip: {tmp}: Is a directory"),
        (["score", "{tmp}/words.jpg"], "saclip: {tmp}/words.jpg: "),
        (["analyze", "{tmp}/words.jpg"], "saclip: words.jpg "),
        (["score", "{tmp}/words.jpg", "--bundle", "{tmp}"], "saclip: {tmp}/manifest.json: "),
        (["bundle", "info", "{tmp}"], "saclip: {tmp}/manifest.json: "),
        (["knowledge", "check", "{tmp}/words.jpg"], "saclip: {tmp}/words.jpg: "),
        (["serve", "--host", "no.such.host.invalid"], "saclip: no.such.host.invalid:8000 "),
    ],
)
def test_what_a_user_can_cause_is_one_line(tmp_path: Path, words: list[str], message: str) -> None:
    """No traceback, exit code 1."""
    (tmp_path / "words.jpg").write_bytes(b"these are words")

    code, _, err = run(*(word.format(tmp=tmp_path) for word in words))

    assert code == 1
    assert err.startswith(message.format(tmp=tmp_path))
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["score"], ["score", "a.jpg", "--top-k", "0"], ["score", "a.jpg", "--mode", "best"], ["fly"]],
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    """As other commands do."""
    assert run(*words)[0] == 2


def test_a_misspelt_variable_stops_every_command(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name that was meant."""
    monkeypatch.setenv("SACLIP_BUNDEL", "x")

    code, _, err = run("score", picture)

    assert code == 1
    assert "did you mean SACLIP_BUNDLE?" in err


def test_knowledge_is_checked_and_shown() -> None:
    """The shipped hierarchy breaks no rule."""
    code, out, _ = run("knowledge", "check")
    assert (code, "no rule broken" in out) == (0, True)

    code, out, _ = run("knowledge", "show")
    assert (code, "severity" in out) == (0, True)


def test_a_bundle_is_described_and_verified(tiny_bundle_dir: Path) -> None:
    """Sound: exit code 0."""
    assert "tiny" in run("bundle", "info", tiny_bundle_dir)[1]
    assert run("bundle", "verify", tiny_bundle_dir)[0] == 0


def test_a_damaged_bundle_fails_its_verification(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    """The table names the file, the exit code is 1."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in tiny_bundle_dir.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "detector.onnx").write_bytes(b"damaged")

    code, out, _ = run("bundle", "verify", folder)

    assert code == 1
    assert "detector.onnx" in out


def test_help_is_quick_because_it_loads_no_model_code() -> None:
    """Neither the web framework nor ONNX Runtime nor OpenCV."""
    script = (
        "import sys; from service.cli import app; "
        "heavy = {'fastapi', 'onnxruntime', 'cv2', 'av', 'numpy', 'pydantic'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_taken_port_is_one_line() -> None:
    """Said before the models load."""
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]

        code, _, err = run("serve", "--port", port)

    assert code == 1
    assert err == f"saclip: 127.0.0.1:{port} is in use; choose another with --port\n"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_server_starts_answers_and_stops_cleanly(stop: signal.Signals) -> None:
    """The real command: one request, one signal, exit code 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*SACLIP, "serve", "--port", str(port)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert wait_until_healthy(port) == "ok\n"
        server.send_signal(stop)
        _, log = server.communicate(timeout=20)
    finally:
        server.kill()

    assert server.returncode == 0, log
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "engine_loaded"
    assert events[-1] == "service_stopped"


def wait_until_healthy(port: int) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as response:
                return str(response.read().decode())
        except OSError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
