"""Limits and p-values for tests/policy/evaluate/statistics_test.cpp from scipy: one 'name arguments... value' a line."""
import pathlib
import numpy as np
from scipy import special, stats

rows = []
for a, b, x in [(0.5, 0.5, 0.3), (1, 1, 0.7), (2, 3, 0.01), (100, 1, 0.99), (1, 5000, 1e-5), (50, 950, 0.06),
                (26, 49975, 5e-4), (4999.5, 5000.5, 0.5), (3, 1e5, 1e-4), (1e5, 2e5, 0.3334), (1e-3, 1e-3, 0.4)]:
    rows.append(("beta", a, b, x, special.betainc(a, b, x)))
for n in (1, 2, 10, 299, 500, 1000, 10000, 50000):
    for k in sorted({0, 1, n // 500, n // 200, n // 3, n - 1, n}):
        if k < 0 or k > n:
            continue
        for c in (0.9, 0.95, 0.99):
            upper = 1.0 if k == n else stats.beta.ppf(c, k + 1, n - k)
            lower = 0.0 if k == 0 else stats.beta.ppf(1 - c, k, n - k + 1)
            rows.append(("limit", k, n, c, lower, upper))
for r, s in [(0, 0), (0, 1), (3, 3), (1, 9), (10, 25), (0, 40), (130, 170), (1000, 1100)]:
    p = 1.0 if r + s == 0 else stats.binomtest(min(r, s), r + s, 0.5).pvalue
    rows.append(("mcnemar", r, s, min(1.0, p)))
values = [3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.0, 6.0]
for q in (0, 10, 50, 90, 99, 100):
    rows.append(("percentile", q, np.percentile(values, q)))

path = pathlib.Path(__file__).with_name("statistics.txt")
path.write_text("".join(" ".join(v if isinstance(v, str) else repr(float(v)) for v in row) + "\n" for row in rows))
