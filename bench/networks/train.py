#!/usr/bin/python3
"""Trains the three default Fashion-MNIST networks from scratch and writes them as ONNX (opset 13, free batch).

    train.py [--only alexnet,googlenet,resnet] [--threads 2] [--out DIR] [--data DIR] [--epochs N] [--division SEED]

Needs Debian's python3-torch and dataset-fashion-mnist. Only the first 50,000 training images are used. Epochs, rates and
augmentation are fixed in advance and nothing is chosen by looking at other images; the accuracy printed at the end is on
the 10,000 training images that were left out, and the test set is never opened here. bfloat16 autocast where the CPU
has AMX (the weights stay fp32).

--division SEED: another division of all 70,000 images, for networks and results that no default was chosen on. 50,000 of
them, drawn at random, train the networks; DIR gets them (heads), 10,000 others (learn) and the last 10,000 (test) as IDX
files for adapt, whose command is printed at the end. The accuracy printed is then on the 10,000 of learn.

Each network is a small version of a published design:

    alexnet     Krizhevsky, Sutskever, Hinton, NIPS 2012: large first kernel, overlapping pooling, dense layers, dropout
    googlenet   Szegedy et al., CVPR 2015: inception modules of four branches, global average pooling (with the batch
                normalisation of Ioffe and Szegedy, ICML 2015, and 3x3 for the 5x5 branch as in torchvision)
    resnet      He et al., CVPR 2016: basic blocks, three widths, projection shortcuts
"""
import argparse, gzip, os, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

MEAN, STD = 0.2860, 0.3530  # the usual constants of Fashion-MNIST, of pixel/255; models.json holds them for the engine


class AlexNet(nn.Module):
    def __init__(s):
        super().__init__()
        s.features = nn.Sequential(
            nn.Conv2d(1, 16, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.Conv2d(64, 48, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2))
        s.classifier = nn.Sequential(nn.Dropout(0.3), nn.Linear(432, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(s, x):
        return s.classifier(torch.flatten(s.features(x), 1))


class ConvBN(nn.Sequential):
    def __init__(s, i, o, k, stride=1):
        super().__init__(nn.Conv2d(i, o, k, stride, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Inception(nn.Module):
    def __init__(s, i, c1, r3, c3, r5, c5, cp):
        super().__init__()
        s.b1 = ConvBN(i, c1, 1)
        s.b2 = nn.Sequential(ConvBN(i, r3, 1), ConvBN(r3, c3, 3))
        s.b3 = nn.Sequential(ConvBN(i, r5, 1), ConvBN(r5, c5, 3))
        s.b4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBN(i, cp, 1))

    def forward(s, x):
        return torch.cat([s.b1(x), s.b2(x), s.b3(x), s.b4(x)], 1)


def googlenet():
    return nn.Sequential(
        ConvBN(1, 16, 3), nn.MaxPool2d(3, 2, ceil_mode=True), ConvBN(16, 16, 1), ConvBN(16, 48, 3),
        Inception(48, 16, 24, 32, 8, 16, 16), Inception(80, 24, 32, 48, 8, 16, 16), nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(104, 40, 48, 80, 12, 24, 24), Inception(168, 48, 56, 96, 16, 32, 32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(208, 10))


class Block(nn.Module):
    def __init__(s, i, o, stride):
        super().__init__()
        s.conv1, s.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        s.conv2, s.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        s.down = (nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
                  if stride != 1 or i != o else nn.Identity())

    def forward(s, x):
        return F.relu(s.bn2(s.conv2(F.relu(s.bn1(s.conv1(x))))) + s.down(x))


def resnet(widths=(32, 64, 96), blocks=(2, 2, 4)):
    layers, i = [ConvBN(1, widths[0], 3)], widths[0]
    for k, (w, n) in enumerate(zip(widths, blocks)):
        for j in range(n):
            layers.append(Block(i, w, 2 if k and j == 0 else 1))
            i = w
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 10))


#                name        maker      epochs  peak rate  weight decay
NETWORKS = dict(alexnet=(AlexNet, 40, 0.04, 5e-4), googlenet=(googlenet, 36, 0.15, 5e-4), resnet=(resnet, 36, 0.15, 5e-4))


def read(data, part):
    """Images [N, 28, 28] and labels [N] of 'train' or 't10k', as bytes."""
    def values(name, skip):
        with gzip.open(os.path.join(data, f'{part}-{name}-ubyte.gz')) as f:
            return np.frombuffer(f.read(), np.uint8)[skip:]
    return values('images-idx3', 16).reshape(-1, 28, 28), values('labels-idx1', 8)


def divided_anew(data, seed, out):
    """All 70,000 images in an order drawn by seed; writes the parts heads, learn and test."""
    parts = [read(data, part) for part in ('train', 't10k')]
    x, y = (np.concatenate(both) for both in zip(*parts))
    order = np.random.default_rng(seed).permutation(len(y))
    x, y = x[order], y[order]
    for name, a, b in ('heads', 0, 50000), ('learn', 50000, 60000), ('test', 60000, 70000):
        for kind, v in ('images', x[a:b]), ('labels', y[a:b]):
            with open(os.path.join(out, f'{name}-{kind}.idx'), 'wb') as f:
                f.write(np.array([0x800 + v.ndim, *v.shape], '>u4').tobytes() + v.tobytes())
    return x[:60000], y[:60000]


def load(data, division, out):
    x, y = read(data, 'train') if division is None else divided_anew(data, division, out)
    return torch.from_numpy(x[:, None].copy()), torch.from_numpy(y.astype(np.int64))


def augment(x, g):
    """Shift by up to 2 pixels, mirror, and erase a rectangle (Zhong et al., AAAI 2020) of each uint8 image [B,1,28,28]."""
    B = len(x)
    p = F.pad(x, (2, 2, 2, 2))
    dy, dx = torch.randint(0, 5, (2, B), generator=g)
    r = torch.arange(28)
    cols = dx[:, None] + r
    cols = torch.where((torch.rand(B, generator=g) < 0.5)[:, None], cols.flip(1), cols)
    x = p[torch.arange(B)[:, None, None], 0, (dy[:, None] + r)[:, :, None], cols[:, None, :]]
    h, w = torch.randint(4, 13, (2, B), generator=g)
    top, left = (torch.rand(B, generator=g) * (29 - h)).long(), (torch.rand(B, generator=g) * (29 - w)).long()
    inside = (((r >= top[:, None]) & (r < (top + h)[:, None]))[:, :, None] &
              ((r >= left[:, None]) & (r < (left + w)[:, None]))[:, None, :])
    inside &= (torch.rand(B, generator=g) < 0.4)[:, None, None]
    noise = torch.randint(0, 256, (B, 28, 28), generator=g, dtype=torch.uint8)
    return torch.where(inside, noise, x)[:, None]


def normalise(x):
    return ((x.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def train(name, x, y, n_train, batch, seed, epochs):
    make, epochs_of_its_own, rate, decay = NETWORKS[name]
    epochs = epochs or epochs_of_its_own
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    net = make().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(net, avg_fn=lambda a, p, n: a + (p - a) * max(0.002, 1 / (1 + float(n))))
    dense = [p for p in net.parameters() if p.ndim > 1]
    small = [p for p in net.parameters() if p.ndim <= 1]
    opt = torch.optim.SGD([dict(params=dense, weight_decay=decay), dict(params=small, weight_decay=0)], rate, 0.9, nesterov=True)
    steps = n_train // batch * epochs
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, rate, steps, pct_start=0.2, final_div_factor=1e3)
    bf16 = 'amx_bf16' in open('/proc/cpuinfo').read()
    print(f'{name}: {sum(p.numel() for p in net.parameters()):,} parameters, {epochs} epochs', flush=True)
    start, done = time.time(), 0
    for epoch in range(epochs):
        total = 0.0
        for i in torch.randperm(n_train, generator=g)[:n_train // batch * batch].view(-1, batch):
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=bf16):
                logits = net(normalise(augment(x[i], g)))
            loss = F.cross_entropy(logits.float(), y[i], label_smoothing=0.03)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            plan.step()
            done += 1
            if epoch >= epochs * 2 // 3:  # average the last third of the steps
                average.update_parameters(net)
            total += float(loss)
        left = (time.time() - start) / done * (steps - done)
        print(f'{name}: epoch {epoch + 1}/{epochs}  loss {total / (n_train // batch):.4f}  {left / 60:.1f} min left', flush=True)
    net = average.module  # its batch-norm statistics are stale: estimate them on unaugmented training images
    net.train()
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.reset_running_stats()
            m.momentum = None
        if isinstance(m, nn.Dropout):
            m.p = 0.0
    with torch.inference_mode():
        for i in torch.randperm(n_train, generator=g)[:20000].view(-1, 500):
            net(normalise(x[i]))
    return net.eval()


def accuracy(net, x, y):
    with torch.inference_mode():
        hits = sum(int((net(normalise(a)).argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500)))
    return hits / len(y)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--only', default='alexnet,googlenet,resnet', help='which networks, separated by commas')
    p.add_argument('--out', default=os.path.dirname(os.path.abspath(__file__)))
    p.add_argument('--data', default='/usr/share/datasets/fashion-mnist')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--batch', type=int, default=128)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--epochs', type=int, help='for all networks, instead of 36 to 40')
    p.add_argument('--division', type=int, metavar='SEED', help='divide all 70,000 images anew; needs --out')
    a = p.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    if a.division is not None and os.path.abspath(a.out) == here:
        p.error('--division writes other networks than those of this folder: name another one with --out')
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    x, y = load(a.data, a.division, a.out)
    for name in a.only.split(','):
        net = train(name, x, y, 50000, a.batch, a.seed, a.epochs)
        print(f'{name}: {100 * accuracy(net, x[50000:], y[50000:]):.2f} % of the 10,000 images left out', flush=True)
        path = os.path.join(a.out, f'fashion_{name}.onnx')
        net = net.to(memory_format=torch.contiguous_format)
        torch.onnx.export(net, torch.zeros(1, 1, 28, 28), path + '.part', opset_version=13, input_names=['input'],
                          output_names=['logits'], dynamic_axes=dict(input={0: 'N'}, logits={0: 'N'}))
        os.replace(path + '.part', path)
        print(f'{name}: {path}, {os.path.getsize(path) / 2**20:.2f} MiB', flush=True)
    if a.division is not None:
        paths = ' '.join(f'{a.out}/fashion_{name}.onnx' for name in a.only.split(','))
        print(f'\nbuild/bench/adapt --network {paths} --preprocess {here}/models.json --images {a.out}/learn-images.idx '
              f'--labels {a.out}/learn-labels.idx --test-images {a.out}/test-images.idx --test-labels '
              f'{a.out}/test-labels.idx --head-images {a.out}/heads-images.idx --head-labels {a.out}/heads-labels.idx '
              f'--split 0.5 0.5 0 --early-exit {a.out}/fashion_{a.only.split(",")[-1]}.onnx')


if __name__ == '__main__':
    main()
