"""Sessions: what is said when ONNX Runtime or a graph cannot be used."""

import importlib.metadata
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from service.bundle import sessions
from service.bundle.manifest import BundleError
from service.bundle.sessions import RuntimeMissing, make_session, providers_for, runtime_name


def _install(monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> None:
    found = [SimpleNamespace(metadata={"Name": name}) for name in names]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)


def test_a_graph_runs_on_the_cpu(tiny_bundle_dir: Path) -> None:
    """The session answers, and says on what it runs."""
    session = make_session(tiny_bundle_dir / "detector.onnx", threads=1)

    (output,) = session.run(None, {"images": np.zeros((1, 3, 32, 64), np.float32)})

    assert output.shape == (1, 4 * 8 + 2 * 4 + 1 * 2, 12)
    assert runtime_name(session).endswith("on CPUExecutionProvider")


def test_both_distributions_are_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle_dir: Path
) -> None:
    """The CPU and the GPU build overwrite each other's files."""
    _install(monkeypatch, ["numpy", "onnxruntime_gpu", "onnxruntime"])

    with pytest.raises(RuntimeMissing) as refused:
        make_session(tiny_bundle_dir / "detector.onnx", threads=1)

    assert str(refused.value) == (
        "onnxruntime and onnxruntime-gpu are both installed and overwrite each other: "
        "uninstall them and install one extra, `cpu` or `gpu`"
    )


def test_no_distribution_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle_dir: Path
) -> None:
    """The remedy stands in the message."""
    _install(monkeypatch, ["numpy"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # makes the import fail

    with pytest.raises(RuntimeMissing) as refused:
        make_session(tiny_bundle_dir / "detector.onnx", threads=1)

    assert str(refused.value) == (
        "ONNX Runtime cannot be imported (not installed): pip install 'saclip[cpu]' or "
        "'saclip[gpu]'"
    )


def test_a_missing_provider_is_named(tiny_bundle_dir: Path) -> None:
    """Who asks for a GPU is not served by the CPU in silence."""
    with pytest.raises(RuntimeMissing, match="ONNX Runtime has no FancyExecutionProvider"):
        make_session(tiny_bundle_dir / "detector.onnx", 1, ("FancyExecutionProvider",))


def test_a_provider_that_drops_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle_dir: Path
) -> None:
    """CUDA may be listed while its libraries are missing: ONNX Runtime then falls back."""

    class Fallback:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_providers(self) -> list[str]:
            return [sessions.CPU]

    import onnxruntime

    monkeypatch.setattr(onnxruntime, "InferenceSession", Fallback)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: [sessions.CUDA, sessions.CPU]
    )

    with pytest.raises(RuntimeMissing, match="runs on CPUExecutionProvider, expected CUDA"):
        make_session(tiny_bundle_dir / "detector.onnx", 1, providers_for("auto"))


def test_the_device_decides_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` without CUDA is the CPU; `cuda` is never weakened."""
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [sessions.CPU])

    assert providers_for("cpu") == (sessions.CPU,)
    assert providers_for("auto") == (sessions.CPU,)
    assert providers_for("cuda") == (sessions.CUDA, sessions.CPU)


def test_a_file_that_is_no_graph_is_refused_in_one_line(tmp_path: Path) -> None:
    """ONNX Runtime's own text has several lines and source places."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"this is not a graph")

    with pytest.raises(BundleError) as refused:
        make_session(path, threads=1)

    assert str(refused.value).startswith(f"{path}: ONNX Runtime cannot load it (")
    assert "\n" not in str(refused.value)


def test_a_missing_graph_is_named(tmp_path: Path) -> None:
    """The path stands in the message."""
    with pytest.raises(BundleError, match=r"nothing\.onnx: the file is missing"):
        make_session(tmp_path / "nothing.onnx", threads=1)


def test_threads_do_not_spin(tiny_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that keep other work on the same cores alive reach ONNX Runtime."""
    import onnxruntime

    seen = []
    real = onnxruntime.InferenceSession

    def spy(path: str, sess_options: onnxruntime.SessionOptions, providers: list[str]) -> object:
        seen.append(sess_options)
        return real(path, sess_options=sess_options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    make_session(tiny_bundle_dir / "detector.onnx", threads=2)

    (options,) = seen
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.set_denormal_as_zero") == "1"
