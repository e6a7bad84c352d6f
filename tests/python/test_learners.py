"""weir's learners in scikit-learn, and scikit-learn's classifiers as gates."""
import json
import pickle
import threading
import types
import warnings

import numpy as np
import pytest
import weir

LEARNERS = [weir.LogisticRegression, weir.LinearSvm, weir.SquaredSvm, weir.KernelSvm, weir.DecisionTree,
            weir.RandomForest, weir.GradientBoosting, weir.SingleThreshold, weir.IsotonicRule]


def problem(n=400, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = (X[:, 0] + 0.5 * X[:, 1] ** 2 + rng.normal(size=n) * 0.5 > 0.3).astype(int)
    return X, y, rng.exponential(1e-3, n)


@pytest.mark.parametrize('learner', LEARNERS)
def test_they_pass_check_estimator(learner):
    checks = pytest.importorskip('sklearn.utils.estimator_checks')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        checks.check_estimator(learner())


def test_they_do_as_newer_scikit_learn_asks(monkeypatch):
    """1.6 made a method of estimators a function, and asks for tags otherwise."""
    base, validation = pytest.importorskip('sklearn.base'), pytest.importorskip('sklearn.utils.validation')
    X, y, w = problem()
    expected = weir.DecisionTree().fit(X, y, w).predict(X)
    calls = []

    def validate_data(estimator, *data, **options):
        calls.append(options)
        if len(data) == 2:
            estimator.n_features_in_ = data[0].shape[1]
            return validation.check_X_y(*data, dtype=options['dtype'])
        return validation.check_array(*data, dtype=options['dtype'])

    monkeypatch.setattr(validation, 'validate_data', validate_data, raising=False)
    monkeypatch.delattr(base.BaseEstimator, '_validate_data', raising=False)
    assert (weir.DecisionTree().fit(X, y, w).predict(X) == expected).all()
    assert [c.get('reset') for c in calls] == [None, False]

    tags = types.SimpleNamespace(classifier_tags=types.SimpleNamespace(multi_class=True))
    monkeypatch.setattr(base.BaseEstimator, '__sklearn_tags__', lambda self: tags, raising=False)
    assert weir.DecisionTree().__sklearn_tags__() is tags and tags.classifier_tags.multi_class is False
    assert weir.DecisionTree()._more_tags() == {'binary_only': True}


@pytest.mark.parametrize('learner', LEARNERS)
def test_they_equal_what_is_fitted_by_name(learner):
    X, y, w = problem()
    made = learner().fit(X, y, w)
    assert made.model_ == weir.fit_model(learner._name, X, y, w)
    again = pickle.loads(pickle.dumps(made))
    assert (again.decision_function(X) == made.decision_function(X)).all()
    assert weir.Model.from_json(made.model_.to_json()) == made.model_
    assert learner._name in weir.learner_names()


def test_parameters_reach_the_learner():
    X, y, w = problem()
    assert not (weir.LogisticRegression(C=0.01).fit(X, y, w).model_ == weir.LogisticRegression().fit(X, y, w).model_)
    assert len(json.loads(weir.RandomForest(trees=3).fit(X, y, w).model_.to_json())['model']['root']) == 3
    with pytest.raises(weir.ArgumentError):
        weir.DecisionTree(max_depth=0).fit(X, y)


@pytest.mark.parametrize('X, y, w', [
    (np.zeros((0, 2)), [], None), (np.zeros((2, 2)), [0, 1, 1], None), (np.zeros((2, 2)), [0, 2], None),
    (np.full((2, 2), np.nan), [0, 1], None), (np.zeros((2, 2)), [0, 1], [1, -1]), (np.zeros(4), [0, 1, 0, 1], None),
    (np.zeros((2, 2)), [0.5, 1], None)])
def test_wrong_data_are_refused(X, y, w):
    with pytest.raises(weir.Error):
        weir.fit_model('logistic', X, np.asarray(y), w)


def test_models_refuse_other_features():
    model = weir.fit_model('logistic', *problem()[:2])
    for bad in (np.zeros((2, 4)), np.zeros(5), np.array([['a'] * 5])):
        with pytest.raises(weir.Error):
            model.decision_function(bad)
    assert model.decision_function(np.zeros((0, 5))).shape == (0,)
    assert model.decision_function(np.ones((2, 10))[:, ::2]).tolist() == model.decision_function(np.ones((2, 5))).tolist()


def sklearn_classifiers():
    pytest.importorskip('sklearn')
    from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier
    return [LogisticRegression(), SGDClassifier(random_state=0), LinearSVC(dual=False),
            make_pipeline(StandardScaler(), LogisticRegression()), DecisionTreeClassifier(max_depth=6, random_state=0),
            RandomForestClassifier(15, max_depth=6, random_state=0), ExtraTreesClassifier(15, random_state=0),
            GradientBoostingClassifier(n_estimators=15, random_state=0), SVC(gamma=0.3),
            make_pipeline(MinMaxScaler(), LogisticRegression()),
            make_pipeline(MinMaxScaler((-2, 3)), LogisticRegression()),
            make_pipeline(StandardScaler(with_mean=False), LogisticRegression())]


@pytest.mark.parametrize('i', range(12))
def test_classifiers_become_models_of_weir(i):
    from weir.gates import as_model
    classifier = sklearn_classifiers()[i]
    X, y, w = problem(600)
    step = {'logisticregression__sample_weight': w} if hasattr(classifier, 'steps') else {'sample_weight': w}
    classifier.fit(X, y, **step)
    model = as_model(classifier, 5)
    assert model is not None
    more = np.random.default_rng(5).normal(size=(5000, 5))
    more[:600] = X  # thresholds lie between these
    scores = (classifier.decision_function(more) if hasattr(classifier, 'decision_function')
              else classifier.predict_proba(more)[:, 1] - 0.5)
    assert np.allclose(model.decision_function(more), scores, rtol=1e-9, atol=1e-9)
    sure = np.abs(scores) > 1e-9
    assert ((model.decision_function(more) > 0) == (classifier.predict(more) == 1))[sure].all()


def test_other_scalers_decide_in_python():
    """What clips is no linear model, and two scalers are more than one."""
    from weir.gates import as_model
    pipeline = pytest.importorskip('sklearn.pipeline')
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    X, y, _ = problem()
    for scalers in ([MinMaxScaler(clip=True)], [MinMaxScaler(), StandardScaler()]):
        assert as_model(pipeline.make_pipeline(*scalers, LogisticRegression()).fit(X, y), 5) is None


def test_trees_compare_as_scikit_learn_does():
    tree = pytest.importorskip('sklearn.tree')
    from weir.gates import _above_float32, as_model
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 1))
    fitted = tree.DecisionTreeClassifier().fit(X, rng.integers(0, 2, 500))
    near = []
    for t in fitted.tree_.threshold[fitted.tree_.feature >= 0]:
        t = _above_float32(t)
        near += [t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf)]
    near = np.array(near)[:, None]
    assert ((as_model(fitted, 1).decision_function(near) > 0) == (fitted.predict_proba(near)[:, 1] > 0.5)).all()


@pytest.mark.parametrize('i', [0, 3, 4, 5, 9, 10])
def test_classifiers_as_gates_are_saved(i, traces, tmp_path):
    classifier = sklearn_classifiers()[i]
    policy = weir.ExitPolicy(classifier, max_loss=0.03, prices=6, folds=2).fit(traces[0]).calibrate(traces[1])
    policy.save(tmp_path / 'policy.json')
    again = weir.ExitPolicy.load(tmp_path / 'policy.json')
    assert (again.score(traces[2]).evaluation.exit == policy.score(traces[2]).evaluation.exit).all()
    assert policy.speedup_ > 1 and type(classifier).__name__ in again.policy_.provenance['learner']
    assert again.policy_ == policy.policy_  # every number, to the last bit


def test_other_classifiers_decide_in_python_and_say_that_they_are_not_saved(traces, tmp_path):
    bayes = pytest.importorskip('sklearn.naive_bayes')
    small = traces[0][:300], traces[1][:400]
    policy = weir.ExitPolicy(bayes.GaussianNB(), max_loss=0.05, prices=2, folds=1).fit(small[0]).calibrate(small[1])
    assert policy.cost_ > 0
    gates = [learner for stage in policy.policy_.stages for learner in stage['learners']]
    if 'python' in gates:
        with pytest.raises(weir.ArgumentError, match='register_learner'):
            policy.save(tmp_path / 'policy.json')
        with pytest.raises(weir.ArgumentError, match='register_learner'):
            pickle.dumps(policy)


class Below:
    """Goes on where feature 0 is below a limit."""

    def __init__(self, limit=None):
        self.limit = limit

    def fit(self, X, y, sample_weight):
        limits = np.linspace(0, 1, 21)
        costs = [sample_weight[(X[:, 0] < t) != (y == 1)].sum() for t in limits]
        self.limit = float(limits[np.argmin(costs)])
        self.classes_ = np.array([0, 1])
        return self

    def get_params(self, deep=True):
        return {'limit': None}

    def decision_function(self, X):
        return self.limit - X[:, 0]


def test_a_registered_learner_is_saved_and_loaded(traces, tmp_path):
    weir.register_learner('below', Below(), to_json=lambda m: json.dumps(m.limit),
                          from_json=lambda text: Below(json.loads(text)))
    small = traces[0][:500], traces[1][:600]
    policy = weir.ExitPolicy('below', max_loss=0.03, prices=4, folds=1).fit(small[0]).calibrate(small[1])
    policy.save(tmp_path / 'policy.json')
    again = weir.ExitPolicy.load(tmp_path / 'policy.json')
    assert (again.score(traces[2]).evaluation.exit == policy.score(traces[2]).evaluation.exit).all()
    with pytest.raises(weir.ArgumentError):
        weir.register_learner('logistic', Below(), str, Below)
    with pytest.raises(weir.ArgumentError):
        weir.register_learner('below', Below(), str, Below)


def test_what_a_gate_raises_comes_out_unchanged(traces):
    class Fails(Below):
        def fit(self, X, y, sample_weight):
            raise LookupError('no fit')

    class Decides(Below):
        def decision_function(self, X):
            return 1 / 0

    class NotFinite(Below):
        def decision_function(self, X):
            return X[:, 0] * np.nan

    class TwoValues(Below):
        def decision_function(self, X):
            return np.zeros(2)

    for classifier, error in ((Fails(), LookupError), (Decides(), ZeroDivisionError), (NotFinite(), weir.ArgumentError),
                              (TwoValues(), weir.ShapeError)):
        with pytest.raises(error):
            weir.ExitPolicy(classifier, prices=2, folds=1).fit(traces[0][:200])
    for function in (lambda X, y, w: 3, lambda X, y, w: weir.Model.constant(1, 99)):
        with pytest.raises(weir.Error):
            weir.ExitPolicy(function, prices=2, folds=1).fit(traces[0][:200])


def test_gates_in_python_and_threads_of_weir_do_not_block_each_other(traces):
    pool = traces[0][:200]
    results = []

    def work():
        results.append(weir.search_topologies(pool, max_loss=0.1, learner=Below(), folds=2, prices=2, threads=3))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(120)
    assert len(results) == 2 and results[0][0]['cost'] == results[1][0]['cost']
