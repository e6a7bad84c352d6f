"""Times weir and its peers in turn on every row and writes peers.csv and peers.md; called by run.sh."""
import argparse
import fnmatch
import itertools
import os
import platform
import shlex
import subprocess
import sys

import make_int8
import table

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["alexnet", "googlenet", "resnet18", "resnet50", "squeezenet11", "mobilenet_v2", "cifar_resnet20",
          "cifar_resnet56"]


def all_rows(models):
    """(model, batch, threads), one thread first."""
    return [(m, b, t) for t in (1, 2) for b in (1, 16, 128) for m in models if b < 128 or m.startswith("cifar")]


def networks(paths):
    """Names of ONNX files of one's own, and where each is."""
    return {os.path.basename(path).removesuffix(".onnx"): path for path in paths}


def command(who, build, arguments):
    if who in ("weir", "weir_before"):
        options = ["--startup"] if arguments[0] == "--startup" else []
        onnx, batch, threads, seconds = arguments[len(options):]
        return [f"{build}/bench/network", *options, "--onnx", onnx, "--batch", batch, "--threads", threads, "--seconds",
                seconds]
    if who == "onnxruntime":
        return [os.environ.get("NODE", "node"), f"{HERE}/onnxruntime.cjs", *arguments]
    return [sys.executable, f"{HERE}/{who}.py", *arguments]


def call(who, build, arguments, limit_s):
    """The last line that the peer printed, and None; or None and why there is none."""
    try:
        done = subprocess.run(command(who, build, arguments), capture_output=True, text=True, timeout=limit_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"no answer within {limit_s:.0f} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip().splitlines()[-1], None
    said = [line.strip() for line in done.stderr.splitlines() if "rror" in line] or [f"status {done.returncode}"]
    return None, said[-1].replace("|", "/")[:200]


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} logical CPUs, {platform.system()} {platform.machine()}"


def write(path, text):
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def engines(options, paths):
    """What is timed, in turn: (its name in the table, the engine, its files). In 8 bits, weir on the network itself too."""
    if not options.int8:
        before = ["weir_before"] if options.before else []
        return [(who, who, paths) for who in ["weir", *before, *options.peers]]
    int8 = {model: f"{options.out}/int8/{model}.onnx" for model in paths}
    return [("weir", "weir", paths), ("weir_int8", "weir", int8)] + [(f"{who}_int8", who, int8) for who in options.peers]


def report(results, options, versions, rounds):
    """Writes both files from what there is, and returns the page."""
    text = f"`{options.command}` on {machine()}; weir {options.flags}; {versions}; load when it ended " \
           f"{os.getloadavg()[0]:.1f}. Rounds: {rounds}, of {options.seconds:g} s each, the engines in turn on every row. " \
           "Cells: minimum (median) of a pass in ms; ratios are of minima, below 1 weir is faster.\n\n"
    if options.int8:
        text += "8-bit copies by bench/quantize on random images, every layer that can be in 8 bits; ONNX Runtime (ORT) runs " \
                "the same files.\n\n"
    text += table.int8_table(results) if options.int8 else table.speed_table(results)
    if results.failures:
        text += "\n" + table.failures_text(results)
    if results.startup:
        text += "\nFrom the file to the first answer (batch 1, one thread, best of the rounds), and the most memory that the " \
                "process held (what it held before it opened the file, interpreter and library, in parentheses):\n\n"
        text += table.startup_table(results)
    write(f"{options.out}/peers.csv", "round,peer,model,batch,threads,min_ms,median_ms\n" +
          "".join(f"{r},{line}\n" for r, line in results.lines))
    write(f"{options.out}/peers.md", text)
    return text


def main():
    parser = argparse.ArgumentParser(prog="bench/peers/run.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times that each row is measured")
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--rows", default="*", help="rows whose model,batch,threads match, as file names do: 'cifar*,1,*'")
    parser.add_argument("--networks", nargs="+", default=[], metavar="FILE.onnx",
                        help="time these instead of the eight (not PyTorch, which does not read ONNX files)")
    parser.add_argument("--peers", nargs="+", choices=list(table.PEERS)[1:],
                        help="whom to time beside weir")
    parser.add_argument("--quick", action="store_true", help="one round of 0.2 s")
    parser.add_argument("--int8", action="store_true",
                        help="8-bit copies of the networks instead, beside fp32, and ONNX Runtime on the same files")
    parser.add_argument("--before", metavar="BUILD",
                        help="the build folder of another commit, with its program network, timed in turn; no peers then "
                             "but those of --peers")
    parser.add_argument("--startup", action="store_true", help="the time to the first answer and the memory, too")
    parser.add_argument("--out", default="build/peers", help="folder of peers.csv and peers.md")
    for hidden in ("--build", "--models", "--flags"):
        parser.add_argument(hidden, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
    paths = networks(options.networks) or {m: f"{options.models}/{m}.onnx" for m in MODELS}
    if options.before and not os.access(f"{options.before}/bench/network", os.X_OK):
        parser.error(f"--before {options.before}: has no program bench/network; cmake --build BUILD --target network makes it")
    if options.int8 and (options.before or options.startup or (options.peers or ["onnxruntime"]) != ["onnxruntime"]):
        parser.error("--int8 times ONNX Runtime beside weir only, and no first answers: give neither --startup, --before nor other peers")
    usual = [] if options.before else [p for p in list(table.PEERS)[1:] if p != "pytorch" or not options.networks]
    options.peers = options.peers or (["onnxruntime"] if options.int8 else usual)
    rows = [r for r in all_rows(paths) if fnmatch.fnmatch(",".join(map(str, r)), options.rows)]
    if options.rounds < 1 or not options.seconds >= 0 or not rows:
        parser.error("rounds must be 1 or more, seconds not negative, and --rows must match a row")
    try:
        os.makedirs(options.out, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {options.out}: {error.strerror}")
    given = sys.argv[1:sys.argv.index("--build")]
    options.command = "bash bench/peers/run.sh" + "".join(" " + shlex.quote(g) for g in given)
    build, results, versions, present = options.build, table.Results(), [], engines(options, paths)
    for who in options.peers:
        version, why = call(who, build, ["--version"], 120)
        versions.append(f"{table.PEERS[who]} {version or 'missing (' + why + ')'}")
        if not version:
            present = [p for p in present if p[1] != who]
    versions = ", ".join(versions)

    def progress(text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def measure(name, who, files, row, prefix):
        model, batch, threads = row
        if (name, model) in missing:
            return None, missing[name, model]
        line, why = call(who, options.before if who == "weir_before" else build, prefix + [files[model], str(batch), str(threads), str(options.seconds)],
                         120 + 20 * options.seconds)
        return line and name + line[line.index(","):], why

    missing = {}
    for model in dict.fromkeys(row[0] for row in rows) if options.int8 else []:
        progress(f"an 8-bit copy of {model}")
        if why := make_int8.make(build, paths[model], f"{options.out}/int8/{model}.onnx"):
            missing.update({(name, model): why for name, _, files in present if files is not paths})
    for r in range(options.rounds):
        for i, row in enumerate(rows):
            for name, who, files in present:
                progress(f"round {r + 1} of {options.rounds}, row {i + 1} of {len(rows)}: {name} on {row[0]}")
                line, why = measure(name, who, files, row, [])
                if line:
                    results.add(r + 1, line)
                else:
                    results.fail(name, row, why)
        report(results, options, versions, r + 1)  # an interrupted run leaves its whole rounds
    models = dict.fromkeys(row[0] for row in rows) if options.startup else []
    for model, _, (name, who, files) in itertools.product(models, range(options.rounds), present):
        progress(f"first answer: {name} on {model}")
        line, why = measure(name, who, files, (model, 1, 1), ["--startup"])
        if line:
            results.add_startup(line)
        else:
            results.fail(name, (model, 1, 1), why)
    progress("")
    print(report(results, options, versions, options.rounds), end="")


if __name__ == "__main__":
    main()
