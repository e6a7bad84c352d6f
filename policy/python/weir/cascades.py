"""Cascade: a policy that runs, on weir's networks or on anybody's. Stages: networks that answer, recorded."""
import atexit
import json
import numbers
import os
import weakref

import numpy as np

from . import _weir
from .policies import ExitPolicy


_audited = weakref.WeakSet()
_audit_options = ('share', 'max_loss', 'confidence', 'seed', 'background', 'waiting', 'state', 'on_alarm')


@atexit.register
def _finish_audits():
    """Before the interpreter ends: on_alarm can no longer be asked then."""
    for cascade in list(_audited):
        cascade.finish_audits()


class Stages:
    """Networks (and tensors of theirs) that answer, cheapest first, the full network last.

    stages: a dict for each: file (an ONNX network), and optionally name, preprocess (an entry as models.json has it:
    {"input": {"channels": 3, "height": 224, "width": 224}, "scale": ..., "mean": [...], "std": [...]}), tensor (the
    network's answer where it is left out), logits (True: softmax follows). class_features: gates see which class was
    predicted. topology: 'chain' or 'all_later', what record() measures costs along.
    """

    def __init__(self, stages, *, class_features=True, topology='chain'):
        if topology not in ('chain', 'all_later'):
            raise _weir.ArgumentError("topology: 'chain' or 'all_later'")
        given = []
        for stage in stages:
            unknown = set(stage) - {'file', 'name', 'preprocess', 'tensor', 'logits'}
            if unknown or 'file' not in stage:
                raise _weir.ArgumentError(f"stage: 'file' and no {sorted(unknown) or 'other keys'} are expected")
            file = os.path.abspath(os.fspath(stage['file']))
            preprocess = stage.get('preprocess')
            name = stage.get('name') or os.path.splitext(os.path.basename(file))[0] + (
                '@' + stage['tensor'] if stage.get('tensor') else '')
            given.append({'file': file, 'name': name, 'tensor': stage.get('tensor') or '',
                          'preprocess': '' if preprocess is None else json.dumps(preprocess),
                          'logits': '1' if stage.get('logits', True) else '0'})
        self._stages = _weir._Stages(given, class_features, topology == 'all_later')

    @property
    def names(self):
        """Of the stages, in order."""
        return self._stages.names

    def record(self, images, labels, *, loss='top1', threads=1, isa='', batch=16, keep_probabilities=False, timed=100):
        """A Trace of these images (as Cascade reads them). Costs are seconds, medians of `timed`
        runs of single images here and now."""
        return self._stages.record(images, labels, loss, threads, isa, batch, keep_probabilities, timed)

    def save(self, policy, path):
        """Writes a policy over these stages as a policy.json that runs; networks are named relative to it. Of an
        ExitPolicy that was calibrated here the file says too what its calibration examples were like: then
        Cascade.shift watches for others, and audits know how often the policy disagreed with the full network."""
        if isinstance(policy, ExitPolicy):
            policy = policy._to_run()
        self._stages.save(policy, os.path.abspath(os.fspath(path)))


class Cascade:
    """A policy that runs. Any number of threads may call it, where its stages allow that.

    policy: the path of a policy.json that names its networks (from adapt, or Stages.save). Images are a list of uint8
    arrays [H, W] or [H, W, C] (NumPy's, PyTorch's, any that NumPy can read), of Pillow's images ('L' or 'RGB') or of
    paths; or one uint8 array [N, H, W] or [N, H, W, C]; or one float32 array [N, C, H, W] as networks read it. One path
    or image of Pillow's alone is a list of one.

    audit: the full network answers a share of the images too, which says at any time how often the cascade differs from
    it: no label is needed. A share (0.01), or a dict: share; max_loss, the limit of the mean disagreement (left out: the
    upper limit of what the policy disagreed by in calibration, where policy.json has it, which notices changes; the
    policy's own budget certifies its promise, as no more can be lost than differs, but answers that the policy mends
    differ too); confidence (0.95) of certificate and alarm; seed; background (True: in a thread of its own); waiting
    (256 audits under way at most, beyond them none is counted); state, a file that the count goes on from, written by
    save_audit(); on_alarm, a function of the figures that is called once, from the thread that audits: where it returns
    True the next safer policy of the file comes into force. What it raises is reported to sys.unraisablehook, and counts
    as False.
    watch: for shifts, where policy.json says what calibration images were like.

    Or policy: an ExitPolicy or Policy, with stages: {name: function of the examples that returns class probabilities},
    or functions in the order of the stages; then images is whatever can be indexed by an array of rows, and a stage is
    called for those examples only that get there. PyTorch, scikit-learn or a weir.Network serve alike.
    """

    def __init__(self, policy, *, stages=None, networks='', threads=1, isa='', allow_outside=False,
                 audit=None, watch=True):
        audit = _audit(audit)
        if audit.get('on_alarm') is not None:
            # Held here, where the garbage collector sees it: it may well reach this cascade.
            self._on_alarm, me = audit['on_alarm'], weakref.ref(self)
            audit['on_alarm'] = lambda figures: me() is not None and me()._on_alarm(figures)
        if stages is None:
            if not isinstance(policy, (str, os.PathLike)):
                raise _weir.ArgumentError('Cascade: the path of a policy.json is expected, or stages=[functions]')
            self._native = _weir._Cascade(os.fspath(policy), os.fspath(networks), threads, isa, allow_outside,
                                          audit, watch)
            self.stage_names = self._native.stage_names
            if audit:
                _audited.add(self)
            return
        if audit:
            raise _weir.ArgumentError('Cascade: functions as stages are not audited by themselves; weir.LossAudit says '
                                      'which examples to audit and what that shows')
        self._native = None
        if isinstance(policy, (str, os.PathLike)):
            policy = _weir.Policy.read(policy)
        self._policy = policy._chosen() if isinstance(policy, ExitPolicy) else policy
        self._described = self._policy.stages
        self.stage_names = [s['name'] for s in self._described]
        if isinstance(stages, dict):
            missing = [name for name in self.stage_names if name not in stages]
            if missing:
                raise _weir.ArgumentError(f'Cascade: no function for the stages {missing}')
            stages = [stages[name] for name in self.stage_names]
        self._functions = list(stages)
        if len(self._functions) != len(self.stage_names):
            raise _weir.ArgumentError(f'Cascade: {len(self._functions)} functions for {len(self.stage_names)} stages')

    def predict(self, images, first_id=None):
        """[n] classes."""
        if self._native is not None:
            return self._native.predict(images, first_id)
        return self.run(images, first_id)[0]

    def predict_proba(self, images, first_id=None):
        """[n, classes] probabilities of the stage that each example left at."""
        if self._native is not None:
            return self._native.predict_proba(images, first_id)
        return self.run(images, first_id)[2]

    def run(self, images, first_id=None):
        """A Decision for each image; with functions as stages (classes [n], stages [n], probabilities [n, classes])."""
        if self._native is not None:
            return self._native.run(images, first_id)
        return self._run_functions(images, 0 if first_id is None else first_id)

    def preload(self, batch=1):
        """Loads all networks now, and makes an executor ready with their plans for `batch` images at once: without it
        the first images wait for that. Functions as stages have nothing to load."""
        batch = _batch(batch)
        if self._native is not None:
            self._native.preload(batch)

    def is_preloaded(self, batch=1):
        """Whether an executor that preload() made ready for `batch` images at once stands idle: the next call takes it,
        and waits for no file and no plan. Always True of functions."""
        batch = _batch(batch)
        return self._native is None or self._native.is_preloaded(batch)

    @property
    def audit(self):
        """What audits have found, a dict: policy (0: that of the file), images, audits, disagreements, upper_limit,
        certified, alarm, and more; None without audits."""
        return None if self._native is None else self._native.audit()

    @property
    def shift(self):
        """What the watch for shifts has seen, a dict: images, statistic, run_length, alarm, first, loudest; None where
        policy.json has nothing to compare with."""
        return None if self._native is None else self._native.shift()

    def prometheus_text(self):
        """Both as text for Prometheus (format 0.0.4): metrics weir_shift_* and weir_audit_*; '' where there is neither."""
        return '' if self._native is None else self._native.prometheus_text()

    def to_safer(self):
        """The next safer policy of policy.json comes into force; False where there is none."""
        return self._native is not None and self._native.to_safer()

    def finish_audits(self):
        """Waits until no audit is under way. Not to be called by on_alarm."""
        if self._native is not None:
            self._native.finish_audits()

    def save_audit(self):
        """Writes the audit's state file, whole or not at all; audits under way are not in it. Raises ArgumentError without
        audits or file."""
        if self._native is None:
            raise _weir.ArgumentError('save_audit: functions as stages are not audited; pickle the LossAudit')
        self._native.save_audit()

    def _run_functions(self, examples, first_id):
        n = len(examples)
        labels, exits = np.full(n, -1), np.full(n, -1)
        probabilities = None
        waiting = [np.zeros(0, dtype=np.int64) for _ in self.stage_names]
        waiting[0] = np.arange(n)
        seen = {}  # stage: (features [n, d], prediction [n]) of the examples that passed it
        for k, stage in enumerate(self._described):
            rows = np.sort(waiting[k])
            if len(rows) == 0:
                continue
            p = _probabilities(self._functions[k](examples[rows]), len(rows), stage['name'])
            class_features = any(name.startswith('class_') for name in stage['feature_names'])
            features, prediction = _weir.stage_features(p, class_features)
            if features.shape[1] != len(stage['feature_names']):
                raise _weir.ShapeError(f"stage '{stage['name']}': {features.shape[1]} features of its probabilities, the "
                                       f"policy was learned with {len(stage['feature_names'])}")
            if probabilities is None:
                probabilities = np.zeros((n, p.shape[1]), dtype=np.float32)
            of_all = np.zeros((n, features.shape[1])), np.full(n, -1)
            of_all[0][rows], of_all[1][rows] = features, prediction
            seen[k] = of_all
            columns = [features]
            for j in stage['before']:
                columns += [(seen[j][1][rows] == prediction).astype(float)[:, None], seen[j][0][rows]]
            if stage['next']:
                action = self._policy.actions(k, np.hstack(columns), rows + first_id)
            else:
                action = np.zeros(len(rows), dtype=int)
            out = rows[action == 0]
            labels[out], exits[out] = prediction[action == 0], k
            probabilities[out] = p[action == 0]
            for a, following in enumerate(stage['next'], 1):
                waiting[following] = np.concatenate([waiting[following], rows[action == a]])
        if probabilities is None:
            probabilities = np.zeros((0, 0), dtype=np.float32)
        return labels, exits, probabilities


def _batch(batch):
    if isinstance(batch, bool) or not isinstance(batch, numbers.Integral) or batch < 1:
        raise _weir.ArgumentError(f'batch: a whole number of 1 or more is expected, not {batch!r}')
    return int(batch)


def _audit(audit):
    """As the dict that _Cascade takes; {} for none."""
    if audit is None or audit is False:
        return {}
    audit = dict(audit) if hasattr(audit, 'keys') else {'share': audit}
    unknown = [key for key in audit if key not in _audit_options]
    if unknown or 'share' not in audit:
        raise _weir.ArgumentError(f"audit: a share of the images, or a dict of 'share' and of "
                                  f"{', '.join(_audit_options[1:])}, is expected, not {unknown or audit}")
    share, max_loss = audit['share'], audit.get('max_loss')
    if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < share <= 1:
        raise _weir.ArgumentError(f'audit: share: a number above 0 and at most 1 is expected, not {share!r}')
    if max_loss is not None and not (isinstance(max_loss, numbers.Real) and 0 < max_loss < 1):
        raise _weir.ArgumentError(f'audit: max_loss: a number between 0 and 1, or None, is expected, not {max_loss!r}')
    if audit.get('on_alarm') is not None and not callable(audit['on_alarm']):
        raise _weir.ArgumentError('audit: on_alarm: a function of the figures is expected')
    return audit


def _probabilities(answer, n, stage):
    if hasattr(answer, 'detach'):  # PyTorch
        answer = answer.detach().cpu().numpy()
    p = np.ascontiguousarray(answer, dtype=np.float32)
    if p.ndim != 2 or p.shape[0] != n:
        raise _weir.ShapeError(f"stage '{stage}': probabilities [{n}, classes] are expected, got {list(p.shape)}")
    return p
