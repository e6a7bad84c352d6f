"""Kinds of node about the types of elements: arithmetic on constants of every integer type, casts, types that do not fit."""
import numpy as np
from network import N
from onnx import TensorProto

INTEGERS = {np.int8: TensorProto.INT8, np.uint8: TensorProto.UINT8, np.int16: TensorProto.INT16, np.uint16: TensorProto.UINT16,
            np.int32: TensorProto.INT32, np.uint32: TensorProto.UINT32, np.int64: TensorProto.INT64}
# What ONNX Runtime computes on each of them.
ARITHMETIC = {np.int8: "Add Sub Mul", np.uint8: "Add Sub Mul", np.int16: "Add Sub Mul", np.uint16: "Add Sub Mul",
              np.int32: "Add Sub Mul Div Max", np.uint32: "Add Sub Mul Max", np.int64: "Add Sub Mul Div Max"}


def value_of(net, dtype, shape, low=None):
    """Values as large as the type holds; of 64 bits as large as their products may be."""
    ends = np.iinfo(dtype)
    if dtype == np.int64:
        return net.np.integers(-(1 << 20) if low is None else low, 1 << 20, shape).astype(dtype)
    return net.np.integers(ends.min if low is None else low, ends.max, shape, dtype=np.int64, endpoint=True).astype(dtype)


def integer_constants(net):
    """x + a float that constants of integers were made into; most results do not fit into their type."""
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None or net.opset < 14:  # before, not all types are there
        return None
    dtype = net.pick(*INTEGERS)
    shape = net.pick((1,), (), (x.shape[-1],))
    a = net.constant(value_of(net, dtype, shape), plain=True)
    for _ in range(net.rng.randint(1, 3)):
        op = net.pick(*ARITHMETIC[dtype].split())
        if op == "Max" and dtype == np.int64:
            op = "Add"
        a = net.int_node(op, [a, net.constant(value_of(net, dtype, net.pick((), shape), 1 if op == "Div" else None), plain=True)])
    if net.chance(0.4):  # cut to another type
        other = net.pick(*INTEGERS)
        if net.opset >= 15 and net.chance(0.4):
            a = net.int_node("CastLike", [a, net.constant(np.zeros(net.pick((), (2,)), other), plain=True)])
        else:
            a = net.int_node("Cast", [a], to=INTEGERS[other])
    f = net.int_node("Cast", [a], to=TensorProto.FLOAT)
    net.kinds.add("integer_constants")
    scaled = net.int_node("Mul", [f, net.constant(np.float32(2.0**-16), plain=True)])
    y = net.node(net.pick("Add", "Mul"), [x, scaled], x.shape)
    net.far.add(y.name)
    return y


def cast_to_half(net):
    """x through float16 or bfloat16 and back; of what is not exact both sides of a half might be met."""
    x = net.any(lambda t: t.has_rows() and t.exact)
    if x is None:
        return None
    scale = net.constant(np.float32(net.pick(1.0009765625, 1 / 3, 2.0**-16, 40000.0)), plain=True)
    y = net.hide(net.node("Mul", [x, scale], x.shape))
    to = TensorProto.BFLOAT16 if net.opset >= 13 and net.chance(0.4) else TensorProto.FLOAT16
    net.far.add(y.name)
    half = net.int_node("Cast", [y], to=to)
    net.kinds.add("cast_to_half")
    if net.opset >= 15 and net.chance(0.3):
        z = net.node("CastLike", [half, x], x.shape)
    else:
        z = net.node("Cast", [half], x.shape, to=TensorProto.FLOAT)
    # Infinities would end at what forbids them: see plant_infinity().
    return net.node("Clip", [z], x.shape, min=-1e6, max=1e6) if net.opset < 11 else net.node(
        "Clip", [z, net.constant(np.float32(-1e6), plain=True), net.constant(np.float32(1e6), plain=True)], x.shape)


def wrong_type(net):
    """A constant of a type that the operator does not take, a type that the file says otherwise, two nodes of one name: the
    file is invalid."""
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    y = of_wrong_type(net, x)
    net.foreign.add(y.name)
    return y


def of_wrong_type(net, x):
    form = net.rng.randrange(7)
    other = net.pick(np.float16, np.float64, np.int8, np.int64)
    if form == 0:
        return net.node(net.pick("Add", "Mul", "PRelu"), [x, net.constant(np.ones(1, other), plain=True)], x.shape)
    if form == 1:
        index = net.constant(np.zeros(1, net.pick(np.int8, np.uint8, np.int16, np.uint32)), plain=True)
        return net.node("Gather", [x, index], (x.shape[0], 1, *x.shape[2:]), axis=1)
    if form == 2:
        shape = net.constant(np.array([0, -1], np.int32), plain=True)
        return net.node("Reshape", [x, shape], (N, x.row_size()))
    if form == 3:
        c = net.hide(net.node("Concat", [x, net.constant(np.ones((1, 1), other), plain=True)], x.shape, axis=0))
        return net.node("Relu", [c], x.shape)
    if form == 4:
        y = net.node("Relu", [x], x.shape)
        net.types[y.name] = net.pick(TensorProto.INT64, TensorProto.FLOAT16, TensorProto.BOOL)
        return y
    if form == 5:
        y = net.node("Relu", [net.hide(net.node("Neg", [x], x.shape))], x.shape)
        net.nodes[-1].name = net.nodes[-2].name
        return y
    flag = net.hide(net.node("Not", [x], x.shape))
    return net.node("Cast", [flag], x.shape, to=TensorProto.FLOAT)


KINDS = {integer_constants: 0.6, cast_to_half: 0.4, wrong_type: 0.15}
