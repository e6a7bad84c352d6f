#!/usr/bin/env python3
"""Adds up runs of build/bench/adapt that each tested another part of the same images:

    for i in 0 1 2 3 4; do build/bench/adapt ... --test-part $i/5 --out run$i; done
    python3 bench/pool.py run?

Prints one line per contestant (Markdown): images, regressions and repairs are sums over the runs, the speed-up is the
ratio of the summed times, with the smallest and largest of the runs; the excess loss has Clopper and Pearson's 95 %
interval. Every run learned and chose without the images it tested, so the sums are of policies of one kind, not of one
policy. Then one line per mode and run: what its learned policy was predicted to take, by the prices of its stages, what
was measured, and their ratio; on how many images it decided otherwise than recorded; and whether the run itself called
its machine disturbed. Needs nothing but Python.
"""
import json
import math
import os
import sys


def binomial_cdf(k, n, p):
    """P(X <= k) for X of n trials that succeed with probability p."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return 1.0 if k >= n else 0.0
    term = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
            for i in range(k + 1)]
    return min(1.0, sum(math.exp(t) for t in term))


def clopper_pearson(k, n, confidence=0.95):
    """(lower, upper) two-sided limits of a proportion of which k of n were seen."""
    tail = (1 - confidence) / 2

    def root(above):  # above(p) is true for all p beyond the limit
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if above(middle) else (middle, high)
        return high

    lower = 0.0 if k == 0 else root(lambda p: 1 - binomial_cdf(k - 1, n, p) > tail)
    upper = 1.0 if k == n else root(lambda p: binomial_cdf(k, n, p) < tail)
    return lower, upper


def contestants(summary):
    """[((mode, name), counts and mean seconds)] of one summary.json."""
    lines = [(("network", c["name"]), c) for c in summary["networks"]]
    for c in summary["adaptive"]:
        lines.append(((c["mode"], "**learned**"), c))
        lines += [((b["mode"], f"learned, {100 * b['budget']:g} % in the mean"), b) for b in summary["curve"]
                  if b["mode"] == c["mode"]]
        lines += [((b["mode"], b["name"]), b) for b in summary["baselines"] + summary["oracle"]
                  if b["mode"] == c["mode"]]
    return lines


def cost_lines(folder, summary):
    """Predicted and measured mean cost of the learned policy of each mode of one run."""
    said = summary.get("advice", {}).get("sentences", [])
    lines = []
    for c in summary["adaptive"]:
        if c.get("predicted_mean_s") is None:  # its costs are no seconds
            continue
        ratio = c["predicted_mean_s"] / c["mean_s"]
        disturbed = any(s.startswith(c["mode"] + ":") and "machine busy" in s for s in said)
        lines.append(f"| {c['mode']} | {os.path.basename(os.path.normpath(folder))} | "
                     f"{1e3 * c['predicted_mean_s']:.3f} | {1e3 * c['mean_s']:.3f} | {ratio:.2f} | {c.get('decisions_that_differ_from_trace', 0)} of "
                     f"{summary['n_test']} | {'disturbed' if disturbed else ''} |")
    return lines


def main(folders):
    if not folders or folders[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if folders else 1
    sums, parts, costs = {}, {}, []
    for folder in folders:
        path = os.path.join(folder, "summary.json")
        try:
            with open(path, encoding="utf-8") as file:
                summary = json.load(file)
            part, full = (summary["seed"], summary["test_part"]), summary["full"]["mean_s"]
            if not part[1] or part in parts:
                print(f"error: {path}: no run with --test-part, or of the same part as {parts.get(part, 'none')}",
                      file=sys.stderr)
                return 1
            parts[part] = path
            costs += cost_lines(folder, summary)
            for key, c in contestants(summary):
                s = sums.setdefault(key, {"n": 0, "right": 0.0, "seconds": 0.0, "full": 0.0, "regressions": 0,
                                          "repairs": 0, "speedups": []})
                n = summary["n_test"]
                s["n"] += n
                s["right"] += n * c["accuracy"]
                s["seconds"] += n * c["mean_s"]
                s["full"] += n * full
                s["regressions"] += c["regressions"]
                s["repairs"] += c["repairs"]
                s["speedups"].append(full / c["mean_s"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"error: {path}: {error!r}: not the summary of a run of adapt", file=sys.stderr)
            return 1
    print("| mode | who | right | ms/image | speed-up (least to most of a run) | regressions, repairs | "
          "excess loss (95 % interval) |")
    print("|---|---|--:|--:|--:|--:|--:|")
    missing = []
    for (mode, name), s in sums.items():
        if len(s["speedups"]) != len(folders):
            missing.append(f"{mode} {name} ({len(s['speedups'])})")  # a rule that some run's stages do not suffice for
            continue
        low, high = clopper_pearson(s["regressions"], s["n"])
        print(f"| {mode} | {name} | {100 * s['right'] / s['n']:.2f} % | {1e3 * s['seconds'] / s['n']:.3f} | "
              f"{s['full'] / s['seconds']:.2f} ({min(s['speedups']):.2f} to {max(s['speedups']):.2f}) | "
              f"{s['regressions']}, {s['repairs']} of {s['n']} | {100 * s['regressions'] / s['n']:.2f} % "
              f"({100 * low:.2f} to {100 * high:.2f}) |")
    if costs:
        print("\n| mode | run | predicted, ms | measured, ms | ratio | decided otherwise | by the run's own word |")
        print("|---|---|--:|--:|--:|--:|---|")
        print("\n".join(sorted(costs)))
    if missing:
        print(f"\nLeft out, as only so many of the {len(folders)} runs have them: " + ", ".join(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
