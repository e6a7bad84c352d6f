"""ExitPolicy: learned, certified, scored and saved; what it is compared with."""
import json
import warnings

import numpy as np

from . import _weir
from .gates import fit_function


def _learner(learner):
    """A name for weir's own; a function for a classifier or a function of (X, y, sample_weight)."""
    if isinstance(learner, str):
        return learner
    if hasattr(learner, 'fit'):
        return fit_function(learner)
    if callable(learner):
        return learner
    raise _weir.ArgumentError("learner: a name, a classifier with fit(X, y, sample_weight), or a function of (X, y, "
                              f"sample_weight) is expected, not {learner!r}")


def _check_limits(max_loss, confidence):
    if not 0 <= float(max_loss) <= 1:
        raise _weir.ArgumentError(f'max_loss: a share of the examples, 0 to 1 (0.01), is expected, not {max_loss!r}')
    if confidence is not None and not 0 < float(confidence) < 1:
        raise _weir.ArgumentError(f'confidence: a number between 0 and 1 (0.95), or None for no promise, is expected, '
                                  f'not {confidence!r}')


def _budget(max_loss, confidence, on='excess', seed=0):
    return {'on': on, 'value': float(max_loss), 'confidence': confidence, 'seed': seed}


class Score:
    """What a policy does on a trace. Costs are in the trace's unit."""

    def __init__(self, evaluation, trace):
        names = trace.stage_names
        self.evaluation = evaluation  #: each example's exit, cost, loss
        self.cost = evaluation.mean_cost
        self.full_cost = trace.full_cost
        self.speedup = self.full_cost / self.cost if self.cost > 0 else float('inf')
        self.loss = evaluation.mean_loss
        self.excess = evaluation.mean_excess  #: share of regressions, for losses of 0 and 1
        self.difference = evaluation.mean_difference  #: repairs count for it
        self.regressions, self.repairs = evaluation.regressions, evaluation.repairs
        self.exit_shares = dict(zip(names, evaluation.shares(len(names))))
        self.cost_unit = trace.cost_unit

    def __float__(self):
        return float(self.speedup)

    def __repr__(self):
        shares = ', '.join(f'{name} {share:.1%}' for name, share in self.exit_shares.items())
        return (f'<weir.Score {self.speedup:.2f}x, excess loss {self.excess:.2%} ({self.regressions} worse, '
                f'{self.repairs} better); exits: {shares}>')


class ExitPolicy:
    """Where each example may stop: learned from a trace, certified on another.

    learner: a name of gate_learner_names(); a classifier of scikit-learn's kind whose fit takes sample_weight; or a
    function of (X, y, sample_weight) that returns a Model or an object with decision_function.
    max_loss: the budget of excess loss (regressions). confidence: that new examples keep it; None for no promise, only
    the mean of the calibration examples. max_cost instead limits the mean cost and takes the least loss.
    topology: None for a chain, 'all_later', or {stage: [stages that may follow]}.
    prices: of loss that a policy is learned for. folds: gates learn from decisions that did not see their examples.

    After fit(): train_curve_. After calibrate(), of the calibration examples: policy_, cost_, excess_, upper_limit_,
    speedup_, exit_shares_, curve_; missing_: '', or why no policy faster than the full network was certified.
    """

    def __init__(self, learner='predicted_loss', max_loss=0.01, confidence=0.95, max_cost=None, topology=None, prices=30,
                 folds=5, seed=0):
        self.learner, self.max_loss, self.confidence, self.max_cost = learner, max_loss, confidence, max_cost
        self.topology, self.prices, self.folds, self.seed = topology, prices, folds, seed

    _parameters = ('learner', 'max_loss', 'confidence', 'max_cost', 'topology', 'prices', 'folds', 'seed')

    def get_params(self, deep=True):
        """As scikit-learn's estimators have them: clone() works."""
        return {name: getattr(self, name) for name in self._parameters}

    def set_params(self, **parameters):
        """Sets parameters by name, for the next fit() or calibrate(). Raises ArgumentError for a name that is none."""
        for name, value in parameters.items():
            if name not in self._parameters:
                raise _weir.ArgumentError(f"ExitPolicy has no parameter '{name}': {', '.join(self._parameters)}")
            setattr(self, name, value)
        return self

    def fit(self, trace, y=None):
        """Learns gates for each price on a trace. Ctrl-C ends it."""
        trainer = _weir.Trainer(trace, topology=self.topology, learner=_learner(self.learner), folds=self.folds,
                                seed=self.seed)
        trainer.train(self.prices)
        self._forget()
        self._trainer, self._learned_on = trainer, trace
        self.train_curve_ = trainer.curve(trace)
        return self

    def calibrate(self, trace):
        """Takes the cheapest policy that keeps the budget on examples that no gate has seen."""
        trainer = self._fitted()
        self._warn_of_own_examples(trace)
        if self.max_cost is None:
            _check_limits(self.max_loss, self.confidence)
            budget = _budget(self.max_loss, self.confidence, seed=self.seed)
        else:
            budget = _budget(self.max_cost, None, 'cost', self.seed)
        policy, facts = trainer.choose(trace, budget)
        return self._take(policy, facts, trace)

    def certify(self, trace, certificate='learn_then_test', bound='clopper_pearson', risk='excess', largest=1.0):
        """As calibrate(), by any certificate ('learn_then_test', 'upper_confidence_bound', 'conformal_risk_control',
        'none') and bound (bound_names()); risk: 'excess', or 'disagreement', which needs no labels."""
        trainer = self._fitted()
        self._warn_of_own_examples(trace)
        _check_limits(self.max_loss, self.confidence)
        policy, facts = trainer.guarantee(
            trace, epsilon=self.max_loss, confidence=0.95 if self.confidence is None else self.confidence,
            certificate=certificate, test=bound, risk=risk, largest=largest)
        return self._take(policy, facts, trace)

    def score(self, trace, y=None):
        """A Score: speed-up, losses, exit shares on a trace. float(score) is the speed-up."""
        return Score(self._chosen().evaluate(trace), trace)

    def save(self, path, stages=None):
        """Writes policy.json. stages: the weir.Stages whose record() made the trace: then the file names the networks
        and weir.Cascade runs it."""
        if stages is None:
            self._chosen().save(path)
        else:
            stages.save(self, path)

    @classmethod
    def load(cls, path):
        """A policy from policy.json: scored, saved and run, not fitted. Parameters and what calibration found are those
        of the file; what it does not say is left as the defaults, or out."""
        self = cls()
        self.policy_ = _weir.Policy.read(path)
        self._recall()
        return self

    def _recall(self):
        budget, provenance = self.policy_.budget, self.policy_.provenance
        if isinstance(provenance, dict):
            for name in ('learner', 'prices', 'folds', 'seed'):
                if name in provenance:
                    setattr(self, name, provenance[name])
        follow = self.policy_.topology
        stages = list(follow)
        is_chain = all(follow[name] == stages[k + 1:k + 2] for k, name in enumerate(stages))
        self.topology = None if is_chain else follow
        self.cost_unit_ = self.policy_.cost_unit
        if not isinstance(budget, dict) or 'value' not in budget:
            self.confidence = None  # nothing was promised
            return
        if budget.get('on', 'excess') in ('excess', 'difference'):
            self.max_loss = budget['value']
        else:
            self.max_cost = budget['value']
        self.confidence = budget.get('confidence')
        self.upper_limit_ = budget.get('upper_limit')
        if 'n_calibration' in budget:
            self.n_calibration_ = budget['n_calibration']
        found = budget.get('calibration', {})
        if 'excess' in found:
            self.excess_ = found['excess']
        for name in ('seconds', 'cost'):
            if name in found:
                self.cost_ = found[name]

    def _fitted(self):
        if getattr(self, '_trainer', None) is None:
            raise _weir.ArgumentError('this ExitPolicy is not fitted here: call fit(trace) first')
        return self._trainer

    def _warn_of_own_examples(self, trace):
        if trace is getattr(self, '_learned_on', None):
            warnings.warn('calibrated on the very trace that the policy was fitted to: on new examples it loses more than '
                          'this says, and no limit holds; keep examples apart, as in fit(trace[:n]).calibrate(trace[n:])',
                          stacklevel=3)

    def _chosen(self):
        if getattr(self, 'policy_', None) is None:
            raise _weir.ArgumentError('this ExitPolicy has no policy yet: call fit(trace) and calibrate(other) first')
        return self.policy_

    def _to_run(self):
        """The policy, with what a cascade in service compares its images with."""
        policy = self._chosen()
        return getattr(self, '_watching', policy)

    def _forget(self):
        for name in [name for name in vars(self) if name.endswith('_') and not name.startswith('_')]:
            delattr(self, name)

    def _take(self, policy, facts, trace):
        learner = self.learner if isinstance(self.learner, str) else repr(self.learner)
        self.policy_ = policy.with_provenance(json.dumps({
            'program': 'weir for Python ' + _weir.__version__, 'learner': learner, 'prices': self.prices,
            'folds': self.folds, 'seed': self.seed}))
        self._watching = self.policy_._watching(trace)  # with what these examples were like, for a cascade in service
        self.upper_limit_ = facts['upper_limit']
        self.n_calibration_ = facts['n_calibration']
        self.missing_ = facts['missing']
        score = Score(self.policy_.evaluate(trace), trace)
        self.exit_shares_, self.speedup_ = score.exit_shares, score.speedup
        self.cost_, self.excess_ = score.cost, score.excess
        self.curve_ = self._fitted().curve(trace)
        self.cost_unit_ = trace.cost_unit
        return self

    def __getstate__(self):
        # The trainer stays behind: what was calibrated goes on deciding, bit by bit.
        return {name: value for name, value in vars(self).items() if name not in ('_trainer', '_learned_on')}

    def __repr__(self):
        shown = ', '.join(f'{name}={getattr(self, name)!r}' for name in self._parameters
                          if getattr(self, name) != type(self).__init__.__defaults__[self._parameters.index(name)])
        missing = getattr(self, 'missing_', '')
        return f'ExitPolicy({shown})' + (f'  # the full network: {missing}' if missing else '')

    def svg(self, width=720, height=380):
        """The trade-off as one <svg>: the path's policies in the mean, and the one that was chosen."""
        self._chosen()
        if not hasattr(self, 'curve_'):
            raise _weir.ArgumentError('only a policy that was calibrated here has a curve')
        order = np.argsort(self.curve_['cost'], kind='stable')
        cost, loss = self.curve_['cost'][order], 100 * self.curve_['excess'][order]
        log_x = bool(cost[0] > 0 and cost[-1] > 20 * cost[0])
        hull = np.minimum.accumulate(loss) == loss
        series = [
            {'name': 'policies, in the mean', 'x': cost[hull], 'y': loss[hull], 'line': True, 'markers': True,
             'dashed': False},
            {'name': 'chosen', 'x': np.array([self.cost_]), 'y': np.array([100 * self.excess_]),
             'line': False, 'markers': True, 'dashed': False}]
        return _weir._svg(series, 'Excess loss against cost, calibration examples', f'mean cost, {self.cost_unit_}',
                          'excess loss, %', log_x, width, height)

    def _promise(self):
        """What is known of new examples, as a sentence; '' for nothing."""
        missing, limit = getattr(self, 'missing_', ''), getattr(self, 'upper_limit_', None)
        if missing:
            return f' The full network answers: {missing}.'
        if limit is None:
            return ''
        budget = self.policy_.budget
        certificate = budget.get('certificate', 'learn_then_test')
        if certificate == 'none':
            return ''
        loss = {'excess': 'The excess loss', 'difference': 'The loss less that of the full network',
                'disagreement': 'The share of answers that differ from those of the full network'}[
                    budget.get('risk', budget.get('on', 'excess'))]
        if certificate == 'conformal_risk_control':
            return f' {loss} is at most {budget["value"]:.2%} in the mean over calibrations.'
        return f' {loss} is at most {limit:.2%} with {budget["confidence"]:.0%} confidence.'

    def _repr_html_(self):
        code = '<code>' + _escape(repr(self)) + '</code>'
        if getattr(self, 'policy_', None) is None:
            return code
        facts = []
        if hasattr(self, 'speedup_'):
            facts.append(f'<b>{self.speedup_:.2f} times cheaper</b>')
        elif hasattr(self, 'cost_'):
            facts.append(f'<b>mean cost {self.cost_:.3g} {_escape(self.cost_unit_)}</b>')
        if facts and hasattr(self, 'n_calibration_'):
            facts[0] += f' on {self.n_calibration_} calibration examples'
        if hasattr(self, 'excess_'):
            facts.append(f'excess loss {self.excess_:.2%}')
        text = ', '.join(facts) + '.' if facts else 'What calibration found is not known.'
        shares = ', '.join(f'{_escape(name)} {share:.1%}' for name, share in getattr(self, 'exit_shares_', {}).items())
        return (f'<p>{text}{_escape(self._promise())}' + (f'<br>Exits: {shares}' if shares else '') + '</p>' +
                (self.svg() if hasattr(self, 'curve_') else code))


def _escape(text):
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def rules(training, calibration, test=None, max_loss=0.01, confidence=0.95, topology=None, loss='top1'):
    """Every rule of the literature, tuned on the same traces for the same budget: a list of dicts, cheapest first, which
    pandas.DataFrame takes. Scored on `test`, or on the calibration trace."""
    _check_limits(max_loss, confidence)
    shown = calibration if test is None else test
    rows = []
    for rule in _weir.tuned_rules(training, calibration, _budget(max_loss, confidence), topology, loss):
        e = rule.evaluate(shown)  # over the stages of the rule's own view, which may be more than the trace's
        rows.append({'rule': rule.name, 'source': rule.source, 'parameter': rule.parameter, 'cost': e.mean_cost,
                     'speedup': shown.full_cost / e.mean_cost if e.mean_cost > 0 else float('inf'), 'loss': e.mean_loss,
                     'excess': e.mean_excess, 'tuned': rule})
    return sorted(rows, key=lambda row: row['cost'])


def search_topologies(pool, max_loss=0.01, confidence=None, learner='predicted_loss', max_stages=4, folds=3, prices=10,
                      seed=0, threads=1):
    """Which stages of a pool to use and which may follow which: dicts of stages, topology and cross-validated cost, the
    one to use first. pool: a trace of all stages; pool.select(found['stages']) is the trace to learn from, and
    found['topology'] goes into ExitPolicy."""
    _check_limits(max_loss, confidence)
    return _weir.search_topologies(pool, budget=_budget(max_loss, confidence), learner=_learner(learner),
                                   max_stages=max_stages, folds=folds, prices=prices, seed=seed, threads=threads)
