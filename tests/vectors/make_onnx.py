"""Small ONNX networks by the onnx package, for tests/io/onnx/onnx_test.cpp. Run: /usr/bin/python3 tests/vectors/make_onnx.py

Writes onnx/*.onnx and onnx/*.bin beside this file. Every one holds ten weights 0.5, 1.5, .. (or 0, 1, .. for integers)
in the tensor 'w'; the tests damage these files further.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'onnx')
os.makedirs(FOLDER, exist_ok=True)
FLOATS = np.arange(10, dtype=np.float64) + 0.5


def value(name, dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def save(name, nodes, initialisers, inputs=None, outputs=None, opsets=(('', 13),), **arguments):
    graph = helper.make_graph(nodes, 'g', inputs or [value('x', ['N', 10])], outputs or [value('y', ['N', 10])], initialisers)
    model = helper.make_model(graph, producer_name='', opset_imports=[helper.make_opsetid(*o) for o in opsets], **arguments)
    model.ir_version = 7
    with open(os.path.join(FOLDER, name + '.onnx'), 'wb') as f:
        f.write(model.SerializeToString())


ADD = [helper.make_node('Add', ['x', 'w'], ['y'], 'add')]

# 'w' in every element type, raw and typed.
for kind, dtype in (('float', np.float32), ('double', np.float64), ('float16', np.float16), ('int8', np.int8),
                    ('uint8', np.uint8), ('int16', np.int16), ('uint16', np.uint16), ('int32', np.int32),
                    ('uint32', np.uint32), ('int64', np.int64), ('uint64', np.uint64), ('bool', np.bool_)):
    values = FLOATS if np.issubdtype(dtype, np.floating) else np.arange(10) - (2 if np.issubdtype(dtype, np.signedinteger) else 0)
    array = values.astype(dtype)
    save(kind + '_raw', ADD, [numpy_helper.from_array(array, 'w')])
    typed = array.view(np.uint16) if dtype == np.float16 else array
    tensor = TensorProto(name='w', dims=[10], data_type=helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)])
    field = {'float': 'float_data', 'double': 'double_data', 'int64': 'int64_data', 'uint32': 'uint64_data',
             'uint64': 'uint64_data'}.get(kind, 'int32_data')
    getattr(tensor, field).extend(typed.tolist())
    save(kind + '_typed', ADD, [tensor])
bfloat = TensorProto(name='w', dims=[10], data_type=TensorProto.BFLOAT16)
bfloat.raw_data = (FLOATS.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
save('bfloat16_raw', ADD, [bfloat])
for kind in ('STRING', 'COMPLEX64'):
    tensor = TensorProto(name='w', dims=[1], data_type=getattr(TensorProto, kind))
    if kind == 'STRING':
        tensor.string_data.append(b'a')
    else:
        tensor.float_data.extend([1, 2])
    save(kind.lower(), ADD, [tensor])

# External data: ten floats at offset 8.
external = TensorProto(name='w', dims=[10], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
for key, text in (('location', 'external.bin'), ('offset', '8'), ('length', '40')):
    external.external_data.add(key=key, value=text)
save('external', ADD, [external])
with open(os.path.join(FOLDER, 'external.bin'), 'wb') as f:
    f.write(b'12345678' + FLOATS.astype(np.float32).tobytes() + b'rest')

# Unsorted nodes, Constant nodes of every kind, an initialiser that is an input too (IR version 3), attributes.
weights = numpy_helper.from_array(FLOATS.astype(np.float32), 'w')
tensor = numpy_helper.from_array(np.array([[1, 2]], np.int64), '')
save('graph', [
    helper.make_node('Add', ['b', 'c1'], ['y'], 'last'),
    helper.make_node('Add', ['a', 'c0'], ['b']),
    helper.make_node('Clip', ['x', '', 'c0'], ['a'], 'first', mode='m', f=1.5, i=-3, ints=[1, -2], floats=[0.5, 2.0], t=tensor),
    helper.make_node('Constant', [], ['c0'], value_float=2.5),
    helper.make_node('Constant', [], ['c1'], value_floats=[1.0, 2.0]),
    helper.make_node('Constant', [], ['c2'], value_int=7),
    helper.make_node('Constant', [], ['c3'], value_ints=[7, 8]),
    helper.make_node('Constant', [], ['c4'], value=tensor),
], [weights], inputs=[value('x', ['N', 10]), value('w', [10])], opsets=(('ai.onnx.ml', 2), ('ai.onnx', 11)))
save('double_input', ADD, [weights], inputs=[value('x', ['N', 10], TensorProto.DOUBLE)])
save('int_input', ADD, [weights], inputs=[value('x', ['N', 10], TensorProto.INT64)])
save('other_domain', [helper.make_node('Add', ['x', 'w'], ['y'], 'add', domain='com.microsoft')], [weights],
     opsets=(('', 13), ('com.microsoft', 1)))
branch = helper.make_graph([helper.make_node('Identity', ['x'], ['z'])], 'b', [], [value('z', ['N', 10])])
save('control_flow', [helper.make_node('If', ['x'], ['y'], 'if', then_branch=branch, else_branch=branch)], [])
sparse = helper.make_sparse_tensor(numpy_helper.from_array(np.ones(1, np.float32), 'w'),
                                   numpy_helper.from_array(np.zeros(1, np.int64), 'i'), [10])
graph = helper.make_graph(ADD, 'g', [value('x', ['N', 10])], [value('y', ['N', 10])], sparse_initializer=[sparse])
with open(os.path.join(FOLDER, 'sparse.onnx'), 'wb') as f:
    f.write(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)]).SerializeToString())
