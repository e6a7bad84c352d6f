"""Traces, policies, rules, oracles, bounds, the monitor."""
import copy
import math
import pickle
import warnings
import xml.dom.minidom

import numpy as np
import pytest
import weir
from conftest import make_trace, softmax


def test_a_policy_equals_that_of_cpp_to_the_last_bit(reference, tmp_path):
    trace = make_trace(3000, 7)
    trace.write_csv(tmp_path / 'trace.csv')
    reference('learn', tmp_path / 'trace.csv', tmp_path / 'cpp.json', tmp_path / 'decisions.csv')
    policy = weir.ExitPolicy(max_loss=0.02).fit(trace[::2]).calibrate(trace[1::2])
    cpp = weir.Policy.read(tmp_path / 'cpp.json')
    policy.policy_.with_provenance('null').save(tmp_path / 'python.json')
    assert (tmp_path / 'python.json').read_bytes() == (tmp_path / 'cpp.json').read_bytes()
    e = cpp.evaluate(trace)
    decisions = np.loadtxt(tmp_path / 'decisions.csv', delimiter=',')
    assert (e.exit == decisions[:, 0]).all() and (e.cost == decisions[:, 1]).all() and (e.excess == decisions[:, 2]).all()


def test_a_trace_is_read_back_equal(traces, tmp_path):
    traces[0].write_csv(tmp_path / 'a.csv')
    again = weir.Trace.read_csv(tmp_path / 'a.csv')
    for a, b in zip(traces[0].stages, again.stages):
        assert (a['features'] == b['features']).all() and (a['probabilities'] == b['probabilities']).all()
        assert a['cost'] == b['cost'] and a['feature_names'] == b['feature_names']
    own = weir.Trace.from_stages(traces[0].stages, traces[0].labels)
    assert (own.stage(0)['loss'] == traces[0].stage('stage0')['loss']).all() and own.stage_names == ['stage0', 'stage1']


def test_views_of_a_trace_are_read_only_and_outlive_it():
    trace = make_trace(100)
    features = trace.stage(0)['features']
    kept = features.copy()
    del trace
    assert (features == kept).all()
    with pytest.raises(ValueError, match='read-only'):
        features[0, 0] = 1


def test_rows_of_a_trace(traces):
    t = traces[0]
    assert len(t[:10]) == 10 and len(t[np.arange(2000) < 7]) == 7 and t[[-1]].labels[0] == t.labels[-1]
    assert (t[::-1].labels == t.labels[::-1]).all() and t.full_cost == 4e-3
    for wrong, error in [([2000], weir.ArgumentError), ([True], weir.ShapeError), ([0.5], weir.ArgumentError)]:
        with pytest.raises(error):
            t[wrong]
    assert t.with_costs([1, 5], 'cents').cost_unit == 'cents'
    with pytest.raises(weir.Error):
        t.with_costs([1], 'cents')


@pytest.mark.parametrize('change, error', [
    (lambda p, y: (p[:-1], y), weir.ShapeError), (lambda p, y: (p * np.nan, y), weir.ArgumentError),
    (lambda p, y: (-p, y), weir.ArgumentError), (lambda p, y: (p * 2, y), weir.ArgumentError),
    (lambda p, y: (p, y + 4), weir.ArgumentError), (lambda p, y: (p, y * 0.5), weir.ArgumentError),
    (lambda p, y: (p[:, 0], y), weir.ShapeError), (lambda p, y: (p[:0], y[:0]), weir.Error),
    (lambda p, y: (p.astype(str), y), weir.ArgumentError), (lambda p, y: (p.astype(complex), y), weir.ArgumentError),
    (lambda p, y: (p[:, :0], y), weir.Error), (lambda p, y: (p, y.astype(np.int64) + 2**40), weir.ArgumentError)])
def test_wrong_probabilities_and_labels_are_refused(change, error):
    p, y = softmax(np.random.default_rng(0).normal(size=(50, 4))), np.arange(50) % 4
    weir.Trace.from_probabilities({'a': (p, 1)}, y)
    p, y = change(p, y)
    with pytest.raises(error):
        weir.Trace.from_probabilities({'a': (p, 1)}, y)


def test_losses_of_any_kind(traces):
    p, y = traces[0].stage(0)['probabilities'], traces[0].labels
    stages = {'a': (p, 1), 'b': (p, 2)}
    own = weir.Trace.from_probabilities(stages, y, loss=lambda q, label: 2.0 * (q.argmax() != label))
    top1 = weir.Trace.from_probabilities(stages, y)
    assert (own.stage(0)['loss'] == 2 * top1.stage(0)['loss']).all()
    costs = weir.Trace.from_probabilities(stages, y, loss=1 - np.eye(4))
    assert (costs.stage(0)['loss'] == top1.stage(0)['loss']).all()
    with pytest.raises(ZeroDivisionError):
        weir.Trace.from_probabilities(stages, y, loss=lambda q, label: 1 / 0)
    with pytest.raises(weir.ArgumentError):
        weir.Trace.from_probabilities(stages, y, loss='nosuch')
    with pytest.raises(weir.ShapeError):
        weir.Trace.from_probabilities(stages, y, loss=np.zeros((2, 3)))


def test_a_policy_keeps_its_budget_and_says_so(fitted, traces):
    assert fitted.upper_limit_ <= 0.02 and fitted.excess_ <= 0.02 and fitted.speedup_ > 1.2
    score = fitted.score(traces[2])
    assert float(score) == score.speedup == traces[2].full_cost / score.cost
    assert math.isclose(sum(score.exit_shares.values()), 1) and 'x,' in repr(score)
    e = score.evaluation
    assert len(e) == 1000 and (e.excess >= e.difference).all()
    assert score.regressions == (e.difference > 0).sum() and score.repairs == (e.difference < 0).sum()
    assert fitted.policy_.budget['confidence'] == 0.95 and not fitted.policy_.runs


def test_a_policy_is_saved_loaded_pickled_and_copied(fitted, traces, tmp_path):
    fitted.save(tmp_path / 'policy.json')
    expected = fitted.score(traces[2]).evaluation.exit
    for again in (weir.ExitPolicy.load(tmp_path / 'policy.json'), pickle.loads(pickle.dumps(fitted)),
                  copy.deepcopy(fitted)):
        assert (again.score(traces[2]).evaluation.exit == expected).all() and again.policy_ == fitted.policy_
        with pytest.raises(weir.ArgumentError, match='fit'):
            again.calibrate(traces[1])
    assert pickle.loads(pickle.dumps(fitted)).svg() == fitted.svg()
    assert pickle.loads(pickle.dumps(weir.ExitPolicy(seed=3))).seed == 3
    with pytest.raises(OSError):
        fitted.save(tmp_path / 'nosuch' / 'policy.json')
    with pytest.raises(weir.FormatError):
        weir.Policy.from_json('{"weir_policy": 9}')


def test_a_loaded_policy_says_what_its_file_says(traces, tmp_path):
    path = tmp_path / 'policy.json'
    made = weir.ExitPolicy('logistic', max_loss=0.03, confidence=0.9, prices=7, folds=3, seed=2).fit(traces[0])
    made.calibrate(traces[1]).save(path)
    again = weir.ExitPolicy.load(path)
    assert again.get_params() == made.get_params() and repr(again) == repr(made)
    for name in ('upper_limit_', 'n_calibration_', 'cost_', 'excess_', 'cost_unit_'):
        assert getattr(again, name) == pytest.approx(getattr(made, name), rel=1e-12), name
    html = again._repr_html_()
    assert f'at most {made.upper_limit_:.2%} with 90% confidence' in html and '2000 calibration examples' in html
    assert 'max_loss=0.03' in html and not hasattr(again, 'speedup_')
    with pytest.raises(weir.ArgumentError, match='curve'):
        again.svg()

    made.set_params(confidence=None).calibrate(traces[1]).save(path)
    again = weir.ExitPolicy.load(path)
    assert again.confidence is None and again.upper_limit_ is None and 'confidence)' not in again._repr_html_()
    assert 'at most' not in again._repr_html_()

    made.set_params(max_cost=2.5e-3).calibrate(traces[1]).save(path)
    again = weir.ExitPolicy.load(path)
    assert again.max_cost == 2.5e-3 and again.confidence is None and again.cost_ == pytest.approx(made.cost_, rel=0.1)

    made.policy_.with_provenance('null').save(path)
    bare = weir.ExitPolicy.load(path)
    assert bare.learner == 'predicted_loss' and bare.max_cost == 2.5e-3

    pool = make_trace(1200, 5, stages=3)
    weir.ExitPolicy(max_loss=0.1, topology='all_later', prices=4).fit(pool[:600]).calibrate(pool[600:]).save(path)
    assert weir.ExitPolicy.load(path).topology == {'stage0': ['stage1', 'stage2'], 'stage1': ['stage2'], 'stage2': []}


@pytest.mark.parametrize('certificate, says', [
    ('learn_then_test', 'with 95% confidence'), ('upper_confidence_bound', 'with 95% confidence'),
    ('conformal_risk_control', 'in the mean over calibrations'), ('none', None)])
@pytest.mark.parametrize('risk, of', [('excess', 'The excess loss is'), ('disagreement', 'differ from those of the full')])
def test_a_certified_policy_is_saved_and_loaded(traces, tmp_path, certificate, says, risk, of):
    made = weir.ExitPolicy(max_loss=0.05, prices=5, folds=2).fit(traces[0])
    made.certify(traces[1], certificate=certificate, risk=risk)
    made.save(tmp_path / 'policy.json')
    again = weir.ExitPolicy.load(tmp_path / 'policy.json')
    assert again.max_loss == 0.05 and again.upper_limit_ == made.upper_limit_ and again.n_calibration_ == 2000
    assert again.cost_ == made.cost_ and again.excess_ == made.excess_
    assert again.confidence == (0.95 if says and 'confidence' in says else None)
    for policy in (made, again):
        html = policy._repr_html_()
        assert (says in html and of in html) if says else 'at most' not in html


def test_parameters_are_as_those_of_scikit_learn():
    policy = weir.ExitPolicy(max_loss=0.02)
    assert policy.get_params()['max_loss'] == 0.02 and repr(policy) == 'ExitPolicy(max_loss=0.02)'
    assert policy.set_params(seed=4).seed == 4
    with pytest.raises(weir.ArgumentError, match='nosuch'):
        policy.set_params(nosuch=1)
    base = pytest.importorskip('sklearn.base')
    assert base.clone(policy).get_params() == policy.get_params()


def test_what_cannot_work_is_refused(traces):
    with pytest.raises(weir.ArgumentError, match='fit'):
        weir.ExitPolicy().calibrate(traces[0])
    with pytest.raises(weir.ArgumentError, match='calibrate'):
        weir.ExitPolicy().score(traces[0])
    policy = weir.ExitPolicy(prices=3).fit(traces[0])
    with pytest.raises(weir.ArgumentError, match='299'):
        policy.calibrate(traces[1][:100])
    few = policy.certify(traces[1][:100])  # the full network, and what it would have taken
    assert few.missing_ == '95 % for 1 % needs 299 examples with no regression; there are 100 for calibration'
    assert repr(few).endswith('# the full network: ' + few.missing_) and few.missing_ in few._repr_html_()
    assert few.excess_ == 0
    for bad in ({'learner': 'nosuch'}, {'learner': 7}, {'topology': 'ring'}, {'topology': {'stage0': ['nosuch']}},
                {'folds': 0}):
        with pytest.raises(weir.ArgumentError):
            weir.ExitPolicy(prices=3, **bad).fit(traces[0])
    with pytest.raises(weir.Error):
        policy.calibrate(make_trace(500, 1, stages=3))
    with pytest.raises(TypeError):
        policy.fit('trace.csv')


def test_a_budget_of_cost(traces):
    policy = weir.ExitPolicy(max_cost=2.5e-3, prices=10).fit(traces[0]).calibrate(traces[1])
    assert policy.cost_ == pytest.approx(2.5e-3, rel=0.1) and policy.upper_limit_ is None


def test_topologies(traces):
    pool = make_trace(1500, 4, stages=3)
    policy = weir.ExitPolicy(max_loss=0.03, topology={'stage0': ['stage1', 'stage2'], 'stage1': ['stage2']}, prices=8)
    policy.fit(pool[:900]).calibrate(pool[900:])
    assert policy.policy_.topology == {'stage0': ['stage1', 'stage2'], 'stage1': ['stage2'], 'stage2': []}
    assert policy.policy_.stages[2]['before'] == [0]
    found = weir.search_topologies(pool, max_loss=0.03, prices=4, folds=2)
    assert found[0]['stages'][-1] == 'stage2' and found[0]['cost'] < found[-1]['cost']
    small = pool.select(found[0]['stages'])
    weir.ExitPolicy(max_loss=0.03, topology=found[0]['topology'], prices=5).fit(small[:900]).calibrate(small[900:])


def test_certificates(traces):
    policy = weir.ExitPolicy(max_loss=0.03, prices=10).fit(traces[0])
    costs = {c: policy.certify(traces[1], certificate=c).cost_
             for c in ('none', 'conformal_risk_control', 'upper_confidence_bound', 'learn_then_test')}
    assert costs['none'] <= costs['conformal_risk_control'] <= costs['upper_confidence_bound']
    assert policy.certify(traces[1], bound='hoeffding_bentkus').upper_limit_ <= 0.03
    assert policy.certify(traces[1], risk='disagreement').policy_.budget['risk'] == 'disagreement'
    for bad in ({'certificate': 'hope'}, {'bound': 'nosuch'}, {'risk': 'nosuch'}):
        with pytest.raises(weir.ArgumentError):
            policy.certify(traces[1], **bad)


def test_rules_and_oracles(traces, fitted):
    rows = weir.rules(*traces, max_loss=0.02)
    names = [row['rule'] for row in rows]
    assert set(names) <= set(weir.rule_names()) and {'max_probability', 'entropy', 'margin'} <= set(names)
    assert [row['cost'] for row in rows] == sorted(row['cost'] for row in rows)
    oracle = weir.zero_excess_oracle(traces[2])
    cost, loss, e = weir.budget_oracle(traces[2], 0.02)
    assert oracle.mean_excess == 0 and cost <= oracle.mean_cost and loss <= 0.02 + 1e-12 and len(e) == 1000
    score = fitted.score(traces[2])
    assert weir.budget_oracle(traces[2], score.excess)[0] <= score.cost
    assert weir.lagrangian_oracle(traces[2], 0.0).mean_cost == pytest.approx(1e-3)
    with pytest.raises(weir.ArgumentError):
        weir.budget_oracle(traces[2], -1.0)


def test_bounds():
    assert weir.least_examples(0.01) == 299 and weir.least_examples(0.0) is None
    losses = np.zeros(1000)
    assert weir.upper_limit(losses) == pytest.approx(1 - 0.05 ** (1 / 1000), abs=1e-9)
    assert weir.clopper_pearson_upper(0, 1000) == pytest.approx(weir.upper_limit(losses), abs=1e-9)
    assert weir.p_value(losses, 0.01) == pytest.approx(0.99 ** 1000)
    assert set(weir.bound_names()) >= {'clopper_pearson', 'betting'} and weir.mcnemar_p(5, 5) == 1
    for bad in ([], [2.0], [np.nan]):
        with pytest.raises(weir.Error):
            weir.upper_limit(bad)
    weir.register_bound('python_hoeffding', lambda l, epsilon, delta: math.exp(
        -2 * len(l) * max(0.0, epsilon - l.mean()) ** 2))
    assert weir.upper_limit(losses, test='python_hoeffding') == pytest.approx(math.sqrt(math.log(20) / 2000), abs=1e-6)
    weir.register_bound('python_fails', lambda l, epsilon, delta: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        weir.upper_limit(losses, test='python_fails')
    with pytest.raises(weir.ArgumentError):
        weir.register_bound('betting', print)


@pytest.mark.parametrize('share', [0.3, 1])
def test_an_audit_of_losses_equals_that_of_cpp(reference, tmp_path, share):
    rng = np.random.default_rng(4)
    losses = rng.random(4000) < np.repeat([0.01, 0.2], 2000)
    np.save(tmp_path / 'losses.npy', losses.astype(np.uint8))
    reference('losses', share, tmp_path / 'losses.npy', tmp_path / 'out.csv')
    audit = weir.LossAudit(share=share, max_loss=0.05, confidence=0.9, seed=7)
    facts = []
    for i, loss in enumerate(losses):
        if i == 2000:
            audit.restart()
        if i == 1000:
            audit = pickle.loads(pickle.dumps(audit))
        if i == 3000:
            audit = weir.LossAudit(share, 0.05, 0.9, 7, state=audit.state)
        taken = audit.take()
        if taken:
            audit.observe(loss)
        facts.append([taken, audit.certified, audit.alarm, audit.upper_limit, audit.total_upper_limit])
    facts = np.array(facts, dtype=float)
    assert (facts == np.loadtxt(tmp_path / 'out.csv', delimiter=',')).all()
    assert facts[1999, 1] == 1 and facts[-1, 2] == 1 and not facts[:2000, 2].any()  # kept at first, then not
    assert audit.images == 2000 and audit.losses <= audit.audits and repr(audit).startswith('<weir.LossAudit ')


def test_wrong_audits_of_losses_are_refused():
    state = weir.LossAudit().state
    for bad in ({'share': 0}, {'share': 2}, {'max_loss': 0}, {'max_loss': 1}, {'confidence': 1}, {'state': {}},
                {'state': dict(state, losses=1)}, {'state': dict(state, images=-1)}, {'state': dict(state, capital=[0])}):
        with pytest.raises(weir.ArgumentError):
            weir.LossAudit(**bad)
    audit = weir.LossAudit(share=1)
    audit.take()
    audit.restart()
    audit.observe_past(True)
    assert audit.state['past_losses'] == 1 and audit.total_upper_limit == 1 and not audit.alarm


def test_the_monitor_notices_a_shift():
    rng = np.random.default_rng(0)
    monitor = weir.ShiftMonitor(rng.integers(0, 2, 500), rng.normal(size=(500, 2)), run_length=1000)
    for _ in range(100):
        monitor.observe(int(rng.integers(0, 2)), rng.normal(size=2))
    assert not monitor.alarm and monitor.seen == 100
    for _ in range(300):
        monitor.observe(1, rng.normal(size=2) + [0, 2])
    assert monitor.alarm and monitor.statistic >= 1000 and monitor.loudest in (0, 2)
    for bad in (lambda: monitor.observe(0, [1.0]), lambda: monitor.observe(0, [np.nan, 0]),
                lambda: weir.ShiftMonitor([0], np.zeros((2, 2))), lambda: weir.ShiftMonitor([-1], np.zeros((1, 1)))):
        with pytest.raises(weir.Error):
            bad()


def test_the_curve_is_drawn(fitted):
    html = fitted._repr_html_()
    svg = html[html.index('<svg'):]
    xml.dom.minidom.parseString(svg[:svg.index('</svg>') + 6])
    assert 'chosen' in svg and 'times cheaper' in html and '95% confidence' in html
    assert '<svg' not in weir.ExitPolicy()._repr_html_()


def test_training_can_be_interrupted(traces):
    import _thread
    import threading
    timer = threading.Timer(0.3, _thread.interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        weir.ExitPolicy(learner='kernel_svm', prices=300).fit(traces[0])


def test_limits_are_checked_by_name():
    trace = make_trace(400)
    for wrong in ({'max_loss': 2}, {'max_loss': -0.1}, {'confidence': 95}, {'confidence': 1}):
        with pytest.raises(weir.ArgumentError, match=next(iter(wrong))):
            weir.ExitPolicy(prices=3, folds=2, **wrong).fit(trace[:200]).calibrate(trace[200:])
        with pytest.raises(weir.ArgumentError, match=next(iter(wrong))):
            weir.rules(trace[:200], trace[200:], **wrong)
    with pytest.raises(weir.ArgumentError, match='known: predicted_loss'):
        weir.ExitPolicy('logistics').fit(trace)
    with pytest.raises(weir.ArgumentError, match='stages: a dict .* is expected, not a list'):
        weir.Trace.from_probabilities([np.zeros((2, 3))], [0, 1])


def test_calibrating_on_what_was_learned_from_is_warned_of():
    trace = make_trace(400)
    fitted = weir.ExitPolicy(max_loss=0.2, confidence=None, prices=3, folds=2).fit(trace)
    with pytest.warns(UserWarning, match='keep examples apart'):
        fitted.calibrate(trace)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fitted.calibrate(trace[200:])
