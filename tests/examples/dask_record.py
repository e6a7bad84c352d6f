"""Records three networks on a cluster, learns a policy from their answers, and scores it on the cluster, with Dask.

    python3 dask_record.py                          # four processes on this machine
    python3 dask_record.py tcp://scheduler:8786     # a cluster of yours, whose workers have weir and these networks

Needed: the Python module of weir, Debian's python3-distributed and dataset-fashion-mnist. Images travel to the workers, and
the probabilities of the classes come back: 40 bytes an image and network. Each worker loads a network once.
"""
import functools
import gzip
import json
import os
import sys
import time

import numpy as np
import weir

NETWORKS = os.environ.get('WEIR_NETWORKS') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench',
                                                           'networks')
DATA = os.environ.get('WEIR_DATA', '/usr/share/datasets/fashion-mnist')
NAMES = ('fashion_alexnet', 'fashion_googlenet', 'fashion_resnet')


@functools.lru_cache(maxsize=None)
def network(name):
    """Once in each process."""
    with open(os.path.join(NETWORKS, 'models.json'), encoding='utf-8') as f:
        given = next(m for m in json.load(f)['models'] if m['name'] == name)
    return weir.load_onnx(os.path.join(NETWORKS, name + '.onnx')), given['scale'], given['mean'][0], given['std'][0]


def answers(name, pixels):
    """The class probabilities of a network for some images [n, 28, 28] of uint8, and the seconds for one of them alone."""
    net, scale, mean, std = network(name)
    x = ((pixels[:, None].astype(np.float32) * np.float32(scale) - np.float32(mean)) / np.float32(std)).astype(np.float32)
    logits = net(x)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    took = []
    for one in x[:20]:
        start = time.perf_counter()
        net(one[None])
        took.append(time.perf_counter() - start)
    return (e / e.sum(axis=1, keepdims=True)).astype(np.float32), float(np.mean(took))


def score(policy, part):
    """Of a part of the test images: their number, the regressions, and the mean cost with and without the policy."""
    probabilities, costs, labels = part
    trace = weir.Trace.from_probabilities({n: (p, c) for n, p, c in zip(NAMES, probabilities, costs)}, labels)
    judged = policy.score(trace)
    return len(labels), judged.regressions, judged.cost, trace.full_cost


def main(address=None):
    from distributed import Client, LocalCluster

    def idx(name, skip):
        with gzip.open(os.path.join(DATA, name)) as f:
            return np.frombuffer(f.read()[skip:], np.uint8)

    labels = idx('t10k-labels-idx1-ubyte.gz', 8).astype(np.int64)  # the networks learned from the other images
    pixels = idx('t10k-images-idx3-ubyte.gz', 16).reshape(-1, 28, 28)
    cluster = None if address else LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None)
    with Client(address or cluster) as client:
        start = time.perf_counter()
        blocks = np.array_split(np.arange(len(labels)), 40)
        asked = {name: client.map(functools.partial(answers, name), [pixels[b] for b in blocks], pure=False)
                 for name in NAMES}
        got = {name: client.gather(futures) for name, futures in asked.items()}
        probabilities = {name: np.concatenate([p for p, _ in got[name]]) for name in NAMES}
        costs = {name: float(np.mean([c for _, c in got[name]])) for name in NAMES}
        workers = len(client.scheduler_info()['workers'])
        print(f'{len(labels)} images, {len(NAMES)} networks, {workers} workers: {time.perf_counter() - start:.1f} s')

        trace = weir.Trace.from_probabilities({n: (probabilities[n], costs[n]) for n in NAMES}, labels)
        policy = weir.ExitPolicy(max_loss=0.02).fit(trace[:4000]).calibrate(trace[4000:7000])
        print(f'predicted {policy.speedup_:.2f} times faster; at most {policy.upper_limit_:.2%} regressions with 95 % confidence')

        parts = [([probabilities[n][b] for n in NAMES], [costs[n] for n in NAMES], labels[b])
                 for b in np.array_split(np.arange(7000, 10000), 8)]
        scores = client.gather(client.map(functools.partial(score, policy), parts, pure=False))
        n, regressions = sum(s[0] for s in scores), sum(s[1] for s in scores)
        saved = np.average([s[3] for s in scores], weights=[s[0] for s in scores]) / np.average(
            [s[2] for s in scores], weights=[s[0] for s in scores])
        print(f'test: {regressions} of {n} images got worse ({regressions / n:.2%}), predicted {saved:.2f} times faster')
    if cluster:
        cluster.close()
    return n, regressions, saved


if __name__ == '__main__':
    main(*sys.argv[1:2])
