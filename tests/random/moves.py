"""Kinds of node that move values: reshapes, slices, pads, joins."""
import numpy as np
from network import N


def by_batch(net, x, dims):
    """x reshaped to dims (N in front) in one of the ways in which exporters say it."""
    exact = x.exact
    form = net.rng.randrange(5)
    if form == 0:
        target = [0 if i < x.rank and d == x.shape[i] and net.chance(0.7) else d for i, d in enumerate(dims)]
        target[0] = 0
        spots = [i for i, d in enumerate(target) if d != 0 and i > 0]
        if spots and net.chance(0.5):
            target[net.rng.choice(spots)] = -1
        return net.node("Reshape", [x, net.ints(target)], tuple(dims), exact)
    if form == 1:
        net.kinds.add("reshape_minus_one_batch")
        return net.node("Reshape", [x, net.ints([-1, *dims[1:]])], tuple(dims), exact)
    if form == 2 and net.fixed:
        target = [net.fixed, *dims[1:]]
        if net.chance(0.4) and len(target) > 1:
            target[net.rng.randrange(1, len(target))] = -1
        allow = 1 if net.opset >= 14 and 0 not in target and -1 not in target and net.chance(0.5) else None
        net.kinds.add("reshape_fixed_batch" + ("_allowzero" if allow else ""))
        return net.node("Reshape", [x, net.ints(target)], tuple(dims), exact, allowzero=allow)
    target = list(dims)
    if net.chance(0.4) and len(target) > 1:
        target[net.rng.randrange(1, len(target))] = -1
    net.kinds.add("view_by_batch")
    return net.node("Reshape", [x, net.target(x, target)], tuple(dims), exact)


def factors(net, n):
    f = net.pick(*[d for d in range(1, n + 1) if n % d == 0])
    return f, n // f


def view(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2 and t.row_size() > 0)
    if x is None:
        return None
    form = net.rng.randrange(6)
    if form <= 1:
        if net.chance(0.4):
            y = net.node("Flatten", [x], (N, x.row_size()), x.exact, axis=net.pick(None, 1))
            return y
        return by_batch(net, x, [N, x.row_size()])
    if form == 2 and x.rank >= 3:
        return by_batch(net, x, [N, x.shape[1], int(np.prod(x.shape[2:]))])
    if form == 3 and x.is_image() and x.shape[1] % 2 == 0:  # ShuffleNet
        g, c = factors(net, x.shape[1])
        y = by_batch(net, x, [N, g, c, *x.shape[2:]])
        y = net.node("Transpose", [y], (N, c, g, *x.shape[2:]), x.exact, perm=[0, 2, 1, 3, 4])
        net.kinds.add("channel_shuffle")
        return by_batch(net, y, list(x.shape))
    if form == 4 and x.rank == 2:
        a, b = factors(net, x.shape[1])
        return by_batch(net, x, [N, a, b, 1] if net.chance(0.5) else [N, 1, a, b])
    a, b = factors(net, x.row_size())
    return by_batch(net, x, [N, a, b])


def transpose(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 3)
    if x is None:
        return None
    rest = list(range(1, x.rank))
    net.rng.shuffle(rest)
    return net.node("Transpose", [x], tuple(x.shape[i] for i in [0] + rest), x.exact, perm=[0] + rest)


def slice_(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    axes = sorted(net.rng.sample(range(1, x.rank), net.rng.randint(1, min(2, x.rank - 1))))
    starts, ends, steps, shape = [], [], [], list(x.shape)
    for a in axes:
        n = x.shape[a]
        step = net.pick(1, 1, 2, 3, -1, -2) if net.opset >= 10 else 1
        if step > 0:
            first = net.rng.randint(0, n - 1)
            last = net.rng.randint(first + 1, n)
            shape[a] = -(-(last - first) // step)
            starts.append(net.pick(first, first - n)), ends.append(last if last < n else net.pick(n, 1 << 30))
        else:
            first = net.rng.randint(0, n - 1)
            shape[a] = first // -step + 1
            starts.append(first), ends.append(-(1 << 30))
        steps.append(step)
    if net.opset < 10:
        return net.node("Slice", [x], tuple(shape), x.exact, starts=starts, ends=ends, axes=axes)
    inputs = [x, net.ints(starts), net.ints(ends), net.ints(axes)]
    if any(s != 1 for s in steps) or net.chance(0.5):
        inputs.append(net.ints(steps))
    return net.node("Slice", inputs, tuple(shape), x.exact)


def split(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2 and max(t.shape[1:]) >= 2)
    if x is None:
        return None
    axis = net.pick(*[i for i in range(1, x.rank) if x.shape[i] >= 2])
    parts = net.rng.randint(2, min(3, x.shape[axis]))
    cuts = sorted(net.rng.sample(range(1, x.shape[axis]), parts - 1))
    lengths = [b - a for a, b in zip([0] + cuts, cuts + [x.shape[axis]])]
    shapes = [tuple(n if i == axis else d for i, d in enumerate(x.shape)) for n in lengths]
    if net.opset >= 13:
        return net.node("Split", [x, net.ints(lengths)], shapes, x.exact, axis=axis)[0]
    return net.node("Split", [x], shapes, x.exact, axis=axis, split=lengths)[0]


def gather(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    low = -x.shape[axis] if net.opset >= 11 else 0
    if net.chance(0.4) and x.rank > 2:
        index, middle = net.rng.randint(low, x.shape[axis] - 1), ()
    else:
        middle = (net.rng.randint(1, 4),)
        index = [net.rng.randint(low, x.shape[axis] - 1) for _ in range(middle[0])]
    return net.node("Gather", [x, net.ints(index)], x.shape[:axis] + middle + x.shape[axis + 1:], x.exact, axis=axis)


def squeeze(net):
    x = net.any(lambda t: t.has_rows() and t.rank < 6)
    if x is None:
        return None
    ones = [i for i in range(1, x.rank) if x.shape[i] == 1]
    if ones and net.chance(0.7):
        axes = sorted(net.rng.sample(ones, net.rng.randint(1, len(ones))))
        shape = tuple(d for i, d in enumerate(x.shape) if i not in axes)
        return net.with_axes("Squeeze", x, axes, shape, 13, x.exact)
    at = net.rng.randint(1, x.rank)
    return net.with_axes("Unsqueeze", x, [at], x.shape[:at] + (1,) + x.shape[at:], 13, x.exact)


def pad(net):
    x = net.any(lambda t: t.is_image())
    if x is None:
        return None
    mode = net.pick("constant", "constant", "reflect", "edge")
    pads = [[0, 0], [0, 0]]
    for d in x.shape[2:]:
        most = d - 1 if mode == "reflect" else 3
        low = -1 if mode == "constant" and d > 3 and net.chance(0.2) else 0
        for side in pads:
            side.append(net.rng.randint(low, max(0, min(3, most))))
    if mode == "constant" and net.chance(0.3):
        pads[net.pick(0, 1)][1] = net.pick(1, 2)
    shape = tuple(d if d == N else d + pads[0][i] + pads[1][i] for i, d in enumerate(x.shape))
    value = net.pick(0.0, 0.0, 1.5, -2.0)
    if net.opset < 11:
        return net.node("Pad", [x], shape, x.exact, mode=mode, pads=pads[0] + pads[1], value=value)
    inputs = [x, net.ints(pads[0] + pads[1])]
    if mode == "constant" and value:
        inputs.append(net.constant(np.float32(value), plain=True))
    return net.node("Pad", inputs, shape, x.exact, mode=mode)


def concat(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2)
    if x is None:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    same = lambda t: t.rank == x.rank and t.has_rows() and all(
        i == axis or d == t.shape[i] for i, d in enumerate(x.shape))
    parts = [x] + [net.any(same) for _ in range(net.rng.randint(1, 3))]
    length = sum(p.shape[axis] for p in parts)
    if length * x.row_size() > 1 << 18:
        return None
    net.rng.shuffle(parts)
    shape = tuple(length if i == axis else d for i, d in enumerate(x.shape))
    return net.node("Concat", parts, shape, all(p.exact for p in parts), axis=axis if net.chance(0.7) else axis - x.rank)


def class_token(net):
    """A constant, the same for each example, joined with what is computed: Expand or ConstantOfShape by the batch."""
    x = net.any(lambda t: t.has_rows() and t.rank == 3)
    if x is None:
        return None
    shape = (N, 1, x.shape[2])
    if net.chance(0.7):
        token = net.node("Expand", [net.floats((1, 1, x.shape[2]), exact=True), net.target(x, list(shape))], shape, True)
    else:
        token = net.node("ConstantOfShape", [net.target(x, list(shape))], shape, True)
    net.kinds.add("class_token")
    return net.node("Concat", [token, x] if net.chance(0.7) else [x, token], (N, x.shape[1] + 1, x.shape[2]),
                    x.exact, axis=1)


def expand(net):
    x = net.any(lambda t: t.has_rows() and t.rank >= 2 and 1 in t.shape[1:] and t.row_size() < 500)
    if x is None:
        return None
    shape = tuple(net.pick(1, 3, 5) if d == 1 else d for d in x.shape)
    target = net.ints([1 if d == N else d for d in shape]) if net.chance(0.5) else net.target(x, list(shape))
    return net.node("Expand", [x, target], shape, x.exact)


KINDS = {view: 7, transpose: 2, slice_: 2, split: 1, gather: 1, squeeze: 2, pad: 2, concat: 4, class_token: 2, expand: 1}
