"""p-values and limits for tests/policy/choose/bounds/bounds_test.cpp from scipy and numpy, each written down from its paper.
A line: test epsilon delta p limit, then 'pattern k n' (k ones among n, evenly spread) or 'losses' and the values."""
import pathlib
import numpy as np
from scipy import optimize, stats


def clopper_pearson(x, eps, delta):
    k, n = int(x.sum()), len(x)
    return stats.binom.cdf(k, n, eps), 1.0 if k == n else stats.beta.ppf(1 - delta, k + 1, n - k)


def hoeffding_bentkus(x, eps, delta):
    n, mean = len(x), x.mean()

    def p(e):
        a = min(mean, e)
        h = 0.0 if a == e else np.inf if e == 1 else stats.entropy([a, 1 - a], [e, 1 - e])
        return min(1.0, np.exp(-n * h), np.e * stats.binom.cdf(np.ceil(x.sum()), n, e))

    return p(eps), limit(p, delta)


def betting(x, eps, delta):
    n, i = len(x), np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (1 + i)
    var = (0.25 + np.cumsum((x - mean) ** 2)) / (1 + i)
    nu = np.minimum(1, np.sqrt(2 * np.log(1 / delta) / (n * np.concatenate([[0.25], var[:-1]]))))

    def p(e):
        with np.errstate(divide="ignore"):
            return min(1.0, np.exp(-np.max(np.cumsum(np.log(1 - nu * (x - e))))))

    return p(eps), limit(p, delta)


def empirical_bernstein(x, eps, delta):
    n = len(x)

    def upper(log_d):
        t = np.log(2) - log_d
        return x.mean() + np.sqrt(2 * x.var(ddof=1) * t / n) + 7 * t / (3 * (n - 1))

    p = np.exp(optimize.brentq(lambda d: upper(d) - eps, -1e6, 0, xtol=1e-13)) if upper(0) < eps else 1.0
    return p, min(1.0, upper(np.log(delta)))


def limit(p, delta):
    return 1.0 if p(1.0) > delta else optimize.bisect(lambda e: (p(e) <= delta) - 0.5, 0, 1, xtol=1e-14)


tests = (clopper_pearson, hoeffding_bentkus, betting, empirical_bernstein)
random = np.random.default_rng(0)
lines = []


def write(x, text, tests):
    for test in tests:
        for eps, delta in ((0.01, 0.05), (0.2, 0.01), (0.5, 0.3)):
            p, upper = test(x, eps, delta)
            lines.append(f"{test.__name__} {eps!r} {delta!r} {float(p)!r} {float(upper)!r} {text}")


for k, n in ((0, 1), (1, 1), (0, 30), (1, 30), (7, 30), (30, 30), (3, 500), (38, 5000), (60, 10000)):
    x = np.array([(i + 1) * k // n > i * k // n for i in range(n)], float)
    write(x, f"pattern {k} {n}", tests if n > 1 else tests[:3])
for x in (random.random(25), random.random(40) ** 8, np.full(12, 0.25), np.zeros(5), np.r_[np.full(30, 0.01), 1, 0.01]):
    x = x.round(6)
    write(x, "losses " + " ".join(map(repr, map(float, x))), tests[1:])
pathlib.Path(__file__).with_name("bounds.txt").write_text("\n".join(lines) + "\n")
