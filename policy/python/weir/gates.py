"""Classifiers of scikit-learn as gates.

A gate is a binary classifier that is fitted with sample weights: class 1 means to go on, and a weight is what the wrong
decision would cost. Linear models (also behind a StandardScaler or a MinMaxScaler that does not clip), decision trees,
forests, gradient boosting and SVC with an RBF kernel become weir's own models: they are fast, run without Python and
are saved in policy.json. Any other classifier with fit(X, y, sample_weight) and decision_function or predict_proba
decides by calls to Python; it is saved only if register_learner() said how.
"""
import json

import numpy as np

from . import _weir


def _above_float32(threshold):
    """The largest double x with float32(x) <= threshold: scikit-learn's trees compare rounded features."""
    f = np.float32(threshold)
    if float(f) > threshold:
        f = np.nextafter(f, np.float32(-np.inf), dtype=np.float32)
    middle = (float(f) + float(np.nextafter(f, np.float32(np.inf), dtype=np.float32))) / 2
    # Halfway goes to the even one of the two.
    return middle if np.float32(middle) == f else float(np.nextafter(middle, -np.inf))


def _renumbered(tree, leaf, shift=0):
    """Arrays of a scikit-learn tree with the children of a node next to each other, behind it."""
    feature, threshold, left, right, value = [], [], [], [], []
    order = [0]
    for node in order:  # grows: breadth first
        if tree.children_left[node] < 0:
            feature.append(0), threshold.append(0.0), left.append(0), right.append(0)
        else:
            feature.append(int(tree.feature[node]))
            threshold.append(_above_float32(tree.threshold[node]))
            left.append(shift + len(order)), right.append(shift + len(order) + 1)
            order += [tree.children_left[node], tree.children_right[node]]
        value.append(float(leaf(node)))
    return feature, threshold, left, right, value


def _class_one_share(tree, classes):
    column = list(classes).index(1)

    def share(node):
        counts = tree.value[node][0]
        return counts[column] / counts.sum()
    return share


def _ensemble(d, base, trees):
    """trees: [(sklearn tree, leaf value)]"""
    roots, values, features, lefts = [], [], [], []
    for tree, leaf in trees:
        roots.append(len(values))
        f, t, left, _, v = _renumbered(tree, leaf, len(values))
        values += [v[i] if left[i] == 0 else t[i] for i in range(len(f))]
        features += f
        lefts += left
    return 'forest', {'n_features': d, 'base': base, 'root': roots, 'value': values, 'feature': features, 'left': lefts}


def _scaling(scaler):
    """(mean, factor) with scaled = (x - mean) * factor, [d] each; None where the scaler does something else."""
    kind, d = type(scaler).__name__, getattr(scaler, 'n_features_in_', 0)
    if kind == 'StandardScaler':
        return (scaler.mean_ if scaler.with_mean else np.zeros(d),
                1 / scaler.scale_ if scaler.with_std else np.ones(d))
    if kind == 'MinMaxScaler' and not getattr(scaler, 'clip', False):  # x * scale_ + min_
        return -scaler.min_ / scaler.scale_, scaler.scale_
    return None


def _final_step(estimator):
    """((mean, factor) of a scaler in front or None, the classifier itself); (None, None) where there is more in front."""
    steps = getattr(estimator, 'steps', None)
    if steps is None:
        return None, estimator
    steps = [s for _, s in steps if s is not None and s != 'passthrough']
    if len(steps) == 1:
        return None, steps[0]
    scaling = _scaling(steps[0]) if len(steps) == 2 else None
    return (None, None) if scaling is None else (scaling, steps[1])


def as_model(estimator, d):
    """The fitted classifier as weir's own model, or None where there is no such model."""
    scaling, last = _final_step(estimator)
    if last is None or list(getattr(last, 'classes_', [])) != [0, 1]:
        return None
    if isinstance(getattr(last, 'model_', None), _weir.Model):
        return last.model_ if scaling is None else None
    kind = type(last).__name__
    made = None
    if hasattr(last, 'coef_') and hasattr(last, 'intercept_') and np.shape(last.coef_) == (1, d):
        mean, factor = scaling if scaling is not None else (np.zeros(d), np.ones(d))
        made = 'logistic', {'scaling': {'mean': np.asarray(mean).tolist(), 'factor': np.asarray(factor).tolist()},
                            'coef': np.ravel(last.coef_).tolist(), 'intercept': float(np.ravel(last.intercept_)[0])}
    elif scaling is not None:
        return None
    elif kind == 'DecisionTreeClassifier':
        share = _class_one_share(last.tree_, last.classes_)
        f, t, left, right, v = _renumbered(last.tree_, lambda node: share(node) - 0.5)
        made = 'tree', {'n_features': d, 'feature': f, 'threshold': t, 'left': left, 'right': right, 'value': v}
    elif kind in ('RandomForestClassifier', 'ExtraTreesClassifier'):
        n = len(last.estimators_)
        made = _ensemble(d, 0.0, [
            (e.tree_, lambda node, s=_class_one_share(e.tree_, [0, 1]): (s(node) - 0.5) / n) for e in last.estimators_])
    elif kind == 'GradientBoostingClassifier' and last.loss in ('log_loss', 'deviance') and last.init is None:
        prior = float(last.init_.class_prior_[1])
        made = _ensemble(d, float(np.log(prior / (1 - prior))), [
            (e.tree_, lambda node, e=e: last.learning_rate * e.tree_.value[node][0][0]) for e in last.estimators_[:, 0]])
    elif kind == 'SVC' and last.kernel == 'rbf':
        made = 'kernel_svm', {'factor': [1.0] * d, 'support': np.ravel(last.support_vectors_).tolist(),
                              'coef': np.ravel(last.dual_coef_).tolist(), 'gamma': float(last._gamma),
                              'intercept': float(last.intercept_[0]), 'relative_gap': 0.0}
    if made is None:
        return None
    return _weir.Model.from_json(json.dumps({'learner': made[0], 'model': made[1]}))


class _Decision:
    """A classifier that decides by calls to Python."""

    def __init__(self, estimator, to_json=None):
        self.estimator = estimator
        if to_json is not None:
            self.to_json = to_json

    def decision_function(self, X):
        if hasattr(self.estimator, 'decision_function'):
            return np.ravel(self.estimator.decision_function(X))
        column = list(self.estimator.classes_).index(1)
        return self.estimator.predict_proba(X)[:, column] - 0.5


class _Constant:
    """Decides the same for all: what a gate that has seen one class does."""

    def __init__(self, label):
        self.label = label

    def decision_function(self, X):
        return np.full(len(X), 1.0 if self.label == 1 else -1.0)


def _fitted(estimator, X, y, sample_weight):
    """A clone, fitted; None where there is one class only, which many classifiers refuse."""
    try:
        from sklearn.base import clone
    except ImportError:
        from copy import deepcopy as clone
    used = sample_weight > 0
    X, y, sample_weight = X[used], y[used], sample_weight[used]
    if len(y) == 0 or y.min() == y.max():
        return None
    fitted = clone(estimator)
    weight = sample_weight / sample_weight.mean()  # costs are often microseconds, and some classifiers see counts
    if hasattr(fitted, 'steps'):
        fitted.fit(X, y, **{fitted.steps[-1][0] + '__sample_weight': weight})
    else:
        fitted.fit(X, y, sample_weight=weight)
    return fitted


def _only_class(y, sample_weight):
    y = y[sample_weight > 0]
    return int(y[0]) if len(y) else 0


def fit_function(estimator):
    """What ExitPolicy gives to its trainer: fits a clone and returns a Model, or what decides by calls to Python."""
    def fit(X, y, sample_weight):
        fitted = _fitted(estimator, X, y, sample_weight)
        if fitted is None:
            return _weir.Model.constant(_only_class(y, sample_weight), X.shape[1])
        model = as_model(fitted, X.shape[1])
        return model if model is not None else _Decision(fitted)
    return fit


def register_learner(name, estimator, to_json, from_json):
    """Makes a classifier known by name, for the whole process: ExitPolicy(learner=name), and in policy files.

    estimator: with fit(X, y, sample_weight) and decision_function or predict_proba; clones of it are fitted.
    to_json(fitted) returns JSON text, from_json(text) a fitted classifier.
    """
    def stored(decision, d, what):
        decision.n_features = d
        decision.to_json = lambda: json.dumps(dict(what(), n_features=d))
        return decision

    def made(fitted, d):
        return stored(_Decision(fitted), d, lambda: {'own': to_json(fitted)})

    def constant(label, d):
        return stored(_Constant(label), d, lambda: {'constant': label})

    def fit(X, y, sample_weight):
        fitted = _fitted(estimator, X, y, sample_weight)
        return constant(_only_class(y, sample_weight), X.shape[1]) if fitted is None else made(fitted, X.shape[1])

    def load(text):
        d = json.loads(text)
        if 'constant' in d:
            return constant(d['constant'], d['n_features'])
        return made(from_json(d['own']), d['n_features'])

    _weir.register_learner(name, fit, load)
