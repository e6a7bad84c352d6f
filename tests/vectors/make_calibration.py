"""Writes calibration.json: scikit-learn's calibrations and metrics (Debian: python3-sklearn, python3-scipy).

Run: /usr/bin/python3 make_calibration.py.
"""
import json
import pathlib
import warnings

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, logsumexp, xlogy
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

warnings.filterwarnings("ignore")


def lists(**arrays):
    return {key: np.asarray(value).tolist() for key, value in arrays.items()}


def platt(f, y, w):
    """scikit-learn's parameters, and the same objective minimised to the end by Newton steps of scipy."""
    model = _SigmoidCalibration().fit(f, y, w)
    positive, negative = w[y == 1].sum(), w[y == 0].sum()
    t = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def objective(ab):
        p = expit(-(ab[0] * f + ab[1]))
        return -(w * (xlogy(t, p) + xlogy(1 - t, 1 - p))).sum()

    def gradient(ab):
        r = w * (t - expit(-(ab[0] * f + ab[1])))
        return np.array([r @ f, r.sum()])

    def hessian(ab):
        p = expit(-(ab[0] * f + ab[1]))
        A = np.stack([f, np.ones_like(f)], 1)
        return A.T @ (A * (w * p * (1 - p))[:, None])

    ab = np.array([model.a_, model.b_])
    for _ in range(20):
        ab = ab - np.linalg.solve(hessian(ab), gradient(ab))
    assert objective(ab) <= objective([model.a_, model.b_]) + 1e-12
    return lists(f=f, y=y, weight=w, a=ab[0], b=ab[1], sklearn_a=model.a_, sklearn_b=model.b_)


def ece(p, y, w, bins):
    """sum over (lo, hi] of the share of weight times |accuracy - confidence|; Guo et al., ICML 2017."""
    index = np.clip(np.ceil(p * bins).astype(int) - 1, 0, bins - 1)
    total = 0.0
    for b in range(bins):
        inside = index == b
        if w[inside].sum() > 0:
            total += abs((w[inside] * y[inside]).sum() - (w[inside] * p[inside]).sum())
    return total / w.sum()


result = {"platt": [], "isotonic": [], "metrics": [], "temperature": []}
for seed, n, slope, weighted in [(1, 40, 1.0, False), (2, 100, -0.3, True), (3, 60, 30.0, True)]:
    rng = np.random.default_rng(seed)
    f = np.round((rng.standard_normal(n) + 0.5) / slope, 4)
    y = (rng.random(n) < expit(slope * f)).astype(int)
    w = np.round(rng.random(n) * 3, 3) if weighted else np.ones(n)
    result["platt"].append(platt(f, y, w))

for seed, n, binary in [(4, 50, True), (5, 80, False), (6, 3, True)]:
    rng = np.random.default_rng(seed)
    x = np.round(rng.standard_normal(n), 1)  # with ties
    y = (rng.random(n) < expit(2 * x)).astype(float) if binary else np.round(x ** 3 + rng.standard_normal(n), 3)
    w = np.round(rng.random(n), 2)
    w[rng.random(n) < 0.1] = 0
    model = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=w)
    at = np.round(np.linspace(-3.5, 3.5, 29), 3)
    result["isotonic"].append(lists(
        x=x, y=y, weight=w, at=at, value=model.predict(at), knots=model.X_thresholds_, levels=model.y_thresholds_))

for seed, n, ties in [(7, 60, False), (8, 90, True)]:
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(3, 1.5, n), 1 if ties else 5)
    y = (rng.random(n) < p ** 1.5).astype(int)
    w = np.round(rng.random(n) * 2, 3)
    w[:3] = 0
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    result["metrics"].append(lists(
        p=p, y=y, weight=w, auroc=roc_auc_score(y, p, sample_weight=w), brier=brier_score_loss(y, p, sample_weight=w),
        inside=inside, nll=log_loss(y, inside, sample_weight=w, eps=1e-15), ece10=ece(p, y, w, 10),
        ece15=ece(p, y, w, 15)))

for seed, n, classes, sharp in [(9, 40, 3, 2.5), (10, 50, 5, 0.4), (11, 30, 2, 1.0)]:
    rng = np.random.default_rng(seed)
    z = np.round(rng.standard_normal((n, classes)) * 2, 3)
    q = np.exp(z - logsumexp(z, axis=1, keepdims=True))
    y = np.array([rng.choice(classes, p=row) for row in q])
    z = np.round(z * sharp, 3)
    w = np.round(rng.random(n) + 0.1, 3)

    def slope(beta):
        p = np.exp(beta * z - logsumexp(beta * z, axis=1, keepdims=True))
        return (w * ((p * z).sum(1) - z[np.arange(n), y])).sum()

    beta = brentq(slope, 1e-3, 1e3, xtol=1e-14, rtol=1e-14)
    nll = (w * (logsumexp(beta * z, axis=1) - beta * z[np.arange(n), y])).sum() / w.sum()
    result["temperature"].append(lists(logits=z, y=y, weight=w, temperature=1 / beta, nll=nll))

path = pathlib.Path(__file__).with_name("calibration.json")
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes")
