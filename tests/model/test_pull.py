"""What is asked of the network before anything is downloaded."""

import socket
from pathlib import Path

import huggingface_hub
import pytest

from model import pull as pulling
from model.detector.yolo import ASSETS, yolo_address
from model.pull import NotReachable, check_reachable, pull
from model.towers.clip import TowerError, weights_address
from model.towers.spec import ClipSpec

HUB = huggingface_hub.constants.ENDPOINT
OPENAI = ClipSpec(pretrained="openai")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "getproxies", dict)


def test_the_host_is_the_one_that_open_clip_asks(tmp_path: Path) -> None:
    """Its hub goes before the maker's address; random weights need no host."""
    assert weights_address(OPENAI) == HUB
    assert weights_address(ClipSpec()) is None
    with pytest.raises(TowerError, match="no file and no tag"):
        weights_address(ClipSpec(pretrained="nonsense"))


def test_weights_that_are_here_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second `pull` works on a train."""
    asked = []

    def cached(repository: str, name: str) -> str | None:
        asked.append((repository, name))
        return str(tmp_path / name) if name.endswith(".safetensors") else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)

    assert weights_address(OPENAI) is None
    assert asked[0][0] == "timm/vit_base_patch32_clip_224.openai"


def test_the_detector_s_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is fetched, a file is taken, an architecture gets random weights."""
    from ultralytics.utils import SETTINGS

    monkeypatch.setitem(SETTINGS, "weights_dir", str(tmp_path))

    assert yolo_address("yolo11n.pt") == ASSETS
    assert yolo_address("yolo11n.yaml") is None
    (tmp_path / "yolo11n.pt").write_bytes(b"weights")
    assert yolo_address("yolo11n.pt") is None
    assert yolo_address(str(tmp_path / "yolo11n.pt")) is None


def test_no_network_is_said_at_once() -> None:
    """A port that nobody listens on, and a name that does not exist."""
    with pytest.raises(NotReachable, match=r"127\.0\.0\.1 cannot be reached"):
        check_reachable("http://127.0.0.1:9/weights.pt")
    with pytest.raises(NotReachable, match="nothing was changed"):
        check_reachable("https://no.such.host.invalid/x")


def test_behind_a_proxy_the_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name can be resolved there, and none need be."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        port = proxy.getsockname()[1]
        monkeypatch.setattr(pulling, "getproxies", lambda: {"https": f"http://127.0.0.1:{port}"})

        check_reachable("https://no.such.host.invalid/x")


def test_nothing_is_written_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both makers are asked before the first download."""

    def unreachable(address: str) -> None:
        if address == ASSETS:
            raise NotReachable(f"pull: {address} cannot be reached")

    monkeypatch.setattr(pulling, "check_reachable", unreachable)

    with pytest.raises(NotReachable, match="github"):
        pull(tmp_path / "bundle", OPENAI, "yolo11n-not-here.pt")
    assert not (tmp_path / "bundle").exists()
