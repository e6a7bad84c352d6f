"""weir: adaptive inference with convolutional networks.

    net = weir.load_onnx("net.onnx", threads=2)       # net(x): float32 NumPy in and out
    run = weir.Executor(net)                          # hooks: look, exit, stop, replace; or step by step
    trace = weir.Trace.from_probabilities({"small": (p1, 36e-6), "big": (p2, 537e-6)}, y)
    policy = weir.ExitPolicy(max_loss=0.01).fit(trace[:5000]).calibrate(trace[5000:])
    weir.Cascade("policy.json").predict(images)       # a policy and its networks
    weir.quantize("net.onnx", x, "net.int8.onnx")     # an 8-bit copy, from some 200 inputs

Errors are weir.Error: ShapeError, FormatError and ArgumentError are ValueErrors too, IoError is an OSError.
"""
from ._weir import (ArgumentError, Decision, Error, Evaluation, FormatError, IoError, LossAudit, Model, Network, Plan, Policy,
                    QuantizeReport, Result,
                    ShapeError, ShiftMonitor, Step, Trace, Trainer, TunedRule, __version__, bound_names,
                    budget_oracle, clopper_pearson, clopper_pearson_upper, fit_model, gate_learner_names,
                    lagrangian_oracle, learner_names, least_examples, load_onnx, mcnemar_p, operator_names, p_value, quantize,
                    read_image, register_bound, rule_names, stage_features, upper_limit, zero_excess_oracle)
from .cascades import Cascade, Stages
from .executors import Executor, HookHandle
from .gates import register_learner
from .learners import (DecisionTree, GradientBoosting, IsotonicRule, KernelSvm, LinearSvm, LogisticRegression,
                       RandomForest, SingleThreshold, SquaredSvm)
from .policies import ExitPolicy, Score, rules, search_topologies

__all__ = [name for name in dir() if not name.startswith('_')
           and name not in ('cascades', 'executors', 'gates', 'learners', 'policies')] + ['__version__']
