"""Kinds of node on 8-bit integers: blocks between QuantizeLinear and DequantizeLinear, as quantizers write them.

All scales are powers of two and all sums stay below 2^24, so that floats (ONNX Runtime without optimisations) and integers
(weir) compute the same numbers, rounding included: any difference is a fault.
"""
import numpy as np
from network import N, Tensor
import windows


class Quantized:
    """A tensor of 8 bits: its name, shape, scale 2^-shift and zero point."""

    def __init__(self, name, shape, dtype, shift, zero):
        self.name, self.shape, self.dtype, self.shift, self.zero = name, tuple(shape), dtype, shift, zero


def quantize(net, x, dtype, shift, even=False):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    zero = net.pick(0, 0, low, high, low + 128, net.rng.randint(low, high))
    zero -= zero % 2 if even else 0
    scale, point = net.constant(np.float32(2.0 ** -shift), plain=True), net.constant(np.array(zero, dtype), plain=True)
    y = net.hide(net.node("QuantizeLinear", [x, scale, point], x.shape, exact=True))
    net.scales[y.name] = (scale, point)
    return Quantized(y.name, x.shape, dtype, shift, zero)


def dequantize(net, q):
    return net.node("DequantizeLinear", [q.name, *net.scales[q.name]], q.shape, exact=True)


def hidden(net, q):
    return net.hide(dequantize(net, q))


def weights(net, shape, depth, shift, transposed=False):
    """The name of dequantised int8 weights, and the bits of their scales: one, or one for each output channel, which lies
    along axis 0, of transposed weights along axis 1."""
    most = max(1, min(127, (1 << 23) // (255 * depth)))
    values = net.np.integers(-most, most + 1, shape).astype(np.int8)
    each = net.opset >= 13 and net.chance(0.5)
    shifts = net.np.integers(shift, shift + 3, shape[0]) if each else np.array(shift)
    zeros = np.zeros(shifts.shape, np.int8)
    if transposed:
        values, shape = np.ascontiguousarray(values.T), shape[::-1]
    name = net.constant(values, plain=True)
    inputs = [name, net.constant((2.0 ** -shifts).astype(np.float32), plain=True), net.constant(zeros, plain=True)]
    if each:
        net.kinds.add("quantized_per_channel")
    return net.hide(net.node("DequantizeLinear", inputs, shape, axis=int(transposed) if each else None)), shifts


def bias(net, out, shifts, shift):
    values = net.np.integers(-(1 << 12), 1 << 12, out)
    if net.chance(0.7) and (net.opset >= 13 or shifts.ndim == 0):  # int32 at the scale of the sums
        scale = net.constant((2.0 ** -(shifts + shift)).astype(np.float32), plain=True)
        name = net.constant(values.astype(np.int32), plain=True)
        return net.hide(net.node("DequantizeLinear", [name, scale], (out,), axis=0 if shifts.ndim else None))
    # Such a convolution is computed in floats, by Winograd too: off the grid, so that no sum lies between two steps.
    return net.constant(((values + 0.25) * 2.0 ** -(shifts + shift)).astype(np.float32), plain=True)


def conv(net, q):
    if len(q.shape) != 4:
        return None
    channels, groups, out = q.shape[1], 1, net.pick(1, 3, 5, 8, 16, 17, 33)
    form = net.rng.randrange(4)
    if form == 0:
        groups, out = channels, channels * net.pick(1, 1, 2)
    elif form == 1:
        groups = net.pick(*[g for g in range(1, channels + 1) if channels % g == 0])
        out = groups * net.pick(1, 2, 3, 8)
    if out > 70:
        return None
    attributes, size = windows.window(net, Tensor("", q.shape))
    kernel = attributes["kernel_shape"]
    depth = channels // groups * kernel[0] * kernel[1]
    w, shifts = weights(net, (out, channels // groups, *kernel), depth, 5)
    inputs = [hidden(net, q), w] + ([bias(net, out, shifts, q.shift)] if net.chance(0.6) else [])
    y = net.hide(net.node("Conv", inputs, (N, out, *size), group=groups if groups > 1 else None, **attributes))
    if net.chance(0.5):
        y = net.hide(net.node("Relu", [y], y.shape))
    return quantize(net, y, net.pick(np.uint8, np.int8), net.pick(0, 1, 2, 3, 4))


def product(net, q):
    """Gemm, or MatMul, of tensors of any rank, with its bias in an Add."""
    out, depth = net.pick(1, 3, 8, 10, 17), q.shape[-1]
    as_matmul = len(q.shape) != 2 or net.chance(0.5)
    w, shifts = weights(net, (out, depth), depth, 5, transposed=as_matmul)
    added = [bias(net, out, shifts, q.shift)] if net.chance(0.6) else []
    if as_matmul:
        net.kinds.add("quantized_matmul")
        shape = (*q.shape[:-1], out)
        y = net.hide(net.node("MatMul", [hidden(net, q), w], shape))
        if added:
            y = net.hide(net.node("Add", [y, *added] if net.chance(0.5) else [*added, y], shape))
    else:
        y = net.hide(net.node("Gemm", [hidden(net, q), w, *added], (N, out), transB=1))
    return quantize(net, y, net.pick(np.uint8, np.int8), net.pick(0, 1, 2, 3))


def add(net, q):
    other = quantize(net, hidden(net, q), net.pick(np.uint8, np.int8), net.pick(q.shift, q.shift - 1))
    op = net.pick("Add", "Add", "Mul")
    y = net.hide(net.node(op, [hidden(net, q), hidden(net, other)], q.shape))
    # ONNX Runtime rounds a product before it adds the zero point where it does not optimise, and behind that, as weir
    # does, where it joins the nodes to QLinearMul: with an odd zero point, products half-way between two steps differ.
    return quantize(net, y, net.pick(np.uint8, np.int8), q.shift - 1, even=op == "Mul")


def join(net, q):
    if q.shape[1] > 40:
        return None
    other = quantize(net, hidden(net, q), q.dtype, net.pick(q.shift, q.shift - 1))
    y = net.hide(net.node("Concat", [hidden(net, q), hidden(net, other)], (N, 2 * q.shape[1], *q.shape[2:]), axis=1))
    return quantize(net, y, q.dtype, q.shift)


def pool(net, q):
    if len(q.shape) != 4:
        return None
    attributes, size = windows.window(net, Tensor("", q.shape), dilated=False)
    y = net.hide(net.node("MaxPool", [hidden(net, q)], (N, q.shape[1], *size), **attributes))
    return quantize(net, y, q.dtype, q.shift)


def mean(net, q):
    if len(q.shape) != 4 or (pixels := q.shape[2] * q.shape[3]) & (pixels - 1):
        return None  # a mean of another number of pixels is no exact float
    y = net.hide(net.node("GlobalAveragePool", [hidden(net, q)], (N, q.shape[1], 1, 1)))
    return quantize(net, y, q.dtype, q.shift)


def flatten(net, q):
    size = int(np.prod(q.shape[1:]))
    if len(q.shape) != 4 or size > 400:
        return None
    y = net.hide(net.node("Flatten", [hidden(net, q)], (N, size)))
    return quantize(net, y, q.dtype, q.shift)


def relu(net, q):
    y = net.hide(net.node("Relu", [hidden(net, q)], q.shape))
    return quantize(net, y, q.dtype, q.shift)


PARTS = {conv: 6, product: 2, add: 2, join: 1, pool: 1, mean: 1, flatten: 2, relu: 1}


def block(net):
    if net.opset < 10:
        return None
    x = net.any(lambda t: t.exact and t.has_rows() and t.rank in (2, 4) and 0 < t.row_size() < 5000)
    if x is None:
        return None
    if not hasattr(net, "scales"):
        net.scales = {}
    q = quantize(net, x, net.pick(np.uint8, np.int8), net.pick(3, 4, 5, 6))
    for _ in range(net.rng.randint(1, 5)):
        part = net.rng.choices(list(PARTS), PARTS.values())[0]
        kept = (len(net.nodes), len(net.initialisers), len(net.tensors))
        done = part(net, q)
        if done is None:
            del net.nodes[kept[0]:], net.initialisers[kept[1]:], net.tensors[kept[2]:]
        else:
            q = done
    net.kinds.add("quantized")
    return dequantize(net, q)


KINDS = {block: 3}
