"""report.py ADAPT FOLDER [python=PYTHON modules=FOLDER] [cxx=CXX include=FOLDER ...]: a small main job on files, classes and names that try to break its report, and
what lies beside it. report.py --browser FOLDER [PICTURES]: the same page in Chromium, wide and narrow, light and dark,
its slider moved. Ends with 77 (skipped) without Fashion-MNIST, or without Chromium."""
import csv
import gzip
import html
import html.parser
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

DATA = Path("/usr/share/datasets/fashion-mnist")
ESC = "\x1b]0;moved\x07"
NAMES = ["=1+1 {}.pgm", "<b onmouseover='x()'>{}.pgm", 'a"b{}.pgm', "\x1b[31m{}.pgm", "{}.pgm"]
CLASSES = ["T-shirt/top", "</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>',
           "Dress & 'Coat'", "=1+1", "Sandal", "A class with a name that is much longer than there is room for in any table",
           "Sneaker", "Bag", "Ankle boot"]


def check(condition, *what):
    if not condition:
        sys.exit("FAILED: " + " ".join(map(str, what)))


def make_images(folder, n):
    """PGM files of test images, with names that are markup, formulas and terminal commands."""
    pixels = gzip.open(DATA / "t10k-images-idx3-ubyte.gz").read()[16:]
    labels = gzip.open(DATA / "t10k-labels-idx1-ubyte.gz").read()[8:]
    folder.mkdir(parents=True)
    with open(folder / "labels.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["file", "label"])
        for i in range(n):
            name = NAMES[i % len(NAMES)].format(i)
            (folder / name).write_bytes(b"P5 28 28 255\n" + pixels[784 * i:784 * (i + 1)])
            out.writerow([name, labels[i]])


def binomial(k, n, p):
    """P(Binomial(n, p) <= k)."""
    return sum(math.comb(n, i) * p ** i * (1 - p) ** (n - i) for i in range(k + 1))


def clopper_pearson(k, n):
    """The p at which k of n, and no more or no fewer, come about with 2.5 %."""
    def solve(above):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if above(middle) else (low, middle)
        return low
    return [0 if k == 0 else solve(lambda p: 1 - binomial(k - 1, n, p) < 0.025),
            1 if k == n else solve(lambda p: binomial(k, n, p) > 0.025)]


def near(a, b):
    return all(abs(x - y) < 1e-6 for x, y in zip(a, b))


def check_promise(line, n, asked_confidence):
    """The verdict and the figures beside a budget, counted anew from regressions and repairs."""
    p, k, s = line["promise"], line["regressions"], line["repairs"]
    seen = k / n if p["on"] == "excess" else (k - s) / n
    check(abs(p["seen_on_test"] - seen) < 1e-12, "seen:", p, seen)
    check(p["kept_on_test"] == (seen <= p["budget"]), "the verdict does not agree with the numbers:", p, seen)
    check(near(line["excess_loss_limits95"], clopper_pearson(k, n)), "limits:", line, clopper_pearson(k, n))
    low, high = line["net_loss_limits95"]
    check(low <= (k - s) / n <= high and high - low < 8 * ((k + s + 4) ** 0.5 + 1) / n, "limits of the net loss:", line)
    check(p["limits95"] == line[p["on"] + "_loss_limits95"], "limits of another loss:", p)
    if p["on"] == "excess" and p["budget"] > 0:
        chance = 1 - binomial(k - 1, n, p["budget"]) if k > 0 else 1
        check(abs(p["chance_of_as_much_at_the_budget"] - chance) < 1e-6, "chance:", p, chance)
    check((p["chance_of_as_much_at_the_budget"] is None) == (p["budget"] == 0), "chance:", p)
    if asked_confidence:
        redrawn = p["redrawn"]
        check(redrawn["draws"] == 1000 and 0 <= redrawn["above"] <= 1000, "draws:", redrawn)
        check(near([redrawn["low95"], redrawn["high95"]], clopper_pearson(redrawn["above"], 1000)), "limits:", redrawn)
        check(redrawn["low95"] <= 1 - asked_confidence, "the promise fails more often than it says:", redrawn)
        check(p["confidence"] == (None if p["missing"] else asked_confidence), "confidence:", p)
    return p["kept_on_test"]


TITLES = {"certified": {True: "Promise kept.", False: "Above what was promised."},
          "mean": {True: "Within the budget.", False: "Above the budget."}}


def check_promises(page, summary, confidence=0.95):
    n = summary["n_test"]
    for mode in summary["adaptive"]:
        check_promise(mode, n, confidence)
        beside = [b for b in summary["baselines"] if b["mode"] == mode["mode"] and "promise" in b]
        for b in beside:
            check_promise(b, n, confidence)
        found = [(b["promise"]["on"], "paper" in b["name"]) for b in beside] + [(mode["promise"]["on"], False)]
        check(sorted(found) == sorted((on, paper) for on in ("excess", "net") for paper in (True, False)),
              "rows of both budgets:", found)
        check(page.count("certified with 95 % confidence") + page.count("could be certified with") >= len(found),
              "a promise is not in the page")
    for c in summary["curve"]:
        check_promise(c, n, None)
    # The slider: of each policy the title and the figures that the summary has.
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    for shown, mode in zip(data, summary["adaptive"]):
        curve = [c for c in summary["curve"]
                 if c["mode"] == mode["mode"] and c["budget"] != mode["promise"]["budget"]]
        for k, policy in enumerate(shown["policies"]):
            title, text, kept = policy["note"]
            line = mode if k == shown["chosen"] else curve[k - (k > shown["chosen"])]
            p = line["promise"]
            kind = "mean" if line is not mode else "certified"
            want = "Nothing faster was certified." if line is mode and p["missing"] else TITLES[kind][p["kept_on_test"]]
            check(kept == p["kept_on_test"] and title == want, "the slider says", policy["note"], "of", p)
            check(f"{100 * p['seen_on_test']:.2f} % {p['on']} loss (95 % limits" in text.replace("+", ""), text, p)
            check(("shows this or more in" in text) == (p["budget"] > 0), "how often this is seen:", text)
            check(("of 1,000 new draws of the 200 calibration images" in text) == (line is mode), "how often the promise fails:", text)
    first = re.search(r'id="promise"[^>]*>\s*<b>(.*?)</b>\s*<span>(.*?)</span>', page, re.S)
    check(html.unescape(first[1]) == data[0]["policies"][data[0]["chosen"]]["note"][0], "the first screen says", first[1])


class Checker(html.parser.HTMLParser):
    """Tags that are closed in order, and nothing that is loaded from elsewhere."""
    EMPTY = {"meta", "link", "img", "input", "wbr"}

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.count = [], set(), {}

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        for name, value in attrs:
            check(not name.startswith("on"), "an event handler", name, value)
            if name == "src":
                check(value.startswith("data:image/png;base64,"), "loads", value[:60])
            if name == "href":
                check(re.fullmatch(r"data:,|[\w.~%-]+", value), "links to", value)
            if name == "id":
                check(value not in self.ids, "two ids", value)
                self.ids.add(value)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, "closes", tag, "inside", self.open[-3:])
        self.open.pop()


def check_page(folder):
    page = (folder / "report.html").read_text()
    check(len(page) < 2 << 20, "the page is too large:", len(page))
    checker = Checker()
    checker.feed(page)
    check(not checker.open, "not closed:", checker.open)
    check(checker.count["script"] == 2, checker.count["script"], "scripts")
    for bad in ["<script>alert", "<img src=x", "<b onmouseover", "\x1b", "\x07"]:
        check(bad not in page, repr(bad), "is in the page")
    for word in ["Dress &amp; &#39;Coat&#39;", "decisions.csv", "load_policy", "prefers-color-scheme"]:
        check(word in page, repr(word), "is not in the page")
    check_promises(page, json.loads((folder / "summary.json").read_text()))
    check(checker.count["img"] >= 20, checker.count["img"], "pictures")


def check_files(folder):
    summary = json.loads((folder / "summary.json").read_text())
    for mode in summary["adaptive"]:
        end = "" if mode is summary["adaptive"][0] else "_" + mode["mode"]
        text = (folder / f"decisions{end}.csv").read_text()
        rows = list(csv.DictReader(text.splitlines()))
        check(len(rows) == summary["n_test"], len(rows), "decisions")
        for name in ("regression", "repair"):
            check(sum(int(r[name]) for r in rows) == mode[name + "s"], name + "s in", f"decisions{end}.csv")
        mean = sum(float(r["microseconds"]) for r in rows) / len(rows)
        check(abs(mean / (1e6 * mode["mean_s"]) - 1) < 0.01, "times:", mean, mode["mean_s"])
        for e in mode["exits"]:
            share = sum(r["exit"] == e["stage"] for r in rows) / len(rows)
            check(abs(share - e["share"]) < 1e-9, "share of", e["stage"], share, e["share"])
        check(all(not r["file"].startswith(("=", "+", "-", "@")) for r in rows), "a cell is a formula")
        check(any("=1+1" in r["file"] for r in rows), "a name is lost")
        right = sum(r["answer"] == r["label"] for r in rows) / len(rows)
        check(abs(right - mode["accuracy"]) < 1e-9, "right:", right, mode["accuracy"])
    check(all(abs(sum(e["share"] for e in p["exits"]) - 1) < 1e-9 for p in summary["curve"]), "shares of the curve")


def check_leader(results, said):
    """The mode that stands first, and has policy.json, is the one that costs least in cross-validation, and a line says so."""
    summary = json.loads((results / "summary.json").read_text())
    costs = [m["validated_cost"] for m in summary["adaptive"]]
    check(len(costs) > 1 and costs[0] == min(c for c in costs if c is not None), "who leads:", costs)
    first = summary["adaptive"][0]["mode"]
    line = summary["leading"]
    check(line.startswith(first + " leads (policy.json)") and line in said, line, "of", first)
    check(html.escape(line, quote=False) in (results / "report.html").read_text(), line, "is not in the report")
    policy = json.loads((results / "policy.json").read_text())
    check(policy["provenance"]["mode"] == first, policy["provenance"], first)
    redrawn = summary["adaptive"][0]["promise"]["redrawn"]
    check(policy["budget"]["redrawn"] == redrawn, policy["budget"], redrawn)


def check_net(run, folder):
    """--budget net, and another mode in front: both on few images, so that it takes seconds."""
    done = run("--budget", "net", "--lead", "early_exit", "--measure", "150", "--rules", "none", out="net")
    said = done.stdout.decode(errors="replace")
    check(done.returncode == 0, said)
    summary = json.loads((folder / "net/summary.json").read_text())
    check(summary["adaptive"][0]["mode"] == "early_exit" and "early_exit leads (policy.json), as --lead says" in said, said)
    check(all(m["promise"]["on"] == "net" for m in summary["adaptive"]), summary["adaptive"])
    check_promises((folder / "net/report.html").read_text(), summary)
    for m in summary["adaptive"]:
        p = m["promise"]
        verdict = "kept" if p["kept_on_test"] else "ABOVE the budget"
        seen = f"{'+' if p['seen_on_test'] > 0 else ''}{100 * p['seen_on_test']:.2f} % net loss (95 % limits "
        check(re.search(re.escape(m["mode"]) + r" \(.*" + re.escape(seen) + r"[^)]*\) on test: " + verdict, said),
              seen, verdict, "is not in", said)
    done = run("--lead", "nosuch")
    check(done.returncode != 0 and b"--lead nosuch" in done.stdout, done.stdout)
    done = run("--lead", "search")
    check(done.returncode != 0 and b"no such mode in this run, but selection, early_exit" in done.stdout, done.stdout)


def lines_of(page, word):
    """The code of the page's one <pre> that has the word in it."""
    found = [html.unescape(text) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.S)]
    found = [text for text in found if word in text]
    check(len(found) == 1, len(found), "pieces of code with", word)
    return found[0]


def check_code(results, images, tools):
    """The lines that load the policy, beside which networks do not lie: as they stand on the page, Python's run and C++'s
    compiled. tools: python and modules, cxx and includes, where there are any."""
    page = (results / "report.html").read_text()
    python, cpp = lines_of(page, "import weir\n"), lines_of(page, "weir::load_policy")
    check("allow_outside=True" in python and ".allow_outside = true" in cpp, "networks outside:", python, cpp)
    row = next(r for r in csv.DictReader((results / "decisions.csv").open()) if re.fullmatch(r"\d+\.pgm", r["file"]))
    if "python" in tools and list(Path(tools["modules"][0]).glob("weir/_weir*")):
        shutil.copy(images / row["file"], results / "photo.jpg")
        names = (results / "classes.txt").read_text().splitlines()
        done = subprocess.run([tools["python"][0], "-c", python + "\nprint(int(labels[0]))"], cwd=results, text=True,
                              env=dict(os.environ, PYTHONPATH=tools["modules"][0]), capture_output=True, timeout=120)
        (results / "photo.jpg").unlink()
        check(done.returncode == 0, "the page's Python:", done.stderr)
        check(row["answer"] in (done.stdout.strip(), names[int(done.stdout)]), done.stdout, "not", row)
    if "cxx" in tools:
        source = results.parent / "page.cpp"
        source.write_text("#include <iostream>\n#include <weir/run.hpp>\n\nint main() {\n" + cpp + "\n}\n")
        where = [word for folder in tools["include"] for word in ("-isystem", folder)]
        done = subprocess.run([tools["cxx"][0], "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *where, source],
                              capture_output=True, text=True, timeout=250)
        check(done.returncode == 0, "the page's C++:", done.stderr)


def small_job(adapt, folder, networks, tools):
    if not DATA.exists():
        print("SKIPPED: no Fashion-MNIST")
        sys.exit(77)
    shutil.rmtree(folder, ignore_errors=True)
    make_images(folder / "images", 800)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    (folder / "other.json").write_text(json.dumps({
        "run": "<i>other</i>" + ESC, "dataset": "=2+2", "full": {"name": "<b>full</b>", "mean_s": 0.001},
        "adaptive": [{"mode": "selection", "speedup": 2.5, "learner": "</table>"},
                     {"mode": "another", "mean_s": "x"}]}))
    (folder / "bad.json").write_text('{"adaptive": 1}')

    def run(*options, out="results"):
        return subprocess.run(
            [adapt, "--quick", "--images", folder / "images", "--labels", folder / "images/labels.csv", "--classes",
             folder / "classes.txt", "--network", networks / "fashion_alexnet.onnx", "--network",
             networks / "fashion_googlenet.onnx", "--preprocess", networks / "models.json", "--exits", "1",
             "--max-loss", "0.05", "--name", 'Mine "quoted" <u>&' + ESC, "--out", folder / out, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)

    for name, words in [("nosuch.json", b"no such file"), ("bad.json", b"is no summary.json that adapt wrote")]:
        refused = run("--compare", folder / name)
        check(refused.returncode == 1 and words in refused.stdout.lower(), name, "is taken:", refused.stdout)
        check(not (folder / "results" / "report.html").exists(), "results of a run that was refused")
    done = run("--compare", folder / "other.json")
    check(done.returncode == 0, done.stdout.decode(errors="replace"))
    check(b"\x1b" not in done.stdout, "ESC on the terminal")
    for words in [rb"this run +other run", rb"speed-up +[\d.]+x +2.50x", rb"another"]:
        check(re.search(words, done.stdout), words, "is not in:", done.stdout.decode(errors="replace"))
    check_page(folder / "results")
    check_files(folder / "results")
    check_leader(folder / "results", done.stdout.decode(errors="replace"))
    check_code(folder / "results", folder / "images", tools)
    check_net(run, folder)


class Chromium:
    """Chromium without a window, spoken to in JSON through two pipes (--remote-debugging-pipe)."""

    def __init__(self, program, profile):
        read, self.to = os.pipe()
        self.out, write = os.pipe()

        def inherit():
            a, b = os.dup(read), os.dup(write)
            os.dup2(a, 3)
            os.dup2(b, 4)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--disable-background-networking", f"--user-data-dir={profile}",
             "--remote-debugging-pipe", "about:blank"],
            preexec_fn=inherit, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read)
        os.close(write)
        self.text, self.n, self.events, self.session = b"", 0, [], None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(domain + ".enable")

    def message(self):
        while b"\0" not in self.text:
            more = os.read(self.out, 1 << 20)
            check(more, "Chromium has ended")
            self.text += more
        one, self.text = self.text.split(b"\0", 1)
        return json.loads(one)

    def __call__(self, method, **params):
        self.n += 1
        call = {"id": self.n, "method": method, "params": params}
        if self.session:
            call["sessionId"] = self.session
        os.write(self.to, json.dumps(call).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.n:
                check("error" not in message, method, message.get("error"))
                return message["result"]
            self.events.append(message)

    def open(self, url):
        self.events.clear()
        self("Page.navigate", url=url)
        until = time.time() + 60
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            check(time.time() < until, "the page does not load")
            self.events.append(self.message())

    def value(self, script):
        result = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        check("exceptionDetails" not in result, script, result.get("exceptionDetails"))
        return result["result"].get("value")

    def complaints(self):
        bad = []
        for e in self.events:
            method, params = e.get("method"), e.get("params", {})
            if (method == "Runtime.exceptionThrown"
                    or method == "Log.entryAdded" and params["entry"]["level"] == "error"
                    or method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert")):
                bad.append(json.dumps(params)[:400])
            if method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:")):
                bad.append("asks the network for " + params["request"]["url"][:200])
        return bad


CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = node => { for (; node; node = node.parentElement) { const c = getComputedStyle(node).backgroundColor;
      if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255,255,255)'; };
  let worst = [99, ''];
  for (const node of document.querySelectorAll('h1,h2,p,td,th,dt,dd,b,span,figcaption,small,a,summary,caption,em')) {
    if (!node.textContent.trim() || !node.offsetParent) continue;
    const a = light(getComputedStyle(node).color), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.outerHTML.slice(0, 120)];
  }
  return worst; })()"""
MOVED = """(() => { const s = document.getElementById('slider'), all = what => [...document.querySelectorAll(what)];
  const rings = () => all('#chart .ring').map(r => r.getAttribute('cx')).join();
  const tiles = () => all('.tile b').map(b => b.textContent);
  const before = [rings(), tiles().join()], data = JSON.parse(document.getElementById('data').textContent);
  const to = +s.value === 0 ? +s.max : 0;
  s.value = to; s.dispatchEvent(new Event('input'));
  const want = data[0].policies[to].tiles.map(t => t[0]);
  const wide = all('.bars:not([hidden]) .track i').map(i => parseFloat(i.style.width));
  const exits = data[0].policies[to].exits.map(e => e[0]);
  return {rings: rings() !== before[0], tiles: tiles().join() === want.join(), changed: tiles().join() !== before[1],
    bars: wide.every((w, k) => Math.abs(w - exits[k]) < 0.01), said: s.getAttribute('aria-valuetext')}; })()"""


MARKS = """(() => { const all = [...document.querySelectorAll('#chart .mark, #chart .ring')];
  const seen = all.filter(m => m.checkVisibility() && m.hasAttribute('aria-label'));
  return {n: seen.length, bad: seen.filter(m => m.getAttribute('tabindex') !== '0' || m.getAttribute('role') !== 'img' ||
    m.querySelector('title')).length, hidden: [...document.querySelectorAll('#chart svg')].filter(
    s => s.getAttribute('role') === 'img').length}; })()"""
TIP = """(() => { const tip = document.getElementById('tip'), at = document.activeElement, box = tip.getBoundingClientRect();
  return {mark: at.matches('.mark, .ring'), shown: !tip.hidden, same: tip.textContent === at.getAttribute('aria-label'),
    inside: box.left >= 0 && box.right <= innerWidth && box.top >= 0}; })()"""


def check_marks(browser, where):
    """The chart's marks are told to screen readers, and reached by the Tab key, which shows what the mouse shows."""
    marks = browser.value(MARKS)
    check(marks["n"] > 4 and marks["bad"] == marks["hidden"] == 0, where, "marks:", marks)
    tree = browser("Accessibility.getFullAXTree")["nodes"]
    told = [n for n in tree if n.get("role", {}).get("value") in ("image", "img") and not n["ignored"]
            and " right in " in n.get("name", {}).get("value", "")]
    check(len(told) == marks["n"], where, len(told), "marks are told, of", marks)

    def press(key, code):
        for kind in ("keyDown", "keyUp"):
            browser("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    browser.value("document.activeElement.blur(); getSelection().removeAllRanges()")
    for _ in range(40):
        press("Tab", 9)
        if browser.value("document.activeElement.matches('.mark, .ring')"):
            break
    tip = browser.value(TIP)
    check(all(tip.values()), where, "the Tab key:", tip)
    press("Tab", 9)
    again = browser.value(TIP)
    check(all(again.values()), where, "the Tab key, again:", again)
    browser.value("scrollTo(0, document.body.scrollHeight)")
    check(browser.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
                        "document.getElementById('tip').hidden))))"), where, "what a mark says stays when it is scrolled away")
    browser.value("document.activeElement.scrollIntoView()")
    browser.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    again = browser.value(TIP)
    check(all(again.values()), where, "scrolled back:", again)
    press("Escape", 27)
    check(browser.value("document.getElementById('tip').hidden"), where, "Escape")
    browser.value("document.activeElement.blur()")
    ring = browser.value("""(() => { const s = document.getElementById('slider');
      const says = () => document.querySelector('#chart .ring').getAttribute('aria-label'), before = says();
      s.value = +s.value === 0 ? s.max : 0; s.dispatchEvent(new Event('input')); return [before, says()]; })()""")
    check(ring[0] != ring[1] and all(" right in " in says for says in ring), where, "what a ring says:", ring)


def in_browser(folder, pictures):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("SKIPPED: no Chromium, so the report was not opened in a browser (apt install chromium)")
        sys.exit(77)
    url = (folder / "results" / "report.html").resolve().as_uri()
    shutil.rmtree(folder / "profile", ignore_errors=True)
    browser = Chromium(program, folder / "profile")
    try:
        for width in (1200, 400):
            for scheme in ("light", "dark"):
                where = f"{width} px, {scheme}:"
                browser("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                        mobile=width < 600)
                browser("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                browser.open(url)
                if pictures:
                    import base64
                    shot = browser("Page.captureScreenshot", captureBeyondViewport=True, format="png")
                    Path(pictures).mkdir(exist_ok=True)
                    (Path(pictures) / f"{width}_{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
                check_marks(browser, where)
                browser.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
                wide = browser.value("[document.documentElement.scrollWidth, innerWidth]")
                check(wide[0] <= wide[1], where, "the page is wider than its window:", wide)
                beyond = browser.value(
                    "[...document.querySelectorAll('table')].filter(t => t.offsetParent && t.scrollWidth > "
                    "t.parentElement.clientWidth + 1).map(t => t.caption.textContent)")
                check(not beyond, where, "tables that do not fit:", beyond)
                ground = browser.value("getComputedStyle(document.body).backgroundColor")
                check((sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark"), where, ground)
                worst = browser.value(CONTRAST)
                check(worst[0] >= 4.5, where, "contrast", worst)
                check(browser.value("[...document.images].every(i => i.alt && i.complete && i.naturalWidth > 0)"),
                      where, "a picture that cannot be shown, or without words")
                check(browser.value("!document.getElementById('controls').hidden"), where, "no slider")
                moved = browser.value(MOVED)
                check(all(moved.values()), where, "the slider moves not all:", moved)
                if width == 1200:
                    browser.value("var s = document.getElementById('slider'); s.value = 0; "
                                  "s.dispatchEvent(new Event('input')); s.focus()")
                    before = browser.value("document.getElementById('budget').textContent")
                    for kind in ("keyDown", "keyUp"):
                        browser("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight",
                                windowsVirtualKeyCode=39)
                    check(browser.value("document.getElementById('budget').textContent") != before, where, "keyboard")
                browser.value("document.querySelectorAll('[name=mode]').forEach(r => { if (!r.checked) r.click(); })")
                check(browser.value("document.querySelectorAll('.bars:not([hidden])').length") == 1, where, "modes")
                check(browser.value("document.querySelectorAll('u, b[onmouseover], img[src=x]').length") == 0, where,
                      "markup")
                check(not browser.complaints(), where, browser.complaints())
        browser("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(url)
        check(browser.value("document.getElementById('controls').hidden && "
                            "document.querySelectorAll('.tile b').length === 4 && "
                            "document.querySelectorAll('.bars .bar').length > 1"), "without scripts")
    finally:
        browser.process.terminate()
        browser.process.wait(30)
        shutil.rmtree(folder / "profile", ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "--browser":
        in_browser(Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
    else:
        networks = Path(__file__).resolve().parents[2] / "bench" / "networks"
        tools = {}
        for word in sys.argv[3:]:
            name, _, value = word.partition("=")
            tools.setdefault(name, []).append(value)
        small_job(sys.argv[1], Path(sys.argv[2]), networks, tools)
