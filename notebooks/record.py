#!/usr/bin/python3
"""Makes networks.npz, exits.npz and darkened.npz, the traces of the chapters: about two minutes.

    PYTHONPATH=build/python /usr/bin/python3 notebooks/record.py [darkened]     # only that one

Heads see the first 20,000 training images, which the networks were trained on; the policy part is train[50000:55000],
the calibration part train[55000:60000], the test part t10k. Nothing is chosen by looking at any of these three.
"""
import sys
import numpy as np
import weir
from lecture import HERE, images, labels, normalise, pack, softmax

NETWORKS = HERE.parent / 'bench' / 'networks'
EXITS = {'block2': '/2/Relu_1_output_0', 'block4': '/4/Relu_1_output_0', 'block6': '/6/Relu_1_output_0'}
# What stages cost. Not measured here, so that a busy machine cannot spoil them: the networks as one
# AVX-512 machine took (their ratios matter here, not the microseconds), exits by their share of the ResNet's operations,
# a head more than its multiplications take.
SECONDS = {'alexnet': 36e-6, 'googlenet': 158e-6, 'resnet': 537e-6}
HEAD_SECONDS = {'linear': 1e-6, 'hidden': 4e-6}


def pooled(t):
    """[n, C, H, W] -> [n, 4C]: the means of the four quarters."""
    n, c, h, w = t.shape
    h2, w2 = (h + 1) // 2, (w + 1) // 2
    return np.stack([t[:, :, a, b].mean((2, 3)) for a in (slice(h2), slice(h - h2, h))
                     for b in (slice(w2), slice(w - w2, w))], 2).reshape(n, -1)


def run(network, x):
    """The network's probabilities and, at each exit, the pooled activations."""
    seen = {name: [] for name in EXITS}
    hooks = {tensor: lambda step, name=name: seen[name].append(pooled(step.output)) for name, tensor in EXITS.items()}
    executor = weir.Executor(network, hooks=hooks)
    p = np.vstack([softmax(executor(x[i:i + 16]).output) for i in range(0, len(x), 16)])
    return p, {name: np.vstack(rows) for name, rows in seen.items()}


def fit_head(x, target, hidden, epochs=15, rate=2e-3, seed=0):
    """Adam on the cross-entropy with `target` [n, 10]; hidden: units of a layer in between, or 0."""
    random = np.random.default_rng(seed)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    sizes = [x.shape[1], hidden, 10] if hidden else [x.shape[1], 10]
    w = [random.normal(0, np.sqrt(2 / a), (a + 1, b)) * (np.arange(a + 1) < a)[:, None] for a, b in zip(sizes, sizes[1:])]
    m, v = [0 * a for a in w], [0 * a for a in w]
    x = (x - mean) / scale
    step, steps = 0, epochs * (len(x) // 100)
    for _ in range(epochs):
        for rows in random.permutation(len(x))[:len(x) // 100 * 100].reshape(-1, 100):
            h = [x[rows]]
            for k, a in enumerate(w):
                h.append(h[-1] @ a[:-1] + a[-1])
                if k + 1 < len(w):
                    h[-1] = np.maximum(h[-1], 0)
            back, step = (softmax(h[-1]) - target[rows]) / len(rows), step + 1
            for k in reversed(range(len(w))):
                g = np.vstack([h[k].T @ back, back.sum(0)]) + 1e-4 * w[k]
                back = (back @ w[k][:-1].T) * (h[k] > 0)
                m[k], v[k] = 0.9 * m[k] + 0.1 * g, 0.999 * v[k] + 0.001 * g * g
                w[k] = w[k] - rate * (1 - step / steps) * (m[k] / (1 - 0.9**step)) / (np.sqrt(v[k] / (1 - 0.999**step)) + 1e-8)

    def head(x):
        h = (x - mean) / scale
        for k, a in enumerate(w):
            h = h @ a[:-1] + a[-1]
            h = np.maximum(h, 0) if k + 1 < len(w) else h
        return softmax(h)
    return head


def shares(network):
    """The part of the network's operations that lies before each exit."""
    done, found, plan = 0.0, {}, weir.Executor(network, hooks={t: lambda step: None for t in EXITS.values()}).describe()
    for step in plan.steps:
        done += step['flops']
        found.update({name: done / plan.flops for name, tensor in EXITS.items() if step['tensor'] == tensor})
    return found


def save(file, parts, y, stages, network=''):
    columns = {'labels': y.astype(np.uint8), 'parts': np.array(parts), 'names': np.array(list(stages)),
               'seconds': np.array([s for _, s in stages.values()]), 'network': np.array(network),
               'answer': np.array([HEAD_SECONDS.get(name.partition('.')[2], 0) for name in stages])}
    for name, (p, _) in stages.items():
        columns.update(zip((f'{name}.classes', f'{name}.logit', f'{name}.share'), pack(p)))
        print(f'{name:14} {np.mean(p.argmax(1) == y):.4f} right, {1e6 * stages[name][1]:.1f} us')
    np.savez_compressed(HERE / file, **columns)
    print(f'{file}: {(HERE / file).stat().st_size:,} bytes')


def darken(nets):
    """What the networks say to 1,000 test images whose pixels are multiplied by 0.6 and 0.4."""
    pixels, columns = images('t10k', 0, 1000), {}
    for light in (0.6, 0.4):
        x = normalise(pixels * np.float32(light))
        for name in ('alexnet', 'resnet'):
            p = np.vstack([softmax(nets[name](x[i:i + 8])) for i in range(0, len(x), 8)])
            columns.update(zip((f'{name}.{light}.{column}' for column in ('classes', 'logit', 'share')), pack(p)))
    np.savez_compressed(HERE / 'darkened.npz', **columns)
    print(f'darkened.npz: {(HERE / "darkened.npz").stat().st_size:,} bytes')


def main():
    nets = {name: weir.load_onnx(NETWORKS / f'fashion_{name}.onnx') for name in ('alexnet', 'googlenet', 'resnet')}
    darken(nets)
    if sys.argv[1:] == ['darkened']:
        return
    x = np.concatenate([normalise(images('train', 50000, 10000)), normalise(images('t10k', 0, 10000))])
    y = np.concatenate([labels('train', 50000, 10000), labels('t10k', 0, 10000)])
    stages = {name: (np.vstack([softmax(net(x[i:i + 16])) for i in range(0, len(x), 16)]), SECONDS[name])
              for name, net in nets.items() if name != 'resnet'}
    full, inside = run(nets['resnet'], x)
    whole, part_of = SECONDS['resnet'], shares(nets['resnet'])
    save('networks.npz', (5000, 5000, 10000), y, {**stages, 'resnet': (full, whole)})

    seen = slice(0, 20000)
    target, learned = run(nets['resnet'], normalise(images('train', 0, 20000)))
    own = np.eye(10)[labels('train', 0, 20000)]
    part = np.r_[0:3000, 5000:10000, 10000:15000]
    stages, before = {}, 0.0
    for name in EXITS:
        reached = whole * part_of[name]
        for kind, hidden, teacher in (('linear', 0, own), ('hidden', 64, target)):
            head = fit_head(learned[name][seen], teacher, hidden)
            stages[f'{name}.{kind}'] = head(inside[name][part]), reached - before + HEAD_SECONDS[kind]
        before = reached
    stages['resnet'] = full[part], whole - before
    save('exits.npz', (3000, 5000, 5000), y[part], stages, 'resnet')


if __name__ == '__main__':
    main()
