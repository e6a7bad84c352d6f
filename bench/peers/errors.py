"""Errors of weir, ONNX Runtime and PyTorch in float32 against PyTorch in float64; called by run.sh --errors.

For each network and engine: the largest error of all outputs, divided by the largest output, and the root mean square
of the errors, divided by that of the outputs. Input: two images, uniform in [-0.5, 0.5), seed 1.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import numpy
import torch

import peer

HERE = os.path.dirname(os.path.abspath(__file__))


def weir(build, options):
    def answer(stem, folder):
        subprocess.run([f"{build}/bench/infer", "--onnx", stem + ".onnx", "--input", f"{folder}/x.npy", "--output",
                        f"{folder}/y.npy", *options], check=True, stdout=subprocess.DEVNULL)
        return numpy.load(f"{folder}/y.npy")
    return answer


def onnxruntime(stem, folder):
    x = numpy.load(f"{folder}/x.npy")
    x.tofile(f"{folder}/x.f32")
    subprocess.run([os.environ.get("NODE", "node"), f"{HERE}/onnxruntime_answer.cjs", stem + ".onnx", f"{folder}/x.f32",
                    f"{folder}/y.f32", *map(str, x.shape)], check=True)
    return numpy.fromfile(f"{folder}/y.f32", numpy.float32)


def pytorch(stem, folder):
    with torch.inference_mode():
        return torch.jit.load(stem + ".pt").eval()(torch.from_numpy(numpy.load(f"{folder}/x.npy"))).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    engines = {"weir": weir(options.build, []), "weir, no Winograd": weir(options.build, ["--no-winograd"]),
               "weir, AVX2": weir(options.build, ["--isa", "avx2"]),
               "weir, portable": weir(options.build, ["--isa", "portable"]), "ONNX Runtime": onnxruntime,
               "PyTorch": pytorch}
    lines = ["| network | engine | max error | RMS error |", "| --- | --- | ---: | ---: |"]
    print("\n".join(lines))
    for file in sorted(f for f in os.listdir(options.models) if f.endswith(".onnx")):
        stem = os.path.join(options.models, file.removesuffix(".onnx"))
        x = torch.rand(2, *peer.image_shape(stem), generator=torch.Generator().manual_seed(1)) - 0.5
        with torch.inference_mode():
            exact = torch.jit.load(stem + ".pt").eval().double()(x.double()).numpy().ravel()
        with tempfile.TemporaryDirectory() as folder:
            numpy.save(f"{folder}/x.npy", x.numpy())
            for name, answer in engines.items():
                try:
                    error = answer(stem, folder).ravel().astype(float) - exact
                except (subprocess.CalledProcessError, OSError, RuntimeError) as problem:
                    print(f"warning: {name} on {file}: {problem}", file=sys.stderr)
                    continue
                largest = abs(error).max() / abs(exact).max()
                rms = numpy.sqrt((error ** 2).mean() / (exact ** 2).mean())
                lines.append(f"| {os.path.basename(stem)} | {name} | {largest:.1e} | {rms:.1e} |")
                print(lines[-1], flush=True)
    with open(options.out + ".part", "w") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(options.out + ".part", options.out)


if __name__ == "__main__":
    main()
