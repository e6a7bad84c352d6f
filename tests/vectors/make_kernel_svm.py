"""Writes kernel_svm.json: weighted problems and libsvm's optimum (scikit-learn's SVC; Debian: python3-sklearn).

Run: /usr/bin/python3 make_kernel_svm.py.
"""
import json
import pathlib

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

cases = []
for seed, n, d, noise, C, gamma in [
        (1, 80, 2, 0.3, 1.0, "scale"), (2, 150, 3, 1.0, 0.2, 0.7), (3, 120, 6, 0.5, 50.0, 0.05),
        (4, 60, 1, 0.5, 3.0, 4.0)]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * 10.0 ** rng.integers(-1, 2, d)
    X = np.round(X, 4)
    radius = np.sum((X / X.std(0)) ** 2, 1)
    y = (radius + noise * rng.standard_normal(n) > np.median(radius)).astype(int)
    w = np.ones(n) if gamma == "scale" else np.round(np.exp(rng.standard_normal(n)), 4)
    if gamma != "scale":
        w[rng.random(n) < 0.1] = 0
    scaler = StandardScaler().fit(X, sample_weight=w)
    Z = scaler.transform(X)
    # Without the rows of weight 0: scikit-learn's support_ counts without them.
    kept = w > 0
    svm = SVC(kernel="rbf", C=C, gamma=gamma, tol=1e-10).fit(Z[kept], y[kept], sample_weight=w[kept])
    beta = np.zeros(kept.sum())
    beta[svm.support_] = svm.dual_coef_[0]
    K = np.exp(-svm._gamma * np.sum((Z[kept][:, None] - Z[kept][None]) ** 2, 2))
    test = np.round(X[: 20] + 0.3 * X.std(0) * rng.standard_normal((20, d)), 4)
    cases.append({
        "C": C, "gamma": float(svm._gamma), "scale": gamma == "scale", "X": X.tolist(), "y": y.tolist(),
        "sample_weight": w.tolist(), "dual": float(np.abs(beta).sum() - 0.5 * beta @ K @ beta),
        "n_support": int(np.sum(beta != 0)), "intercept": float(svm.intercept_[0]), "test": test.tolist(),
        "decision": svm.decision_function(scaler.transform(test)).tolist(),
    })

path = pathlib.Path(__file__).with_name("kernel_svm.json")
path.write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes")
