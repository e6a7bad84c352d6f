"""Executor: hooks as functions, decorators or a dict."""
from contextlib import contextmanager

from . import _weir


class HookHandle:
    """Detaches its hook when asked to; dropping the handle leaves the hook attached."""

    def __init__(self, executor, attached):
        self._executor, self._attached = executor, attached

    def detach(self):
        """From the next pass on; calling it twice, or from within the hook, is fine."""
        if self._executor is not None:
            self._executor._detach(self._attached)
        self._executor = self._attached = None


class Executor(_weir.Executor):
    """One thread's way of running a network; executors of one network share its weights.

    run(x) calls hooks and returns a Result; begin(x), advance_to(tensor), compact(rows), finish() is the same without
    hooks, step by step. A second thread that comes while one is at work is refused with ArgumentError.

    hooks: {pattern: function(step)}, as on() takes them.
    """

    def __init__(self, network, *, hooks=None, threads=1, isa='', gemm='weir', winograd=True):
        super().__init__(network, threads=threads, isa=isa, gemm=gemm, winograd=winograd)
        self.network = network
        for pattern, function in (hooks or {}).items():
            self.on(pattern, function)

    def on(self, pattern, function=None):
        """Calls function(step) at every tensor whose name matches pattern (* and ? as in file names).

        run.on("/1/*", f) returns a handle that detaches; @run.on("/1/*") decorates f and leaves it as it is. What a
        hook raises comes out of run() unchanged; the executor can be used again.
        """
        if function is None:
            def decorate(f):
                self._on(pattern, f)
                return f
            return decorate
        return HookHandle(self, self._on(pattern, function))

    @contextmanager
    def hooks(self, functions):
        """with run.hooks({"/1/*": f}): ... attaches them for the block only."""
        handles = [self.on(pattern, function) for pattern, function in functions.items()]
        try:
            yield self
        finally:
            for handle in handles:
                handle.detach()
