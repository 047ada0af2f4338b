"""Weights that lie on a grid of 8 bits are stored as such: a quarter of the bytes, no number lost.

The graph multiplies them out again when it runs, in plain ONNX operators, so that every product
stays one of 32-bit numbers on every processor.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

STEPS = 127  # to either side of zero
FEWEST = 1 << 15  # numbers of a matrix worth the trouble
NEARNESS = 1e-3  # of a step: how far beside the grid rounding may leave a number
EIGHT, SCALE = ".int8", ".scale"  # what is left of a matrix in a graph


def store_in_eight_bits(path: Path) -> int:
    """Rewrite a graph; the number of matrices that lay on a grid.

    Args:
        path: Graph whose products (MatMul) may have a grid for each column, and whose tables of
            words (Gather) one for each row.
    """
    graph = onnx.load(path)
    weights = {weight.name: weight for weight in graph.graph.initializer}
    tables = {n.input[0] for n in graph.graph.node if n.op_type == "Gather"}
    products = {n.input[1] for n in graph.graph.node if n.op_type == "MatMul"}
    tables, products = tables - products, products - tables  # what is both has no one grid
    kept: list[TensorProto] = []
    found: set[str] = set()
    for name, weight in weights.items():
        matrix = numpy_helper.to_array(weight)
        axis = 0 if name in products else 1 if name in tables else None
        parts = None if axis is None else _on_grid(matrix, axis)
        if parts is None:
            kept.append(weight)
            continue
        whole, step = parts
        found.add(name)
        kept.append(numpy_helper.from_array(whole, name + EIGHT))
        scale = step.reshape(-1) if name in products else step
        kept.append(numpy_helper.from_array(scale, name + SCALE))
    if not found:
        return 0
    nodes = [
        helper.make_node("DequantizeLinear", [name + EIGHT, name + SCALE], [name], axis=1)
        for name in sorted(found & products)
    ]
    for node in graph.graph.node:
        in_table = node.op_type == "Gather" and node.input[0] in found
        nodes += _looked_up(node) if in_table else [node]
    del graph.graph.node[:], graph.graph.initializer[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend(kept)
    onnx.save(graph, path)
    return len(found)


def _on_grid(
    matrix: NDArray[Any], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Whole numbers and steps of a matrix that lies on a grid along an axis; else None."""
    if matrix.dtype != np.float32 or matrix.ndim != 2:
        return None
    if matrix.size < FEWEST:
        return None
    reach = np.abs(matrix).max(axis=axis, keepdims=True)
    step = np.where(reach > 0, reach / STEPS, 1).astype(np.float32)
    whole = np.rint(matrix / step)
    if np.abs(matrix / step - whole).max() > NEARNESS:
        return None
    return whole.astype(np.int8), step


def _looked_up(node: NodeProto) -> list[NodeProto]:
    """A row of a table, multiplied out after it is taken, not the table before."""
    table, rows = node.input
    (out,) = node.output
    whole, wide, step = (f"{out}{end}" for end in ("/int8", "/float", "/scale"))
    return [
        helper.make_node("Gather", [table + EIGHT, rows], [whole], axis=0),
        helper.make_node("Cast", [whole], [wide], to=TensorProto.FLOAT),
        helper.make_node("Gather", [table + SCALE, rows], [step], axis=0),
        helper.make_node("Mul", [wide, step], [out]),
    ]
