"""Early exit of a torchvision network: exported on the spot, run by weir, left in the middle by a hook.

The network is a ResNet-18 with random weights, so that nothing is downloaded; the question is whether an image is bright
at the left or at the right. With a network and images of your own, replace the first twenty lines.
"""
import inspect
import os
import tempfile

import numpy as np
import torch
import torchvision
import weir

torch.manual_seed(0)
torch.set_num_threads(1)
model = torchvision.models.resnet18(num_classes=2).eval()


def images(n, seed):
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 3, 64, 64)).astype(np.float32)
    contrast = rng.exponential(0.6, n).astype(np.float32)  # many are hard
    x[side == 0, :, :, :32] += contrast[side == 0, None, None, None]
    x[side == 1, :, :, 32:] += contrast[side == 1, None, None, None]
    return x, side


# PyTorch 2.9 and later export by another way unless told; older ones do not know the word.
as_before = {'dynamo': False} if 'dynamo' in inspect.signature(torch.onnx.export).parameters else {}
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'resnet18.onnx')
    torch.onnx.export(model, torch.zeros(1, 3, 64, 64), path, input_names=['input'], output_names=['logits'],
                      dynamic_axes={'input': {0: 'n'}, 'logits': {0: 'n'}}, **as_before)
    net = weir.load_onnx(path)
x, side = images(200, 1)
with torch.no_grad():
    expected = model(torch.from_numpy(x[:50])).numpy()
difference = np.abs(net(x[:50]) - expected).max() / np.abs(expected).max()
print(f'PyTorch and weir differ by {difference:.1e} of the largest logit')
assert difference < 1e-4

# A head on the activations of the second block: a logistic regression on means over the left and the right half.
place = next(t for t in net.tensor_names if 'layer2' in t and 'Relu' in t)


def pooled(activations):
    half = activations.shape[-1] // 2
    return np.hstack([activations[..., :half].mean((2, 3)), activations[..., half:].mean((2, 3))])


head = weir.LogisticRegression(C=1.0).fit(pooled(net.tensors(x, [place])[place]), side)
run = weir.Executor(net)


@run.on(place)
def leave(step):
    score = head.decision_function(pooled(step.output))
    step.exit(np.abs(score) > 2, (score > 0).astype(int))


x, side = images(100, 2)
result = run(x)
print(f'{result.early.mean():.0%} left at {place}, {(result.labels == side)[result.early].mean():.0%} of them right')
assert 0.1 < result.early.mean() < 1 and (result.labels == side)[result.early].mean() > 0.8
full = net(x)
assert (result.output == full[result.examples]).all()
print('the rest got the same answers as without the hook')
