"""Read the constants of a frozen TensorFlow graph without TensorFlow.

A GraphDef is a protocol buffer. The few fields needed here are declared below, with their numbers from TensorFlow's
graph.proto, node_def.proto, attr_value.proto, tensor.proto and tensor_shape.proto.
"""

import math
from dataclasses import dataclass

import numpy as np

from tasks.errors import UserError, one_line

LARGEST = 1 << 28
"""Largest number of elements of a tensor, 1 GiB. A damaged shape could otherwise repeat one value without limit."""
FLOAT = 1
"""DT_FLOAT in TensorFlow's types.proto."""

_FIELDS = {
    "GraphDef": {"node": (1, "repeated", "NodeDef")},
    "NodeDef": {"name": (1, "one", "string"), "op": (2, "one", "string"), "attr": (5, "repeated", "Entry")},
    "Entry": {"key": (1, "one", "string"), "value": (2, "one", "AttrValue")},
    "AttrValue": {"i": (3, "one", "int64"), "f": (4, "one", "float"), "tensor": (8, "one", "TensorProto")},
    "TensorProto": {
        "dtype": (1, "one", "int32"),
        "tensor_shape": (2, "one", "TensorShapeProto"),
        "tensor_content": (4, "one", "bytes"),
        "float_val": (5, "repeated", "float"),
    },
    "TensorShapeProto": {"dim": (2, "repeated", "Dim")},
    "Dim": {"size": (1, "one", "int64")},
}


@dataclass(frozen=True)
class FrozenGraph:
    """The content of a graph. constants: float tensors by node name; normalisations: LRN attributes by node name."""

    constants: dict[str, np.ndarray]
    normalisations: dict[str, dict[str, float]]


def graph_def_class() -> type:
    """Return the protocol buffer class for the part of a GraphDef that this module reads."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    labels = {"one": field.LABEL_OPTIONAL, "repeated": field.LABEL_REPEATED}
    scalars = {
        "string": field.TYPE_STRING,
        "bytes": field.TYPE_BYTES,
        "int32": field.TYPE_INT32,
        "int64": field.TYPE_INT64,
        "float": field.TYPE_FLOAT,
    }
    file = descriptor_pb2.FileDescriptorProto(name="frozen_graph.proto", package="frozen", syntax="proto3")
    for message_name, fields in _FIELDS.items():
        message = file.message_type.add(name=message_name)
        for name, (number, label, kind) in fields.items():
            added = message.field.add(name=name, number=number, label=labels[label])
            if kind in scalars:
                added.type = scalars[kind]
            else:
                added.type, added.type_name = field.TYPE_MESSAGE, f".frozen.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("frozen.GraphDef"))


def read_frozen_graph(serialized: bytes) -> FrozenGraph:
    """Read float constants and LRN attributes of a serialized GraphDef. Raises UserError if it can't be parsed."""
    from google.protobuf.message import DecodeError

    graph = graph_def_class()()
    try:
        graph.ParseFromString(serialized)
        return _constants(graph)
    except (DecodeError, KeyError, ValueError) as error:
        raise UserError(
            f"not a frozen graph, or a damaged one: {one_line(repr(error))}; use the original file"
        ) from None


def _constants(graph) -> FrozenGraph:
    constants, normalisations = {}, {}
    for node in graph.node:
        attributes = {entry.key: entry.value for entry in node.attr}
        if node.op == "Const" and attributes["value"].tensor.dtype == FLOAT:
            constants[node.name] = _array(attributes["value"].tensor)
        if node.op == "LRN":
            normalisations[node.name] = {
                "depth_radius": attributes["depth_radius"].i,
                **{name: attributes[name].f for name in ("bias", "alpha", "beta")},
            }
    return FrozenGraph(constants, normalisations)


def _array(tensor) -> np.ndarray:
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if min(shape, default=1) < 0 or math.prod(shape) > LARGEST:
        raise ValueError(f"a tensor of shape {shape}")
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype="<f4").reshape(shape)
    values = np.array(tensor.float_val, dtype=np.float32)
    # a constant tensor may be stored as one value
    return np.broadcast_to(values, shape) if values.size == 1 else values.reshape(shape)
