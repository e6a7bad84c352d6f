"""Writes exit_head.json: scikit-learn's multinomial logistic regression and PyTorch's adaptive pooling.

Run: /usr/bin/python3 make_exit_head.py (Debian: python3-sklearn, python3-torch).
"""
import json
import pathlib

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def rounded(a):
    return np.asarray(a, np.float32).astype(np.float64)


heads = []
for seed, n, d, classes, C in [(1, 90, 4, 3, 1.0), (2, 120, 7, 5, 0.05), (3, 40, 30, 4, 10.0)]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    X = rng.standard_normal((n, d)) + 0.7 * rng.standard_normal((classes, d))[y]
    X = np.maximum(X + 0.5, 0) * 10.0 ** rng.integers(-2, 3, d) + rng.integers(0, 2, d)
    X = rounded(np.round(X, 4))
    w = np.round(np.exp(rng.standard_normal(n)), 3)
    w[rng.random(n) < 0.1] = 0
    scaler = StandardScaler().fit(X, sample_weight=w)
    model = LogisticRegression(C=C, tol=1e-9, max_iter=100_000).fit(scaler.transform(X), y, sample_weight=w)
    heads.append({
        "C": C, "classes": classes, "X": X.tolist(), "y": y.tolist(), "sample_weight": w.tolist(),
        "mean": scaler.mean_.tolist(), "deviation": scaler.scale_.tolist(),
        "coef": model.coef_.tolist(), "intercept": model.intercept_.tolist(),
        "probability": np.round(model.predict_proba(scaler.transform(X[:5])), 8).tolist(),
    })

pools = []
for seed, shape, grid in [(4, (2, 5, 7), 1), (5, (3, 5, 7), 2), (6, (2, 8, 8), 3), (7, (1, 4, 19), 4)]:
    x = rounded(np.random.default_rng(seed).standard_normal(shape).round(3))
    y = torch.nn.functional.adaptive_avg_pool2d(torch.tensor(x), grid)
    pools.append({"shape": shape, "grid": grid, "x": x.ravel().tolist(), "pooled": y.numpy().ravel().tolist()})

path = pathlib.Path(__file__).with_name("exit_head.json")
path.write_text(json.dumps({"heads": heads, "pools": pools}, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes")
