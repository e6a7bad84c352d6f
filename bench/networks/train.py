#!/usr/bin/python3
"""Trains the three default Fashion-MNIST networks from scratch and writes them as ONNX (opset 13, free batch).

    train.py [--only alexnet,googlenet,resnet] [--threads 2] [--out DIR] [--data DIR] [--epochs N] [--division SEED]
    train.py --cifar DIR --out DIR [--only resnet8,resnet14,resnet20] [--threads 2] [--epochs N]

Needs Debian's python3-torch and dataset-fashion-mnist. Only the first 50,000 training images are used. Epochs, rates and
augmentation are fixed in advance and nothing is chosen by looking at other images; the accuracy printed at the end is on
the 10,000 training images that were left out, and the test set is never opened here. bfloat16 autocast where the CPU
has AMX (the weights stay fp32).

--division SEED: another division of all 70,000 images, for networks and results that no default was chosen on. 50,000 of
them, drawn at random, train the networks; DIR gets them (heads), 10,000 others (learn) and the last 10,000 (test) as IDX
files for adapt, whose command is printed at the end. The accuracy printed is then on the 10,000 of learn.

--cifar DIR: CIFAR-10 (Krizhevsky, technical report, University of Toronto, 2009) in its binary version in place of
Fashion-MNIST. The networks are resnet8, resnet14 and resnet20 (He et al., CVPR 2016, section 4.2, with projection
shortcuts), trained on data_batch_1 to 4; data_batch_5 is left out for adapt to learn from, and test_batch is never opened.
The folder of --out also gets their models.json, and adapt's command is printed.

Each network is a small version of a published design:

    alexnet     Krizhevsky, Sutskever, Hinton, NIPS 2012: large first kernel, overlapping pooling, dense layers, dropout
    googlenet   Szegedy et al., CVPR 2015: inception modules of four branches, global average pooling (with the batch
                normalisation of Ioffe and Szegedy, ICML 2015, and 3x3 for the 5x5 branch as in torchvision)
    resnet      He et al., CVPR 2016: basic blocks, three widths, projection shortcuts
"""
import argparse, functools, gzip, json, os, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

# the usual constants of each data set, of pixel/255; models.json holds them for the engine
FASHION = dict(prefix='fashion', mean=[0.2860], std=[0.3530], side=28, n_train=50000)
CIFAR = dict(prefix='cifar', mean=[0.4914, 0.4822, 0.4465], std=[0.2470, 0.2435, 0.2616], side=32, n_train=40000)
CIFAR_CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split()


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


def resnet(widths=(32, 64, 96), blocks=(2, 2, 4), channels=1):
    layers, i = [ConvBN(channels, widths[0], 3)], widths[0]
    for k, (w, n) in enumerate(zip(widths, blocks)):
        for j in range(n):
            layers.append(Block(i, w, 2 if k and j == 0 else 1))
            i = w
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 10))


#                name        maker      epochs  peak rate  weight decay
NETWORKS = dict(alexnet=(AlexNet, 40, 0.04, 5e-4), googlenet=(googlenet, 36, 0.15, 5e-4), resnet=(resnet, 36, 0.15, 5e-4))
CIFAR_NETWORKS = {f'resnet{6 * n + 2}': (functools.partial(resnet, (16, 32, 64), (n, n, n), 3), 36, 0.15, 5e-4)
                  for n in (1, 2, 3)}


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


def read_cifar(folder):
    """Images [50000, 3, 32, 32] and labels [50000] of data_batch_1 to 5, as bytes. ValueError where one is not there or
    has another size."""
    record, paths = 1 + 3 * 32 * 32, [os.path.join(folder, f'data_batch_{k}.bin') for k in range(1, 6)]
    for path in paths:
        size = os.path.getsize(path) if os.path.exists(path) else None
        if size != 10000 * record:
            raise ValueError(f'{path}: ' + ('no such file' if size is None else f'{size:,} bytes, not {10000 * record:,}') +
                             "; it takes the folder of CIFAR-10's binary version (cifar-10-batches-bin)")
    rows = np.concatenate([np.fromfile(path, np.uint8) for path in paths]).reshape(50000, record)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]


def load(data, division, out):
    x, y = read(data, 'train') if division is None else divided_anew(data, division, out)
    return x[:, None], y


def augment(x, g):
    """Shift by up to 2 pixels, mirror, and erase a rectangle (Zhong et al., AAAI 2020) of each uint8 image [B,C,S,S]."""
    B, C, S = x.shape[:3]
    p = F.pad(x, (2, 2, 2, 2))
    dy, dx = torch.randint(0, 5, (2, B), generator=g)
    r = torch.arange(S)
    cols = dx[:, None] + r
    cols = torch.where((torch.rand(B, generator=g) < 0.5)[:, None], cols.flip(1), cols)
    x = p[torch.arange(B)[:, None, None, None], torch.arange(C)[:, None, None], (dy[:, None] + r)[:, None, :, None],
          cols[:, None, None, :]]
    h, w = torch.randint(4, 13, (2, B), generator=g)
    top, left = (torch.rand(B, generator=g) * (S + 1 - h)).long(), (torch.rand(B, generator=g) * (S + 1 - w)).long()
    inside = (((r >= top[:, None]) & (r < (top + h)[:, None]))[:, :, None] &
              ((r >= left[:, None]) & (r < (left + w)[:, None]))[:, None, :])
    inside &= (torch.rand(B, generator=g) < 0.4)[:, None, None]
    noise = torch.randint(0, 256, x.shape, generator=g, dtype=torch.uint8)
    return torch.where(inside[:, None], noise, x)


def normalise(x, data):
    mean, std = (torch.tensor(data[k])[:, None, None] for k in ('mean', 'std'))
    return ((x.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def train(name, recipe, x, y, data, batch, seed, epochs):
    make, epochs_of_its_own, rate, decay = recipe
    epochs, n_train = epochs or epochs_of_its_own, data['n_train']
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
                logits = net(normalise(augment(x[i], g), data))
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
            net(normalise(x[i], data))
    return net.eval()


def accuracy(net, x, y, data):
    with torch.inference_mode():
        hits = sum(int((net(normalise(a, data)).argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500)))
    return hits / len(y)


def export(net, path, x):
    net = net.to(memory_format=torch.contiguous_format)
    torch.onnx.export(net, torch.zeros(1, *x.shape[1:]), path + '.part', opset_version=13, input_names=['input'],
                      output_names=['logits'], dynamic_axes=dict(input={0: 'N'}, logits={0: 'N'}))
    os.replace(path + '.part', path)


def write_models(folder, names, data):
    """models.json: how each network of the folder wants its images."""
    side = data['side']
    takes = dict(name='input', layout='NCHW', channels=3, height=side, width=side)
    models = [dict(name=n, file=n + '.onnx', input=takes, crop=side, mean=data['mean'], std=data['std'],
                   channel_order='RGB', scale=1 / 255, output='logits', output_name='logits', classes=10) for n in names]
    with open(os.path.join(folder, 'models.json'), 'w') as f:
        json.dump(dict(classes=CIFAR_CLASSES, models=models), f, indent=1)


def adapt_command(paths, models, learn, test, heads):
    """What to run next; learn, test and heads are pairs of files, images and labels, or one file of both."""
    def files(name, pair):
        return f'--{name}images {pair[0]} ' + (f'--{name}labels {pair[1]} ' if len(pair) > 1 else '')
    return (f'build/bench/adapt --network {" ".join(paths)} --preprocess {models} ' + files('', learn) +
            files('test-', test) + files('head-', heads) + f'--split 0.5 0.5 0 --early-exit {paths[-1]}')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--only', help='which networks, separated by commas (default: all three)')
    p.add_argument('--out', default=os.path.dirname(os.path.abspath(__file__)))
    p.add_argument('--data', default='/usr/share/datasets/fashion-mnist')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--batch', type=int, default=128)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--epochs', type=int, help='for all networks, instead of 36 to 40')
    p.add_argument('--division', type=int, metavar='SEED', help='divide all 70,000 images anew; needs --out')
    p.add_argument('--cifar', metavar='DIR', help="CIFAR-10's binary version, in place of Fashion-MNIST; needs --out")
    a = p.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    if a.cifar and a.division is not None:
        p.error('--division divides Fashion-MNIST; leave it out with --cifar')
    if (a.cifar or a.division is not None) and os.path.abspath(a.out) == here:
        p.error('other networks than those of this folder: name another one with --out')
    data, networks = (CIFAR, CIFAR_NETWORKS) if a.cifar else (FASHION, NETWORKS)
    names = a.only.split(',') if a.only else list(networks)
    for name in names:
        if name not in networks:
            p.error(f'--only {name}: choose from {", ".join(networks)}')
    torch.set_num_threads(a.threads)
    if a.cifar:
        try:
            x, y = read_cifar(a.cifar)
        except ValueError as e:
            p.error(f'--cifar {e}')
        os.makedirs(a.out, exist_ok=True)
    else:
        os.makedirs(a.out, exist_ok=True)
        x, y = load(a.data, a.division, a.out)
    x, y = torch.from_numpy(x.copy()), torch.from_numpy(y.astype(np.int64))
    left_out = slice(data['n_train'], None)
    for name in names:
        net = train(name, networks[name], x, y, data, a.batch, a.seed, a.epochs)
        share = accuracy(net, x[left_out], y[left_out], data)
        print(f'{name}: {100 * share:.2f} % of the 10,000 images left out', flush=True)
        path = os.path.join(a.out, f'{data["prefix"]}_{name}.onnx')
        export(net, path, x)
        print(f'{name}: {path}, {os.path.getsize(path) / 2**20:.2f} MiB', flush=True)
    paths = [f'{a.out}/{data["prefix"]}_{name}.onnx' for name in names]
    if a.cifar:
        write_models(a.out, [f'{data["prefix"]}_{name}' for name in networks], data)
        print('\n' + adapt_command(paths, f'{a.out}/models.json', [f'{a.cifar}/data_batch_5.bin'],
                                   [f'{a.cifar}/test_batch.bin'], [f'{a.cifar}[0:40000]']))
    elif a.division is not None:
        parts = [[f'{a.out}/{part}-{kind}.idx' for kind in ('images', 'labels')] for part in ('learn', 'test', 'heads')]
        print('\n' + adapt_command(paths, f'{here}/models.json', *parts))


if __name__ == '__main__':
    main()
