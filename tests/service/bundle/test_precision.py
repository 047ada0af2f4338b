"""Which image encoder of a bundle is loaded."""

import shutil
from pathlib import Path

import pytest

from service.bundle import bundle as bundles
from service.bundle.bundle import choose_precision, load_bundle
from service.bundle.manifest import BundleError, load_manifest
from service.bundle.sessions import CPU, CUDA, RuntimeMissing, Session, make_session
from service.bundle.show import info
from service.pipeline import engine
from service.pipeline.engine import load_engine
from tests.builders.tiny_bundle import write_manifest, write_tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle that has its image encoder in two precisions."""
    bundle = write_tiny_bundle(tmp_path / "bundle")
    shutil.copyfile(bundle / "image_encoder.onnx", bundle / "image_encoder.fp16.onnx")
    write_manifest(bundle, precisions=["fp32", "fp16"])
    return bundle


def test_the_runtime_says_which_one_it_is(folder: Path) -> None:
    """The one asked for; without a GPU the default is fp32."""
    assert load_bundle(folder, threads=1).runtime.endswith(", fp32")
    assert load_bundle(folder, threads=1, precision="fp16").runtime.endswith(", fp16")


def test_auto_takes_fp16_on_a_gpu_where_there_is_one(folder: Path) -> None:
    """And fp32 where the bundle has no other."""
    manifest = load_manifest(folder)
    plain = manifest.model_copy(update={"precisions": ("fp32",)})

    assert choose_precision(manifest, "auto", (CUDA, CPU)) == "fp16"
    assert choose_precision(manifest, "auto", (CPU,)) == "fp32"
    assert choose_precision(plain, "auto", (CUDA, CPU)) == "fp32"


def test_a_precision_that_is_not_there(folder: Path) -> None:
    """Asked for, or promised by the manifest."""
    with pytest.raises(BundleError, match="has no precision int8, found fp32, fp16"):
        load_bundle(folder, threads=1, precision="int8")
    (folder / "image_encoder.fp16.onnx").unlink()
    write_manifest(folder, precisions=["fp32", "fp16"])
    with pytest.raises(BundleError, match=r"image_encoder\.fp16\.onnx"):
        load_manifest(folder)


def test_info_says_what_a_service_would_load(folder: Path) -> None:
    """In the same words as the file's name."""
    columns = [list(column.cells) for column in info(folder, "fp16", "cpu").columns]

    assert columns[0][-1] == "loaded here"
    assert columns[1][-1] == "image_encoder.fp16.onnx (fp16)"
    with pytest.raises(BundleError, match="no precision int8"):
        info(folder, "int8", "cpu")


def test_a_gpu_that_cannot_be_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU package on a machine without one: `auto` goes on with the CPU, `cuda` says no."""

    def no_driver(path: Path, threads: int, providers: tuple[str, ...] | None = None) -> Session:
        if providers is not None and providers[0] == CUDA:
            raise RuntimeMissing("its libraries do not match the driver")
        return make_session(path, threads, providers)

    monkeypatch.setattr(bundles, "make_session", no_driver)
    monkeypatch.setattr(
        engine, "providers_for", lambda device: (CPU,) if device == "cpu" else (CUDA, CPU)
    )

    assert "fp32" in load_engine(folder, threads=1, device="auto").bundle.runtime
    assert "CPUExecutionProvider" in load_engine(folder, threads=1, device="auto").bundle.runtime
    with pytest.raises(RuntimeMissing, match="driver"):
        load_engine(folder, threads=1, device="cuda")
