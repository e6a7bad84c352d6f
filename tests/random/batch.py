"""Kinds of node that mix the examples of a batch, files that must be refused, and weights that are not finite."""
import numpy as np
from network import N


def batch_mean(net):
    """A computed row of the whole batch, joined with the batch again."""
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    shape = (1,) + x.shape[1:]
    row = net.with_axes(net.pick("ReduceMean", "ReduceMax"), x, [0], shape, 18)
    net.mixing(row, "row_of_batch")
    inputs = [x, row] if net.chance(0.7) else [row, x]
    return net.node(net.pick("Sub", "Add", "Mul", "Max"), inputs, x.shape)


def batch_softmax(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None or net.opset < 13:
        return None
    return net.mixing(net.node("Softmax", [x], x.shape, axis=0), "softmax_over_batch")


def outer_sum(net):
    """[N, 1, 1, k] + [N, k] -> [N, 1, N, k]: every example with every other."""
    x = net.any(lambda t: t.rank == 2 and t.has_rows() and t.shape[1] < 200)
    if x is None or (net.fixed and net.chance(0.5)):
        return None
    k = x.shape[1]
    y = net.node("Reshape", [x, net.ints([0, 1, 1, k] if net.chance(0.5) else [-1, 1, 1, k])], (N, 1, 1, k), x.exact)
    net.final = True
    return net.mixing(net.node("Add", [y, x] if net.chance(0.5) else [x, y], (N, 1, N, k), x.exact), "two_batch_axes")


def batch_product(net):
    x = net.any(lambda t: t.rank == 2 and t.has_rows() and t.shape[1] < 500)
    if x is None:
        return None
    turned = net.node("Transpose", [x], (x.shape[1], N), x.exact, perm=[1, 0])
    net.final = True
    return net.mixing(net.node("MatMul", [x, turned], (N, N)), "batch_product")


def one_row(net):
    """The whole batch in one row: [1, -1]."""
    x = net.any(lambda t: t.has_rows())
    if x is None or net.fixed:
        return None
    net.final = True
    return net.mixing(net.node("Reshape", [x, net.ints([1, -1])], (1, N), x.exact), "batch_in_one_row")


def turned_batch(net):
    """The batch inside for a while, then in front again: rows may not leave meanwhile."""
    x = net.any(lambda t: t.has_rows() and t.rank >= 3)
    if x is None:
        return None
    perm = [1, 0] + list(range(2, x.rank))
    shape = tuple(x.shape[i] for i in perm)
    y = net.node("Transpose", [x], shape, x.exact, perm=perm)
    z = net.node(net.pick("Relu", "Sigmoid", "Abs"), [y], shape)
    net.tensors.remove(y), net.tensors.remove(z)
    back = net.node("Transpose", [z], x.shape, False, perm=perm)
    net.kinds.add("turned_batch")
    return net.node("Add", [back, x], x.shape)


def training(net):
    """BatchNormalization in training mode, by attribute or by its number of outputs."""
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    c = (x.shape[1],)
    inputs = [x, net.floats(c), net.floats(c), net.floats(c), net.floats(c, 0.3, 2.0)]
    if net.opset >= 14:
        outs = net.node("BatchNormalization", inputs, [x.shape, c, c], training_mode=1)
    else:
        outs = net.node("BatchNormalization", inputs, [x.shape, c, c, c, c])
    for t in outs[1:]:
        net.hide(t)
    return net.mixing(outs[0], "training_mode")


def foreign_attribute(net):
    """An attribute that the operator does not have: the file is invalid."""
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    form = net.rng.randrange(4)
    if form == 0 and net.opset >= 11:
        y = net.node("Clip", [x], x.shape, min=0.0, max=0.5)
    elif form == 1 and net.opset >= 13:
        y = net.node("ReduceSum", [x], x.shape[:3] + (1,), axes=[3])
    elif form == 2:
        y = net.node("Relu", [x], x.shape, alpha=0.2)
    else:
        y = net.node("MaxPool", [x], x.shape, kernel_shape=[1, 1], count_include_pad=1)
    net.foreign.add(y.name)
    return y


def dropout_training(net):
    x = net.any(lambda t: t.has_rows())
    if x is None or net.opset < 12:
        return None
    net.kinds.add("dropout_training_ratio_0")
    inputs = [x, net.constant(np.float32(0), plain=True), net.constant(np.bool_(True), plain=True)]
    return net.node("Dropout", inputs, x.shape, x.exact)


def plant_infinity(net):
    """One value of one float constant becomes infinite or NaN; not where a maximum is taken of a window or an axis:
    whether NaN passes there depends in ONNX Runtime on its place."""
    from onnx import numpy_helper
    if any(n.op_type in ("MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Resize", "LRN", "TopK") for n in net.nodes):
        return
    if "quantized" in net.kinds:  # no 8-bit integer is a NaN, and no scale may be infinite
        return
    # Nor where ONNX Runtime's own ways of computing differ: the zeros of padding times it are NaN in some of them, and
    # InstanceNormalization takes infinity from infinity where the scale is infinite.
    padded = lambda n: any(a.name in ("pads", "auto_pad") for a in n.attribute)
    kept = {n.input[1] for n in net.nodes
            if n.op_type == "InstanceNormalization" or (n.op_type == "Conv" and padded(n))}
    kept |= {n.input[0] for n in net.nodes if kept & set(n.output) and len(n.input) == 1}  # what they are computed from
    floats = [t for t in net.initialisers if t.data_type == 1 and t.name not in kept and numpy_helper.to_array(t).size]
    if not floats:
        return
    tensor = net.rng.choice(floats)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[net.rng.randrange(values.size)] = net.pick(np.inf, -np.inf, np.nan)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    net.kinds.add("not_finite")


KINDS = {batch_mean: 0.8, batch_softmax: 0.4, outer_sum: 0.4, batch_product: 0.2, one_row: 0.1, turned_batch: 0.6, training: 0.2,
         foreign_attribute: 0.2, dropout_training: 0.15}
