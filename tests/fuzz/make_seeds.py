#!/usr/bin/python3
"""Writes seeds.tar.gz, what the fuzz targets start from: onnx/ and files/.

onnx/: the networks of ../vectors/layers.bin.gz and ../vectors/onnx, and some made here. files/: one of each format and
kind that files_fuzz.cpp reads; the first byte says which (KINDS). The archive is the same bytes for the same inputs.
Usage: make_seeds.py [seeds.tar.gz]   (numpy, onnx)
"""
import gzip, io, json, os, struct, sys, tarfile
import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, '..', 'vectors')
KINDS = ['npy', 'idx', 'csv', 'image', 'policy', 'trace', 'models', 'labels', 'labels_npy', 'cifar', 'costs']
seeds = {}


def read(*path):
    with open(os.path.join(VECTORS, *path), 'rb') as f:
        return f.read()


def vectors():
    """Networks of layers.bin.gz (make_layers.py says how they lie there)."""
    data = gzip.decompress(read('layers.bin.gz'))
    at = 0

    def block():
        nonlocal at
        n, = struct.unpack_from('<I', data, at)
        at += 4 + n
        return data[at - n:at]
    while at < len(data):
        block()
        yield block()
        for _ in range(2):
            n, = struct.unpack_from('<I', data, at)
            at += 4
            for _ in range(n):
                rank, = struct.unpack_from('<I', data, at)
                dims = struct.unpack_from(f'<{rank}I', data, at + 4)
                at += 4 + 4 * rank + 4 * int(np.prod(dims, dtype=np.int64))


def network(name, nodes, shape, constants=None, opset=13, outputs=('y',), inputs=None):
    """nodes: (operator or domain::operator, inputs, outputs, attributes)."""
    made = [helper.make_node(op.split('::')[-1], i, o, domain=op.rpartition('::')[0], **a) for op, i, o, a in nodes]
    domains = sorted({node.domain for node in made} - {''})
    value = lambda n, dims: helper.make_tensor_value_info(n, TensorProto.FLOAT, dims)
    given = [numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()]
    graph = helper.make_graph(made, 'g', [value(n, s) for n, s in (inputs or {'x': shape}).items()],
                              [value(n, None) for n in outputs], given)
    model = helper.make_model(graph, producer_name='', opset_imports=[
        helper.make_opsetid('', opset), *(helper.make_opsetid(domain, 1) for domain in domains)])
    model.ir_version = 8
    seeds[f'onnx/made_{name}'] = model.SerializeToString()


def networks():
    seen = set()
    for onnx in vectors():
        if onnx not in seen and len(onnx) <= 6000:
            seeds[f'onnx/vector_{len(seen):03}'] = onnx
            seen.add(onnx)
    for name in sorted(os.listdir(os.path.join(VECTORS, 'onnx'))):
        if name.endswith('.onnx'):
            seeds['onnx/' + name[:-5]] = read('onnx', name)
    f = lambda *s: (np.arange(int(np.prod(s))) % 9 - 4).reshape(s).astype(np.float32) / 8
    i = lambda *v: np.array(v, np.int64)
    conv = ('Conv', ['x', 'w'], ['c'], {})
    pads = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    # What exporters write for x.view(x.size(0), -1), a class token, and the same with the batch given.
    view = [('Shape', ['c'], ['s'], {}), ('Slice', ['s', 'zero', 'one'], ['n'], {}),
            ('Concat', ['n', 'rest'], ['t'], dict(axis=0)), ('Reshape', ['c', 't'], ['y'], {})]
    network('view', [conv] + view, ['N', 1, 4, 4], dict(w=f(2, 1, 1, 1), zero=i(0), one=i(1), rest=i(-1)))
    network('token', [('Shape', ['x'], ['s'], {}), ('Slice', ['s', 'zero', 'one'], ['n'], {}),
                      ('Concat', ['n', 'rest'], ['t'], dict(axis=0)), ('Expand', ['token', 't'], ['e'], {}),
                      ('Concat', ['e', 'x'], ['y'], dict(axis=1))], ['N', 3, 4],
            dict(token=f(1, 1, 4), zero=i(0), one=i(1), rest=i(1, 4)))
    network('flatten_zero', [conv, ('Reshape', ['c', 't'], ['y'], dict(allowzero=1))], [2, 1, 4, 4],
            dict(w=f(2, 1, 1, 1), t=i(2, 32)), opset=14)
    # A residual block with odd channels, and one whose sides broadcast.
    network('residual', [('Conv', ['x', 'w', 'b'], ['c'], pads), ('Relu', ['c'], ['r'], {}),
                         ('Conv', ['r', 'w', 'b'], ['d'], pads), ('Add', ['d', 'x'], ['a'], {}), ('Relu', ['a'], ['y'], {})],
            ['N', 9, 5, 7], dict(w=f(9, 9, 3, 3)[:, :9], b=f(9)))
    network('broadcast', [('Conv', ['x', 'w'], ['c'], {}), ('ReduceMean', ['c'], ['m'], dict(axes=[2, 3], keepdims=1)),
                          ('Sigmoid', ['m'], ['g'], {}), ('Mul', ['c', 'g'], ['y'], {})], ['N', 3, 4, 4], dict(w=f(17, 3, 1, 1)))
    network('depthwise', [('Conv', ['x', 'w'], ['c'], dict(group=16, **pads)), ('HardSwish', ['c'], ['h'], {}),
                          ('Conv', ['h', 'v'], ['y'], {})], ['N', 16, 6, 6], dict(w=f(16, 1, 3, 3), v=f(5, 16, 1, 1)), opset=14)
    network('batch_norm', [('Conv', ['x', 'w'], ['c'], {}), ('BatchNormalization', ['c', 's', 's', 's', 'v'], ['n'], {}),
                           ('Clip', ['n', 'low', 'high'], ['k'], {}), ('MaxPool', ['k'], ['p'], dict(kernel_shape=[2, 2])),
                           ('GlobalAveragePool', ['p'], ['q'], {}), ('Flatten', ['q'], ['t'], {}),
                           ('Gemm', ['t', 'z'], ['u'], dict(transB=1)), ('Softmax', ['u'], ['y'], {})],
            ['N', 3, 6, 6], dict(w=f(8, 3, 3, 3), s=f(8), v=np.abs(f(8)) + 1, low=np.float32(0), high=np.float32(6), z=f(5, 8)))
    network('sums', [('Sum', ['a', 'b', 'x'], ['y'], {}), ('Max', ['x', 'a', 'b'], ['z'], {})], ['N', 2, 3],
            dict(a=f(1), b=f(1)), outputs=('y', 'z'))
    network('branches', [('Split', ['x', 'l'], ['a', 'b'], dict(axis=1)), ('Exp', ['a'], ['c'], {}), ('Tanh', ['b'], ['d'], {}),
                         ('Concat', ['d', 'c'], ['y'], dict(axis=1)), ('Gather', ['y', 'k'], ['z'], dict(axis=1))],
            ['N', 5, 2, 2], dict(l=i(2, 3), k=i(4, 0, -1)), outputs=('y', 'z'))
    network('attention', [('MatMul', ['x', 'q'], ['a'], {}), ('MatMul', ['x', 'q'], ['b'], {}),
                          ('Transpose', ['b'], ['t'], dict(perm=[0, 2, 1])), ('MatMul', ['a', 't'], ['s'], {}),
                          ('Softmax', ['s'], ['p'], dict(axis=-1)), ('MatMul', ['p', 'x'], ['y'], {})], ['N', 5, 4], dict(q=f(4, 4)))
    network('rare', [('Softsign', ['x'], ['a'], {}), ('Dropout', ['a'], ['b'], {}), ('Mish', ['b'], ['m'], {}),
                     ('Cast', ['m'], ['c'], dict(to=1)), ('GlobalMaxPool', ['c'], ['y'], {})], ['N', 2, 3, 3], opset=18)
    # One small network for each operator that no vector has. What makes truth values is used as exporters use it, to
    # choose; what makes integers is cast.
    near, high = ('Mul', ['x', 'small'], ['n'], {}), ('Add', ['x', 'eight'], ['n'], {})
    one = dict(small=np.float32(0.125), eight=np.float32(8))
    for op, before in dict(Acos=near, Acosh=high, Asin=near, Asinh=near, Atan=near, Atanh=near, Celu=near, Cos=near, Cosh=near,
                           Hardmax=near, Round=near, Shrink=near, Sign=near, Sin=near, Sinh=near, Swish=near, Tan=near,
                           ThresholdedRelu=near).items():
        network('one_' + op, [before, (op, ['n'], ['y'], {})], ['N', 2, 5], one, opset=24 if op == 'Swish' else 17)
    choose = ('Where', ['t', 'x', 'eight'], ['y'], {})
    for op in ('Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'):
        network('truth_' + op, [(op, ['x', 'small'], ['t'], {}), choose], ['N', 2, 5], one, opset=17)
    for op in ('IsNaN', 'IsInf'):
        network('truth_' + op, [(op, ['x'], ['t'], {}), choose], ['N', 2, 5], one, opset=20)
    both = [('Greater', ['x', 'small'], ['g'], {}), ('Less', ['x', 'eight'], ['l'], {})]
    for op in ('And', 'Or', 'Xor'):
        network('truth_' + op, both + [(op, ['g', 'l'], ['t'], {}), choose], ['N', 2, 5], one, opset=17)
    network('truth_Not', [both[0], ('Not', ['g'], ['t'], {}), choose], ['N', 2, 5], one, opset=17)
    for op in ('ArgMax', 'ArgMin'):
        network('index_' + op, [(op, ['x'], ['i'], dict(axis=1, keepdims=1)), ('Cast', ['i'], ['y'], dict(to=1))], ['N', 4, 3])
    network('index_TopK', [('TopK', ['x', 'k'], ['y', 'i'], dict(axis=1)), ('Cast', ['i'], ['z'], dict(to=1))], ['N', 6],
            dict(k=i(3)), opset=11, outputs=('y', 'z'))
    for op in ('ReduceL1', 'ReduceL2', 'ReduceLogSumExp', 'ReduceProd', 'ReduceSumSquare', 'ReduceLogSum'):
        nodes = [('Abs', ['x'], ['a'], {}), ('Add', ['a', 'eight'], ['b'], {}), (op, ['b'], ['y'], dict(axes=[1, 2]))]
        network('reduce_' + op, nodes, ['N', 3, 2, 2], dict(eight=np.float32(8)), opset=13)
    for op in ('DepthToSpace', 'SpaceToDepth'):
        network('move_' + op, [(op, ['x'], ['y'], dict(blocksize=2))], ['N', 8, 4, 4])
    network('conv_transpose', [('ConvTranspose', ['x', 'w', 'b'], ['y'], dict(strides=[2, 2], pads=[1, 1, 1, 1], group=2))],
            ['N', 4, 3, 3], dict(w=f(4, 3, 3, 3), b=f(6)), opset=11)
    network('resize_linear', [('Resize', ['x', '', 'scales'], ['y'], dict(mode='linear'))], ['N', 2, 3, 3],
            dict(scales=np.array([1, 1, 2, 1.5], np.float32)), opset=13)
    network('resize_nearest', [('Resize', ['x', '', '', 'sizes'], ['y'], dict(mode='nearest', nearest_mode='floor'))],
            ['N', 2, 3, 3], dict(sizes=i(1, 2, 5, 6)), opset=13)
    network('resize_cubic', [('Resize', ['x', '', 'scales'], ['y'], dict(mode='cubic'))], ['N', 2, 4, 4],
            dict(scales=np.array([1, 1, 2, 2], np.float32)), opset=13)
    network('upsample', [('Upsample', ['x', 'scales'], ['y'], dict(mode='nearest'))], ['N', 2, 3, 3],
            dict(scales=np.array([1, 1, 2, 2], np.float32)), opset=9)
    network('pool_lp', [('LpPool', ['x'], ['l'], dict(kernel_shape=[2, 2], p=2)), ('GlobalLpPool', ['l'], ['y'], dict(p=2))],
            ['N', 2, 4, 4], opset=11)
    network('move_Tile', [('Tile', ['x', 'r'], ['y'], {})], ['N', 2, 3], dict(r=i(1, 2, 2)))
    network('move_Trilu', [('Trilu', ['x'], ['y'], dict(upper=0))], ['N', 4, 4], opset=14)
    network('move_Einsum', [('Einsum', ['x', 'w'], ['y'], dict(equation='bij,jk->bik'))], ['N', 2, 3], dict(w=f(3, 4)))
    network('move_Einsum_batch', [('Einsum', ['x', 'x'], ['y'], dict(equation='bij,bkj->bik'))], ['N', 2, 3])
    network('move_ScatterND', [('ScatterND', ['data', 'at', 'v'], ['m'], {}), ('Add', ['x', 'm'], ['y'], {})], ['N', 4, 3],
            dict(data=f(4, 3), at=i(1, 3).reshape(2, 1), v=f(2, 3)), opset=16)
    # Eight bits: operators on integers, the same between DequantizeLinear and QuantizeLinear, and what is quantised as it runs.
    q = lambda *shape: (np.arange(int(np.prod(shape))) % 9 - 4).reshape(shape).astype(np.int8)
    eight = dict(s=np.float32(0.05), z=np.uint8(128), sw=np.float32(0.02), zw=np.int8(0), w=q(4, 2, 3, 3), m=q(6, 5), b=np.arange(4, dtype=np.int32))
    into, back = ('QuantizeLinear', ['x', 's', 'z'], ['a'], {}), ('DequantizeLinear', ['c', 's', 'z'], ['y'], {})
    network('eight_conv', [into, ('QLinearConv', ['a', 's', 'z', 'w', 'sw', 'zw', 's', 'z', 'b'], ['c'], pads), back], ['N', 2, 5, 5], eight)
    network('eight_matmul', [into, ('QLinearMatMul', ['a', 's', 'z', 'm', 'sw', 'zw', 's', 'z'], ['c'], {}), back], ['N', 6], eight)
    network('eight_qdq', [into, ('DequantizeLinear', ['a', 's', 'z'], ['d'], {}), ('DequantizeLinear', ['w', 'sw', 'zw'], ['v'], {}),
                          ('Conv', ['d', 'v'], ['e'], pads), ('QuantizeLinear', ['e', 's', 'z'], ['c'], {}), back], ['N', 2, 5, 5], eight)
    for op, weights, rest, shape in (('ConvInteger', 'w', pads, ['N', 2, 5, 5]), ('MatMulInteger', 'm', {}, ['N', 6])):
        network('eight_' + op, [('DynamicQuantizeLinear', ['x'], ['a', 'sa', 'za'], {}), (op, ['a', weights, 'za'], ['i'], rest),
                                ('Cast', ['i'], ['c'], dict(to=1)), ('Mul', ['c', 'sa'], ['y'], {})], shape, eight)
    step = ['s', 'z']
    for op, given, rest, shape in (
            ('QLinearAdd', ['a'] + step + ['a'] + step + step, {}, ['N', 2, 3, 3]),
            ('QLinearMul', ['a'] + step + ['a'] + step + step, {}, ['N', 2, 3, 3]),
            ('QLinearConcat', step + ['a'] + step + ['a'] + step, dict(axis=1), ['N', 2, 3, 3]),
            ('QLinearAveragePool', ['a'] + step + step, pads, ['N', 2, 4, 4]),
            ('QLinearGlobalAveragePool', ['a'] + step + step, dict(channels_last=0), ['N', 2, 3, 3]),
            ('QLinearLeakyRelu', ['a'] + step + step, dict(alpha=0.1), ['N', 2, 3]),
            ('QLinearSigmoid', ['a'] + step + step, {}, ['N', 2, 3]),
            ('QLinearSoftmax', ['a'] + step + step, dict(axis=1, opset=13), ['N', 5]),
            ('QGemm', ['a'] + step + ['m', 'sw', 'zw', 'b5'] + step, dict(transB=0), ['N', 6])):
        network('eight_' + op, [into, ('com.microsoft::' + op, given, ['c'], rest), back], shape,
                dict(eight, b5=np.arange(5, dtype=np.int32)))
    # Indices: constant ones, and those that ArgMax finds.
    found = ('ArgMax', ['x'], ['i'], dict(axis=2, keepdims=1))
    network('index_Gather', [('ArgMax', ['x'], ['i'], dict(axis=2, keepdims=0)), ('Gather', ['t', 'i'], ['y'], {})], ['N', 2, 3],
            dict(t=f(3, 4)))
    network('index_GatherElements', [found, ('GatherElements', ['x', 'i'], ['y'], dict(axis=2))], ['N', 2, 3])
    network('index_GatherND', [found, ('GatherND', ['x', 'i'], ['y'], dict(batch_dims=2))], ['N', 2, 3])
    network('index_GatherND_constant', [('Transpose', ['x'], ['t'], dict(perm=[1, 2, 0])), ('GatherND', ['t', 'k'], ['g'], {}),
                                        ('Transpose', ['g'], ['y'], dict(perm=[1, 0]))], ['N', 3, 2],
            dict(k=i(2, -1, 0, 1).reshape(2, 2)))
    for reduction in ('none', 'add', 'mul', 'max', 'min'):
        network('index_ScatterElements_' + reduction,
                [found, ('Cos', ['x'], ['c'], {}), ('Slice', ['c', 'zero', 'one', 'two'], ['u'], {}),
                 ('ScatterElements', ['x', 'i', 'u'], ['y'], dict(axis=2, reduction=reduction))], ['N', 2, 3],
                dict(zero=i(0), one=i(1), two=i(2)), opset=18)
    network('index_Scatter', [('Scatter', ['t', 'k', 'v'], ['m'], dict(axis=1)), ('Add', ['x', 'm'], ['y'], {})], ['N', 4],
            dict(t=f(1, 4), k=i(2, 0).reshape(1, 2), v=f(1, 2)), opset=9)
    network('index_Scatter_found', [('ArgMax', ['x'], ['i'], dict(axis=2, keepdims=1)), ('Cos', ['x'], ['c'], {}),
                                    ('Slice', ['c', 'zero', 'one', 'two'], ['u'], {}),
                                    ('Scatter', ['x', 'i', 'u'], ['y'], dict(axis=2))], ['N', 2, 3],
            dict(zero=i(0), one=i(1), two=i(2)), opset=10)
    network('index_ScatterND', [('ScatterND', ['x', 'at', 'v'], ['y'], {})], [1, 4, 3],
            dict(at=i(0, 1, 0, 3).reshape(2, 2), v=f(2, 3)), opset=16)
    network('sum_CumSum', [('CumSum', ['x', 'k'], ['y'], dict(exclusive=1, reverse=1))], ['N', 2, 3], dict(k=i(-1)))
    network('sum_Range', [('Range', ['a', 'b', 'c'], ['r'], {}), ('Add', ['x', 'r'], ['y'], {})], ['N', 4],
            dict(a=np.float32(0), b=np.float32(1), c=np.float32(0.25)))
    network('norm_lp', [('LpNormalization', ['x'], ['y'], dict(axis=1, p=1))], ['N', 3, 4])
    network('norm_mean_variance', [('MeanVarianceNormalization', ['x'], ['y'], dict(axes=[2, 3]))], ['N', 2, 3, 3])
    network('Mod', [('Mod', ['x', 'eight'], ['y'], dict(fmod=1))], ['N', 2, 3], dict(eight=np.float32(8)))
    network('norm_layer', [('LayerNormalization', ['x', 's', 'b'], ['y'], {})], ['N', 3, 4], dict(s=f(4), b=f(4)), opset=17)
    network('norm_rms', [('RMSNormalization', ['x', 's'], ['y'], {})], ['N', 3, 4], dict(s=f(4)), opset=23)
    network('norm_instance', [('InstanceNormalization', ['x', 's', 'b'], ['y'], {})], ['N', 4, 3, 3], dict(s=f(4), b=f(4)))
    network('norm_group', [('GroupNormalization', ['x', 's', 'b'], ['y'], dict(num_groups=2))], ['N', 4, 3, 3],
            dict(s=f(4), b=f(4)), opset=21)
    network('two_inputs', [('Sub', ['x', 'z'], ['y'], {})], None, inputs=dict(x=['N', 3], z=['N', 3]))


def gate(learner, model, d=2):
    return dict(n_actions=2, n_features=d, models=[dict(learner=learner, model=model)])


def policies():
    linear = dict(scaling=dict(mean=[0.5, 1], factor=[1, 2.5]), coef=[1.5, -2], intercept=0.25)
    ensemble = dict(n_features=2, base=-0.5, root=[0, 3], feature=[0, 0, 0, 1, 0, 0], left=[1, 0, 0, 4, 0, 0],
                    value=[0.5, -1, 1, 0.25, 2, -2])
    models = {
        'logistic': linear, 'svm': linear, 'squared_svm': linear, 'forest': ensemble, 'boosting': ensemble,
        'kernel_svm': dict(factor=[1, 2], support=[0, 1, 1, 0], coef=[1, -1], gamma=0.5, intercept=0.125, relative_gap=0.001),
        'tree': dict(n_features=2, feature=[1, 0, 0], threshold=[0.5, 0, 0], left=[1, 0, 0], right=[2, 0, 0], value=[0, -1, 1]),
        'threshold': dict(n_features=2, feature=1, threshold=0.75, direction=-1, constant_label=0),
        'isotonic': dict(score=linear, curve=dict(x=[-1, 0, 2], y=[-1, 0.5, 1])),
    }
    head = dict(grid=1, classes=3, weights=[0.5] * 6, bias=[0, 0.25, -0.5], temperature=1.5)
    for learner, model in models.items():
        source = dict(network=0, tensor='t', logits=True)
        if learner == 'svm':
            source['pooled'] = dict(grid=2, pooled=8, weights=[], bias=[], tensor='t')
        if learner == 'logistic':
            source.update(join='mean', score=dict(inputs='history', model=linear))
        last = dict(name='b', next=[], features=[], seconds=0.02, answer_seconds=0, exit_head=None,
                    source=dict(network=0, tensor='u', logits=False), gate=dict(n_actions=1, n_features=0, models=[]))
        first = dict(name='a', next=[1], features=['confidence', 'entropy'], seconds=0.01, answer_seconds=0.001,
                     exit_head=head, source=source, gate=gate(learner, model))
        if learner == 'tree':
            first['gate_b'] = gate('threshold', models['threshold'])
        if learner == 'forest':
            first['gate']['models'][0].update(columns=[1, 0], n_features=2)
        network = dict(file='fuzz.onnx', fnv1a='0000000000000000', rows_leave=True, preprocess=dict(
            input=dict(channels=1, height=4, width=4, layout='NCHW'), resize=4, crop=4, scale=1, mean=[0.5], std=[0.25]))
        yield dict(weir_policy=3, cost_unit='seconds', mix=dict(p=0.5, seed=7), budget=None, provenance=dict(note='n'),
                   cascade=dict(n_classes=3, networks=[network]), stages=[first, last], **{'lambda': [0.5, None]})


def files():
    def add(kind, name, data):
        seeds[f'files/{kind}_{name}'] = bytes([KINDS.index(kind)]) + (data.encode() if isinstance(data, str) else data)
    for name in sorted(os.listdir(os.path.join(VECTORS, 'npy'))):
        add('npy', name, read('npy', name))
    for name in sorted(os.listdir(os.path.join(VECTORS, 'images'))):
        if not name.endswith('.json'):
            add('image', name, read('images', name))
    idx = struct.pack('>4B3I', 0, 0, 8, 3, 2, 3, 4) + bytes(range(24))
    add('idx', 'plain', idx)
    add('idx', 'labels', struct.pack('>4BI', 0, 0, 8, 1, 3) + bytes(3))
    add('idx', 'zipped', gzip.compress(idx, mtime=0))
    add('csv', 'quoted', 'a,"b ""c""",d\r\n1,"2\n3",4\r\n')
    add('csv', 'plain', '\ufefflabel\n1\n2\n')
    for n, policy in enumerate(policies()):
        add('policy', str(n), json.dumps(policy))
        if n == 0:
            add('policy', 'version1', json.dumps(dict(policy, weir_policy=1)))
            watch = dict(n=9, disagreements=2, run_length=1000, features=['confidence'], tests=[
                dict(edges=[0.5], counts=[4, 5]), dict(edges=[0.25, 0.75], counts=[1, 3, 5])])
            linked = json.loads(json.dumps(policy))
            linked['stages'][1].update(exit_head=dict(
                grid=1, classes=3, weights=[0.25] * 15, bias=[0, 0.25, -0.5], earlier=True))
            linked['stages'][1]['source']['sees'] = 'a'
            add('policy', 'version5', json.dumps(dict(linked, weir_policy=5)))
            add('policy', 'version4', json.dumps(dict(policy, weir_policy=4, watch=watch, safer=[
                [stage['gate'] for stage in policy['stages']]])))
    trace = 'label,{0}a.prediction,a.loss,a.{1},a.answer_{1},a.network,a.conf,b.prediction,b.{1}\n'
    row = '1,{0}1,0,0.5,0.25,0,0.75,2,1.5\n0,{0}2,1,0.5,0.25,0,0.5,0,1.5\n'
    add('trace', 'seconds', (trace + row).format('', 'seconds'))
    add('trace', 'cost', (trace.format('cost_unit,', 'cost') + row.format('FLOP,')))
    add('trace', 'groups', 'label,a.prediction,a.seconds,a.feature_seconds.image,a.x\n1,1,0.5,0.125,3\n')
    entry = dict(file='a.onnx', input=dict(channels=3, height=4, width=5, layout='NHWC'), resize=6, crop=5, scale=0.00392,
                 mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.2], channel_order='BGR', interpolation='bilinear')
    grey = dict(file='b.onnx', input=dict(channels=1, height=2, width=2), mean=[0], std=[1], channel_order='GRAY')
    add('models', 'two', json.dumps(dict(models=[entry, grey])))
    add('labels', 'column', 'image,label\na.png,3\nb.png,0\n')
    add('labels', 'only', '3\n0\n')
    add('labels', 'semicolons', 'image;label\na.png;3\n')
    for dtype in ('<i8', '<i4', '|u1'):
        out = io.BytesIO()
        np.save(out, np.array([3, 0, 1], dtype))
        add('labels_npy', dtype[1:], out.getvalue())
    add('cifar', 'one', bytes(3073))
    add('costs', 'table', 'stage,cost,unit,cost@16\na,1,EUR,0.5\nb,5,EUR,1\n')


networks()
files()
out = io.BytesIO()
with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as tar:
    for name, data in sorted(seeds.items()):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
with open(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, 'seeds.tar.gz'), 'wb') as f:
    f.write(gzip.compress(out.getvalue(), 9, mtime=0))
print(len(seeds), 'seeds')
