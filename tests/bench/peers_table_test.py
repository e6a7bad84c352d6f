"""bench/peers/table.py on canned lines."""
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
import table


def two_rounds():
    results = table.Results()
    results.add(1, "weir,a,1,1,2.0,2.5\n")
    results.add(1, "onnxruntime,a,1,1,4.0,4.5")
    results.fail("opencv", ("a", 1, 1), "no such layer")
    results.add(1, "weir,a,16,2,8.0,9.0")
    results.add(1, "onnxruntime,a,16,2,4.0,4.0")
    results.add(2, "weir,a,1,1,1.0,3.5")
    results.add(2, "onnxruntime,a,1,1,5.0,5.5")
    results.fail("opencv", ("a", 1, 1), "no such layer")
    return results


class Table(unittest.TestCase):
    def test_summary_is_minimum_and_median_of_medians(self):
        self.assertEqual(two_rounds().summary("weir", ("a", 1, 1)), (1.0, 3.0))
        self.assertIsNone(two_rounds().summary("opencv", ("a", 1, 1)))

    def test_ratios_of_minima_and_geometric_mean(self):
        results = two_rounds()
        self.assertEqual(results.ratio("onnxruntime", ("a", 1, 1)), 0.25)
        self.assertEqual(results.ratio("onnxruntime", ("a", 16, 2)), 2.0)
        self.assertAlmostEqual(results.mean_ratio("onnxruntime"), math.sqrt(0.5))
        self.assertAlmostEqual(results.mean_ratio("onnxruntime", 2), 2.0)
        self.assertIsNone(results.mean_ratio("opencv"))

    def test_every_row_and_every_failure_is_shown(self):
        lines = table.speed_table(two_rounds()).splitlines()
        self.assertEqual(lines[2], "| a | 1 | 1 | 1.000 (3.000) | 4.000 (5.000) | failed | 0.25 | - |")
        self.assertEqual(lines[3], "| a | 16 | 2 | 8.000 (9.000) | 4.000 (4.000) | - | 2.00 | - |")
        self.assertEqual(lines[-1], "| **geometric mean** |  | all |  |  |  | **0.71** | - |")
        self.assertEqual(len({line.count("|") for line in lines}), 1)
        self.assertEqual(table.failures_text(two_rounds()), "- OpenCV failed on a: no such layer\n")

    def test_another_commit_stands_behind_weir(self):
        results = two_rounds()
        results.add(1, "weir_before,a,1,1,2.0,2.5")
        results.add(1, "weir_before,a,16,2,4.0,4.5")
        lines = table.speed_table(results).splitlines()
        self.assertTrue(lines[0].startswith("| network | batch | threads | weir | weir before | ONNX Runtime |"))
        self.assertIn("| weir / weir before | weir / ONNX Runtime |", lines[0])
        self.assertEqual(lines[2], "| a | 1 | 1 | 1.000 (3.000) | 2.000 (2.500) | 4.000 (5.000) | failed | 0.50 | 0.25 | - |")

    def test_int8(self):
        results = table.Results()
        for line in ("weir,a,1,1,4.0,4.5", "weir_int8,a,1,1,2.0,2.5", "onnxruntime_int8,a,1,1,8.0,9.0", "weir,a,16,2,4.0,4.0",
                     "weir_int8,a,16,2,1.0,1.0"):
            results.add(1, line)
        results.fail("onnxruntime_int8", ("a", 16, 2), "no such file")
        lines = table.int8_table(results).splitlines()
        self.assertEqual(lines[0], "| network | batch | threads | fp32 ms | int8 ms | int8 / fp32 | ORT int8 ms | weir / ORT |")
        self.assertEqual(lines[2], "| a | 1 | 1 | 4.000 (4.500) | 2.000 (2.500) | 0.50 | 8.000 (9.000) | 0.25 |")
        self.assertEqual(lines[3], "| a | 16 | 2 | 4.000 (4.000) | 1.000 (1.000) | 0.25 | failed | - |")
        self.assertEqual(lines[-1], "| **geometric mean** |  | all |  |  | **0.35** |  | **0.25** |")
        self.assertEqual(lines[-2], "| **geometric mean** |  | 2 |  |  | **0.25** |  | - |")
        self.assertEqual(len({line.count("|") for line in lines}), 1)
        self.assertEqual(table.failures_text(results), "- ONNX Runtime, int8 failed on a: no such file\n")

    def test_startup(self):
        results = table.Results()
        results.add_startup("weir,a,1,1,12.5,80.2,4.9")
        self.assertEqual(table.startup_table(results).splitlines()[2], "| a | 12.5 | 80 (5) |")
        results.add_startup("weir,a,1,1,14,81.0,4.8")  # another round: the fastest, and the most memory
        results.add_startup("weir,a,1,1,11.5,79.0,4.7")
        self.assertEqual(table.startup_table(results).splitlines()[2], "| a | 11.5 | 81 (5) |")

    def test_refuses_what_is_no_line(self):
        for line in ("", "weir,a,1,1,2.0", "someone,a,1,1,2,3", "weir,a,1,1,nan,3", "weir,a,1,1,-1,3", "weir,a,x,1,2,3"):
            with self.assertRaises(ValueError):
                table.Results().add(1, line)


unittest.main()
