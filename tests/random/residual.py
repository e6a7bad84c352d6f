"""Networks of residual blocks on tall images of few channels, in floats and on 8 bits: what goes by bands of rows."""
import math

import numpy as np
from network import N
import quantized


def same_window(net):
    """Attributes of a window that keeps the size of an image."""
    k, d = net.pick(1, 1, 3, 3, 5), net.pick(1, 1, 1, 2)
    pad = d * (k // 2)
    attributes = {"kernel_shape": [k, k]}
    if d > 1:
        attributes["dilations"] = [d, d]
    if pad:
        attributes["pads"] = [pad] * 4
    return k, attributes


def conv(net, x, out, q=None):
    """A convolution of x (or of its 8-bit form q) to `out` channels, at times depthwise; the size stays."""
    channels = x.shape[1]
    k, attributes = same_window(net)
    groups = channels if out == channels and net.chance(0.3) else 1
    if groups > 1:
        attributes["group"] = groups
    shape = (N, out, *x.shape[2:])
    if q is None:
        bound = 1.7 / math.sqrt(channels // groups * k * k)
        inputs = [x, net.floats((out, channels // groups, k, k), -bound, bound, plain=True)]
        if net.chance(0.6):
            inputs.append(net.floats((out,), plain=True))
        y = net.node("Conv", inputs, shape, **attributes)
        return net.node("Relu", [y], shape) if net.chance(0.6) else y
    w, shifts = quantized.weights(net, (out, channels // groups, k, k), channels // groups * k * k, 5)
    inputs = [quantized.hidden(net, q), w] + ([quantized.bias(net, out, shifts, q.shift)] if net.chance(0.6) else [])
    y = net.hide(net.node("Conv", inputs, shape, **attributes))
    if net.chance(0.5):
        y = net.hide(net.node("Relu", [y], shape))
    return quantized.quantize(net, y, q.dtype, net.pick(1, 2, 3, 4))


def block(net, x):
    """x, or a 1x1 convolution of it, plus two or three convolutions of x."""
    y = x
    out = net.pick(x.shape[1], x.shape[1], 3, 8, 16)
    for i in range(net.pick(1, 2, 3)):
        y = conv(net, y, out)
    if out != x.shape[1]:
        x = net.node("Conv", [x, net.floats((out, x.shape[1], 1, 1), plain=True)], y.shape)
    y = net.node("Add", [y, x] if net.chance(0.5) else [x, y], y.shape)
    return net.node("Relu", [y], y.shape) if net.chance(0.6) else y


def block_of_8_bits(net, q):
    y = q
    out = net.pick(q.shape[1], q.shape[1], 3, 8, 16)
    for _ in range(net.pick(1, 2, 3)):
        y = conv(net, y, out, y)
    if out != q.shape[1]:
        q = conv(net, q, out, q)
    parts = [quantized.hidden(net, y), quantized.hidden(net, q)]
    if net.chance(0.5):
        parts.reverse()
    z = net.hide(net.node("Add", parts, y.shape))
    if net.chance(0.4):
        z = net.hide(net.node("Relu", [z], z.shape))
    return quantized.quantize(net, z, q.dtype, max(0, min(y.shift, q.shift) - 1))


def network(net):
    """Input and blocks."""
    x = net.input((N, net.pick(1, 3, 4, 8, 16), net.pick(12, 17, 24, 33, 48), net.pick(3, 8, 11, 16)))
    net.kinds.add("residual")
    if net.opset >= 10 and net.chance(0.6):
        net.scales = {}
        q = quantized.quantize(net, x, net.pick(np.uint8, np.int8), net.pick(3, 4, 5))
        for _ in range(net.pick(1, 2, 2, 3)):
            q = block_of_8_bits(net, q)
        net.kinds.add("residual_of_8_bits")
        quantized.dequantize(net, q)
    else:
        for _ in range(net.pick(1, 2, 2, 3)):
            x = block(net, x)
