"""Fits our learners and scikit-learn's (Debian: python3-sklearn) to the same problem, in turns, one thread each.

Run: python3 learners_peers.py PROGRAM [--learner NAME ...] [--repeats 3], PROGRAM being the built `learners`.
Prints learner,n,d,ours_s_min,peer_s_min,ratio_min,ours_s_median,peer_s_median,ratio_median,ours_objective,
peer_objective,peer_iterations,peer; a ratio below 1 means that ours is faster. Peers have the hyper-parameters that
policy/learners/list.hpp gives ours, but not the tolerances: the linear ones stop at their own measures of 1e-8 (hinge:
1e-6, or 1000 passes), ours at a relative 1e-12 (hinge: a proven gap of 1e-9). So the objectives that both reached,
0.5 w'w (+ 0.5 b^2 for the SVMs) + C (weighted mean loss) on the same standardised features, are printed beside the
times. The threshold has no peer with its objective; a tree of one cut stands in.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when numpy is loaded

import numpy as np  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402


def linear(model):
    """Standardises and gives C * weight / sum(weight) as costs, as our linear models do."""
    def fit(X, y, w):
        return model.fit(StandardScaler().fit_transform(X, sample_weight=w), y, sample_weight=1000 * w / w.sum())
    return fit


# The losses of the margins, and whether the bias is regularised.
OBJECTIVES = {
    "logistic": (lambda m: np.logaddexp(0, -m), False),
    "svm": (lambda m: np.maximum(0, 1 - m), True),
    "squared_svm": (lambda m: np.maximum(0, 1 - m) ** 2, True),
}


def objective(learner, X, y, w, coef, intercept):
    """What a linear model reached."""
    loss, bias = OBJECTIVES[learner]
    f = StandardScaler().fit_transform(X, sample_weight=w) @ coef + intercept
    norm = coef @ coef + (intercept ** 2 if bias else 0)
    return 0.5 * norm + 1000 * np.average(loss(f * (2 * y - 1)), weights=w)


def boosting(X, y, w):
    # lambda is ours in units of weight; a leaf of hessian 0.0025 of the weight has at least 1 % of the rows.
    HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_depth=4, max_leaf_nodes=None, min_samples_leaf=len(y) // 100,
        l2_regularization=1e-3 * w.sum(), max_bins=255, early_stopping=False).fit(X, y, sample_weight=w)


def plain(make):
    return lambda X, y, w: make().fit(X, y, sample_weight=w)


PEERS = {
    "logistic": ("LogisticRegression(newton-cg)", linear(LogisticRegression(solver="newton-cg", tol=1e-8))),
    "svm": ("LinearSVC(hinge)", linear(LinearSVC(loss="hinge", tol=1e-6, max_iter=1000))),
    "squared_svm": ("LinearSVC(squared_hinge)", linear(LinearSVC(dual=False, tol=1e-8))),
    "tree": ("DecisionTreeClassifier", plain(lambda: DecisionTreeClassifier(
        max_depth=4, min_weight_fraction_leaf=0.01))),
    "forest": ("RandomForestClassifier", plain(lambda: RandomForestClassifier(
        n_estimators=100, max_depth=8, max_features="sqrt", min_weight_fraction_leaf=0.005, n_jobs=1))),
    "boosting": ("HistGradientBoostingClassifier", boosting),
    "threshold": ("DecisionTreeClassifier(max_depth=1)", plain(lambda: DecisionTreeClassifier(max_depth=1))),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--learner", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--examples", type=int, default=50000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # LinearSVC's hinge solver gives up before its tolerance
    program = [options.program, "--examples", str(options.examples), "--features", str(options.features)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "problem"
        subprocess.run([*program, "--write", path], check=True)
        data = np.fromfile(path).reshape(options.examples, options.features + 2)
    X, y, w = np.ascontiguousarray(data[:, :-2]), data[:, -2].astype(int), data[:, -1]

    print("learner,n,d,ours_s_min,peer_s_min,ratio_min,ours_s_median,peer_s_median,ratio_median,ours_objective,"
          "peer_objective,peer_iterations,peer")
    for learner in options.learner:
        name, fit = PEERS[learner]
        ours, theirs, reached = [], [], ["", "", ""]
        for _ in range(options.repeats):
            with tempfile.TemporaryDirectory() as folder:
                gate = pathlib.Path(folder) / "gate.json"
                output = subprocess.run([*program, "--learner", learner, "--repeats", "1", "--model", gate],
                                        check=True, stdout=subprocess.PIPE, text=True).stdout
                stored = json.loads(gate.read_text())
            ours.append(float(output.splitlines()[1].split(",")[3]))
            start = time.perf_counter()
            model = fit(X, y, w)
            theirs.append(time.perf_counter() - start)
        if learner in OBJECTIVES:
            linear_model = stored["model"]
            pair = [(np.array(linear_model["coef"]), linear_model["intercept"]), (model.coef_[0], model.intercept_[0])]
            reached = [f"{objective(learner, X, y, w, *m):.9f}" for m in pair] + [str(np.max(model.n_iter_))]
        pairs = [(f(ours), f(theirs)) for f in (min, statistics.median)]
        figures = [f"{a:.4f},{b:.4f},{a / b:.3f}" for a, b in pairs]
        print(learner, options.examples, options.features, *figures, *reached, name, sep=",", flush=True)


if __name__ == "__main__":
    sys.exit(main())
