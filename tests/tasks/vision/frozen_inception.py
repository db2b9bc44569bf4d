"""A frozen inception5h graph with random weights, serialized as TensorFlow would."""

import numpy as np

from tasks.vision import inception_v1
from tasks.vision.frozen_graph import FLOAT, graph_def_class

LRN = {"depth_radius": 4, "bias": 2.0, "alpha": 1e-4, "beta": 0.5}


def weights() -> dict[str, np.ndarray]:
    """Random tensors by node name: convolutions (height, width, in, out), the classifier (in, out)."""
    generator = np.random.default_rng(0)
    module = inception_v1.lucid((inception_v1.LocalResponseNorm(9, 1e-3, 0.5, 2.0),) * 2)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    tensors = {}
    for theirs, ours in inception_v1.tensorflow_names().items():
        shape = shapes[f"{ours}.weight"]
        order = (2, 3, 1, 0) if len(shape) == 4 else (1, 0)
        values = generator.standard_normal([shape[axis] for axis in order]) / np.prod(shape[1:]) ** 0.5
        tensors[f"{theirs}_w"] = values.astype(np.float32)
        tensors[f"{theirs}_b"] = generator.standard_normal(shape[0]).astype(np.float32)
    return tensors


def serialized(tensors: dict[str, np.ndarray]) -> bytes:
    """A GraphDef with the tensors as constants, and the two normalisation nodes."""
    graph = graph_def_class()()
    for name, tensor in tensors.items():
        value = graph.node.add(name=name, op="Const").attr.add(key="value").value.tensor
        value.dtype, value.tensor_content = FLOAT, tensor.tobytes()
        for size in tensor.shape:
            value.tensor_shape.dim.add(size=size)
    for name in ("localresponsenorm0", "localresponsenorm1"):
        node = graph.node.add(name=name, op="LRN")
        for key, number in LRN.items():
            value = node.attr.add(key=key).value
            setattr(value, "i" if key == "depth_radius" else "f", number)
    return graph.SerializeToString()
