"""quantize_answers.py MODEL.onnx FOLDER INFER: compares weir with ONNX Runtime on a file of the program `quantize`, on
Fashion-MNIST: at most one step apart in the last quantised tensor, the same classes but where two are equally likely."""
import gzip
import os
import subprocess
import sys

import numpy
import onnx
import onnx.numpy_helper

model, folder, infer = sys.argv[1:]
tools = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench', 'peers')
with gzip.open('/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz') as f:
    pixels = numpy.frombuffer(f.read(16 + 784 * 500), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)[300:]
x = ((pixels / 255 - 0.286) / 0.353).astype(numpy.float32)
numpy.save(f'{folder}/x.npy', x)
x.tofile(f'{folder}/x.f32')


def answers(file):
    """What weir and ONNX Runtime make of the first output."""
    subprocess.run([infer, '--onnx', file, '--input', f'{folder}/x.npy', '--output', f'{folder}/y.npy'], check=True)
    subprocess.run(['node', f'{tools}/onnxruntime_answer.cjs', file, f'{folder}/x.f32', f'{folder}/y.f32',
                    *map(str, x.shape)], check=True)
    ours = numpy.load(f'{folder}/y.npy')
    return ours, numpy.fromfile(f'{folder}/y.f32', numpy.float32).reshape(ours.shape)


graph = onnx.load(model)
onnx.checker.check_model(graph)
ours, theirs = answers(model)
best = ours.argmax(1)
second = numpy.sort(ours, 1)[:, -2]
differ = (best != theirs.argmax(1)) & (ours.max(1) - second > 0.05)
assert not differ.any(), f'{differ.sum()} classes differ'

constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.graph.initializer}
last = [n for n in graph.graph.node if n.op_type == 'QuantizeLinear'][-1]
back = next(n for n in graph.graph.node if n.op_type == 'DequantizeLinear' and n.input[0] == last.output[0])
del graph.graph.output[:]
graph.graph.output.append(onnx.helper.make_tensor_value_info(back.output[0], onnx.TensorProto.FLOAT, None))
onnx.save(graph, f'{folder}/last.onnx')
ours, theirs = answers(f'{folder}/last.onnx')
steps = numpy.abs(ours - theirs) / constants[last.input[1]]
assert steps.max() < 1.01, f'{steps.max()} steps apart'
print(f'{len(x)} images: {(steps > 0.5).mean():.2%} of the last quantised tensor one step apart, logits '
      'of the same classes')
