"""Hooks, and passes step by step; and what happens to those who misuse them."""
import gc
import os
import sys
import threading
import weakref

import numpy as np
import pytest
import weir
from conftest import network

EXIT = '/3/Relu_1_output_0'


@pytest.fixture
def run(resnet):
    return weir.Executor(resnet)


def test_hooks_see_what_cpp_computes(run, resnet, x):
    seen = {}

    @run.on('/1/*')
    def look(step):
        seen[step.name] = step.output
        assert step.rows == 6 and step.examples.tolist() == list(range(6)) and step.elapsed > 0
        assert step.shape == step.output.shape and step.op

    result = run(x)
    for name, values in resnet.tensors(x, list(seen)).items():
        assert seen[name].tobytes() == values.tobytes()
    assert (result.output == resnet(x)).all() and (result.labels == resnet(x).argmax(1)).all()
    assert not result.early.any() and len(result) == 6 and set(result.exits) == set(resnet.output_names)
    assert look.__name__ == 'look'


def test_rows_exit(run, resnet, x):
    run.on(EXIT, lambda step: step.exit(step.examples % 2 == 0, 7))
    result = run(x)
    assert result.labels[::2].tolist() == [7, 7, 7] and result.early.tolist() == [True, False] * 3
    assert result.examples.tolist() == [1, 3, 5] and (result.output == resnet(x)[1::2]).all()
    assert result.exits[0] == EXIT and (result.seconds > 0).all()


@pytest.mark.parametrize('rows, labels, expected', [
    (1, 3, {1: 3}), ([0, 4], [1, 2], {0: 1, 4: 2}), (np.arange(6) > 3, np.arange(6), {4: 4, 5: 5}),
    ([-1], 9, {5: 9}), (np.array([], dtype=int), np.array([], dtype=int), {}), (slice(0, 2), 8, {0: 8, 1: 8})])
def test_forms_of_exit(run, x, rows, labels, expected):
    run.on(EXIT, lambda step: step.exit(rows, labels))
    result = run(x)
    assert {i: result.labels[i] for i in np.flatnonzero(result.early)} == expected


@pytest.mark.parametrize('rows, labels, error', [
    (6, 0, weir.ArgumentError), (-7, 0, weir.ArgumentError), ([0, 9], 0, weir.ArgumentError),
    ([True], 0, weir.ShapeError), ([0, 1, 2], [1, 2], weir.ShapeError), ([0], [0.5], weir.ArgumentError)])
def test_wrong_exits_are_refused_and_the_executor_goes_on(run, resnet, x, rows, labels, error):
    handle = run.on(EXIT, lambda step: step.exit(rows, labels))
    with pytest.raises(error):
        run(x)
    handle.detach()
    assert (run(x).output == resnet(x)).all()


def test_a_hook_stops_or_replaces(run, resnet, x):
    with run.hooks({EXIT: lambda step: step.stop()}):
        assert (run(x).labels == -1).all()

    def zero(step):
        before = step.output
        step.replace(np.zeros_like(before))
        assert (step.output == 0).all() and not (before == 0).all()

    with run.hooks({EXIT: zero}):
        changed = run(x).output
    assert (changed == changed[0]).all() and not (changed == resnet(x)).all()
    with run.hooks({EXIT: lambda step: step.replace(np.zeros((6, 1), dtype=np.float32))}):
        with pytest.raises(weir.ShapeError, match='replace'):
            run(x)
    assert (run(x).output == resnet(x)).all()


def test_what_a_hook_raises_comes_out_unchanged(run, resnet, x):
    class Mine(Exception):
        pass

    raised = Mine('inside')

    def fail(step):
        raise raised

    for error in (raised, KeyboardInterrupt(), SystemExit(3)):
        raised = error
        with run.hooks({EXIT: fail}):
            with pytest.raises(type(error)) as e:
                run(x)
        assert e.value is error and e.traceback[-1].name == 'fail'
        with pytest.raises(weir.ArgumentError, match='begin'):
            run.finish()
        assert (run(x).output == resnet(x)).all()


def test_a_hook_may_not_compute_with_its_executor(run, resnet, x):
    for again in (lambda: run(x), lambda: run.begin(x), lambda: run.advance_to(EXIT), lambda: run.finish()):
        def hook(step):
            with pytest.raises(weir.ArgumentError, match='hook'):
                again()
            assert (resnet(x) == expected).all()  # another executor may
        expected = resnet(x)
        with run.hooks({EXIT: hook}):
            assert (run(x).output == expected).all()


def test_a_hook_may_attach_and_detach(run, x):
    calls = []

    def once(step):
        calls.append(step.name)
        handle.detach()
        run.on('/2/*', lambda s: calls.append(s.name))

    handle = run.on(EXIT, once)
    run(x)
    run(x)
    assert calls.count(EXIT) == 1 and any(name.startswith('/2/') for name in calls)


def test_steps_end_with_their_call_and_arrays_stay(run, x):
    kept = []
    run.on(EXIT, lambda step: kept.append((step, step.output)))
    run(x)
    step, values = kept[0]
    copy = values.copy()
    run(x * 3)
    for _ in range(3):
        run(np.concatenate([x] * 8))  # larger: the executor's memory moves
    assert (values == copy).all()
    for ask in (lambda: step.output, lambda: step.name, lambda: step.exit(0, 1), step.stop, lambda: repr(step),
                lambda: step.replace(values)):
        with pytest.raises(weir.ArgumentError, match='ended'):
            ask()


def test_step_by_step(run, resnet, x):
    run.begin(x)
    early = run.advance_to('/1/Relu_1_output_0')
    assert (early == resnet.tensors(x, ['/1/Relu_1_output_0'])['/1/Relu_1_output_0']).all()
    run.compact(np.arange(6) % 3 == 0)
    assert run.examples.tolist() == [0, 3]
    run.compact([1])
    assert run.examples.tolist() == [3]
    assert (run.finish() == resnet(x)[3:4]).all() and (run.output(0) == resnet(x)[3:4]).all()
    assert early.shape[0] == 6
    with pytest.raises(weir.ArgumentError):
        run.begin(x)
        run.compact([5, 1])
    with pytest.raises(weir.ArgumentError, match='nosuch'):
        run.advance_to('nosuch')
    with pytest.raises(weir.ShapeError):
        run.begin(x, x)
    with pytest.raises(weir.ShapeError):
        run.begin()


def test_names_that_match_nothing_and_hooks_that_are_none(run):
    with pytest.raises(weir.ArgumentError, match='matches'):
        run.on('nosuch*', print)
    with pytest.raises(TypeError):
        run.on(EXIT, 3)
    with pytest.raises(weir.ArgumentError):
        weir.Executor(run.network, hooks={'nosuch': print})
    with pytest.raises(TypeError):
        weir.Executor('resnet.onnx')


def test_a_second_thread_is_refused_and_does_no_harm(run, resnet, x):
    inside, done, errors = threading.Event(), threading.Event(), []

    def wait(step):
        inside.set()
        assert done.wait(10)

    def intrude():
        assert inside.wait(10)
        for call in (lambda: run(x), lambda: run.begin(x), lambda: run.on(EXIT, print), lambda: run.describe()):
            try:
                call()
            except weir.ArgumentError as e:
                errors.append(str(e))
        done.set()

    thread = threading.Thread(target=intrude)
    with run.hooks({EXIT: wait}):
        thread.start()
        result = run(x)
        thread.join()
    assert len(errors) == 4 and all('another thread' in e for e in errors)
    assert (result.output == resnet(x)).all()


def test_the_gil_is_free_while_weir_computes(resnet):
    big = np.zeros((256, 1, 28, 28), dtype=np.float32)
    go, ran = threading.Event(), []
    thread = threading.Thread(target=lambda: (go.wait(), ran.append(1)))
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)  # others run only while the GIL is let go of
    try:
        go.set()
        resnet(big)
        ran_meanwhile = list(ran)
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert ran_meanwhile


@pytest.mark.parametrize('threads', [1, 3])
def test_many_threads_with_hooks_do_not_block_each_other(threads, x):
    net = weir.load_onnx(network('alexnet'), threads=threads)
    name, expected, wrong = net.tensor_names[2], net(x), []

    def work():
        mine = weir.Executor(net, threads=threads, hooks={name: lambda step: step.output.sum()})
        for _ in range(15):
            if not (mine(x).output == expected).all():
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert not wrong and not any(w.is_alive() for w in workers)


def test_lifetimes(x):
    net = weir.load_onnx(network('alexnet'))
    run = weir.Executor(net)
    handle = run.on('*', lambda step: run)  # a cycle: executor, hook, executor
    del net
    gc.collect()
    assert len(run(x)) == 6
    gone = weakref.ref(run)
    result = run(x)
    del run
    gc.collect()
    assert gone() is not None  # the handle keeps it
    handle.detach()
    del handle
    gc.collect()
    assert gone() is None and result.output.shape == (6, 10)
    again = weir.Executor(weir.load_onnx(network('alexnet')))
    again.on('*', lambda step: again)
    gone = weakref.ref(again)
    del again
    gc.collect()
    assert gone() is None


def test_a_child_of_fork_computes(x):
    net = weir.load_onnx(network('alexnet'), threads=2)
    expected = net(x)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if (net(x) == expected).all() and (weir.Executor(net, threads=2)(x).output == expected).all() else 2
        finally:
            os._exit(code)
    for _ in range(600):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        threading.Event().wait(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail('the child hangs')
    assert os.waitstatus_to_exitcode(status) == 0
