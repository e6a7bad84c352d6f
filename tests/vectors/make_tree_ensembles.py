"""Writes tree_ensembles.json: problems with the answers of XGBoost and scikit-learn (Debian: python3-xgboost,
python3-sklearn).

Run: /usr/bin/python3 make_tree_ensembles.py. Ours counts lambda and the least hessian in units of the total weight.
"""
import json
import pathlib

import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss, roc_auc_score


def problem(rng, n, d, values):
    """Features k / values; overlapping classes; weights in quarters, a tenth of them zero."""
    X = rng.integers(0, values, (n, d)) / values
    score = X @ rng.standard_normal(d) + 2 * (X[:, 0] - 0.5) * (X[:, -1] - 0.5)
    y = (score + 0.4 * rng.standard_normal(n) > np.median(score)).astype(int)
    w = rng.integers(1, 12, n) / 4
    w[rng.random(n) < 0.1] = 0
    return X, y, w


def margins(X, y, w, test, rounds, depth, rate, lam, hessian, bins):
    kept = w > 0
    model = xgboost.train(
        {"objective": "binary:logistic", "tree_method": "hist", "max_depth": depth, "eta": rate, "lambda": lam,
         "min_child_weight": hessian, "max_bin": bins, "base_score": np.average(y, weights=w), "nthread": 1},
        xgboost.DMatrix(X[kept], y[kept], weight=w[kept]), rounds)
    return model.predict(xgboost.DMatrix(test), output_margin=True).astype(float)


def columns(X, y, w):
    return {"X": X.tolist(), "y": y.tolist(), "sample_weight": w.tolist()}


exact = []
for seed, n, d, rounds, depth, rate, lam, hessian in [
        (1, 60, 2, 1, 1, 1.0, 1.0, 0.0), (2, 80, 3, 10, 2, 0.3, 0.5, 0.0), (3, 120, 4, 20, 4, 0.1, 2.0, 1.0),
        (4, 150, 5, 30, 3, 0.2, 0.1, 3.0)]:
    X, y, w = problem(np.random.default_rng(seed), n, d, 8)
    exact.append({
        **columns(X, y, w), "rounds": rounds, "max_depth": depth, "learning_rate": rate, "lambda": lam,
        "min_child_hessian": hessian,
        "margin": [float(f"{m:.8g}") for m in margins(X, y, w, X, rounds, depth, rate, lam, hessian, 255)]})

X, y, w = problem(np.random.default_rng(5), 1000, 5, 1000)
fit, test = slice(0, 500), slice(500, None)
m = margins(X[fit], y[fit], w[fit], X[test], 60, 3, 0.1, 1.0, 1.0, 32)
forests = []
for seed in range(12):
    forest = RandomForestClassifier(100, max_depth=6, max_features=2, min_weight_fraction_leaf=0.005, random_state=seed)
    p = forest.fit(X[fit], y[fit], sample_weight=w[fit]).predict_proba(X[test])[:, 1]
    forests.append((log_loss(y[test], p, sample_weight=w[test]), roc_auc_score(y[test], p, sample_weight=w[test])))
smooth = {
    **columns(X, y, w), "n_fit": 500,
    "boosting_log_loss": log_loss(y[test], 1 / (1 + np.exp(-m)), sample_weight=w[test]),
    "forest_log_loss": [f[0] for f in forests],
    "forest_auc": [f[1] for f in forests],
}

path = pathlib.Path(__file__).with_name("tree_ensembles.json")
path.write_text(json.dumps({"exact": exact, "smooth": smooth}, separators=(",", ":")) + "\n")
print(path.name, path.stat().st_size, "bytes;", smooth["boosting_log_loss"], np.mean(forests, 0), np.std(forests, 0))
