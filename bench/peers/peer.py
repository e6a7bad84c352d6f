"""What the Python peers share: load a network, run it for some seconds, print one line.

A peer is called with `MODEL BATCH THREADS SECONDS` and prints `peer,model,batch,threads,min_ms,median_ms`, times of
whole passes on random input; with `--startup` before these it prints `peer,model,batch,threads,first_ms,peak_mb,base_mb`:
from the file to the first answer, the most memory that the process held, and how much of that before it opened the
file (the interpreter and the library). `--version` prints the library's version.
"""
import os
import statistics
import sys
import time


def image_shape(stem):
    """[channels, height, width] that a network's file asks for."""
    import onnx
    image = onnx.load(stem + ".onnx", load_external_data=False).graph.input[0]
    return [d.dim_value for d in image.type.tensor_type.shape.dim][1:]


def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024e-6


def main(peer, version, load):
    """load(path without extension, shape of the input, threads) returns a function that computes one pass."""
    if sys.argv[1:] == ["--version"]:
        print(version)
        return
    startup = sys.argv[1] == "--startup"
    path, batch, threads, seconds = sys.argv[2 if startup else 1:]
    stem, model = path.removesuffix(".onnx"), os.path.basename(path).removesuffix(".onnx")
    batch, threads, seconds = int(batch), int(threads), float(seconds)
    shape = [batch, *image_shape(stem)]
    base_mb, start = peak_mb(), time.perf_counter()
    run = load(stem, shape, threads)
    run()
    if startup:
        print(f"{peer},{model},{batch},{threads},{1e3 * (time.perf_counter() - start):.3f},{peak_mb():.1f},{base_mb:.1f}")
        return
    for _ in range(2):  # TorchScript optimises what its first passes showed
        run()
    ms, begin = [], time.perf_counter()
    while len(ms) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        ms.append(1e3 * (time.perf_counter() - start))
    print(f"{peer},{model},{batch},{threads},{min(ms):.3f},{statistics.median(ms):.3f}")
