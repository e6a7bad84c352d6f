"""Kinds of node that take and write elements by indices, sum along axes and divide by norms."""
import numpy as np
from arithmetic import full
from network import N


def indices(net, x, shape, length):
    """Indices of shape `shape` (N in front) for an axis of x of that length, or None: the same for each example, or
    places that the network finds. x is exact: what is found may not depend on a last bit."""
    if net.chance(0.5) or not x.exact:
        values = net.np.integers(-length, length, full(shape))
        net.kinds.add("indices_by_batch")
        return net.hide(net.node("Expand", [net.ints(values), net.target(x, list(shape))], shape, True))
    size = int(np.prod(shape[1:]))
    if x.row_size() < length:
        return None
    # As many places as are wanted: of the largest of `length` values, in turns around all that there are.
    flat = net.node("Reshape", [x, net.ints([0, -1])], (N, x.row_size()), True)
    picks = (np.arange(size * length) * net.pick(1, 3, 5)) % x.row_size()
    lines = net.node("Gather", [flat, net.ints(picks.reshape(size, length))], (N, size, length), True, axis=1)
    found = net.hide(net.node(net.pick("ArgMax", "ArgMin"), [lines], (N, size), True, axis=2, keepdims=0))
    net.kinds.add("indices_computed")
    return net.hide(net.node("Reshape", [found, net.ints([0, *shape[1:]])], shape, True))


def some(net, wanted=lambda t: True):
    return net.any(lambda t: t.has_rows() and t.rank >= 2 and 0 < t.row_size() < 4000 and t.rank < 6 and wanted(t))


def lengths(net, x, axis, most):
    """The shape of indices into x: any length along the axis, at most that of x along others."""
    part = net.chance(0.3)
    return tuple(net.rng.randint(1, most) if i == axis else d if i == 0 or not part else net.rng.randint(1, d)
                 for i, d in enumerate(x.shape))


def gather_elements(net):
    x = some(net)
    if x is None or net.opset < 11:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    shape = lengths(net, x, axis, min(8, 2 * x.shape[axis]))
    if int(np.prod(shape[1:])) > 2000:
        return None
    index = indices(net, x, shape, x.shape[axis])
    if index is None:
        return None
    return net.node("GatherElements", [x, index], shape, x.exact, axis=axis if net.chance(0.6) else axis - x.rank)


def gather_nd(net):
    x = some(net)
    if x is None or net.opset < 12:
        return None
    depth = net.rng.randint(1, x.rank - 1)
    shape = (N, *[net.rng.randint(1, 4) for _ in range(net.rng.randint(0, 2))], depth)
    index = indices(net, x, shape, min(x.shape[1:1 + depth]))
    if index is None:
        return None
    return net.node("GatherND", [x, index], shape[:-1] + x.shape[1 + depth:], x.exact, batch_dims=1)


def embedding(net):
    """Rows of a table, whose numbers the network finds."""
    x = some(net, lambda t: t.exact)
    if x is None:
        return None
    rows, width = net.rng.randint(1, 9), net.pick(1, 3, 8)
    index = indices(net, x, (N, net.rng.randint(1, 5)), rows)
    if index is None:
        return None
    if net.opset < 11:  # negative indices came with opset 11
        return None
    axis = net.pick(0, 0, -2)
    return net.node("Gather", [net.floats((rows, width), exact=True), index], index.shape + (width,), True, axis=axis)


def scatter_elements(net):
    x = some(net)
    if x is None or net.opset < 11:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    shape = lengths(net, x, axis, x.shape[axis])
    if int(np.prod(shape[1:])) > 2000:
        return None
    index = indices(net, x, shape, x.shape[axis])
    if index is None:
        return None
    updates = net.node("GatherElements", [x, index], shape, x.exact, axis=axis)
    updates = net.node("Neg", [updates], shape, x.exact)
    reduction = None
    if net.opset >= 16:
        reduction = net.pick(*([None, "none", "add", "mul"] + (["max", "min"] if net.opset >= 18 else [])))
    return net.node("ScatterElements", [x, index, updates], x.shape, x.exact and reduction in (None, "none", "max", "min"),
                    axis=axis, reduction=reduction)


def scatter_nd(net):
    """Rows of another axis than the batch, which lies inside for a while."""
    x = some(net)
    if x is None or net.opset < 11:
        return None
    perm = [1, 0, *range(2, x.rank)]
    shape = tuple(x.shape[i] for i in perm)
    turned = net.node("Transpose", [x], shape, x.exact, perm=perm)
    index = net.ints(net.np.integers(-shape[0], shape[0], (net.rng.randint(1, 3), 1)))
    updates = net.node("GatherND", [turned, index], (0,), x.exact)
    updates = net.node("Neg", [updates], (0,), x.exact)
    reduction = net.pick(None, "add", "mul") if net.opset >= 16 else None
    y = net.node("ScatterND", [turned, index, updates], shape, x.exact and reduction is None, reduction=reduction)
    for t in (turned, updates, y, next(t for t in net.tensors if t.shape == (0,))):
        net.hide(t)
    return net.mixing(net.node("Transpose", [y], x.shape, y.exact, perm=perm), "scatter_nd")


def cumulative_sum(net):
    x = some(net)
    if x is None or net.opset < 11:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    return net.node("CumSum", [x, net.constant(np.int64(axis if net.chance(0.5) else axis - x.rank))], x.shape,
                    exclusive=net.pick(None, 0, 1), reverse=net.pick(None, 0, 1))


def norm(net):
    x = some(net)
    if x is None:
        return None
    axis = net.rng.randint(1, x.rank - 1)
    if net.chance(0.5):
        if x.shape[axis] == 1:  # 1, -1, or 0 where a sum cancels
            return None
        return net.node("LpNormalization", [x], x.shape, axis=axis - x.rank if net.chance(0.5) else axis, p=net.pick(None, 1, 2))
    if not net.near_zero(x):
        return None
    axes = sorted(net.rng.sample(range(1, x.rank), net.rng.randint(1, x.rank - 1)))
    if int(np.prod([x.shape[a] for a in axes])) < 4:  # values that are all the same are NaN
        return None
    noisy = net.node("Add", [x, net.floats(full(x.shape))], x.shape)
    if net.chance(0.15):
        y = net.node("MeanVarianceNormalization", [noisy], x.shape, axes=[0] + axes)
        return net.mixing(y, "mean_over_batch")
    return net.node("MeanVarianceNormalization", [noisy], x.shape, axes=axes)


def ramp(net):
    """x plus a Range of floats along its last axis: positions."""
    x = some(net, lambda t: t.shape[-1] != N)
    if x is None or net.opset < 11:
        return None
    start, delta, n = np.float32(net.pick(0.0, 0.5, -1.0)), np.float32(net.pick(0.1, 0.25, -0.3)), x.shape[-1]
    limit = np.float32(start + delta * np.float32(n - 0.5))
    values = net.node("Range", [net.constant(v, plain=True) for v in (start, limit, delta)], (n,))
    net.tensors.remove(values)
    return net.node("Add", [x, values], x.shape)


KINDS = {gather_elements: 1, gather_nd: 1, embedding: 0.5, scatter_elements: 1, scatter_nd: 0.4, cumulative_sum: 0.7,
         norm: 1, ramp: 0.4}
