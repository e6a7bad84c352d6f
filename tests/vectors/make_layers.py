#!/usr/bin/python3
"""Writes layers.bin.gz: small ONNX networks with inputs and the outputs that PyTorch computes, for layers/vectors_test.cpp.

For each case: name, ONNX file, inputs, outputs. Strings and files are a uint32 length and the bytes; tensors a uint32
rank, the dimensions and float32 values; all little-endian. Networks are exported by PyTorch at several opsets, or made
node by node where PyTorch does not write the operator, the opset or the attribute.
Usage: make_layers.py [layers.bin.gz]   (numpy, onnx, torch)
"""
import gzip, io, os, struct, sys, warnings
import numpy as np, onnx, torch, torch.nn as nn, torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

warnings.filterwarnings('ignore')
torch.manual_seed(0)
rng = np.random.RandomState(0)
cases = []


def x(*shape, low=-32, high=32):
    """Multiples of 1/8: they compress well."""
    return torch.from_numpy((rng.randint(low, high, shape) / 8).astype(np.float32))


def soften(module):
    for p in list(module.parameters()) + list(module.buffers()):
        if p.dtype == torch.float32:
            p.data = torch.from_numpy((rng.randint(-16, 16, p.shape) / 16).astype(np.float32))
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d) or isinstance(m, nn.BatchNorm1d):
            m.running_var = m.running_var.abs() + 0.5
    return module.eval()


def export(name, module, *inputs, opsets=(9, 11, 13, 17), fixed=False):
    """module: a nn.Module or a function."""
    class Call(nn.Module):
        def __init__(s):
            super().__init__()
            s.f = module

        def forward(s, *a):
            return s.f(*a)
    m = soften(Call() if not isinstance(module, nn.Module) else module)
    y = m(*inputs)
    y = list(y) if isinstance(y, (tuple, list)) else [y]
    names = [f'x{i}' for i in range(len(inputs))]
    outs = [f'y{i}' for i in range(len(y))]
    axes = {} if fixed else {n: {0: 'N'} for n in names + outs}
    for opset in opsets:
        f = io.BytesIO()
        torch.onnx.export(m, inputs, f, opset_version=opset, input_names=names, output_names=outs, dynamic_axes=axes)
        add(f'{name}, torch opset {opset}', f.getvalue(), inputs, y)


def add(name, model, inputs, outputs):
    cases.append((name, model, [np.asarray(t.detach() if torch.is_tensor(t) else t, np.float32) for t in inputs],
                  [np.asarray(t.detach() if torch.is_tensor(t) else t, np.float32) for t in outputs]))


def graph(name, nodes, inputs, outputs, constants=None, opset=13, free=True):
    """nodes: (op, inputs, outputs, attributes); inputs and outputs: name -> tensor."""
    made = [helper.make_node(op, i, o, **a) for op, i, o, a in nodes]
    dims = lambda t: (['N'] + list(t.shape[1:])) if free and t.dim() else list(t.shape)
    info = lambda d: [helper.make_tensor_value_info(n, TensorProto.FLOAT, dims(t)) for n, t in d.items()]
    given = [numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()]
    g = helper.make_graph(made, 'g', info(inputs), info(outputs), given)
    m = helper.make_model(g, opset_imports=[helper.make_opsetid('', opset)])
    m.ir_version = 8 if opset >= 9 else 3
    if opset < 9:  # initialisers were inputs too
        g.input.extend(helper.make_tensor_value_info(n, TensorProto.INT64 if np.asarray(v).dtype == np.int64 else
                                                     TensorProto.FLOAT, np.asarray(v).shape)
                       for n, v in (constants or {}).items())
        m = helper.make_model(g, opset_imports=[helper.make_opsetid('', opset)])
        m.ir_version = 3
    add(f'{name}, opset {opset}', m.SerializeToString(), inputs.values(), outputs.values())


def node(name, op, inputs, expected, opset=13, constants=None, after=(), free=True, **attributes):
    """One operator; the constants are its inputs behind (or, by name in `after`, in the order given)."""
    ins = {f'x{i}': t for i, t in enumerate(inputs)}
    expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    outs = {f'y{i}': t for i, t in enumerate(expected)}
    order = list(after) or list(ins) + list(constants or {})
    graph(name, [(op, order, list(outs), attributes)], ins, outs, constants, opset, free)


ints = lambda *v: np.array(v, np.int64)
floats = lambda t: np.asarray(t, np.float32)


def convolutions():
    a = x(2, 4, 7, 6)
    for name, c in dict(plain=nn.Conv2d(4, 6, 3), padded=nn.Conv2d(4, 5, 3, padding=1),
                        strided=nn.Conv2d(4, 3, 3, 2, 1), dilated=nn.Conv2d(4, 3, 3, padding=2, dilation=2),
                        grouped=nn.Conv2d(4, 6, 3, padding=1, groups=2), depthwise=nn.Conv2d(4, 4, 3, padding=1, groups=4),
                        depthwise2=nn.Conv2d(4, 8, 3, 2, padding=1, groups=4), pointwise=nn.Conv2d(4, 9, 1),
                        wide=nn.Conv2d(4, 3, (1, 5), padding=(0, 2)), tall=nn.Conv2d(4, 3, (5, 1), (2, 1)),
                        unbiased=nn.Conv2d(4, 3, 2, bias=False)).items():
        export(f'Conv {name}', c, a, opsets=(11,))
    export('Conv 1-D', nn.Conv1d(3, 4, 3, 2, 1), x(2, 3, 9), opsets=(9, 17))
    export('Conv 1-D depthwise', nn.Conv1d(3, 3, 4, dilation=2, groups=3), x(2, 3, 9), opsets=(13,))
    export('Conv one image', nn.Conv2d(2, 3, 3), x(1, 2, 5, 5), opsets=(13,), fixed=True)
    w, b = x(5, 4, 3, 3, low=-8, high=8), x(5)
    for pads in ((1, 2, 0, 1), (0, 0, 2, 2)):
        y = F.conv2d(F.pad(a, (pads[1], pads[3], pads[0], pads[2])), w, b)
        node(f'Conv pads {pads}', 'Conv', [a], y, 7, dict(w=floats(w), b=floats(b)), pads=pads, kernel_shape=[3, 3])
    for stride in (1, 2, 3):
        for dilation in (1, 2):
            pads = []
            for n in a.shape[2:]:
                total = max(0, (-(-n // stride) - 1) * stride + 2 * dilation + 1 - n)
                pads.append((total // 2, total - total // 2))
            (t, bo), (l, r) = pads
            for kind, p in dict(SAME_UPPER=(l, r, t, bo), SAME_LOWER=(r, l, bo, t)).items():
                y = F.conv2d(F.pad(a, p), w, b, stride, dilation=dilation)
                node(f'Conv {kind} stride {stride} dilation {dilation}', 'Conv', [a], y, 21, dict(w=floats(w), b=floats(b)),
                     auto_pad=kind, strides=[stride] * 2, dilations=[dilation] * 2)
    node('Conv VALID', 'Conv', [a], F.conv2d(a, w), 13, dict(w=floats(w)), auto_pad='VALID', strides=[1, 1])
    export('Pad before Conv', nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(4, 3, 3, 2)), a, opsets=(9, 11))
    export('Pad with a value before Conv', nn.Sequential(nn.ConstantPad2d(1, 2.0), nn.Conv2d(4, 3, 3)), a, opsets=(13,))


def fusions():
    a = x(2, 4, 6, 6)

    class Block(nn.Module):
        def __init__(s, swap, clip):
            super().__init__()
            s.c1, s.b1 = nn.Conv2d(4, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
            s.c2, s.b2 = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
            s.swap, s.act = swap, nn.ReLU6() if clip else nn.ReLU()

        def forward(s, v):
            u = s.act(s.b1(s.c1(v)))
            w = s.b2(s.c2(u))
            return s.act(v + w if s.swap else w + u)
    # Training mode keeps the exporter from folding batch norms itself.
    for i, (swap, clip) in enumerate([(False, False), (True, True)]):
        m = soften(Block(swap, clip))
        for opset in (9, 13):
            f = io.BytesIO()
            torch.onnx.export(m, (a,), f, opset_version=opset, input_names=['x0'], output_names=['y0'],
                              training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                              dynamic_axes={'x0': {0: 'N'}, 'y0': {0: 'N'}})
            add(f'residual block {i}, torch opset {opset}', f.getvalue(), [a], [m(a)])
    export('BatchNormalization and Relu', nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), a, opsets=(9, 17))
    export('BatchNormalization of rows', nn.BatchNorm1d(5), x(3, 5), opsets=(9, 15))
    m = nn.Sequential(nn.Linear(5, 4, bias=False), nn.BatchNorm1d(4), nn.ReLU())
    export('Linear, BatchNormalization, Relu', m, x(3, 5), opsets=(11,))
    w = x(3, 4, 1, 1, low=-8, high=8)
    c = x(3, 1, 1, low=1, high=16)
    y = F.conv2d(a, w)
    for name, op, first in (('plus', 'Add', y + c), ('minus', 'Sub', y - c), ('times', 'Mul', y * c), ('over', 'Div', y / c)):
        graph(f'Conv {name} a constant', [('Conv', ['x', 'w'], ['z'], {}), (op, ['z', 'c'], ['v'], {}), ('Relu', ['v'], ['y'], {})],
              dict(x=a), dict(y=F.relu(first)), dict(w=floats(w), c=floats(c)))
    for name, op, first in (('minus', 'Sub', c - y), ('over', 'Div', c / (y * 0 + 2) + y * 0)):
        graph(f'a constant {name} Conv', [('Conv', ['x', 'w'], ['z'], {}), ('Mul', ['z', 'h'], ['u'], {}), ('Add', ['u', 't'], ['q'], {}),
                                          (op, ['c', 'q'], ['y'], {})], dict(x=a),
              dict(y=(c - (y * 0.5 + 40)) if op == 'Sub' else c / (y * 0.5 + 40)), dict(w=floats(w), c=floats(c), h=floats(0.5), t=floats([40.0])))
    graph('Conv plus what broadcasts', [('Conv', ['x', 'w'], ['z'], {}), ('Add', ['z', 'c'], ['y'], {})], dict(x=a),
          dict(y=F.conv2d(a, w[:1]) + c), dict(w=floats(w[:1]), c=floats(c)))
    r = x(2, 3, 2, 2)
    graph('1x1 image plus an image', [('Conv', ['x', 'w'], ['z'], {}), ('Add', ['z', 'r'], ['y'], {})], dict(x=a[:, :, :1, :1], r=r),
          dict(y=F.conv2d(a[:, :, :1, :1], w) + r), dict(w=floats(w)))
    graph('x + x', [('Conv', ['x', 'w'], ['z'], {}), ('Add', ['z', 'z'], ['y'], {})], dict(x=a), dict(y=2 * y), dict(w=floats(w)))


def products():
    a = x(3, 6)
    export('Linear', nn.Linear(6, 4), a)
    export('Linear of a sequence', nn.Linear(6, 4), x(2, 3, 6), opsets=(9, 17))
    export('Linear without bias', nn.Sequential(nn.Linear(6, 4, bias=False), nn.ReLU()), a, opsets=(13,))
    w, c = x(6, 5, low=-8, high=8), x(5)
    node('Gemm', 'Gemm', [a], 0.5 * a @ w + 2 * c, 7, dict(w=floats(w), c=floats(c)), alpha=0.5, beta=2.0)
    node('Gemm one bias', 'Gemm', [a], a @ w + 3, 13, dict(w=floats(w), c=floats(3.0)))
    node('Gemm transB, no C', 'Gemm', [a], a @ w, 13, dict(w=floats(w.T)), transB=1)
    b = x(6, 3)
    node('Gemm transA', 'Gemm', [b], b.T @ w, 13, dict(w=floats(w)), transA=1, free=False)
    m, r = x(3, 6), x(3, 3)
    node('Gemm of computed matrices', 'Gemm', [a, m, r], 2 * a @ m.T - r, 13, free=False, transB=1, alpha=2.0, beta=-1.0)
    node('Gemm with a matrix C', 'Gemm', [a], a @ w + c, 11, dict(w=floats(w), c=floats(c.expand(3, 5))), free=False)
    for name, p, q in (('batched', x(2, 3, 4), x(2, 4, 5)), ('rows', x(4, 2, 4), x(4)),
                       ('heads', x(2, 3, 2, 4), x(2, 1, 4, 2)), ('vector', x(4), x(4, 3))):
        node(f'MatMul {name}', 'MatMul', [p, q], p @ q, free=False)
    node('MatMul constant vector', 'MatMul', [a], a @ w[:, 0], 13, dict(w=floats(w[:, 0])))
    node('MatMul constant first', 'MatMul', [b], w.T @ b, 13, dict(w=floats(w.T)), after=['w', 'x0'], free=False)


def activations():
    a = x(2, 3, 5, 5)
    for m in (nn.ReLU(), nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Tanh(), nn.ELU(1.5), nn.SELU(), nn.ReLU6(), nn.Hardtanh(-0.5, 1.5), nn.Softplus(),
              nn.Softsign(), nn.Hardsigmoid(), nn.Hardswish(), nn.SiLU(), nn.GELU(), nn.Mish()):
        export(type(m).__name__, m, a, opsets=(14,) if isinstance(m, nn.Hardswish) else (9, 17))
    for name, f in dict(exp=torch.exp, neg=torch.neg, abs=torch.abs, erf=torch.erf, floor=torch.floor, ceil=torch.ceil,
                        reciprocal=lambda v: 1 / (v + 100), sqrt=lambda v: torch.sqrt(v + 5), log=lambda v: torch.log(v + 5),
                        square=lambda v: v ** 2, power=lambda v: (v + 5) ** 1.5).items():
        export(name, f, a, opsets=(13,))
    export('PReLU', nn.PReLU(3), a, opsets=(9, 17))
    export('PReLU, one slope', nn.PReLU(), a, opsets=(11,))
    node('Clip attributes', 'Clip', [a], a.clamp(-1, 2), 7, min=-1.0, max=2.0)
    node('Clip attribute max', 'Clip', [a], a.clamp(max=2), 6 + 1, max=2.0)
    node('Clip inputs', 'Clip', [a], a.clamp(-1, 2), 21, dict(lo=floats(-1.0), hi=floats(2.0)))
    node('Clip input max', 'Clip', [a], a.clamp(max=2), 13, dict(hi=floats(2.0)), after=['x0', '', 'hi'])
    node('HardSigmoid', 'HardSigmoid', [a], (a * 0.2 + 0.5).clamp(0, 1), 7)
    node('Gelu', 'Gelu', [a], F.gelu(a), 20)
    node('Gelu tanh', 'Gelu', [a], F.gelu(a, approximate='tanh'), 21, approximate='tanh')
    for op, f in (('Softmax', F.softmax), ('LogSoftmax', F.log_softmax)):
        for axis in (1, -1, 0):
            node(f'{op} axis {axis}', op, [a], f(a, axis), 13, free=axis != 0, axis=axis)
        node(f'{op} default', op, [a], f(a, -1), 13)
        node(f'{op} of old', op, [a], f(a.flatten(1), 1).view(a.shape), 11)
        node(f'{op} of old, axis 2', op, [a], f(a.flatten(2), 2).view(a.shape), 9, axis=2)
        r = x(3, 37)
        node(f'{op} of a row', op, [r], f(r, 1), 7)
    for size, alpha, beta, bias in ((5, 1e-2, 0.75, 1.0), (3, 0.5, 0.5, 2.0), (7, 0.1, 1.0, 1.0), (1, 0.3, 0.75, 0.5), (9, 0.1, 0.6, 1.0)):
        v = x(2, 7, 3, 4)
        low, high = (size - 1) // 2, size - 1 - (size - 1) // 2
        s = F.pad((v.double() ** 2), (0, 0, 0, 0, low, high)).unfold(1, size, 1).sum(-1)
        node(f'LRN {size} {beta}', 'LRN', [v], (v.double() / (bias + alpha / size * s) ** beta).float(), 13, size=size, alpha=alpha, beta=beta, bias=bias)
    export('LocalResponseNorm', nn.LocalResponseNorm(5, 1e-2), x(2, 7, 3, 4), opsets=(9,))


def pools():
    a = x(2, 3, 9, 8)
    for k, s, p, d in ((2, 2, 0, 1), (3, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 1, 1), (3, 1, 0, 2), ((2, 3), (1, 2), (1, 0), 1), (5, 4, 2, 1)):
        for ceil in (False, True):
            export(f'MaxPool {k} {s} {p} {d} ceil {ceil}', nn.MaxPool2d(k, s, p, d, ceil_mode=ceil), a, opsets=(11,))
            if d == 1:
                # PyTorch's exporter pads first and so loses its rule that no window starts in the padding.
                for include in (False,) if ceil and s == 3 else (False, True):
                    export(f'AveragePool {k} {s} {p} ceil {ceil} include {include}', nn.AvgPool2d(k, s, p, ceil, include), a, opsets=(11,))
    export('MaxPool 1-D', nn.MaxPool1d(3, 2, 1), x(2, 3, 9), opsets=(9, 17))
    export('AveragePool 1-D', nn.AvgPool1d(3, 2, 1), x(2, 3, 9), opsets=(13,))
    node('MaxPool opset 7', 'MaxPool', [a], F.max_pool2d(a, 2), 7, kernel_shape=[2, 2], strides=[2, 2])
    node('MaxPool strides left out', 'MaxPool', [a], F.max_pool2d(a, 2, 1), 21, kernel_shape=[2, 2])
    inf = float('-inf')
    node('MaxPool SAME_UPPER', 'MaxPool', [a], F.max_pool2d(F.pad(a, (0, 1, 1, 1), value=inf), 3, 2), 21, kernel_shape=[3, 3], strides=[2, 2],
         auto_pad='SAME_UPPER')
    node('MaxPool SAME_LOWER', 'MaxPool', [a], F.max_pool2d(F.pad(a, (1, 0, 1, 1), value=inf), 3, 2), 13, kernel_shape=[3, 3], strides=[2, 2],
         auto_pad='SAME_LOWER')
    count = F.conv2d(F.pad(torch.ones(1, 1, 9, 8), (0, 1, 1, 1)), torch.ones(1, 1, 3, 3), stride=2)
    same = F.avg_pool2d(F.pad(a, (0, 1, 1, 1)), 3, 2)
    node('AveragePool SAME_UPPER', 'AveragePool', [a], same * 9 / count, 7, kernel_shape=[3, 3], strides=[2, 2], auto_pad='SAME_UPPER')
    node('AveragePool SAME_UPPER, padding counts', 'AveragePool', [a], same, 11, kernel_shape=[3, 3], strides=[2, 2], auto_pad='SAME_UPPER', count_include_pad=1)
    w = torch.ones(3, 1, 2, 2) / 4
    node('AveragePool dilated', 'AveragePool', [a], F.conv2d(a, w, dilation=3, groups=3), 19, kernel_shape=[2, 2], dilations=[3, 3])
    export('GlobalAveragePool', nn.AdaptiveAvgPool2d(1), a)
    export('GlobalMaxPool', nn.AdaptiveMaxPool2d(1), a, opsets=(13,))
    export('average over a part', nn.AdaptiveAvgPool2d((3, 4)), a, opsets=(13,))


def arithmetic():
    a, b, c = x(2, 3, 4, 5), x(2, 3, 4, 5), x(2, 1, 4, 1, low=1)
    for op, f in dict(Add=torch.add, Sub=torch.sub, Mul=torch.mul, Div=lambda p, q: p / q).items():
        node(f'{op} equal shapes', op, [a, b + 10], f(a, b + 10), 7)
        node(f'{op} channels', op, [a, x(2, 3, 1, 1) * 0 + c[:, :, :1]], f(a, c[:, :, :1] + torch.zeros(2, 3, 1, 1)), 13)
        node(f'{op} both stretch', op, [c, a[:, :, :1] * 0 + 3], f(c, a[:, :, :1] * 0 + 3), 14)
        node(f'{op} constant row', op, [a], f(a, torch.arange(1., 6)), 21, dict(c=floats(torch.arange(1., 6))))
        node(f'{op} constant first', op, [a + 50], f(torch.tensor(2.5), a + 50), 13, dict(c=floats(2.5)), after=['c', 'x0'])
    node('Pow', 'Pow', [a.abs() + 1, b], (a.abs() + 1) ** b, 13)
    for op, f in (('Max', torch.maximum), ('Min', torch.minimum)):
        node(f'{op} of two', op, [a, b], f(a, b), 8)
        node(f'{op} of three', op, [a, b, c], f(f(a, b), c), 13)
        node(f'{op} of one', op, [a], a, 13)
    node('Sum of two', 'Sum', [a, c], a + c, 8)
    node('Sum of three', 'Sum', [c, a, b], a + b + c, 13)
    node('Mean of three', 'Mean', [a, b, c], (a + b + c) / 3, 13)
    node('Add a view of itself', 'Add', [a], a + a, 13, after=['x0', 'x0'])
    graph('squeeze and excite', [('GlobalAveragePool', ['x'], ['g'], {}), ('Sigmoid', ['g'], ['s'], {}), ('Mul', ['x', 's'], ['y'], {})], dict(x=a),
          dict(y=a * torch.sigmoid(a.mean((2, 3), keepdim=True))))
    for opset in (11, 13, 17, 18):
        for name, axes, keep in (('last', [-1], 1), ('image', [2, 3], 0), ('channels', [1], 1), ('apart', [1, 3], 0), ('front', [1, 2], 1)):
            y = a.mean(axes, keepdim=bool(keep))
            if opset < 18:
                node(f'ReduceMean {name}', 'ReduceMean', [a], y, opset, axes=axes, keepdims=keep)
            else:
                node(f'ReduceMean {name}', 'ReduceMean', [a], y, opset, dict(axes=ints(*axes)), keepdims=keep)
    node('ReduceSum', 'ReduceSum', [a], a.sum((1, 2)), 13, dict(axes=ints(1, 2)), keepdims=0)
    node('ReduceSum of old', 'ReduceSum', [a], a.sum(1, keepdim=True), 11, axes=[1])
    node('ReduceMax', 'ReduceMax', [a], a.amax((1, 3)), 13, axes=[1, 3], keepdims=0)
    node('ReduceMin', 'ReduceMin', [a], a.amin((2, 3), keepdim=True), 20, dict(axes=ints(-1, -2)))


def shapes():
    a = x(2, 3, 4, 5)
    export('flatten', lambda v: v.flatten(1), a)
    export('view by size', lambda v: v.view(v.size(0), -1), a)
    export('view by sizes', lambda v: v.view(v.shape[0], v.shape[1] * v.shape[2], v.shape[3]), a)
    export('channel shuffle', lambda v: v.view(v.shape[0], 2, 2, *v.shape[2:]).transpose(1, 2).reshape(v.shape), x(2, 4, 3, 3))
    export('batch and channels together', lambda v: v.reshape(-1, 4, 5).softmax(1).view(v.shape), a, opsets=(9, 13))
    export('mean, chunk, cat', lambda v: torch.cat([c.mean((2, 3)) for c in v.chunk(3, 1)], 1), a)
    export('split in parts', lambda v: torch.cat(v.split([2, 1], 1)[::-1], 1), a)
    export('slices', lambda v: v[:, 1:, ::2, -3:-1], a, opsets=(11, 13, 17))
    export('select', lambda v: v[:, 1] + v[:, :, 2].sum(1, keepdim=True), a)
    export('transpose', lambda v: v.permute(0, 2, 3, 1), a)
    export('squeeze, unsqueeze', lambda v: v.mean(1, keepdim=True).squeeze(1).unsqueeze(-1), a)
    export('expand', lambda v: v[:, :1].expand(v.shape[0], 3, 4, 5) * v, a)
    export('reflect', nn.ReflectionPad2d((1, 2, 0, 3)), a)
    export('replicate', nn.ReplicationPad2d((1, 2, 3, 0)), a)
    export('pad', nn.ConstantPad2d((1, 0, -1, 2), 1.5), a)
    export('index select', lambda v: v.index_select(2, torch.tensor([3, 0, 0])), a)
    export('shape arithmetic', lambda v: v.reshape(v.shape[0], -1, v.shape[3] // 5 * 2 + 3 - 3), x(2, 3, 4, 5))
    export('dropout, identity', nn.Sequential(nn.Dropout(), nn.Identity()), a)
    export('new zeros', lambda v: torch.cat([v, torch.zeros(v.shape[0], 2, 4, 5)], 1), a)
    export('fixed view', lambda v: v.view(1, 60), x(1, 3, 4, 5), opsets=(9, 13), fixed=True)
    export('fixed view of more', lambda v: v.view(2, -1).relu(), a, opsets=(13,), fixed=True)
    export('fixed to the batch', lambda v: v.reshape(3, 2, 20).softmax(-1), a, opsets=(13,), fixed=True)
    node('Slice attributes', 'Slice', [a], a[:, 1:, :-1], 9, axes=[1, 2], starts=[1, 0], ends=[100, -1])
    node('Slice backwards', 'Slice', [a], a.flip(1, 3)[:, :, :, ::2], 13, dict(s=ints(-1, -1), e=ints(-100, -9223372036854775807), x=ints(1, 3), t=ints(-1, -2)))
    node('Concat rows', 'Concat', [a, x(2, 3, 1, 5) * 0], torch.cat([a, torch.zeros(2, 3, 1, 5)], 2), 13, axis=-2)
    node('Split by attribute', 'Split', [a], list(a.split([1, 2], 1)), 11, axis=1, split=[1, 2])
    node('Split by input', 'Split', [a], list(a.split([1, 3], 2)), 13, dict(s=ints(1, 3)), axis=2)
    node('Split by number', 'Split', [a], list(a.split(2, -1)), 18, axis=-1, num_outputs=3)
    node('Reshape with 0', 'Reshape', [a], a.view(2, 12, 5), 13, dict(s=ints(0, -1, 5)))
    node('Flatten axis 3', 'Flatten', [a], a.view(24, 5), 13, axis=3)
    node('Flatten axis 0', 'Flatten', [a], a.view(1, 120), 9, axis=0, free=False)
    node('Pad opset 2', 'Pad', [a], F.pad(a, (1, 0, 0, 2)), 7, pads=[0, 0, 0, 1, 0, 0, 2, 0])
    node('Pad axes', 'Pad', [a], F.pad(a, (2, 1)), 18, dict(p=ints(2, 1), v=floats(0.0), a=ints(-1)))
    node('Gather scalar', 'Gather', [a], a[:, :, 3], 13, dict(i=np.array(-1, np.int64)), axis=2)
    node('Gather constant table', 'Gather', [a[:, 0, 0]], a[:, 0, 0][:, [[1, 0], [4, 4]]], 13, dict(i=np.array([[1, 0], [4, 4]], np.int64)), axis=1)


def main():
    for make in (convolutions, fusions, products, activations, pools, arithmetic, shapes):
        make()
    block = lambda b: struct.pack('<I', len(b)) + b
    tensor = lambda t: struct.pack('<I', t.ndim) + struct.pack(f'<{t.ndim}I', *t.shape) + t.astype('<f4').tobytes()
    out = b''
    for name, model, inputs, outputs in cases:
        out += block(name.encode()) + block(model)
        for tensors in (inputs, outputs):
            out += struct.pack('<I', len(tensors)) + b''.join(tensor(t) for t in tensors)
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), 'layers.bin.gz')
    with open(path, 'wb') as f:
        f.write(gzip.compress(out, 9, mtime=0))
    print(f'{len(cases)} cases, {os.path.getsize(path)} bytes')


if __name__ == '__main__':
    main()
