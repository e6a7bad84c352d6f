"""bench/pool.py on summaries made by hand."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import pool


def line(seconds, accuracy, regressions, repairs, **more):
    return {"mean_s": seconds, "accuracy": accuracy, "regressions": regressions, "repairs": repairs, **more}


def summary(part, n, learned, rule):
    return {"seed": 0, "test_part": part, "n_test": n, "full": {"mean_s": 0.010},
            "networks": [line(0.010, 0.9, 0, 0, name="big")],
            "adaptive": [line(*learned, mode="selection")],
            "curve": [line(*learned, mode="selection", budget=0.005, name="x")],
            "baselines": [line(*rule, mode="selection", name="margin")],
            "oracle": []}


def run(*summaries):
    """(exit code, output, errors) of pool.main on folders that hold these."""
    with tempfile.TemporaryDirectory() as folder:
        folders = []
        for i, s in enumerate(summaries):
            folders.append(os.path.join(folder, str(i)))
            os.mkdir(folders[-1])
            with open(os.path.join(folders[-1], "summary.json"), "w", encoding="utf-8") as file:
                file.write(s if isinstance(s, str) else json.dumps(s))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = pool.main(folders)
        return code, out.getvalue(), err.getvalue()


class Pool(unittest.TestCase):
    def test_clopper_pearson(self):
        for k, n, low, high in [(0, 10, 0, 0.3085), (10, 10, 0.6915, 1), (5, 100, 0.0164, 0.1128),
                                (17, 1790, 0.00554, 0.01516)]:  # R: binom.test(k, n)$conf.int
            got = pool.clopper_pearson(k, n)
            self.assertAlmostEqual(got[0], low, 4)
            self.assertAlmostEqual(got[1], high, 4)

    def test_sums(self):
        code, out, _ = run(summary("0/2", 100, (0.004, 0.90, 2, 1), (0.005, 0.8, 3, 0)),
                           summary("1/2", 300, (0.002, 0.98, 1, 4), (0.005, 0.8, 3, 0)))
        self.assertEqual(code, 0)
        row = next(r for r in out.splitlines() if "**learned**" in r)
        self.assertIn("| 96.00 % | 2.500 | 4.00 (2.50 to 5.00) | 3, 5 of 400 | 0.75 % (0.15 to 2.18) |", row)
        self.assertIn("| selection | learned, 0.5 % in the mean |", out)
        self.assertIn("| selection | margin | 80.00 % | 5.000 | 2.00 (2.00 to 2.00) | 6, 0 of 400 |", out)
        self.assertIn("| network | big |", out)

    def test_predicted_and_measured_costs(self):
        one = summary("0/2", 100, (0.004, 0.90, 2, 1), (0.005, 0.8, 3, 0))
        one["adaptive"][0].update(predicted_mean_s=0.003, decisions_that_differ_from_trace=7)
        two = summary("1/2", 300, (0.002, 0.98, 1, 4), (0.005, 0.8, 3, 0))
        two["adaptive"][0].update(predicted_mean_s=0.0022, decisions_that_differ_from_trace=0)
        two["advice"] = {"sentences": ["selection: ...: something else kept the machine busy, or ...", "other: busy"]}
        _, out, _ = run(one, two)
        self.assertIn("| selection | 0 | 3.000 | 4.000 | 0.75 | 7 of 100 |  |", out)
        self.assertIn("| selection | 1 | 2.200 | 2.000 | 1.10 | 0 of 300 | disturbed |", out)
        one["adaptive"][0]["predicted_mean_s"] = None
        self.assertNotIn("predicted, ms", run(one)[1])

    def test_says_who_is_left_out(self):
        one = summary("0/2", 100, (0.004, 0.90, 2, 1), (0.005, 0.8, 3, 0))
        other = dict(summary("1/2", 100, (0.004, 0.90, 2, 1), (0.005, 0.8, 3, 0)), baselines=[])
        code, out, _ = run(one, other)
        self.assertEqual(code, 0)
        self.assertNotIn("| margin |", out)
        self.assertIn("only so many of the 2 runs have them: selection margin (1)", out)
        self.assertNotIn("Left out", run(one)[1])

    def test_refusals(self):
        good = summary("0/2", 100, (0.004, 0.90, 2, 1), (0.005, 0.8, 3, 0))
        for bad in (["{"], ["{}"], ["[]"], [good, good], [dict(good, test_part="")]):
            code, out, err = run(*bad)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("summary.json", err)
        self.assertEqual(pool.main([os.path.join("no", "such", "folder")]), 1)


if __name__ == "__main__":
    unittest.main()
