"""Times networks against each other in turn: int8.py build/bench/network FP32.onnx INT8.onnx [MORE.onnx ...]

Each turn runs every network once for --seconds; so a disturbance of the machine meets all of them. Prints, for each, the
least and the median time of a pass in ms over all turns, and both as parts of the first network's.
"""
import argparse
import os
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    least = {n: [] for n in options.networks}
    median = {n: [] for n in options.networks}
    for _ in range(options.turns):
        for n in options.networks:
            line = subprocess.run([options.program, "--onnx", n, "--batch", str(options.batch), "--threads",
                                   str(options.threads), "--seconds", str(options.seconds)],
                                  check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
            fields = line.split(",")
            least[n].append(float(fields[-2]))
            median[n].append(float(fields[-1]))
    first = options.networks[0]
    print("network,batch,threads,min_ms,median_ms,min_part,median_part")
    for n in options.networks:
        a, b = min(least[n]), statistics.median(median[n])
        print(f"{os.path.basename(n)},{options.batch},{options.threads},{a:.3f},{b:.3f},"
              f"{a / min(least[first]):.2f},{b / statistics.median(median[first]):.2f}")


if __name__ == "__main__":
    main()
