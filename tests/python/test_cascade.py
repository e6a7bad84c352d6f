"""Cascades: weir's networks on images, and functions of any framework."""
import json
import shutil
import threading

import numpy as np
import pytest
import weir
from conftest import PREPROCESS, make_trace, network, softmax


@pytest.fixture(scope='module')
def runnable(tmp_path_factory, pixels):
    """(path of a policy.json that runs, its stages)"""
    folder = tmp_path_factory.mktemp('cascade')
    for name in ('alexnet', 'googlenet'):
        shutil.copy(network(name), folder)
    stages = weir.Stages([{'file': folder / f'fashion_{name}.onnx', 'name': name, 'preprocess': PREPROCESS}
                          for name in ('alexnet', 'googlenet')])
    full = weir.load_onnx(network('googlenet'))
    labels = full((pixels[:, None] / np.float32(255) - np.float32(0.286)) / np.float32(0.353)).argmax(1)
    images, labels = [*pixels] * 10, np.tile(labels, 10)
    trace = stages.record(images, labels, timed=11, keep_probabilities=True).with_costs([1, 5], 'units')
    policy = weir.ExitPolicy(max_loss=0.2, confidence=None, prices=6, folds=2).fit(trace[::2]).calibrate(trace[1::2])
    policy.save(folder / 'policy.json', stages)
    return folder / 'policy.json', stages, policy


def test_decisions_equal_those_of_cpp_to_the_last_bit(reference, runnable, pixels, tmp_path):
    np.save(tmp_path / 'images.npy', pixels)
    reference('cascade', runnable[0], tmp_path / 'images.npy', tmp_path / 'out.csv')
    decisions = weir.Cascade(runnable[0]).run(pixels)
    for line, d in zip((tmp_path / 'out.csv').read_text().splitlines(), decisions):
        label, exit_, *p = line.split(',')
        assert int(label) == d.label and exit_ == d.exit and np.array(p, dtype=np.float32).tobytes() == d.probabilities.tobytes()
    assert len({d.exit for d in decisions}) == 2  # some images leave, some go on


def test_images_come_as_arrays_paths_or_tensors(runnable, pixels, tmp_path):
    cascade = weir.Cascade(runnable[0])
    cascade.preload()
    expected = cascade.predict(pixels)
    assert cascade.stage_names == ['alexnet', 'googlenet'] and expected.shape == (40,)
    assert (cascade.predict([*pixels]) == expected).all()
    assert (cascade.predict(pixels[..., None]) == expected).all()
    assert (cascade.predict(np.repeat(pixels, 2, axis=2)[:, :, ::2]) == expected).all()  # not contiguous
    files = []
    for i, image in enumerate(pixels[:5]):
        files.append(tmp_path / f'{i}.pgm')
        files[-1].write_bytes(b'P5 28 28 255\n' + image.tobytes())
    assert (cascade.predict(files) == expected[:5]).all()
    assert (cascade.predict([str(files[0]), pixels[1]]) == expected[:2]).all()
    p = cascade.predict_proba(pixels)
    assert p.shape == (40, 10) and (p.argmax(1) == expected).all() and np.allclose(p.sum(1), 1, atol=1e-5)
    assert cascade.predict([]).shape == (0,) and cascade.run(pixels[:1])[0].seconds > 0


@pytest.mark.parametrize('images', [
    'image.png', np.zeros((2, 28, 28)), np.zeros((2, 28, 28), dtype=np.int64), [np.zeros((28, 28, 2), dtype=np.uint8)],
    [np.zeros((0, 28), dtype=np.uint8)], [np.zeros(28, dtype=np.uint8)], [3], np.zeros((2, 3, 28, 28), dtype=np.float32),
    [np.zeros((28, 28))]])
def test_other_images_are_refused(runnable, images):
    with pytest.raises(weir.Error):
        weir.Cascade(runnable[0]).predict(images)


def test_many_threads_share_a_cascade(runnable, pixels):
    cascade = weir.Cascade(runnable[0], threads=2)
    expected, wrong = cascade.predict(pixels), []

    def work():
        for _ in range(5):
            if not (cascade.predict(pixels) == expected).all():
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not wrong and not any(t.is_alive() for t in threads)


def test_what_cannot_run_is_refused(runnable, tmp_path, pixels):
    policy = weir.ExitPolicy(max_loss=0.1, prices=3).fit(make_trace(300, 1)).calibrate(make_trace(300, 2))
    policy.save(tmp_path / 'traces_only.json')
    with pytest.raises(weir.FormatError, match='cascade'):
        weir.Cascade(tmp_path / 'traces_only.json')
    with pytest.raises(OSError):
        weir.Cascade(tmp_path / 'nosuch.json')
    with pytest.raises(weir.ArgumentError, match='stages'):
        weir.Cascade(policy)
    with pytest.raises(weir.ArgumentError, match='stage0'):
        policy.save(tmp_path / 'a.json', runnable[1])
    with pytest.raises(weir.ArgumentError, match='labels|images'):
        runnable[1].record([], [])
    with pytest.raises(weir.ShapeError, match='labels'):
        runnable[1].record([*pixels], [1, 2])
    for bad in ({'file': network('alexnet'), 'nosuch': 1}, {'name': 'a'}):
        with pytest.raises(weir.ArgumentError):
            weir.Stages([bad])
    with pytest.raises(weir.FormatError, match='scal'):
        weir.Stages([{'file': network('alexnet'), 'preprocess': dict(PREPROCESS, scal=1)}])


def test_a_file_that_runs_is_loaded_and_scored(runnable):
    with open(runnable[0], encoding='utf-8') as f:
        assert [n['file'] for n in json.load(f)['cascade']['networks']] == ['fashion_alexnet.onnx', 'fashion_googlenet.onnx']
    assert weir.ExitPolicy.load(runnable[0]).policy_.runs


def functions(trace, calls):
    """The stages of a trace, as functions of rows of it."""
    def stage(k):
        p = trace.stage(k)['probabilities']
        return lambda rows: (calls.append((k, len(rows))), p[rows])[1]
    return [stage(k) for k in range(len(trace.stage_names))]


@pytest.mark.parametrize('topology', [None, 'all_later'])
def test_functions_decide_as_the_trace_says(topology):
    pool = make_trace(1800, 5, stages=3)
    policy = weir.ExitPolicy(max_loss=0.05, topology=topology, prices=10).fit(pool[:900]).calibrate(pool[900:])
    calls = []
    labels, exits, p = weir.Cascade(policy, stages=functions(pool, calls)).run(np.arange(len(pool)))
    e = policy.policy_.evaluate(pool)
    assert (exits == e.exit).all() and (p.argmax(1) == labels).all()
    assert (labels == np.choose(exits, [s['prediction'] for s in pool.stages])).all()
    assert calls[0] == (0, 1800) and sum(n for _, n in calls) < 3 * 1800  # only those that get there
    by_name = weir.Cascade(policy, stages=dict(zip(pool.stage_names, functions(pool, []))))
    assert (by_name.predict(np.arange(100)) == labels[:100]).all()
    assert by_name.predict(np.arange(0)).shape == (0,)


def test_wrong_functions_are_refused():
    pool = make_trace(1200, 6)
    policy = weir.ExitPolicy(max_loss=0.1, prices=4).fit(pool[:600]).calibrate(pool[600:])
    good = functions(pool, [])
    x = np.arange(10)
    with pytest.raises(weir.ArgumentError, match='stage1'):
        weir.Cascade(policy, stages={'stage0': good[0]})
    with pytest.raises(weir.ArgumentError, match='1 functions'):
        weir.Cascade(policy, stages=good[:1])
    with pytest.raises(weir.ShapeError, match='stage0'):
        weir.Cascade(policy, stages=[lambda rows: np.zeros(3), good[1]]).predict(x)
    with pytest.raises(weir.ShapeError, match='features'):
        weir.Cascade(policy, stages=[lambda rows: softmax(np.zeros((len(rows), 7))), good[1]]).predict(x)
    with pytest.raises(weir.ArgumentError):
        weir.Cascade(policy, stages=[lambda rows: np.full((len(rows), 4), np.nan), good[1]]).predict(x)
    with pytest.raises(ZeroDivisionError):
        weir.Cascade(policy, stages=[lambda rows: 1 / 0, good[1]]).predict(x)
