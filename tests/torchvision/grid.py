#!/usr/bin/env python3
"""grid.py [--only NAME ...] [--opset N ...] [--large] [--image N]: torchvision's classifiers on weir and on ONNX Runtime.

Every classification network of torchvision is exported by torch.onnx with random weights, at opsets 11, 13 and 17, with
a static batch of one and with a dynamic one; weir's build/bench/infer answers one image and three, as does ONNX Runtime.
Prints a line for each network: "=" agrees, "refused", or by how much of the largest value it is WRONG. Ends non-zero if
one is wrong. Networks of more than 100 million weights are left out without --large or their name.

Needs torch and torchvision (Debian: python3-torch, python3-torchvision), node, WEIR_BUILD (default: build/) and
MODULES, a folder with node_modules/onnxruntime-node (default: WEIR_BUILD/ort, which tests/random/run.sh fills).
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision

sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build"))
LEAST_IMAGE = {"inception_v3": 96, "maxvit_t": 224}
OTHER_ARGUMENTS = {"googlenet": {"aux_logits": False, "init_weights": False},
                   "inception_v3": {"aux_logits": False, "init_weights": False}}
TOLERANCE = 1e-3  # of the largest value: random weights make deep networks round far apart


def make(name, image):
    arguments = dict(OTHER_ARGUMENTS.get(name, {}))
    if name.startswith("vit"):
        image -= image % (14 if name == "vit_h_14" else 32)
        arguments["image_size"] = image
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, **arguments).eval()
    with torch.no_grad():  # else a network of random weights answers the same to every image
        for m in model.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.running_mean.uniform_(-0.1, 0.1)
                m.running_var.uniform_(0.5, 1.5)
    return model, image


def export(model, image, opset, dynamic, path):
    axes = {"x": {0: "n"}, "y": {0: "n"}} if dynamic else None
    torch.onnx.export(model, torch.zeros(2 if dynamic else 1, 3, image, image), path, opset_version=opset,
                      input_names=["x"], output_names=["y"], dynamic_axes=axes)


def reference(stem, images, dynamic):
    """ONNX Runtime's answers to the first image and to all three."""
    runs = [[0], [0, 1, 2]] if dynamic else [[0], [1], [2]]
    about = {"inputs": [{"name": "x", "dims": list(images.shape[1:])}], "outputs": [{"name": "y"}], "taps": [], "runs": runs}
    Path(f"{stem}.json").write_text(json.dumps(about))
    rows = np.zeros((7, *images.shape[1:]), np.float32)
    rows[:3] = images
    Path(f"{stem}.in").write_bytes(rows.tobytes())
    environment = dict(os.environ, MODULES=os.environ.get("MODULES", str(BUILD / "ort")))
    subprocess.run(["node", ROOT / "tests" / "random" / "reference.cjs", Path(stem).parent, "1"], check=True, env=environment)
    data = Path(f"{stem}.ref").read_bytes()
    if data[0] == 0:
        raise RuntimeError("ONNX Runtime: " + data[4:].decode())
    answers, at = [], 4
    for _ in runs:
        rank = int.from_bytes(data[at:at + 4], "little")
        dims = np.frombuffer(data, np.uint32, rank, at + 4).astype(int)
        at += 4 + 4 * rank
        answers.append(np.frombuffer(data, np.float32, int(np.prod(dims)), at).reshape(dims))
        at += 4 * int(np.prod(dims))
    return (answers[0], answers[1]) if dynamic else (answers[0], np.concatenate(answers))


def compare(stem, images, right):
    np.save(f"{stem}.x.npy", images)
    command = [BUILD / "bench" / "infer", "--onnx", f"{stem}.taps.onnx", "--input", f"{stem}.x.npy", "--output",
               f"{stem}.y.npy", "--threads", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return "refused" if done.returncode > 0 else f"WRONG signal {-done.returncode}", done.stderr.strip()
    y = np.load(f"{stem}.y.npy")
    if y.shape != right.shape:
        return f"WRONG shape {y.shape}", ""
    error = float(np.abs(y - right).max() / max(np.abs(right).max(), 1e-9))
    return ("=" if error <= TOLERANCE else f"WRONG {error:.1e}"), ""


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", nargs="*")
    options.add_argument("--opset", nargs="*", type=int, default=[11, 13, 17])
    options.add_argument("--image", type=int, default=64, help="pixels; more where a network needs them")
    options.add_argument("--large", action="store_true")
    args = options.parse_args()
    columns = [(opset, dynamic) for opset in args.opset for dynamic in (False, True)]
    print("| network | image |" + "".join(f" {o} {'dynamic' if d else 'static'} |" for o, d in columns), flush=True)
    print("|---|--:|" + "---|" * len(columns))
    wrong, reasons = False, {}
    for name in args.only or torchvision.models.list_models(module=torchvision.models):
        model, image = make(name, max(args.image, LEAST_IMAGE.get(name, 0)))
        if sum(p.numel() for p in model.parameters()) > 1e8 and not args.large and not args.only:
            continue
        images = np.random.default_rng(0).standard_normal((3, 3, image, image)).astype(np.float32)
        line = f"| {name} | {image} |"
        for opset, dynamic in columns:
            with tempfile.TemporaryDirectory() as folder:
                stem = f"{folder}/0"
                try:
                    export(model, image, opset, dynamic, f"{stem}.taps.onnx")
                    right = reference(stem, images, dynamic)
                except Exception as e:  # no export, no comparison
                    line += f" no reference ({str(e).splitlines()[0][:60]}) |"
                    continue
                cells = [compare(stem, images[:n], r) for n, r in zip((1, 3), right)]
            wrong = wrong or any(c.startswith("WRONG") for c, _ in cells)
            for c, why in cells:
                if why:
                    reasons.setdefault(why.split(".onnx", 1)[-1], f"{name}, opset {opset}")
            line += " " + " ".join(dict.fromkeys(c for c, _ in cells)) + " |"
        print(line, flush=True)
    for why, where in reasons.items():
        print(f"{where}: {why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
