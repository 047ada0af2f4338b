"""Small real ONNX graphs that keep the bundle contract; their weights are seeded noise.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, T texts, C token context, D half of the embedding size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HALF_DIM = 32
CONTEXT = 48
MAP_HW = (24, 40)
STRIDES = (8, 16, 32)

_OPSET = 17
_TYPES = {
    "uint8": TensorProto.UINT8,
    "float": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
}


class GraphWriter:
    """Collects nodes and constants; `op` returns the name of the node's output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def unit(self, value: str, out: str) -> str:
        """Each row of a (N, D) value brought to unit length."""
        return self.op("LpNormalization", value, out=out, axis=-1, p=2)

    def model(
        self,
        inputs: Sequence[tuple[str, str, Sequence[int | str]]],
        outputs: Sequence[tuple[str, Sequence[int | str]]],
    ) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info(n, _TYPES[t], s) for n, t, s in inputs],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def image_encoder(half_dim: int = HALF_DIM, seed: int = 1, unit_length: float = 1.0) -> bytes:
    """`frames`, `rois`, `roi_classes`, `pairs` to `scene`, `relation`, `scene_gate`.

    The frame is squashed to a small map; ROIs are aligned crops of it with their box and class,
    and a pair is its subject, its object (or a null row) in this order. Another ``unit_length``
    breaks the contract on purpose.
    """
    rng = np.random.default_rng(seed)
    g = GraphWriter()
    pixels = g.op("Cast", "frames", to=TensorProto.FLOAT)
    pixels = g.op("Transpose", pixels, perm=[0, 3, 1, 2])
    pixels = g.op("Sub", g.op("Div", pixels, g.constant(127.5)), g.constant(1.0))
    first = g.op("Slice", g.op("Shape", pixels), *_int64s(g, [0], [2]))
    size = g.op("Concat", first, g.constant(MAP_HW, np.int64), axis=0)
    squashed = g.op("Resize", pixels, "", "", size, mode="linear")  # (B, 3, h, w)

    cells = g.op("AveragePool", squashed, kernel_shape=[6, 10], strides=[6, 10])
    frame_row = g.op("Flatten", cells)  # (B, 48)
    g.unit(g.op("Gemm", frame_row, *_linear(g, rng, 48, half_dim)), out="scene")
    gate = g.op("Sigmoid", g.op("Gemm", frame_row, *_linear(g, rng, 48, 1)))
    g.op("Squeeze", gate, g.constant([1], np.int64), out="scene_gate")

    columns = [g.op("Slice", "rois", *_int64s(g, [a], [b], [1])) for a, b in ((0, 1), (1, 5))]
    index = g.op("Squeeze", columns[0], g.constant([1], np.int64))
    index = g.op("Cast", index, to=TensorProto.INT64)
    height, width = MAP_HW
    box = g.op("Mul", columns[1], g.constant([width, height, width, height]))
    crops = g.op(
        "RoiAlign", squashed, box, index, output_height=2, output_width=2, sampling_ratio=2
    )
    kinds = g.op("Gather", g.constant(rng.normal(size=(16, 4))), "roi_classes")
    roi_row = g.op("Concat", g.op("Flatten", crops), columns[1], kinds, axis=1)  # (R, 20)
    with_null = g.op("Concat", roi_row, g.constant(rng.normal(size=(1, 20))), axis=0)

    subject, obj = (
        g.op("Gather", "pairs", g.constant(column, np.int64), axis=1) for column in (0, 1)
    )
    null = g.op("Gather", g.op("Shape", roi_row), g.constant(0, np.int64))
    obj = g.op("Where", g.op("Less", obj, g.constant(0, np.int64)), null, obj)
    both = [g.op("Gather", with_null, rows) for rows in (subject, obj)]
    pair_row = g.op("Concat", *both, axis=1)  # (K, 40)
    direction = g.unit(g.op("Gemm", pair_row, *_linear(g, rng, 40, half_dim)), out="direction")
    g.op("Mul", direction, g.constant(unit_length), out="relation")
    return g.model(
        [
            ("frames", "uint8", ["B", "H", "W", 3]),
            ("rois", "float", ["R", 5]),
            ("roi_classes", "int64", ["R"]),
            ("pairs", "int64", ["K", 2]),
        ],
        [("scene", ["B", half_dim]), ("relation", ["K", half_dim]), ("scene_gate", ["B"])],
    )


def text_encoder(
    vocab_size: int, half_dim: int = HALF_DIM, context: int = CONTEXT, seed: int = 2
) -> bytes:
    """`tokens`, `spans` to `pooled` (mean of the words) and `svo` (roles side by side)."""
    rng = np.random.default_rng(seed)
    width = 24
    g = GraphWriter()
    words = g.op("Gather", g.constant(rng.normal(size=(vocab_size, width))), "tokens")
    words = g.op("Add", words, g.constant(0.3 * rng.normal(size=(context, width))))  # (T, C, w)
    is_word = g.op("Not", g.op("Equal", "tokens", g.constant(0, np.int64)))
    is_word = g.op("Cast", is_word, to=TensorProto.FLOAT)
    one = g.constant([1], np.int64)
    count = g.op("ReduceSum", is_word, one, keepdims=1)  # (T, 1)
    masked = g.op("Mul", words, g.op("Unsqueeze", is_word, g.constant([2], np.int64)))
    mean = g.op("Div", g.op("ReduceSum", masked, one, keepdims=0), count)
    g.unit(g.op("Gemm", mean, *_linear(g, rng, width, half_dim)), out="pooled")
    roles = g.op("Flatten", g.op("MatMul", "spans", words))  # (T, 3w)
    g.unit(g.op("Gemm", roles, *_linear(g, rng, 3 * width, half_dim)), out="svo")
    return g.model(
        [("tokens", "int64", ["T", context]), ("spans", "float", ["T", 3, context])],
        [("pooled", ["T", half_dim]), ("svo", ["T", half_dim])],
    )


def colour_detector(num_classes: int = 7, seen: tuple[int, int] = (2, 0)) -> bytes:
    """A YOLOX-layout detector of coloured patches on BGR pixels in 0..255.

    A 32-pixel cell that is red (blue) is an object of class ``seen[0]`` (``seen[1]``), a car (a
    person), with a box of 64 pixels around the cell's centre; grey is nothing.
    """
    g = GraphWriter()
    levels = []
    for stride in STRIDES:
        pooled = g.op(
            "AveragePool", "images", kernel_shape=[stride, stride], strides=[stride, stride]
        )
        bias = np.zeros(5 + num_classes, np.float32)
        weight = np.zeros((5 + num_classes, 3, 1, 1), np.float32)
        bias[2:4] = np.log(2.0)  # side: twice the stride
        bias[0:2] = 0.5  # centre of the cell
        if stride == STRIDES[-1]:
            for channel, own in ((2, seen[0]), (0, seen[1])):
                weight[5 + own, :, 0, 0] = -0.1
                weight[5 + own, channel, 0, 0] = 0.1
        bias[4:] = -8.0
        bias[4] = 8.0 if stride == STRIDES[-1] else -8.0
        raw = g.op("Conv", pooled, g.constant(weight), g.constant(bias))
        box, score = (
            g.op("Slice", raw, *_int64s(g, [a], [b], [1]))
            for a, b in ((0, 4), (4, 5 + num_classes))
        )
        both = g.op("Concat", box, g.op("Sigmoid", score), axis=1)
        rows = g.op("Reshape", both, g.constant([1, 5 + num_classes, -1], np.int64))
        levels.append(g.op("Transpose", rows, perm=[0, 2, 1]))
    g.op("Concat", *levels, out="output", axis=1)
    return g.model([("images", "float", [1, 3, "H", "W"])], [("output", [1, "N", 5 + num_classes])])


def constant_detector(output: NDArray[np.float32]) -> bytes:
    """A detector that always answers ``output`` (plus nothing of the pixels), any input size."""
    g = GraphWriter()
    nothing = g.op("Mul", g.op("ReduceSum", "images", keepdims=0), g.constant(0.0))
    g.op("Add", g.constant(output), nothing, out="output")
    return g.model([("images", "float", [1, 3, "H", "W"])], [("output", list(output.shape))])


def _linear(g: GraphWriter, rng: np.random.Generator, inputs: int, outputs: int) -> tuple[str, str]:
    weight = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
    return g.constant(weight), g.constant(0.1 * rng.normal(size=outputs))


def _int64s(g: GraphWriter, *values: list[int]) -> list[str]:
    return [g.constant(value, np.int64) for value in values]
