"""The one place that imports ONNX Runtime and makes sessions of it."""

from importlib import metadata
from pathlib import Path
from typing import Any

import service  # noqa: F401 - switches ONNX Runtime's telemetry off before its import
from service.errors import FatalError

DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
GPU_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"


class RuntimeMissing(FatalError):
    """ONNX Runtime is not installed, or twice."""


def check_runtime() -> str:
    """Name and version of the ONNX Runtime in use.

    Raises:
        RuntimeMissing: In one line, when neither or both of the distributions are installed.
    """
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if not found:
        raise RuntimeMissing("no ONNX Runtime: install saclip[cpu] or saclip[gpu]")
    if len(found) > 1:
        message = "onnxruntime and onnxruntime-gpu are both installed and hide each other: remove one"
        raise RuntimeMissing(message)
    ((name, version),) = found.items()
    return f"{name} {version}"


def make_session(path: Path, threads: int, gpu: bool = False) -> Any:
    """Open a graph for inference.

    Args:
        path: ONNX file.
        threads: Threads inside one operator; 0 lets the runtime choose.
        gpu: Whether to prefer the CUDA provider where it exists.

    Returns:
        An ``onnxruntime.InferenceSession``, safe to call from several threads.

    Raises:
        RuntimeMissing: See `check_runtime`.
        FatalError: When the file is not a graph the runtime can load.
    """
    check_runtime()
    import onnxruntime as ort  # after telemetry is off, and only when a graph is wanted

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Spinning threads would take the cores away from decoding while nothing is to be done.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    wanted = [GPU_PROVIDER, CPU_PROVIDER] if gpu else [CPU_PROVIDER]
    providers = [name for name in wanted if name in ort.get_available_providers()]
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise FatalError(f"{path.name}: not a graph that ONNX Runtime can load ({reason})") from error
