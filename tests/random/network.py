"""A network under construction: its tensors with their shapes, its nodes and constants."""
import random

import numpy as np
from onnx import TensorProto, helper, numpy_helper, shape_inference

N = "N"  # the batch in a shape
ROWS = 7  # of every input


class Tensor:
    """shape: integers, and N where the batch is. exact: any two engines compute the same bits."""

    def __init__(self, name, shape, exact=False):
        self.name, self.shape, self.exact = name, tuple(shape), exact

    @property
    def rank(self):
        return len(self.shape)

    def has_rows(self):
        return self.rank > 0 and self.shape[0] == N and N not in self.shape[1:]

    def is_image(self):
        return self.rank == 4 and self.has_rows()

    def row_size(self):
        return int(np.prod([1 if d == N else d for d in self.shape]))


def broadcast(a, b):
    """The shape of two shapes together, or None."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    out = []
    for x, y in zip(a, b):
        if x != y and x != 1 and y != 1:
            return None
        out.append(y if x == 1 else x)
    return tuple(out)


class Network:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.np = np.random.default_rng(seed)
        self.opset = self.rng.choice([9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 17, 18, 19, 20, 21, 22, 23, 24])
        self.fixed = self.rng.choice([0, 0, 0, 1, 1, 2, 3])
        self.nodes, self.initialisers, self.inputs, self.tensors = [], [], [], []
        self.kinds, self.final = set(), False
        self.mixers = set()  # names of tensors that mix the examples of a batch
        self.foreign = set()  # of those whose node has an attribute that its operator does not have
        self.far = set()  # of those that may lie far from 0 beside their deviations
        self.types = {}  # what the file says of tensors, where that is wrong
        self.count = 0

    # ------------------------------------------------------------------ choices
    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *choices):
        return self.rng.choice(choices)

    def any(self, wanted=lambda t: True):
        """A tensor for which wanted() holds, most often one of the last; None if there is none."""
        fit = [t for t in self.tensors if wanted(t)]
        if not fit:
            return None
        return fit[-1] if self.chance(0.6) else self.rng.choice(fit)

    # ------------------------------------------------------------------ parts
    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def input(self, shape):
        t = Tensor(self.name("x"), shape, exact=True)
        self.inputs.append(t)
        self.tensors.append(t)
        return t

    def constant(self, array, plain=False):
        """The name of a constant: an initialiser, a Constant node, or an expression of constants."""
        array = np.asarray(array)
        name = self.name("c")
        expression = not plain and array.dtype == np.float32 and array.size and self.chance(0.05)
        op = self.pick("Identity", "Neg", "Abs") if expression else None
        # A value stays in its range: what has to be positive (a variance, the base of a power) is so.
        tensor = numpy_helper.from_array(-array if op == "Neg" else array, name)
        if self.chance(0.12):
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.initialisers.append(tensor)
        if op:
            self.kinds.add("constant_expression")
            folded = self.name("f")
            self.nodes.append(helper.make_node(op, [name], [folded]))
            return folded
        return name

    def ints(self, values):
        return self.constant(np.array(values, np.int64))

    def floats(self, shape, low=-1.0, high=1.0, exact=False, plain=False):
        """The name of a constant of random values; multiples of 1/16 if exact."""
        values = self.np.uniform(low, high, shape)
        if exact:
            values = np.round(values * 16) / 16
        return self.constant(values.astype(np.float32), plain)

    def node(self, op, inputs, shapes, exact=False, **attributes):
        """Adds a node; shapes: those of its outputs (a list), or of its only one (a tuple). Returns tensors likewise."""
        several = isinstance(shapes, list)
        outs = [Tensor(self.name(op.lower()), s, exact) for s in (shapes if several else [shapes])]
        names = [i.name if isinstance(i, Tensor) else i for i in inputs]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op, names, [o.name for o in outs], self.name("n_"), **attributes))
        self.tensors += outs
        return outs if several else outs[0]

    def with_axes(self, op, x, axes, shape, since, exact=False, **attributes):
        """A node whose axes are an input from opset `since` on, before that an attribute."""
        if self.opset >= since:
            return self.node(op, [x, self.ints(axes)], shape, exact, **attributes)
        return self.node(op, [x], shape, exact, axes=axes, **attributes)

    def clip(self, x, low, high):
        if self.opset < 11:
            return self.node("Clip", [x], x.shape, x.exact, min=float(low), max=float(high))
        bounds = [self.constant(np.float32(b), plain=True) for b in (low, high)]
        return self.node("Clip", [x, *bounds], x.shape, x.exact)

    def hide(self, tensor):
        """No later node may read it: an integer tensor."""
        self.tensors.remove(tensor)
        return tensor

    def int_node(self, op, inputs, **attributes):
        return self.hide(self.node(op, inputs, (1,), **attributes)).name

    def unread_outputs(self, n):
        """Gives the last node n further outputs that nothing reads, at times."""
        if self.chance(0.25):
            self.kinds.add("unread_outputs")
            self.nodes[-1].output.extend(self.name("unread") for _ in range(n))

    # ------------------------------------------------------------------ the batch as a number, as exporters write it
    def batch_of(self, x):
        """The name of an int64 tensor of one value: the batch size of x."""
        shape = self.int_node("Shape", [x])
        form = self.rng.randrange(4)
        if form == 0 and self.opset >= 15:
            self.nodes.pop()
            return self.int_node("Shape", [x], start=0, end=1)
        if form <= 1:
            if self.opset < 10:
                return self.int_node("Slice", [shape], starts=[0], ends=[1], axes=[0])
            return self.int_node("Slice", [shape, self.ints([0]), self.ints([1])])
        if form == 2:
            return self.int_node("Gather", [shape, self.ints([0])], axis=0)
        scalar = self.int_node("Gather", [shape, self.ints(0)], axis=0)
        if self.opset >= 13:
            return self.int_node("Unsqueeze", [scalar, self.ints([0])])
        return self.int_node("Unsqueeze", [scalar], axes=[0])

    def target(self, x, dims):
        """The name of an int64 tensor: a shape whose N is computed from x, or is a constant where the file allows it."""
        if self.fixed and self.chance(0.6):
            return self.ints([self.fixed if d == N else d for d in dims])
        parts, run = [], []
        for d in dims:
            if d == N:
                if run:
                    parts.append(self.ints(run))
                    run = []
                parts.append(self.batch_of(x))
            else:
                run.append(d)
        if run:
            parts.append(self.ints(run))
        self.kinds.add("shape_by_batch")
        return parts[0] if len(parts) == 1 else self.int_node("Concat", parts, axis=0)

    def mixing(self, tensor, kind):
        self.kinds.add(kind)
        self.mixers.add(tensor.name)
        return tensor

    # ------------------------------------------------------------------ the file
    def behind(self, tensors):
        """The names of all tensors that these are computed from, and their own."""
        names = {t.name for t in tensors}
        for node in reversed(self.nodes):
            if names & set(node.output):
                names |= set(node.input)
        return names

    def near_zero(self, t):
        """False where a normalisation would show how engines round a mean that is large beside the deviations."""
        return not self.far & self.behind([t])

    def drop_unread(self, tensors):
        """Only what these tensors are computed from stays."""
        names = self.behind(tensors)
        self.nodes = [n for n in self.nodes if names & set(n.output)]
        self.initialisers = [i for i in self.initialisers if i.name in names]

    def model(self, outputs, extra=()):
        def info(t):
            dims = [(self.fixed or N) if d == N else d for d in t.shape]
            return helper.make_tensor_value_info(t.name, TensorProto.FLOAT, dims)

        given = {name for node in self.nodes for name in node.output} & set(self.types)
        typed = lambda name: helper.make_tensor_value_info(name, self.types[name], None)
        names = [t.name for t in list(outputs) + list(extra)]
        outs = [typed(n) if n in given else helper.make_empty_tensor_value_info(n) for n in names]
        graph = helper.make_graph(self.nodes, "random", [info(t) for t in self.inputs], outs, self.initialisers,
                                  value_info=[typed(n) for n in sorted(given - set(names))])
        model = helper.make_model(graph, opset_imports=[helper.make_operatorsetid("", self.opset)], ir_version=8)
        # Many files say the types of all tensors; Debian's onnx knows the operators up to opset 17.
        return shape_inference.infer_shapes(model) if self.opset <= 17 and not given and self.chance(0.2) else model
