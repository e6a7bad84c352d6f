"""weir's learners as classifiers of scikit-learn's kind: two classes, sample weights, decision_function.

They are what gates are fitted with (ExitPolicy(learner=LogisticRegression(C=10))) and pass scikit-learn's
check_estimator. Without scikit-learn they fit and predict all the same.
"""
import inspect

import numpy as np

from . import _weir

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils import validation
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted
except ImportError:
    BaseEstimator = ClassifierMixin = None

if BaseEstimator is None:
    class _Base:
        def get_params(self, deep=True):
            """The parameters by name."""
            return {name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters
                    if name != 'self'}

        def set_params(self, **parameters):
            """Sets parameters by name, for the next fit()."""
            for name, value in parameters.items():
                setattr(self, name, value)
            return self

        def score(self, X, y, sample_weight=None):
            """The share of X that is predicted right, weighted."""
            return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))
else:
    class _Base(ClassifierMixin, BaseEstimator):
        pass


def _validated(estimator, *data, **options):
    """What scikit-learn makes of X, or X and y: a function since 1.6, before that a method of estimators."""
    if hasattr(validation, 'validate_data'):
        return validation.validate_data(estimator, *data, **options)
    return estimator._validate_data(*data, **options)


class _Learner(_Base):
    """fit(X, y, sample_weight), decision_function(X), predict(X); model_ is the weir.Model."""

    _name = ''

    def fit(self, X, y, sample_weight=None):
        """Learns from X [n, d] and y [n] of two classes, with weights [n] (None: all alike). Raises ValueError for other
        shapes, values that are not finite, and another number of classes."""
        if BaseEstimator is not None:
            X, y = _validated(self, X, y, dtype=np.float64)
            check_classification_targets(y)
            weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        else:
            X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
            weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
            self.n_features_in_ = X.shape[1]
        self.classes_, label = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(f'Only binary classification is supported. y has {len(self.classes_)} classes')
        if len(self.classes_) < 2:
            raise ValueError(f'{type(self).__name__} needs two classes, y has one class only')
        parameters = {name: value for name, value in self.get_params().items()}
        self.model_ = _weir.fit_model(self._name, X, label, weight, parameters)
        return self

    def _input(self, X):
        if BaseEstimator is not None:
            check_is_fitted(self, 'model_')
            return _validated(self, X, dtype=np.float64, reset=False)
        return np.asarray(X, dtype=np.float64)

    def decision_function(self, X):
        """[n]; above 0 means classes_[1]: to go on, in a gate."""
        X = self._input(X)
        return self.model_.decision_function(X)

    def predict(self, X):
        """[n] of classes_, for X [n, d]."""
        goes_on = self.decision_function(X) > 0
        return self.classes_[goes_on.astype(int)]

    def __sklearn_tags__(self):  # asked since scikit-learn 1.6
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _more_tags(self):  # asked before
        return {'binary_only': True}


def _make(name, learner, doc, **defaults):
    """A class whose parameters are those of the learner in C++, with their defaults."""
    arguments = ', '.join(f'{key}={value!r}' for key, value in defaults.items())
    body = '\n'.join(f'    self.{key} = {key}' for key in defaults) or '    pass'
    scope = {}
    exec(f'def __init__(self, {arguments}):\n{body}', scope)  # a signature that scikit-learn can read
    made = type(name, (_Learner,), {'__init__': scope['__init__'], '__doc__': doc, '_name': learner})
    made.__module__ = __name__
    return made


LogisticRegression = _make(
    'LogisticRegression', 'logistic', 'Weighted logistic regression; decision_function is the log-odds of class 1.',
    C=1000.0, standardise=True, normalise_weights=True, tolerance=1e-12)
LinearSvm = _make('LinearSvm', 'svm', 'Weighted linear SVM with the hinge loss.',
                  C=1000.0, standardise=True, normalise_weights=True, tolerance=1e-9)
SquaredSvm = _make('SquaredSvm', 'squared_svm', 'Weighted linear SVM with the squared hinge loss.',
                   C=1000.0, standardise=True, normalise_weights=True, tolerance=1e-9)
KernelSvm = _make('KernelSvm', 'kernel_svm', "Weighted SVM with a Gaussian kernel; gamma 0: 1 / (d * variance).",
                  C=1000.0, gamma=0.0, standardise=True, normalise_weights=True)
DecisionTree = _make('DecisionTree', 'tree', 'CART with weights.',
                     max_depth=4, min_weight_fraction_leaf=0.01, min_samples_leaf=1)
RandomForest = _make('RandomForest', 'forest', 'Random forest with weights; the same for the same seed.',
                     trees=100, max_depth=8, max_features=0, min_weight_fraction_leaf=0.005, bootstrap=True, max_bins=255,
                     seed=0)
GradientBoosting = _make('GradientBoosting', 'boosting', 'Gradient-boosted trees for the weighted logistic loss; l2: in units of the total weight.',
                         rounds=100, learning_rate=0.1, max_depth=4, l2=1e-3, min_child_hessian=2.5e-3,
                         max_bins=255)
SingleThreshold = _make('SingleThreshold', 'threshold', 'The best single cut on one feature; feature -1: of all.',
                        feature=-1)
IsotonicRule = _make('IsotonicRule', 'isotonic', 'Isotonic regression of the cost difference on a logistic score.',
                     folds=5)
