"""Collects ONNX nodes; every method returns the name of its output."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: LayerNormalization came with 17, and every ONNX Runtime that Lookalike loads reads it.
OPSET = 17


class Graph:
    """Standard operators only, so that every execution provider has them."""

    def __init__(self, half=False):
        self.nodes, self.initializers, self.half = [], [], half
        self.dtype = np.float16 if half else np.float32

    def constant(self, array, dtype=None):
        name = f"c{len(self.initializers)}"
        array = np.asarray(array, dtype or self.dtype, order="C")
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values):
        return self.constant(values, np.int64)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, weight, bias=None):
        """x·weightᵀ + bias, weights as PyTorch has them: [out, in]."""
        product = self.op("MatMul", x, self.constant(weight.T))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def normalised(self, x, weight, bias, epsilon):
        scale, offset = self.constant(weight), self.constant(bias)
        return self.op("LayerNormalization", x, scale, offset, axis=-1, epsilon=epsilon)

    def computed(self, x):
        """An input in the number format that the graph computes in."""
        return self.op("Cast", x, to=TensorProto.FLOAT16) if self.half else x

    def activation(self, x, kind):
        if kind == "quick_gelu":
            return self.op("Mul", x, self.op("Sigmoid", self.op("Mul", x, self.constant(1.702))))
        if kind == "gelu":
            inner = self.op("Erf", self.op("Div", x, self.constant(2**0.5)))
        elif kind == "gelu_pytorch_tanh":
            cube = self.op("Mul", self.op("Pow", x, self.constant(3.0)), self.constant(0.044715))
            sum_ = self.op("Mul", self.op("Add", x, cube), self.constant((2 / np.pi) ** 0.5))
            inner = self.op("Tanh", sum_)
        else:
            raise ValueError(f"the activation {kind!r} is not supported")
        gate = self.op("Add", inner, self.constant(1.0))
        return self.op("Mul", self.op("Mul", x, gate), self.constant(0.5))

    def model(self, name, source, result, dimension, opset):
        """`source` is the graph's input as a value; `result`, a name, becomes the output."""
        output = {"vision": "image_embeds", "text": "text_embeds"}[name]
        # A copy where nothing is to be converted; ONNX Runtime removes it.
        self.nodes.append(helper.make_node("Cast", [result], [output], to=TensorProto.FLOAT))
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", dimension])]
        graph = helper.make_graph(self.nodes, name, [source], outputs, self.initializers)
        imports = [helper.make_opsetid("", opset)]
        version = helper.find_min_ir_version_for(imports)
        return helper.make_model(graph, opset_imports=imports, ir_version=version, producer_name="lookalike")


def save(model, path):
    """One file, or two where protobuf's limit of 2 GiB asks for it."""
    if sum(len(one.raw_data) for one in model.graph.initializer) < 1900 << 20:
        onnx.save(model, path)
    else:
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}_data")
    onnx.checker.check_model(str(path))
