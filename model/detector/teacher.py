"""The COCO teacher (YOLOX-nano) run through onnxruntime, with its feature maps laid open.

Dimension letters used in this file: B frames, H W input size, A grid cells.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.detector.classes import group_scores

NUM_LEVELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class TeacherView:
    """What the teacher says about a batch.

    Attributes:
        offsets: (B, A, 4) raw cx, cy, w, h.
        scores: (B, A, 7) objectness times group probability, in 0..1.
        maps: Three (B, C, H / stride, W / stride) feature maps, read just before the head.
    """

    offsets: Tensor
    scores: Tensor
    maps: tuple[Tensor, ...]


def _ancestors(graph: onnx.GraphProto, weight: str) -> list[str]:
    """Tensor names from the convolution that uses ``weight`` back along first inputs."""
    producers = {name: node for node in graph.node for name in node.output}
    tensor = next(node.input[0] for node in graph.node if weight in node.input)
    chain = [tensor]
    while tensor in producers and len(chain) < 24:
        tensor = producers[tensor].input[0]
        chain.append(tensor)
    return chain


def _head_inputs(graph: onnx.GraphProto) -> list[str]:
    """The tensor of each level where the class and the box branch part."""
    names = []
    for level in range(NUM_LEVELS):
        box_chain = set(_ancestors(graph, f"head.reg_preds.{level}.weight"))
        class_chain = _ancestors(graph, f"head.cls_preds.{level}.weight")
        names.append(next(name for name in class_chain if name in box_chain))
    return names


def open_teacher(path: Path) -> onnx.ModelProto:
    """The teacher with a free input size and its head inputs as extra outputs."""
    model = onnx.load(str(path))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for position, letter in ((2, "H"), (3, "W")):
        dims[position].dim_param = letter
    rows = model.graph.output[0].type.tensor_type.shape.dim
    rows[1].dim_param = "A"
    for name in _head_inputs(model.graph):
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    return model


class Teacher:
    """Runs the teacher one frame at a time (its batch size is fixed to one)."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # the freed input size makes it warn about old shapes
        self._session = ort.InferenceSession(open_teacher(path).SerializeToString(), options)
        self._input = self._session.get_inputs()[0].name

    def run(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """(H, W, 3) BGR uint8, sides multiples of 32, to [rows (1, A, 85), three maps]."""
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: pixels})
        return outputs

    def view(self, images: NDArray[np.uint8]) -> TeacherView:
        """(B, H, W, 3) BGR uint8 to the teacher's opinion of the whole batch."""
        parts = [self.run(image) for image in images]
        rows, *maps = (torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True))
        scores = rows[..., 4:5] * group_scores(rows[..., 5:])
        return TeacherView(rows[..., :4], scores, tuple(maps))
