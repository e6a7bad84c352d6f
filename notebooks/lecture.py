"""What the chapters share: recorded answers, images, the look of figures. The ideas are in the chapters themselves.

`networks.npz`, `exits.npz` and `darkened.npz` are what networks answered; `record.py` made them. They hold of each
answer the two most likely classes and what they were given, in 4 bytes. What is left is spread evenly over the other
classes.
Images come from Debian's package dataset-fashion-mnist: chapter 2 needs it, chapter 1 does without where it is missing.
"""
import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import weir

HERE = Path(__file__).resolve().parent
SMALL = HERE / 'small_resnet.onnx'  # made by small.py
PIXELS = Path('/usr/share/datasets/fashion-mnist')  # Debian: dataset-fashion-mnist
CLASSES = ['T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot']
LOGIT, SHARE = 32, 64  # steps of the two numbers that are kept

plt.rcParams.update({'figure.figsize': (7, 3.4), 'figure.dpi': 80, 'savefig.bbox': 'tight', 'font.size': 9,
                     'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True, 'grid.alpha': 0.3,
                     'image.cmap': 'gray'})


def pack(p):
    """[n, 10] probabilities as three columns of small integers: classes, log-odds of the first, share of the second."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(-p, axis=1, kind='stable')
    first, second = (np.take_along_axis(p, order[:, [k]], 1)[:, 0] for k in (0, 1))
    rest = np.maximum(p.sum(1) - first, 1e-7)
    logit = np.clip(np.rint(LOGIT * np.log(first / rest)), -LOGIT * 2, LOGIT * 14)
    return (10 * order[:, 0] + order[:, 1]).astype(np.uint8), logit.astype(np.int16), \
        np.rint(SHARE * np.minimum(second / rest, 1)).astype(np.uint8)


def unpack(classes, logit, share):
    """[n, 10] float32: what pack() took, to three digits."""
    first = 1 / (1 + np.exp(-logit.astype(np.float64) / LOGIT))
    rest = 1 - first
    second = np.minimum(rest * share / SHARE, first)
    p = np.repeat(((rest - second) / 8)[:, None], 10, axis=1)
    rows = np.arange(len(p))
    p[rows, classes // 10], p[rows, classes % 10] = first, second
    return p.astype(np.float32)


class Recorded:
    """p[name]: [n, 10] probabilities; labels: [n]; seconds[name]: what the stage costs an image, and answer[name] the
    part of it that only answering costs; policy, calibration, test: where these parts lie."""

    def __init__(self, file):
        with np.load(HERE / file) as f:
            self.labels = f['labels'].astype(int)
            self.names = [str(name) for name in f['names']]
            self.seconds = dict(zip(self.names, f['seconds'].tolist()))
            self.answer = dict(zip(self.names, f['answer'].tolist()))
            self.network = str(f['network'])
            self.p = {name: unpack(*(f[f'{name}.{column}'] for column in ('classes', 'logit', 'share')))
                      for name in self.names}
            ends = np.cumsum(f['parts'])
        self.policy, self.calibration, self.test = (slice(int(a), int(b)) for a, b in zip([0, *ends], ends))

    def loss(self, name, part):
        """[n] 1 where the stage's answer is wrong."""
        return (self.p[name][part].argmax(1) != self.labels[part]).astype(float)

    def trace(self, part, names=None):
        """A weir.Trace of some stages, of all if names is None."""
        trace = weir.Trace.from_probabilities(
            {name: (self.p[name][part], self.seconds[name]) for name in names or self.names}, self.labels[part])
        if not self.network:
            return trace
        # Stages of one network: skipping an exit saves its head, not the layers before it.
        return weir.Trace.from_stages([{**stage, 'network': self.network, 'answer_cost': self.answer[stage['name']]}
                                       for stage in trace.stages], trace.labels)


def networks():
    """Three networks: 5,000 images of the policy part, 5,000 of the calibration part, 10,000 of the test part."""
    return Recorded('networks.npz')


def exits():
    """Three exits inside the ResNet, each with a head of one layer and one of two, on the first images of each part.
    The seconds of a stage are those after the exit before it."""
    return Recorded('exits.npz')


def darkened():
    """{0.6, 0.4: {network: probabilities of the first 1,000 images of the test part}}, all pixels times that number."""
    with np.load(HERE / 'darkened.npz') as f:
        return {light: {name: unpack(*(f[f'{name}.{light}.{column}'] for column in ('classes', 'logit', 'share')))
                        for name in ('alexnet', 'resnet')} for light in (0.6, 0.4)}


def have_images():
    return PIXELS.is_dir()


def images(file, start, n):
    """uint8 [n, 28, 28] of 'train' or 't10k', in the dataset's order. No chapter's networks saw train[50000:]."""
    if not have_images():
        raise FileNotFoundError(f'The images of Fashion-MNIST are not in {PIXELS}. Debian and Ubuntu: '
                                'apt install dataset-fashion-mnist')
    with gzip.open(PIXELS / f'{file}-images-idx3-ubyte.gz') as f:
        f.read(16 + 784 * start)
        return np.frombuffer(f.read(784 * n), np.uint8).reshape(n, 28, 28)


def labels(file, start, n):
    with gzip.open(PIXELS / f'{file}-labels-idx1-ubyte.gz') as f:
        return np.frombuffer(f.read()[8 + start:8 + start + n], np.uint8).astype(int)


def normalise(pixels):
    """float32 [n, 1, 28, 28], as the networks were trained."""
    return ((pixels.astype(np.float32) / 255 - 0.286) / 0.353)[:, None]


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
