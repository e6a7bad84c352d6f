"""An 8-bit copy of a network for timing, by bench/quantize on random images; called by race.py --int8.

Every layer that can be is in 8 bits, whatever that does to the answers: only the copy's speed says something.
"""
import os
import subprocess
import tempfile

import peer

IMAGES = 8  # the least that quantize takes


def is_fresh(out, *sources):
    """Whether out is there and younger than what it is made from."""
    return os.path.exists(out) and all(os.path.getmtime(out) > os.path.getmtime(s) for s in sources)


def make(build, onnx, out, limit_s=1800):
    """Writes out, unless it is fresh. None, or why there is none."""
    program = f"{build}/bench/quantize"
    if is_fresh(out, onnx, program):
        return None
    import numpy
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shape = [IMAGES, *peer.image_shape(onnx.removesuffix(".onnx"))]
        images = numpy.random.default_rng(1).uniform(-1, 1, shape).astype(numpy.float32)
        numpy.save(f"{folder}/images.npy", images)
        command = [program, "--onnx", onnx, "--images", f"{folder}/images.npy", "--calibrate", str(IMAGES), "--check", "0",
                   "--ranges", "minmax", "--no-bias-correction", "--worth", "1", "--out", out + ".part.onnx"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no 8-bit copy within {limit_s} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"quantize: status {done.returncode}"])[-1].replace("|", "/")[:200]
    os.replace(out + ".part.onnx", out)
    return None
