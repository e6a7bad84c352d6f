"""matmul_network.py OUT.onnx: writes a network for Fashion-MNIST's images, with random weights, that consists of matrix
products of tokens: with and without bias and activation, for the program `quantize`."""
import sys

import numpy
from onnx import TensorProto, checker, helper, numpy_helper, save

random = numpy.random.default_rng(3)
constants = []


def constant(name, *shape):
    values = (random.standard_normal(shape) / numpy.sqrt(shape[0] if len(shape) < 4 else 16)).astype(numpy.float32)
    constants.append(numpy_helper.from_array(values, name))
    return name


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], output + "_node", **attributes)


constants.append(numpy_helper.from_array(numpy.array([0, 48, 49], numpy.int64), "rows"))
nodes = [node("Conv", ["input", constant("w0", 48, 1, 4, 4)], "patches", strides=[4, 4]),
         node("Reshape", ["patches", "rows"], "reshaped"),
         node("Transpose", ["reshaped"], "tokens", perm=[0, 2, 1]),
         node("MatMul", ["tokens", constant("w1", 48, 100)], "up"),
         node("Add", ["up", constant("b1", 100)], "up_biased"),
         node("Relu", ["up_biased"], "up_active"),
         node("MatMul", ["up_active", constant("w2", 100, 48)], "down"),
         node("Add", [constant("b2", 48), "down"], "down_biased"),
         node("Add", ["tokens", "down_biased"], "sum"),
         node("MatMul", ["sum", constant("w3", 48, 48)], "mixed"),
         node("ReduceMean", ["mixed"], "mean", axes=[1], keepdims=0),
         node("MatMul", ["mean", constant("w4", 48, 10)], "logits")]
graph = helper.make_graph(nodes, "tokens", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
                          [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
checker.check_model(model)
save(model, sys.argv[1])
