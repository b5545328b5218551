"""The operations of towers.py as nodes of an ONNX graph. Maps are [N, channels, height, width], texts
[N, channels, length].

Weights are stored in half precision and widened when the graph is loaded; all arithmetic is f32.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # every ONNX Runtime from 1.12 on reads it
IR_VERSION = 8  # the version that belongs to opset 17


class Value:
    """The output of a node; arithmetic adds nodes."""

    def __init__(self, ops, name):
        self.ops, self.name = ops, name

    def __add__(self, other):
        return self.ops.node("Add", self, other)

    def __sub__(self, other):
        return self.ops.node("Sub", self, other)

    def __mul__(self, other):
        return self.ops.node("Mul", self, other)

    def __truediv__(self, other):
        return self.ops.node("Div", self, other)


class Onnx:
    channel, space, text_axis = 1, (2, 3), 2

    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0

    def fresh(self):
        self.count += 1
        return f"v{self.count}"

    def input(self, name):
        return Value(self, name)

    def constant(self, array, dtype=np.float32):
        name = self.fresh()
        self.initializers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return Value(self, name)

    def weights(self, array):
        return self.node("Cast", self.constant(array, np.float16), to=TensorProto.FLOAT)

    def node(self, kind, *inputs, output=None, **attributes):
        inputs = [one if isinstance(one, Value) else self.constant(one) for one in inputs]
        output = output or self.fresh()
        self.nodes.append(helper.make_node(kind, [one.name for one in inputs], [output], **attributes))
        return Value(self, output)

    def mean(self, x, axes):
        return self.node("ReduceMean", x, axes=list(axes), keepdims=1)

    def sum(self, x, axes):
        return self.node("ReduceSum", x, self.constant(axes, np.int64), keepdims=1)

    def max(self, x, axes):
        return self.node("ReduceMax", x, axes=list(axes), keepdims=1)

    def sqrt(self, x):
        return self.node("Sqrt", x)

    def relu(self, x):
        return self.node("Relu", x)

    def at_least(self, x, least):
        return self.node("Max", x, least)

    def concat(self, parts):
        return self.node("Concat", *parts, axis=1)

    join = concat

    def flat(self, x):
        return self.node("Flatten", x, axis=1)

    def softmax(self, x):
        return self.node("Softmax", x, axis=1)

    def linear(self, x, part):
        return self.node("Gemm", x, self.weights(part["weight"]), self.constant(part["bias"]))

    def pointwise(self, x, part):
        kernel = np.asarray(part["weight"]).T[:, :, None, None]
        return self.node("Conv", x, self.weights(kernel), self.constant(part["bias"]))

    def conv(self, x, part, side, stride, pad):
        """The rows of the weights are in the order of jax_backend: block row and column, then row,
        column and channel inside the block."""
        weight = np.asarray(part["weight"])
        times, channels = side // stride, len(weight) // (side * side)
        blocks = weight.reshape(times, times, stride, stride, channels, -1)
        kernel = blocks.transpose(5, 4, 0, 2, 1, 3).reshape(-1, channels, side, side)
        return self.node(
            "Conv",
            x,
            self.weights(kernel),
            self.constant(part["bias"]),
            strides=[stride] * 2,
            pads=[pad] * 4,
        )

    def depthwise(self, x, kernel):
        kernel = np.asarray(kernel)
        width = kernel.shape[1]
        kernel = kernel.T.reshape(width, 1, 3, 3)
        return self.node("Conv", x, self.weights(kernel), group=width, pads=[1] * 4)

    def shrunk(self, x, times):
        return self.node("AveragePool", x, kernel_shape=[times] * 2, strides=[times] * 2)

    def grid(self, x):
        return self.flat(self.node("Transpose", x, perm=[0, 2, 3, 1]))

    def map_constant(self, values):
        return self.constant(values[None, None])

    def channel_constant(self, values):
        return self.constant(np.reshape(values, (1, -1, 1, 1)))

    def text_mask(self, mask):
        floating = self.node("Cast", mask, to=TensorProto.FLOAT)
        return self.node("Unsqueeze", floating, self.constant([1], np.int64))

    def lookup(self, table, ids):
        return self.node("Transpose", self.node("Gather", self.weights(table), ids), perm=[0, 2, 1])

    def conv_text(self, x, part, reach):
        weight = np.asarray(part["weight"])
        kernel = weight.reshape(reach, -1, weight.shape[1]).transpose(2, 1, 0)
        return self.node("Conv", x, self.weights(kernel), self.constant(part["bias"]), pads=[reach // 2] * 2)

    def model(self, name, inputs, result, output, shape):
        """The graph; inputs are (name, type, shape)."""
        self.node("Identity", result, output=output)
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(*one) for one in inputs],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            self.initializers,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lookalike",
            producer_version="2",
        )
        onnx.checker.check_model(model, full_check=True)
        return model
