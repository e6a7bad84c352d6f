#!/usr/bin/env python3
"""`weir serve` under load on one machine: wrk (Debian: wrk) posts images to it for some minutes. Prints a Markdown table:
requests, errors, rate, latency, memory, and whether the server counted as many answers as wrk got.

    python3 bench/serve/load.py build/bench/weir bundle/policy.json photos/ --minutes 10 --connections 8

IMAGES is a folder of image files, or an IDX file of grey images (Fashion-MNIST's), of which the first 1,000 are sent.
What follows `--` are further options of serve. Ends with 1 where an answer was lost, was no 2xx, or a socket failed.
Needs nothing but Python and wrk.
"""
import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

MOST_IMAGES = 1000
SCRIPT = """
local bodies = {}
for name in io.lines(os.getenv("WEIR_IMAGES")) do
  local file = assert(io.open(name, "rb"))
  bodies[#bodies + 1] = file:read("*a")
  file:close()
end
local last = 0
request = function()
  last = last % #bodies + 1
  return wrk.format("POST", "/", nil, bodies[last])
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("counted %d %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration, e.status, e.connect,
                         e.read, e.write, e.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
COUNTED = ("requests", "duration_us", "status", "connect", "read", "write", "timeout", "p50_us", "p99_us")


def image_files(images, folder):
    """Paths of the images that are sent; those of an IDX file are written into the folder."""
    if os.path.isdir(images):
        found = sorted(os.path.join(where, name) for where, _, names in os.walk(images) for name in names
                       if name.lower().endswith((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".pgm", ".ppm")))
        if not found:
            sys.exit(f"error: {images} holds no images")
        return [os.path.abspath(name) for name in found[:MOST_IMAGES]]
    with (gzip.open if images.endswith(".gz") else open)(images, "rb") as f:
        head = f.read(16)
        if head[:4] != b"\0\0\x08\x03":
            sys.exit(f"error: {images} is neither a folder of images nor an IDX file of grey images")
        n, height, width = (int.from_bytes(head[at:at + 4], "big") for at in (4, 8, 12))
        names = []
        for i in range(min(n, MOST_IMAGES)):
            names.append(os.path.join(folder, f"{i}.pgm"))
            with open(names[-1], "wb") as out:
                out.write(b"P5 %d %d 255\n" % (width, height) + f.read(height * width))
        return names


def answers(url):
    """How many requests the server has answered, as /metrics has it."""
    with urllib.request.urlopen(url + "metrics", timeout=30) as reply:
        return sum(int(n) for n in re.findall(r"^weir_requests_total\{.*\} (\d+)$", reply.read().decode(), re.M))


def megabytes(pid):
    """Memory that a process holds (VmRSS)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1]) * 1024e-6


def sample(pid, seconds, stop, samples):
    """Appends (seconds since the start, MB) until told to stop."""
    start = time.monotonic()
    while not stop.wait(seconds):
        samples.append((time.monotonic() - start, megabytes(pid)))


def measure(o, server, url, folder):
    """(what wrk counted, answers that the server counted, memory samples)."""
    with open(os.path.join(folder, "images"), "w", encoding="utf-8") as f:
        f.write("".join(name + "\n" for name in image_files(o.images, folder)))
    with open(os.path.join(folder, "post.lua"), "w", encoding="utf-8") as f:
        f.write(SCRIPT)
    seconds, before = max(1, round(60 * o.minutes)), answers(url)
    samples, stop = [(0, megabytes(server.pid))], threading.Event()
    sampler = threading.Thread(target=sample, args=(server.pid, min(10, seconds / 3), stop, samples))
    sampler.start()
    try:
        done = subprocess.run(["wrk", "--connections", str(o.connections), "--threads", "1", "--duration", f"{seconds}s",
                               "--timeout", "30s", "--script", os.path.join(folder, "post.lua"), url],
                              env=dict(os.environ, WEIR_IMAGES=os.path.join(folder, "images")), capture_output=True,
                              text=True, timeout=seconds + 60, check=False)
    finally:
        stop.set()
        sampler.join()
    found = re.search(r"^counted ([\d ]+)$", done.stdout, re.M)
    if done.returncode != 0 or not found:
        sys.exit(f"error: wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    time.sleep(1)  # what was under way when wrk stopped
    samples.append((seconds, megabytes(server.pid)))
    return dict(zip(COUNTED, map(int, found[1].split()))), answers(url) - before, samples


def table(o, wrk, answered, samples):
    """The Markdown table, and whether nothing was lost."""
    sockets = [wrk[kind] for kind in ("connect", "read", "write", "timeout")]
    over = answered - wrk["requests"]
    whole = 0 <= over <= o.connections
    after_a_minute = next((f"{mb:.1f}" for at, mb in samples if at >= 60), "(a shorter run)")
    seconds = 1e-6 * wrk["duration_us"]
    rows = [("time, connections", f"{seconds:.0f} s, {o.connections}"),
            ("requests", f"{wrk['requests']:,}"),
            ("answers that are no 2xx", f"{wrk['status']:,}"),
            ("socket errors: connect, read, write, timeout", ", ".join(map(str, sockets))),
            ("requests/s", f"{wrk['requests'] / seconds:,.0f}"),
            ("latency p50, p99, ms", f"{1e-3 * wrk['p50_us']:.2f}, {1e-3 * wrk['p99_us']:.2f}"),
            ("memory (RSS) at the start, after 1 minute, at the end, MB",
             f"{samples[0][1]:.1f}, {after_a_minute}, {samples[-1][1]:.1f}"),
            ("answers in /metrics", f"{answered:,}: " + (f"all of wrk's, and {over} under way at the end" if whole
                                                          else f"{over:+,} against wrk's"))]
    text = "| weir serve under wrk | |\n|---|--:|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)
    return text, whole and wrk["status"] == 0 and not any(sockets)


def main():
    arguments, further = sys.argv[1:], []
    if "--" in arguments:
        further = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weir", help="the program, build/bench/weir")
    parser.add_argument("policy", help="policy.json")
    parser.add_argument("images", help="a folder of image files, or an IDX file")
    parser.add_argument("--minutes", type=float, default=10, help="how long wrk posts (default: 10)")
    parser.add_argument("--connections", type=int, default=8, help="that wrk holds open (default: 8)")
    o = parser.parse_args(arguments)
    if not 0 < o.minutes <= 120 or not 1 <= o.connections <= 1000:
        parser.error("--minutes: more than 0, at most 120; --connections: 1 to 1000")
    if not shutil.which("wrk"):
        sys.exit("error: wrk is missing. Debian, Ubuntu: apt install wrk")
    server = subprocess.Popen([o.weir, "serve", o.policy, "--port", "0", *further], stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        if " at http://" not in line:
            sys.exit("error: weir serve did not start")
        with tempfile.TemporaryDirectory() as folder:
            text, fine = table(o, *measure(o, server, line.rsplit(" ", 1)[1].strip(), folder))
    finally:
        server.terminate()
        server.wait(60)
    print(text, end="")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
