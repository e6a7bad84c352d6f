#!/usr/bin/python3
"""Trains small_resnet.onnx, the network of chapters 2 and 6: below 300 KB. [--threads N] [--epochs N]

    /usr/bin/python3 notebooks/small.py

Needs Debian's python3-torch and dataset-fashion-mnist. The recipe is that of bench/networks/train.py, on the first
50,000 training images, with fewer epochs; nothing is chosen by looking at other images.
"""
import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'bench' / 'networks'))
import torch  # noqa: E402
import train  # noqa: E402

train.NETWORKS['small'] = (lambda: train.resnet((12, 24, 32), (1, 2, 2)), 6, 0.15, 5e-4)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', default='/usr/share/datasets/fashion-mnist')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--epochs', type=int, help='instead of 6')
    p.add_argument('--out', default=HERE / 'small_resnet.onnx')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    x, y = train.load(a.data, None, None)
    net = train.train('small', x, y, 50000, 128, 1, a.epochs)
    print(f'{100 * train.accuracy(net, x[50000:], y[50000:]):.2f} % of the 10,000 images left out')
    net = net.to(memory_format=torch.contiguous_format)
    torch.onnx.export(net, torch.zeros(1, 1, 28, 28), f'{a.out}.part', opset_version=13, input_names=['input'],
                      output_names=['logits'], dynamic_axes=dict(input={0: 'N'}, logits={0: 'N'}))
    os.replace(f'{a.out}.part', a.out)
    print(f'{a.out}: {os.path.getsize(a.out):,} bytes')


if __name__ == '__main__':
    main()
