"""Fixtures: the networks of the repository, and traces that cost nothing to make."""
import os
import subprocess

import numpy as np
import pytest

weir = pytest.importorskip('weir', reason='the Python module is not built')

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NETWORKS = os.path.join(ROOT, 'bench', 'networks')
PREPROCESS = {'input': {'channels': 1, 'height': 28, 'width': 28}, 'scale': 1 / 255, 'mean': [0.286], 'std': [0.353]}


def network(name):
    return os.path.join(NETWORKS, f'fashion_{name}.onnx')


@pytest.fixture(scope='session')
def resnet():
    return weir.load_onnx(network('resnet'))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(6, 1, 28, 28)).astype(np.float32)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)


def make_trace(n=3000, seed=0, stages=2):
    """Each further stage sees the class with less noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 4, n)
    clean = np.eye(4)[label] * 4
    hard = rng.exponential(1.0, (n, 1))
    answers = {}
    for k in range(stages):
        noise = rng.normal(size=(n, 4)) * hard * 2.0 / (1 + 2 * k)
        answers[f'stage{k}'] = (softmax(clean + noise), 1e-3 * 4**k)
    return weir.Trace.from_probabilities(answers, label)


@pytest.fixture(scope='session')
def traces():
    return make_trace(2000, 1), make_trace(2000, 2), make_trace(1000, 3)


@pytest.fixture(scope='session')
def fitted(traces):
    return weir.ExitPolicy(max_loss=0.02).fit(traces[0]).calibrate(traces[1])


@pytest.fixture(scope='session')
def reference():
    """Runs tests/python/reference.cpp; skips where it is not built."""
    program = os.environ.get('WEIR_REFERENCE', '')
    if not os.path.exists(program):
        pytest.skip('WEIR_REFERENCE names no program')
    return lambda *arguments: subprocess.run([program, *map(str, arguments)], check=True)


@pytest.fixture(scope='session')
def pixels():
    """Smooth grey images that networks disagree on."""
    i, y, x_ = np.meshgrid(np.arange(40), np.arange(28), np.arange(28), indexing='ij')
    return (127 + 127 * np.sin(0.05 * i * x_ + i) * np.cos(0.1 * y - i)).astype(np.uint8)
