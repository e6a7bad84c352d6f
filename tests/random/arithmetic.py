"""Kinds of node that compute element by element, broadcast, reduce or multiply matrices."""
import numpy as np
from onnx import TensorProto
from network import N, broadcast

PLAIN = {"Relu": 8, "Sigmoid": 3, "Tanh": 2, "Abs": 2, "Neg": 2, "Softsign": 1, "Softplus": 1, "Erf": 1, "Exp": 1, "Elu": 1,
         "Selu": 1, "LeakyRelu": 2, "HardSigmoid": 1, "Identity": 1, "Dropout": 1, "Sin": 1, "Cos": 1, "Sign": 1,
         "ThresholdedRelu": 1, "Celu": 1, "HardSwish": 1, "Gelu": 1, "Mish": 1, "Clip": 3, "Sqrt": 1, "Log": 1,
         "Reciprocal": 1, "Floor": 1, "Ceil": 1, "Round": 1, "PRelu": 2}
SINCE = {"Celu": 12, "HardSwish": 14, "Gelu": 20, "Mish": 18, "Round": 11}
EXACT = {"Relu", "Abs", "Neg", "Identity", "Clip", "Floor", "Ceil", "Round", "Sign"}
CENTRE = {"MeanVarianceNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization"}
JUMPS = {"Floor", "Ceil", "Round", "Sign", "ThresholdedRelu"}  # a last bit may decide


def map_one(net):
    op = net.rng.choices(list(PLAIN), PLAIN.values())[0]
    if net.opset < SINCE.get(op, 0):
        return None
    x = net.any(lambda t: t.exact or op not in JUMPS)
    if x is None:
        return None
    inputs, attributes = [x], {}
    if op in ("Elu", "LeakyRelu", "Celu", "ThresholdedRelu") and net.chance(0.6):
        attributes["alpha"] = net.pick(0.1, 0.3, 1.5)
    if op == "HardSigmoid" and net.chance(0.5):
        attributes = {"alpha": 0.3, "beta": 0.4}
    if op == "Gelu":
        attributes["approximate"] = net.pick("none", "tanh")
    if op == "Exp" and net.chance(0.7):
        inputs = [net.node("Tanh", [x], x.shape)]
    if op in ("Sin", "Cos"):  # of a large number they hang on its last bits
        inputs = [net.node("Mul", [net.node("Tanh", [x], x.shape), net.constant(np.float32(9), plain=True)], x.shape)]
    if op in ("Sqrt", "Log", "Reciprocal"):
        x = net.node("Abs", [x], x.shape, x.exact)
        inputs = [net.node("Add", [x, net.constant(np.float32(0.5), plain=True)], x.shape)]
    if op == "Dropout" and net.opset >= 12 and net.chance(0.5):
        inputs.append(net.constant(np.float32(net.pick(0.0, 0.5)), plain=True))
        if float(net.chance(0.5)):
            inputs.append(net.constant(np.bool_(False), plain=True))
    if op == "PRelu":
        if not (x.is_image() and x.exact is not None):
            return None
        inputs.append(net.floats(net.pick((1,), (x.shape[1], 1, 1), (1, x.shape[1], 1, 1), (x.shape[2], x.shape[3]))))
    if op == "Clip":
        low, high = net.pick((0.0, 6.0), (-0.5, 0.5), (0.0, 1.0))
        if net.opset < 11:
            attributes = {"min": low, "max": high}
        else:
            bounds = [net.constant(np.float32(low), plain=True) if net.chance(0.8) else ""]
            inputs += bounds + ([net.constant(np.float32(high), plain=True)] if net.chance(0.8) else [])
    y = net.node(op, inputs, x.shape, x.exact and op in EXACT, **attributes)
    if op == "Dropout":
        net.unread_outputs(1)  # the mask
    return y


def smaller(net, shape, grow=False):
    """A shape that broadcasts with `shape`: some dimensions 1 (always the batch), leading ones dropped."""
    dims = [1 if d == N or net.chance(0.5) else d for d in shape]
    while dims and dims[0] == 1 and net.chance(0.5):
        dims.pop(0)
    if grow and len(dims) == len(shape) and shape and shape[-1] == 1:
        dims[-1] = net.pick(2, 5)
    return tuple(dims)


def full(shape):
    return tuple(1 if d == N else d for d in shape)


def binary(net, constant=None, op=None):
    x = net.any()
    if x is None:
        return None
    op = op or net.pick("Add", "Add", "Add", "Mul", "Mul", "Sub", "Div", "Max", "Min", "Pow", "Mean")
    other = None if constant or net.chance(0.45) else net.any(lambda t: broadcast(x.shape, t.shape) is not None)
    if other is not None and op in ("Div", "Pow"):
        other = net.node("Add", [net.node("Abs", [other], other.shape), net.constant(np.float32(0.5), plain=True)], other.shape)
    if other is None:
        shape = constant or (full(x.shape) if net.chance(0.3) else smaller(net, x.shape, grow=net.chance(0.2)))
        exact = op not in ("Div", "Pow")
        low, high = (-1, 1) if exact else (0.5, 2.0)
        name, other_shape = net.floats(shape, low, high, exact, plain=not exact), shape
        if np.prod(shape, dtype=int) > 1 << 16:
            net.kinds.add("large_constant")
        net.kinds.add("constant_operand")
    else:
        name, other_shape = other, other.shape
        if other_shape != x.shape:
            net.kinds.add("broadcast_of_two")
    if op == "Pow":
        x = net.node("Add", [net.node("Abs", [x], x.shape), net.constant(np.float32(0.1), plain=True)], x.shape)
    inputs, exact = [x, name], x.exact and op in ("Add", "Sub", "Max", "Min") and (other is None or other.exact)
    if net.chance(0.4) and op not in ("Div", "Pow"):
        inputs.reverse()
    shape = broadcast(x.shape, other_shape)
    if shape is None or np.prod([7 if d == N else d for d in shape], dtype=int) > 3_000_000 or (N in shape[1:]):
        return None
    return net.node(op, inputs, shape, exact)


def fold(net):
    """Sum, Max, Min or Mean of several, often small constants in front."""
    x = net.any()
    if x is None:
        return None
    inputs, shape, exact = [x], x.shape, x.exact
    for _ in range(net.rng.randint(1, 4)):
        if net.chance(0.6):
            small = smaller(net, x.shape)
            inputs.append(net.floats(small, exact=True))
            if net.chance(0.4):
                inputs.append(net.floats(small, exact=True))
            shape = broadcast(shape, small)
        else:
            other = net.any(lambda t: broadcast(shape, t.shape) is not None)
            inputs.append(other)
            shape, exact = broadcast(shape, other.shape), exact and other.exact
    if shape is None or N in shape[1:] or np.prod([7 if d == N else d for d in shape], dtype=int) > 3_000_000:
        return None
    if net.chance(0.6):
        inputs.append(inputs.pop(0))
    else:
        net.rng.shuffle(inputs)
    sizes = [i if isinstance(i, str) else "x" for i in inputs]
    if len(inputs) > 2 and sizes[0] != "x" and sizes[1] != "x":
        net.kinds.add("fold_small_first")
    return net.node(net.pick("Sum", "Max", "Min", "Mean"), inputs, shape, False)


def softmax(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    axis = axis - x.rank if net.chance(0.4) and net.opset >= 11 else axis
    return net.node(net.pick("Softmax", "Softmax", "LogSoftmax"), [x], x.shape, axis=axis)


def reduce(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    op = net.pick("ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1",
                  "ReduceSumSquare", "ReduceLogSumExp", "ReduceProd")
    if op in ("ReduceSum", "ReduceMean") and any(n.op_type in CENTRE for n in net.nodes):
        op = "ReduceL1"  # what was centred sums to nothing but rounding errors
    axes = sorted(net.rng.sample(range(1, x.rank), net.rng.randint(1, x.rank - 1)))
    keep = net.pick(None, 1, 0)
    shape = [d for i, d in enumerate(x.shape) if i not in axes or keep != 0]
    if keep != 0:
        shape = [1 if i in axes else d for i, d in enumerate(x.shape)]
    if op == "ReduceProd" and x.row_size() > 64:
        return None
    axes = [a - x.rank if net.chance(0.3) and net.opset >= 11 else a for a in axes]
    return net.with_axes(op, x, axes, tuple(shape), 13 if op == "ReduceSum" else 18, keepdims=keep)


def gemm(net):
    x = net.any(lambda t: t.rank == 2 and t.has_rows() and t.shape[1] <= 5000)
    if x is None:
        return None
    out = net.pick(1, 3, 10, 17, 33, 65)
    turned = net.chance(0.5)
    weights = net.floats((out, x.shape[1]) if turned else (x.shape[1], out), -(b := 1.7 / x.shape[1] ** 0.5), b)
    inputs = [x, weights]
    if net.chance(0.7) or net.opset < 11:
        inputs.append(net.floats(net.pick((out,), (1, out), (1,), (1, 1), ()) if net.opset >= 7 else (out,)))
    return net.node("Gemm", inputs, (N, out), transB=1 if turned else None, alpha=net.pick(None, None, 0.5),
                    beta=net.pick(None, None, 2.0))


def matmul(net):
    x = net.any(lambda t: t.rank >= 2 and t.has_rows() and t.shape[-1] != N)
    if x is None:
        return None
    form = net.rng.randrange(4)
    scale = lambda k: 1.7 / max(k, 1) ** 0.5
    if form == 0 and x.rank >= 3:  # two computed ones
        y = net.any(lambda t: t.rank == x.rank and t.has_rows() and t.shape[:-2] == x.shape[:-2] and t.shape[-1] == x.shape[-1])
        perm = list(range(x.rank - 2)) + [x.rank - 1, x.rank - 2]
        turned = net.node("Transpose", [y], (*y.shape[:-2], y.shape[-1], y.shape[-2]), y.exact, perm=perm)
        net.kinds.add("matmul_of_two")
        return net.node("MatMul", [x, turned], (*x.shape[:-1], y.shape[-2]))
    if form == 1 and x.rank >= 3:  # a constant in front
        m, k = net.pick(1, 3, 8, 17), x.shape[-2]
        return net.node("MatMul", [net.floats((m, k), -scale(k), scale(k)), x], (*x.shape[:-2], m, x.shape[-1]))
    k, n = x.shape[-1], net.pick(1, 3, 8, 17, 33)
    if form == 2:
        return net.node("MatMul", [x, net.floats((k,), -scale(k), scale(k))], x.shape[:-1])
    if form == 3 and x.rank >= 3 and x.rank < 5:
        lead = tuple(1 if d == N else d for d in x.shape[:-2])
        return net.node("MatMul", [x, net.floats((*lead, k, n), -scale(k), scale(k))], (*x.shape[:-1], n))
    return net.node("MatMul", [x, net.floats((k, n), -scale(k), scale(k))], (*x.shape[:-1], n))


def where(net):
    x = net.any(lambda t: t.exact)
    if x is None or net.opset < 11:
        return None
    op = net.pick("Greater", "Less", "Equal") if net.opset < 16 else net.pick("Greater", "LessOrEqual", "GreaterOrEqual")
    test = net.hide(net.node(op, [x, net.constant(np.float32(net.pick(0.0, 0.25)), plain=True)], x.shape))
    y = net.any(lambda t: broadcast(x.shape, t.shape) == x.shape)
    inputs = [test, y, net.floats(smaller(net, x.shape))]
    if net.chance(0.3):
        inputs[1:] = reversed(inputs[1:])
    net.kinds.add("where")
    return net.node("Where", inputs, x.shape)


def last_index(net):
    """ArgMax or TopK: the network ends with it."""
    x = net.any(lambda t: t.exact and t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    if net.chance(0.5) and x.shape[axis] >= 2 and net.opset >= 11:
        k = net.rng.randint(1, x.shape[axis])
        shape = tuple(k if i == axis else d for i, d in enumerate(x.shape))
        values, index = net.node("TopK", [x, net.ints([k])], [shape, shape], True, axis=axis)
        net.hide(index)
        return values
    keep = net.pick(0, 1)
    shape = tuple(1 if i == axis else d for i, d in enumerate(x.shape) if i != axis or keep)
    y = net.node(net.pick("ArgMax", "ArgMin"), [x], shape, True, axis=axis, keepdims=keep)
    return net.node("Cast", [net.hide(y)], shape, True, to=TensorProto.FLOAT)


KINDS = {map_one: 22, binary: 14, fold: 4, softmax: 1, reduce: 3, gemm: 5, matmul: 3, where: 1, last_index: 1}
