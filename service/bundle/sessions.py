"""ONNX Runtime sessions. The only module that imports onnxruntime, and only when one is made."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from service.bundle.manifest import BundleError
from service.errors import FatalError

Device = Literal["auto", "cpu", "cuda"]
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
ERRORS_ONLY = 3  # ONNX Runtime's severity scale: 0 verbose .. 4 fatal
# Distributions that all install the module `onnxruntime`: the last one installed wins.
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")


class RuntimeMissing(FatalError):
    """ONNX Runtime is missing or installed twice."""


class GraphIO(Protocol):
    """One input or output of a graph."""

    name: str
    type: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    """The part of an ONNX Runtime session that the service uses."""

    def run(self, output_names: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]: ...
    def get_inputs(self) -> Sequence[GraphIO]: ...
    def get_outputs(self) -> Sequence[GraphIO]: ...
    def get_providers(self) -> Sequence[str]: ...


def make_session(path: Path, threads: int, providers: Sequence[str] | None = None) -> Session:
    """Load a graph.

    Args:
        path: The ONNX file.
        threads: Threads within one operator; 0 lets ONNX Runtime take every core.
        providers: Execution providers by falling preference; None is the CPU alone.

    Raises:
        BundleError: The file is missing or is not a graph that this ONNX Runtime can run.
        RuntimeMissing: No ONNX Runtime, more than one, or not the provider asked for.
    """
    runtime = _runtime()
    wanted = list(providers or (CPU,))
    available = runtime.get_available_providers()
    if wanted[0] not in available:
        raise RuntimeMissing(
            f"ONNX Runtime has no {wanted[0]}, found {', '.join(available)}: "
            "install the extra `gpu` in place of `cpu`"
        )
    if not path.is_file():
        raise BundleError(f"{path}: the file is missing")
    try:
        session: Session = runtime.InferenceSession(
            str(path), sess_options=_options(runtime, threads), providers=wanted
        )
    except Exception as error:  # a dozen classes without a common parent
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({one_line(error)})") from None
    # A provider that is listed but lacks its libraries is dropped without an error.
    if session.get_providers()[0] != wanted[0]:
        raise RuntimeMissing(
            f"{path.name} runs on {session.get_providers()[0]}, expected {wanted[0]}: "
            "its libraries are missing or do not match the driver"
        )
    return session


def providers_for(device: Device) -> tuple[str, ...]:
    """Execution providers for a device; `auto` takes CUDA where it is installed."""
    if device == "cpu":
        return (CPU,)
    if device == "auto" and CUDA not in _runtime().get_available_providers():
        return (CPU,)
    return (CUDA, CPU)


def runtime_name(session: Session) -> str:
    """Name, version and first provider of what runs a session, for people."""
    return f"ONNX Runtime {_runtime().__version__} on {session.get_providers()[0]}"


def one_line(error: BaseException) -> str:
    """An error's text in one line and at a readable length; ONNX Runtime's has several."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _options(runtime: Any, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = ERRORS_ONLY
    # Spinning threads take the cores from decoding and from the other sessions.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights may be stored in 8 bits; what they are multiplied with is not cut down to 8 as well.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    # Denormal numbers in quiet channels slow a CPU down by an order of magnitude.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options


def _runtime() -> Any:
    """The module `onnxruntime`, provided that exactly one distribution put it there."""
    installed = sorted(_installed() & set(DISTRIBUTIONS))
    if len(installed) > 1:
        raise RuntimeMissing(
            f"{' and '.join(installed)} are both installed and overwrite each other: "
            "uninstall them and install one extra, `cpu` or `gpu`"
        )
    try:
        import onnxruntime
    except ImportError as error:
        reason = one_line(error) if installed else "not installed"
        raise RuntimeMissing(
            f"ONNX Runtime cannot be imported ({reason}): pip install 'saclip[cpu]' or "
            "'saclip[gpu]'"
        ) from None
    onnxruntime.set_default_logger_severity(ERRORS_ONLY)
    return onnxruntime


def _installed() -> set[str]:
    """Normalised names of all installed distributions."""
    names = (found.metadata["Name"] for found in importlib.metadata.distributions())
    return {name.lower().replace("_", "-") for name in names if name}
