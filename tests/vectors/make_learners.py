"""Writes learners.json: weighted binary problems with scikit-learn's answers (Debian: python3-sklearn).

Run: /usr/bin/python3 make_learners.py. Features are rounded to float32, because scikit-learn's trees store float32.
"""
import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier


def problem(seed, n, d, noise):
    """Overlapping classes, columns of different scale, weights from 1e-4 to several, a tenth of them zero."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X[:, 0] = rng.random(n)
    X *= 10.0 ** rng.integers(-1, 2, d)
    X = X.astype(np.float32).astype(np.float64)
    Z = (X - X.mean(0)) / X.std(0)
    score = Z @ rng.standard_normal(d) + 0.7 * Z[:, 0] * Z[:, -1] + noise * rng.standard_normal(n)
    y = (score > 0.3).astype(int)
    w = np.exp(1.5 * rng.standard_normal(n))
    w[rng.random(n) < 0.1] = 0.0
    return X, y, np.round(w, 6)


def linear(model, X, y, w):
    model.fit(X, y, sample_weight=w)
    return {"coef": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])}


def hinge(Z, y, cost):
    """The exact optimum of 0.5 v'v + sum cost max(0, 1 - s v'(z, 1)), s = 2 y - 1.

    LinearSVC's coordinate descent gives up far from it where costs are large. libsvm finds which examples lie on the
    margin: mirrored rows make its free bias 0. The rest is a linear system, and the duality gap proves the result.
    """
    A = np.hstack([Z, np.ones((len(Z), 1))]) * (2 * y - 1)[:, None]
    A, cost = A[cost > 0], cost[cost > 0]
    n = len(A)
    svm = SVC(kernel="linear", C=1.0, tol=1e-10).fit(
        np.vstack([A, -A]), np.repeat([1, -1], n), sample_weight=np.tile(cost / 2, 2))
    a = np.zeros(2 * n)
    a[svm.support_] = np.abs(svm.dual_coef_[0])
    a = a[:n] + a[n:]
    inside = (a > 1e-7 * cost) & (a < (1 - 1e-7) * cost)
    a = np.where(inside | (a < 0.5 * cost), 0.0, cost)
    F = A[inside]
    a[inside] = np.linalg.solve(F @ F.T, 1 - F @ (A.T @ a))
    v = A.T @ a
    primal = 0.5 * v @ v + np.sum(cost * np.maximum(0, 1 - A @ v))
    dual = a.sum() - 0.5 * v @ v
    assert a.min() >= 0 and np.all(a <= cost) and primal - dual < 1e-10 * primal
    return {"coef": v[:-1].tolist(), "intercept": float(v[-1])}


cases = []
for seed, n, d, noise, C in [(1, 60, 2, 0.5, 1.0), (2, 150, 5, 1.0, 0.1), (3, 200, 8, 2.0, 10.0)]:
    X, y, w = problem(seed, n, d, noise)
    scaler = StandardScaler().fit(X, sample_weight=w)
    tight = {"C": C, "tol": 1e-12, "max_iter": 1_000_000}
    Z = scaler.transform(X)
    trees = []
    for depth, fraction, leaf in [(1, 0.0, 1), (2, 0.0, 1), (4, 0.0, 1), (4, 0.05, 1), (6, 0.01, 5), (20, 0.0, 1)]:
        tree = DecisionTreeClassifier(
            max_depth=depth, min_weight_fraction_leaf=fraction, min_samples_leaf=leaf, random_state=0
        ).fit(X, y, sample_weight=w)
        trees.append({
            "max_depth": depth,
            "min_weight_fraction_leaf": fraction,
            "min_samples_leaf": leaf,
            "n_nodes": int(tree.tree_.node_count),
            "impurity": float(sum(
                tree.tree_.impurity[i] * tree.tree_.weighted_n_node_samples[i]
                for i in range(tree.tree_.node_count) if tree.tree_.children_left[i] < 0)),
            "p1": tree.predict_proba(X)[:, 1].tolist() if depth == 4 else None,
            "prediction": tree.predict(X).tolist(),
        })
    cases.append({
        "C": C,
        "X": X.tolist(),
        "y": y.tolist(),
        "sample_weight": w.tolist(),
        "mean": scaler.mean_.tolist(),
        "deviation": scaler.scale_.tolist(),
        "logistic_free_bias": linear(LogisticRegression(solver="newton-cg", **tight), Z, y, w),
        "logistic_regularised_bias": linear(LogisticRegression(solver="liblinear", **tight), Z, y, w),
        "svm_hinge": hinge(Z, y, C * w),
        "svm_squared_hinge": linear(LinearSVC(loss="squared_hinge", dual=False, random_state=0, **tight), Z, y, w),
        "trees": trees,
    })

path = pathlib.Path(__file__).with_name("learners.json")
path.write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes")
