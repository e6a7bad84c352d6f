"""From the peers' lines to tables in Markdown: nothing here runs anything."""
import math
import statistics

PEERS = {"weir": "weir", "onnxruntime": "ONNX Runtime", "pytorch": "PyTorch", "opencv": "OpenCV"}
# Those of the table of 8-bit networks, beside weir on the network in fp32: both run one file.
INT8 = {"weir_int8": "weir, int8", "onnxruntime_int8": "ONNX Runtime, int8"}
# Another commit of weir, in a build folder of its own.
BEFORE = {"weir_before": "weir before"}
NAMES = {**PEERS, **INT8, **BEFORE}


def parse(line, numbers):
    """`peer,model,batch,threads,...` as (peer, (model, batch, threads), [numbers]); ValueError if it is anything else."""
    cells = line.strip().split(",")
    if len(cells) != 4 + numbers or cells[0] not in NAMES:
        raise ValueError(f"not a line of a peer: {line.strip()!r}")
    values = [float(c) for c in cells[4:]]
    if not all(math.isfinite(v) and v >= 0 for v in values):
        raise ValueError(f"not a time: {line.strip()!r}")
    return cells[0], (cells[1], int(cells[2]), int(cells[3])), values


class Results:
    """Times and failures of one run, in the order in which they came. lines: (round, line) as in peers.csv."""

    def __init__(self):
        self.rows, self.lines, self.failures = [], [], {}
        self.times, self.startup = {}, {}

    def add(self, round_number, line):
        who, row, values = parse(line, 2)
        self.see(row)
        self.lines.append((round_number, line.strip()))
        self.times.setdefault((who, row), []).append(values)

    def add_startup(self, line):
        who, row, values = parse(line, 3)
        before = self.startup.get((who, row[0]))
        # The fastest time, the most memory.
        self.startup[who, row[0]] = values if before is None else [min(before[0], values[0])] + [
            max(pair) for pair in zip(before[1:], values[1:])]

    def fail(self, who, row, reason):
        self.see(row)
        self.failures.setdefault(who, {}).setdefault(reason, []).append(row)

    def see(self, row):
        if row not in self.rows:
            self.rows.append(row)

    def failed(self, who, row):
        return any(row in rows for rows in self.failures.get(who, {}).values())

    def summary(self, who, row):
        """Minimum over the rounds, median of the rounds' medians, both in ms; None without a time."""
        times = self.times.get((who, row))
        return times and (min(t[0] for t in times), statistics.median(t[1] for t in times))

    def ratio(self, who, row, ours="weir"):
        """Our minimum over the peer's: below 1 weir is ahead."""
        ours, theirs = self.summary(ours, row), self.summary(who, row)
        return ours[0] / theirs[0] if ours and theirs and theirs[0] > 0 else None

    def mean_ratio(self, who, threads=None, ours="weir"):
        """Geometric mean over the rows that both ran; None if there is none."""
        ratios = [self.ratio(who, row, ours) for row in self.rows if threads in (None, row[2])]
        ratios = [r for r in ratios if r]
        return math.exp(statistics.fmean(math.log(r) for r in ratios)) if ratios else None


def digits(ms):
    return f"{ms:.3f}" if ms < 10 else f"{ms:.1f}" if ms < 1000 else f"{ms:.0f}"


def table(head, rows, text_columns=1):
    rules = ["---"] * text_columns + ["--:"] * (len(head) - text_columns)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [head, rules, *rows])


def speed_table(results):
    """Minimum (median) in ms for each engine, and weir / peer for each peer."""
    shown = [p for p in {"weir": "", **BEFORE, **PEERS} if p in results.failures or any(who == p for who, _ in results.times)]
    others = [p for p in shown if p != "weir"]
    head = ["network", "batch", "threads", *(NAMES[p] for p in shown), *(f"weir / {NAMES[p]}" for p in others)]
    rows = []
    for row in results.rows:
        cells = [row[0], str(row[1]), str(row[2])]
        for p in shown:
            s = results.summary(p, row)
            cells.append(f"{digits(s[0])} ({digits(s[1])})" if s else "failed" if results.failed(p, row) else "-")
        rows.append(cells + [f"{r:.2f}" if (r := results.ratio(p, row)) else "-" for p in others])
    for threads in sorted({row[2] for row in results.rows}) + [None]:
        means = [results.mean_ratio(p, threads) for p in others]
        label = "all" if threads is None else str(threads)
        rows.append(["**geometric mean**", "", label, *[""] * len(shown), *(f"**{m:.2f}**" if m else "-" for m in means)])
    return table(head, rows)


def int8_table(results):
    """Minimum (median) in ms of weir in fp32, of weir and of ONNX Runtime in 8 bits; int8 / fp32, and weir / ONNX Runtime."""
    def cell(who, row):
        s = results.summary(who, row)
        return f"{digits(s[0])} ({digits(s[1])})" if s else "failed" if results.failed(who, row) else "-"

    def shown(ratio, mark=""):
        return f"{mark}{ratio:.2f}{mark}" if ratio else "-"

    ours, theirs = "weir_int8", "onnxruntime_int8"
    head = ["network", "batch", "threads", "fp32 ms", "int8 ms", "int8 / fp32", "ORT int8 ms", "weir / ORT"]
    rows = [[row[0], str(row[1]), str(row[2]), cell("weir", row), cell(ours, row),
             shown(results.ratio("weir", row, ours)), cell(theirs, row), shown(results.ratio(theirs, row, ours))]
            for row in results.rows]
    for threads in sorted({row[2] for row in results.rows}) + [None]:
        rows.append(["**geometric mean**", "", "all" if threads is None else str(threads), "", "",
                     shown(results.mean_ratio("weir", threads, ours), "**"), "",
                     shown(results.mean_ratio(theirs, threads, ours), "**")])
    return table(head, rows)


def startup_table(results):
    """First answer in ms, and the peak of memory in MB with what the process held before in parentheses."""
    rows, shown = [], [p for p in {**PEERS, **BEFORE} if any(who == p for who, _ in results.startup)]
    for model in dict.fromkeys(model for _, model in results.startup):
        cells = [model]
        for p in shown:
            s = results.startup.get((p, model))
            cells += [digits(s[0]), f"{s[1]:.0f} ({s[2]:.0f})"] if s else ["-", "-"]
        rows.append(cells)
    return table(["network", *(c for p in shown for c in (f"{NAMES[p]}, ms", "MB"))], rows)


def failures_text(results):
    text = ""
    for who, reasons in results.failures.items():
        for reason, rows in reasons.items():
            models = ", ".join(dict.fromkeys(row[0] for row in rows))
            text += f"- {NAMES[who]} failed on {models}: {reason}\n"
    return text
