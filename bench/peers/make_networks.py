"""Writes the networks that every engine is timed on: make_networks.py FOLDER

Architectures as published, weights random; NAME.onnx (opset 13, batch dimension free) and NAME.pt (TorchScript).
Needs torch, torchvision and onnx (Debian: python3-torch python3-torchvision python3-onnx). Networks that are there
already are left alone.
"""
import os
import sys

import onnx
import torch
import torchvision.models as tv
from torch import nn
from torch.nn import functional as F


class AlexNet(nn.Module):
    """Krizhevsky, Sutskever, Hinton, NIPS 2012, as published with Caffe: grouped convolutions and LRN."""

    def __init__(self, lrn=True):
        super().__init__()

        def norm():
            return nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0) if lrn else nn.Identity()

        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, 4), nn.ReLU(), norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, 1, 2, groups=2), nn.ReLU(), norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, 1, 1), nn.ReLU(), nn.Conv2d(384, 384, 3, 1, 1, groups=2), nn.ReLU(),
            nn.Conv2d(384, 256, 3, 1, 1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.classifier = nn.Sequential(nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
                                        nn.Linear(4096, 1000))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He, Zhang, Ren, Sun, CVPR 2016)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False),
                                          nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def cifar_resnet(n):
    """ResNet-(6n+2) for 32x32 images, section 4.2 of the same paper."""
    blocks, channels = [], 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for i in range(n):
            blocks.append(BasicBlock(channels, width, stride if i == 0 else 1))
            channels = width
    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *blocks,
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETWORKS = {
    "alexnet": (AlexNet, 227),
    "googlenet": (lambda: tv.googlenet(weights=None, aux_logits=False, init_weights=False), 224),
    "resnet18": (tv.resnet18, 224),
    "resnet50": (tv.resnet50, 224),
    "squeezenet11": (tv.squeezenet1_1, 224),
    "mobilenet_v2": (tv.mobilenet_v2, 224),
    "cifar_resnet20": (lambda: cifar_resnet(3), 32),
    "cifar_resnet56": (lambda: cifar_resnet(9), 32),
}


def without_identities(model):
    """The exporter writes equal weights once and the others as Identity, which OpenCV does not take."""
    weights = {w.name for w in model.graph.initializer}
    same = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Identity" and n.input[0] in weights}
    nodes = [n for n in model.graph.node if n.output[0] not in same]
    for node in nodes:
        node.input[:] = [same.get(name, name) for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def insert_lrn(model, count):
    """Puts LRN behind the first Relus: PyTorch's exporter would spell it out in a dozen operators."""
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "Relu" and count > 0:
            count -= 1
            name = node.output[0]
            node.output[0] = name + "_relu"
            nodes.append(onnx.helper.make_node("LRN", [node.output[0]], [name], name=name + "_lrn", size=5, alpha=1e-4,
                                               beta=0.75, bias=1.0))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write(name, folder):
    make, size = NETWORKS[name]
    torch.manual_seed(0)
    net = make().eval()
    for layer in net.modules():  # statistics that keep the activations of random weights in a sane range
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_var.fill_(layer.num_features ** 0.5)
            layer.running_mean.normal_(0, 0.1)
    x = torch.randn(1, 3, size, size)
    part = os.path.join(folder, name + ".part")
    torch.jit.save(torch.jit.trace(net, x), part)
    os.replace(part, os.path.join(folder, name + ".pt"))
    exported = net
    if name == "alexnet":
        exported = AlexNet(lrn=False).eval()
        exported.load_state_dict(net.state_dict())
    torch.onnx.export(exported, x, part, opset_version=13, input_names=["input"], output_names=["output"],
                      dynamic_axes={"input": {0: "N"}, "output": {0: "N"}})
    model = onnx.load(part)
    without_identities(model)
    if name == "alexnet":
        insert_lrn(model, 2)
    onnx.checker.check_model(model)
    onnx.save(model, part)
    os.replace(part, os.path.join(folder, name + ".onnx"))  # last: where it is, the network is whole


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for network in NETWORKS:
        if not os.path.exists(os.path.join(sys.argv[1], network + ".onnx")):
            write(network, sys.argv[1])
