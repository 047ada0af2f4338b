"""The serving side of SA-CLIP: ONNX Runtime, FastAPI, no torch."""

import os

# ONNX Runtime's telemetry begins with its import: switching it off afterwards comes too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
