"""bench/reprice.py on figures made by hand."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import reprice
from reprice import Figure


def found(default, predicted, priced, cost, paper):
    """One budget, 1 %; limits of "default less this" are 0.4 below and 0.2 above it."""
    named = {"learned": default, "predicted_loss": predicted, "priced_loss": priced, "predicted_cost": cost,
             "logistic": paper}
    return {who: {0.01: Figure(v, default - v - 0.4, default - v + 0.2)} for who, v in named.items()}


class Reprice(unittest.TestCase):
    def test_rows_of_costs(self):
        rows = dict(reprice.settings({"a": 1.0, "b": 3.0}, [0.5, 3], ["FLOP=10,10"]))
        self.assertEqual(list(rows), ["as they are", "a x 0.5", "a x 3", "b x 0.5", "b x 3", "FLOP"])
        self.assertEqual(rows["b x 3"], {"b": 3})
        self.assertEqual(rows["FLOP"], {"a": 2.0, "b": 2.0 / 3})
        with self.assertRaises(SystemExit):
            list(reprice.settings({"a": 1.0, "b": 3.0}, [], ["FLOP=10"]))

    def test_row(self):
        self.assertEqual(reprice.table_row("x", found(3.8, 3.0, 4.0, 3.6, 3.5), [0.01]),
                         "| x | 3.00 | 4.00 | 3.60 | 3.50 | 3.80 | 5.0 (0.0 to 15.0) |")
        ahead = reprice.behind_best(found(4.4, 3.0, 4.0, 3.6, 3.5), [0.01])[0]  # of the others, not of itself
        self.assertAlmostEqual(ahead.percent, -10)
        self.assertAlmostEqual(ahead.low, -15)
        self.assertAlmostEqual(ahead.high, 0)

    def test_summary(self):
        rows = [found(3.8, 3.0, 4.0, 3.6, 3.5), found(4.0, 4.0, 4.0, 4.0, 3.0), found(3.0, 3.0, 4.0, 4.0, 4.0)]
        text = reprice.summary(rows, [0.01])
        self.assertIn("at most 2 % behind the best of the others in 1 of 3 figures; in 1 the interval lies above 2 %", text)
        self.assertIn("At worst 25.0 %, in the mean 10.0 %.", text)
        self.assertIn("predicted_loss: mean 16.7 %, worst 25.0, more than 2 % in 2.", text)
        self.assertIn("predicted_cost: mean 3.3 %, worst 10.0, more than 2 % in 1.", text)
        self.assertIn("the paper's reduction (logistic): mean 12.5 %, worst 25.0, more than 2 % in 2.", text)


if __name__ == "__main__":
    unittest.main()
