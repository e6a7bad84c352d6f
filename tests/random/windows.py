"""Kinds of node that look at windows of an image, and normalisations."""
import math

import numpy as np

WIDTHS = [1, 3, 5, 8, 16, 17, 33, 65]


def axis(net, size, auto, dilated=True, ceil=False):
    """Random kernel, stride, dilation and pads of one axis, and the length of what comes out: (k, s, d, p, q, length)."""
    k = net.pick(1, 1, 2, 3, 3, 3, 4, 5, 7)
    s = net.pick(1, 1, 1, 2, 2, 3, net.pick(1, k + 2, k + 4))
    d = net.pick(1, 1, 1, 2, 3) if dilated else 1
    p, q = net.rng.randint(0, k // 2), net.rng.randint(0, k // 2)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return k, s, d, 0, 0, -(-size // s)
    if auto == "VALID":
        p = q = 0
    room = size + p + q - (d * (k - 1) + 1)
    if room < 0:
        return axis(net, size, auto, dilated, ceil)
    length = room // s + 1
    if ceil:
        length = -(-room // s) + 1
        if (length - 1) * s >= size + p:
            length -= 1
    return k, s, d, p, q, length


def window(net, x, dilated=True, ceil=False):
    auto = net.pick(*["NOTSET"] * 5, "SAME_UPPER", "SAME_LOWER", "VALID")
    square = net.chance(0.5) and x.shape[2] == x.shape[3]
    h = axis(net, x.shape[2], auto, dilated and not auto.startswith("SAME"), ceil)
    w = h if square else axis(net, x.shape[3], auto, dilated and not auto.startswith("SAME"), ceil)
    attributes = {"kernel_shape": [h[0], w[0]], "strides": [h[1], w[1]]}
    if dilated and (h[2], w[2]) != (1, 1):
        attributes["dilations"] = [h[2], w[2]]
    if auto != "NOTSET":
        attributes["auto_pad"] = auto
        net.kinds.add("auto_pad")
        if auto != "VALID" and (h[1] > h[0] + 1 or w[1] > w[0] + 1):
            net.kinds.add("auto_pad_crops")
    elif h[3] + h[4] + w[3] + w[4]:
        attributes["pads"] = [h[3], w[3], h[4], w[4]]
        if (h[3], w[3]) != (h[4], w[4]):
            net.kinds.add("asymmetric_pads")
    return attributes, (h[5], w[5])


def conv(net, width=None, pointwise=False):
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    channels = x.shape[1]
    groups, out = 1, width or net.pick(*WIDTHS)
    form = net.rng.randrange(6)
    if form == 0:
        groups, out = channels, channels * net.pick(1, 1, 2)
        net.kinds.add("depthwise")
    elif form == 1:
        groups = net.pick(*[g for g in range(1, channels + 1) if channels % g == 0])
        out = groups * net.pick(1, 2, 3, 5, 8)
        net.kinds.add("groups")
    if out > 130 or x.row_size() * out > 1 << 22:
        return None
    attributes, size = window(net, x)
    if pointwise or net.chance(0.2):
        attributes, size = {"kernel_shape": [1, 1]}, x.shape[2:]
    kernel = attributes["kernel_shape"]
    fan = channels // groups * kernel[0] * kernel[1]
    weights = net.floats((out, channels // groups, *kernel), -(bound := 1.7 / math.sqrt(fan)), bound)
    inputs = [x, weights] + ([net.floats((out,))] if net.chance(0.6) else [])
    if groups > 1:
        attributes["group"] = groups
    if net.chance(0.2):
        del attributes["kernel_shape"]
    return net.node("Conv", inputs, ("N", out, *size), **attributes)


def conv_transpose(net):
    x = net.any(lambda t: t.is_image() and t.row_size() < 3000)
    if x is None:
        return None
    channels, groups = x.shape[1], 1
    if net.chance(0.3):
        groups = net.pick(*[g for g in range(1, channels + 1) if channels % g == 0])
    out, size, kernel, strides, pads, extra = net.pick(1, 3, 5, 8), [], [], [], [[], []], []
    for length in x.shape[2:]:
        k, s = net.pick(1, 2, 3, 4), net.pick(1, 2, 3)
        p, q = net.rng.randint(0, (k - 1) // 2), net.rng.randint(0, (k - 1) // 2)
        e = net.rng.randint(0, s - 1) if net.chance(0.3) else 0
        size.append((length - 1) * s + k - p - q + e)
        kernel.append(k), strides.append(s), pads[0].append(p), pads[1].append(q), extra.append(e)
    if min(size) < 1:
        return None
    bound = 1.7 / math.sqrt(channels // groups * kernel[0] * kernel[1])
    inputs = [x, net.floats((channels, out, *kernel), -bound, bound)] + ([net.floats((out * groups,))] if net.chance(0.5) else [])
    return net.node("ConvTranspose", inputs, ("N", out * groups, *size), kernel_shape=kernel, strides=strides,
                    pads=pads[0] + pads[1], group=groups if groups > 1 else None,
                    output_padding=extra if any(extra) else None)


def pool(net):
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    op = net.pick("MaxPool", "AveragePool")
    ceil = net.opset >= 10 and net.chance(0.25)
    attributes, size = window(net, x, dilated=op == "MaxPool" and net.opset >= 10 and net.chance(0.3), ceil=ceil)
    if ceil:
        if "auto_pad" in attributes:
            return None
        attributes["ceil_mode"] = 1
        net.kinds.add("ceil_mode")
    if op == "AveragePool" and net.chance(0.4):
        attributes["count_include_pad"] = 1
    y = net.node(op, [x], ("N", x.shape[1], *size), x.exact and op == "MaxPool", **attributes)
    if op == "MaxPool":
        net.unread_outputs(1)  # indices
    return y


def global_pool(net):
    x = net.any(lambda t: t.is_image())
    return x and net.node(net.pick("GlobalAveragePool", "GlobalAveragePool", "GlobalMaxPool"), [x], ("N", x.shape[1], 1, 1))


def batch_normalization(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    c = (x.shape[1],)
    inputs = [x, net.floats(c), net.floats(c), net.floats(c), net.floats(c, 0.3, 2.0)]
    return net.node("BatchNormalization", inputs, x.shape, epsilon=net.pick(None, 1e-3))


def lrn(net):
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    # ONNX Runtime adds and subtracts squares as the window moves on: behind a large one small ones have lost their digits.
    x = x if x.exact else net.clip(x, -8, 8)
    return net.node("LRN", [x], x.shape, size=net.pick(1, 3, 5, 7), alpha=net.pick(None, 0.02), beta=net.pick(None, 0.5),
                          bias=net.pick(None, 2.0))


def instance_normalization(net):
    x = net.any(lambda t: t.is_image() and t.shape[2] * t.shape[3] > 3 and net.near_zero(t))
    return x and net.node("InstanceNormalization", [x, net.floats((x.shape[1],)), net.floats((x.shape[1],))], x.shape,
                          epsilon=0.01)


def layer_normalization(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2 and t.shape[-1] > 2 and net.near_zero(t))
    if x is None or net.opset < 17:
        return None
    first = net.rng.randint(1, x.rank - 1)
    shape = x.shape[first:]
    inputs = [x, net.floats(shape)] + ([net.floats(shape)] if net.chance(0.7) else [])
    y = net.node("LayerNormalization", inputs, x.shape, axis=net.pick(first, first - x.rank), epsilon=0.01)
    net.unread_outputs(2)  # moments
    return y


def resize(net):
    x = net.any(lambda t: t.is_image() and t.row_size() < 2000)
    if x is None or net.opset < 11:
        return None
    mode = net.pick("nearest", "nearest", "linear", "cubic")
    transform = net.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    up = [net.pick(1, 2, 3), net.pick(1, 2, 3)]
    size = [x.shape[2] * up[0], x.shape[3] * up[1]]
    attributes = {"mode": mode, "coordinate_transformation_mode": transform}
    if mode == "nearest":
        attributes["nearest_mode"] = net.pick("floor", "round_prefer_floor", "ceil") if transform == "asymmetric" else None
        if transform == "align_corners":
            return None  # halves: rounding decides
    if mode == "cubic":
        attributes["cubic_coeff_a"] = net.pick(None, -0.5)
    empty = net.constant(np.zeros(0, np.float32), plain=True) if net.opset < 13 else ""
    if net.chance(0.6) or (net.fixed == 0 and not net.chance(0.3)):
        scales = net.constant(np.array([1, 1, *up], np.float32), plain=True)
        return net.node("Resize", [x, empty, scales], ("N", x.shape[1], *size), **attributes)
    no_scales = net.constant(np.zeros(0, np.float32), plain=True) if net.opset < 13 else ""
    return net.node("Resize", [x, empty, no_scales, net.target(x, ["N", x.shape[1], *size])], ("N", x.shape[1], *size), **attributes)


def pixels(net):
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    _, c, h, w = x.shape
    if c % 4 == 0 and net.chance(0.5):
        mode = net.pick(None, "CRD") if net.opset >= 11 else None
        return net.node("DepthToSpace", [x], ("N", c // 4, h * 2, w * 2), x.exact, blocksize=2, mode=mode)
    if h % 2 == 0 and w % 2 == 0 and c <= 33:
        return net.node("SpaceToDepth", [x], ("N", c * 4, h // 2, w // 2), x.exact, blocksize=2)
    return None


KINDS = {conv: 14, conv_transpose: 1, pool: 6, global_pool: 1, batch_normalization: 4, lrn: 1, instance_normalization: 1,
         layer_normalization: 1, resize: 1, pixels: 1}
