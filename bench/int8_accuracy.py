"""What 8-bit copies cost in accuracy: int8_accuracy.py build/bench/quantize --out FOLDER [--imagenet FOLDER] [NAME ...]

Makes a copy of each network and judges it on images that had no part in making it. Fashion-MNIST: the networks of
bench/networks, 200 training images to quantise with, the 10,000 test images to judge by. --imagenet: a folder with
models.json, networks, and labels.csv (file,label) of images/; 200 images of images/train1k to quantise with, all the
others to judge by. The choices of the program are made on the images it quantises with, without their labels.

Prints a table in Markdown: right by fp32 and by int8 in per cent, top-1 and top-5; what is lost, in points, with 95 %
limits of the paired difference. FOLDER keeps the copies and what the program printed; a network whose print is there
already is not made again. Options behind -- go to the program.
"""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FASHION = "/usr/share/datasets/fashion-mnist"


def limits(lost, won, n):
    """95 % limits of (lost - won) / n, in points: Agresti and Min, Statistics in Medicine 2005: half a pair is added to
    each of the four cells of the table of pairs, then Wald's interval."""
    n, b, c = n + 2, lost + 0.5, won + 0.5
    half = 1.96 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return 100 * ((b - c) / n - half), 100 * ((b - c) / n + half)


def fashion_jobs():
    for m in json.load(open(f"{HERE}/networks/models.json"))["models"]:
        yield m["name"], ["--onnx", f"{HERE}/networks/{m['file']}", "--preprocess", f"{HERE}/networks/models.json",
                          "--images", f"{FASHION}/train-images-idx3-ubyte.gz",
                          "--check-images", f"{FASHION}/t10k-images-idx3-ubyte.gz",
                          "--check-labels", f"{FASHION}/t10k-labels-idx1-ubyte.gz"]


def imagenet_jobs(folder, out):
    """Divides labels.csv; names of files in it are made absolute."""
    parts = {"calibrate": [], "judge": []}
    for line in csv.DictReader(open(f"{folder}/labels.csv", newline="")):
        part = "calibrate" if line["file"].startswith("images/train1k/") else "judge"
        parts[part].append((line["file"], line["label"]))
    for part, lines in parts.items():
        with open(f"{out}/{part}.csv", "w", newline="") as f:
            csv.writer(f).writerows([("file", "label"), *lines])
    for m in json.load(open(f"{folder}/models.json"))["models"]:
        yield m["name"], ["--onnx", f"{folder}/{m['file']}", "--preprocess", f"{folder}/models.json",
                          "--images", folder, "--labels", f"{out}/calibrate.csv",
                          "--check-images", folder, "--check-labels", f"{out}/judge.csv"]


def run(program, out, name, arguments, more):
    report = f"{out}/{name}.txt"
    if not os.path.exists(report):
        done = subprocess.run([program, *arguments, "--out", f"{out}/{name}.int8.onnx", *more], capture_output=True,
                              text=True)
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        with open(report + ".part", "w") as f:
            f.write(done.stdout)
        os.rename(report + ".part", report)
    return open(report).read()


def row(name, text):
    images = int(re.search(r"on (\d+) further images", text)[1])
    cells = [name]
    for k in (1, 5):
        fp32, int8, lost, won = re.search(
            rf"top-{k}: fp32 right on ([\d.]+) %, int8 on ([\d.]+) % \((\d+) right answers lost, (\d+) won\)",
            text).groups()
        low, high = limits(int(lost), int(won), images)
        loss = 100 * (int(lost) - int(won)) / images
        points = [f"{round(x, 2) + 0.0:.2f}" for x in (loss, low, high)]  # no "-0.00"
        cells += [f"{fp32}, {int8}"] + ([f"{lost}, {won}"] if k == 1 else []) + ["{} ({} to {})".format(*points)]
    cells.append(re.search(r"the same class for ([\d.]+ %)", text)[1])
    cells.append(str(len(re.findall(r"^stays in fp32: .*divergence", text, re.M))))
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("names", nargs="*", help="of networks; all without")
    parser.add_argument("--out", required=True)
    parser.add_argument("--imagenet")
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    given = sys.argv[1:]
    at = given.index("--") if "--" in given else len(given)
    o = parser.parse_intermixed_args(given[:at])
    os.makedirs(o.out, exist_ok=True)
    out = os.path.abspath(o.out)
    jobs = list(fashion_jobs()) + (list(imagenet_jobs(os.path.abspath(o.imagenet), out)) if o.imagenet else [])
    jobs = [(name, arguments) for name, arguments in jobs if not o.names or name in o.names]
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        texts = list(pool.map(lambda job: run(o.program, out, *job, given[at + 1:]), jobs))
    rows = [["network", "top-1: fp32, int8", "lost, won", "points lost (95 %)", "top-5: fp32, int8",
             "points lost (95 %)", "same class", "layers given back"], ["---"] + ["--:"] * 7]
    rows += [row(name, text) for (name, _), text in zip(jobs, texts)]
    print("\n".join("| " + " | ".join(r) + " |" for r in rows))


if __name__ == "__main__":
    main()
