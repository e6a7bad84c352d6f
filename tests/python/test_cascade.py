"""Cascades: weir's networks on images, and functions of any framework."""
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
import weakref

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


def test_preload_makes_an_executor_ready(runnable, pixels):
    cascade = weir.Cascade(runnable[0])
    assert not cascade.is_preloaded()
    cascade.preload()
    assert cascade.is_preloaded() and not cascade.is_preloaded(7)  # loaded networks without plans would not do
    cascade.preload(batch=7)
    assert cascade.is_preloaded(1) and cascade.is_preloaded(7)
    assert (cascade.predict(pixels) == weir.Cascade(runnable[0]).predict(pixels)).all()
    for wrong in (0, -1, 1.5, True, 'two'):
        with pytest.raises(weir.ArgumentError, match='batch'):
            cascade.preload(wrong)


class Tensor:
    """What other libraries' arrays look like: NumPy's protocols, nothing else."""

    def __init__(self, values, protocol):
        setattr(self, 'values', values)
        self.__class__ = type('Tensor', (Tensor,), {protocol: {
            '__array__': lambda self, dtype=None, copy=None: self.values,
            '__array_interface__': property(lambda self: self.values.__array_interface__),
            '__dlpack__': lambda self, **options: self.values.__dlpack__(**options)}[protocol],
            '__dlpack_device__': lambda self: (1, 0)})

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize('protocol', ['__array__', '__array_interface__', '__dlpack__'])
def test_images_come_as_tensors_of_any_library(runnable, pixels, protocol):
    cascade = weir.Cascade(runnable[0])
    expected = cascade.predict(pixels)
    assert (cascade.predict(Tensor(pixels, protocol)) == expected).all()
    assert (cascade.predict([Tensor(p, protocol) for p in pixels[:5]]) == expected[:5]).all()
    assert (cascade.predict([Tensor(pixels[0], protocol), pixels[1]]) == expected[:2]).all()
    x = (pixels[:, None] / np.float32(255) - np.float32(0.286)) / np.float32(0.353)
    assert (cascade.predict(Tensor(x, protocol)) == cascade.predict(x)).all()
    trace = runnable[1].record(Tensor(pixels, protocol), np.zeros(40, int), timed=10)
    assert (trace.stage(1)['prediction'] == runnable[1].record(pixels, np.zeros(40, int), timed=10).stage(1)['prediction']).all()
    with pytest.raises(weir.ArgumentError, match='uint8 pixels or float32 tensors are expected, got float64'):
        cascade.predict(Tensor(pixels.astype(float), protocol))
    with pytest.raises(weir.ArgumentError, match='uint8, got int64'):
        cascade.predict([Tensor(pixels[0].astype(int), protocol)])


def test_images_come_as_pytorch_tensors(runnable, pixels):
    torch = pytest.importorskip('torch')
    cascade = weir.Cascade(runnable[0])
    expected, t = cascade.predict(pixels), torch.from_numpy(pixels)
    for images in (t, [*t], t[..., None], torch.flip(t, [1]).flip([1]), t[:, :, ::1], [t[0], pixels[1]]):
        assert (cascade.predict(images) == expected[:len(images)]).all()
    with pytest.raises(weir.ShapeError, match='channels, which come last, is expected, got .1, 28, 28.'):
        cascade.predict([t[0][None]])
    with pytest.raises(weir.ArgumentError, match='detach') as caught:
        cascade.predict(torch.zeros(2, 1, 28, 28, requires_grad=True))
    assert '\n' not in str(caught.value)


def test_images_come_as_pillows(runnable, pixels):
    pillow = pytest.importorskip('PIL.Image')
    cascade = weir.Cascade(runnable[0])
    expected, images = cascade.predict(pixels), [pillow.fromarray(p) for p in pixels]
    assert (cascade.predict(images) == expected).all() and (cascade.predict(images[3]) == expected[3:4]).all()
    colours = images[0].convert('RGB')
    assert cascade.predict(colours).shape == (1,)
    for mode in ('P', 'RGBA', 'CMYK', '1', 'F'):  # the palette's indices are uint8 too, and no grey values
        with pytest.raises(weir.ArgumentError, match='mode .*convert'):
            cascade.predict([colours.convert('L').convert(mode) if mode in '1F' else colours.convert(mode)])


def test_one_image_is_no_list(runnable, pixels, tmp_path):
    cascade = weir.Cascade(runnable[0])
    for one in (pixels[0], np.repeat(pixels[0][..., None], 3, axis=2), pixels[0][..., None]):
        with pytest.raises(weir.ShapeError, match='for one image give'):
            cascade.predict(one)
        assert cascade.predict([one]).shape == (1,)
    (tmp_path / '0.pgm').write_bytes(b'P5 28 28 255\n' + pixels[0].tobytes())
    assert (cascade.predict(tmp_path / '0.pgm') == cascade.predict(pixels[:1])).all()
    paths = np.array([str(tmp_path / '0.pgm')] * 2)
    assert (cascade.predict(paths) == cascade.predict(pixels[[0, 0]])).all()


def test_pixels_for_a_network_are_refused_without_the_advice_to_convert_them(pixels):
    net = weir.load_onnx(network('alexnet'))
    with pytest.raises(weir.ArgumentError, match='preprocessing') as caught:
        net(pixels[:, None])
    assert 'astype' not in str(caught.value)
    with pytest.raises(weir.ArgumentError, match='astype'):
        net(np.zeros((1, 1, 28, 28)))


@pytest.mark.parametrize('images', [
    None, 'image.png', np.zeros((2, 28, 28)), np.zeros((2, 28, 28), dtype=np.int64), [np.zeros((28, 28, 2), dtype=np.uint8)],
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
    with pytest.raises(weir.ArgumentError, match="fashion_alexnet.*different 'preprocess'"):  # it has one input
        weir.Stages([{'file': network('alexnet'), 'name': name, 'preprocess': dict(PREPROCESS, mean=[mean])}
                     for name, mean in (('a', 0.286), ('b', 0.3))])
    with pytest.raises(weir.FormatError, match='scal'):
        weir.Stages([{'file': network('alexnet'), 'preprocess': dict(PREPROCESS, scal=1)}])


def test_a_file_that_runs_is_loaded_and_scored(runnable):
    with open(runnable[0], encoding='utf-8') as f:
        assert [n['file'] for n in json.load(f)['cascade']['networks']] == ['fashion_alexnet.onnx', 'fashion_googlenet.onnx']
    assert weir.ExitPolicy.load(runnable[0]).policy_.runs


def disagreements(cascade, pixels, share, seed):
    """(audits, disagreements) by the coin of LossAudit and by what the full network says."""
    full = weir.load_onnx(network('googlenet'))
    x = (pixels[:, None] / np.float32(255) - np.float32(0.286)) / np.float32(0.353)
    differs = cascade.predict(pixels) != full(x).argmax(1)
    coin = weir.LossAudit(share=share, seed=seed)
    taken = np.array([coin.take() for _ in pixels])
    return taken.sum(), (taken & differs).sum()


@pytest.mark.parametrize('share', [0.5, 1])
@pytest.mark.parametrize('background', [True, False])
def test_a_cascade_audits_itself(runnable, pixels, share, background):
    cascade = weir.Cascade(runnable[0], audit={'share': share, 'max_loss': 0.3, 'seed': 5, 'background': background})
    for image in pixels:
        cascade.predict([image])
    cascade.finish_audits()
    f = cascade.audit
    expected = disagreements(weir.Cascade(runnable[0]), pixels, share, 5)
    assert (f['audits'], f['disagreements']) == expected and f['images'] == f['total_images'] == 40
    assert f['share'] == share and f['budget'] == 0.3 and f['confidence'] == 0.95 and f['waiting'] == f['failed'] == 0
    alone = weir.LossAudit(share=share, max_loss=0.3, seed=5,
                           state=dict(weir.LossAudit().state, images=40, audits=int(expected[0]), losses=int(expected[1])))
    assert f['upper_limit'] == alone.upper_limit and f['certified'] == alone.certified
    assert f'weir_audit_audits_total {expected[0]}\n' in cascade.prometheus_text()
    assert weir.Cascade(runnable[0]).audit is None


def test_audits_say_what_those_of_cpp_say(reference, runnable, pixels, tmp_path):
    np.save(tmp_path / 'images.npy', pixels)
    reference('audit', runnable[0], tmp_path / 'images.npy', tmp_path / 'audit.json')
    figures = json.loads((tmp_path / 'audit.json').read_text())
    cascade = weir.Cascade(runnable[0], audit={'share': 0.7, 'max_loss': 0.1, 'confidence': 0.9, 'seed': 3})
    cascade.run(pixels)
    cascade.finish_audits()
    timed = ('audit_seconds', 'answer_seconds', 'seconds_per_image', 'audit_seconds_per_image')
    assert set(figures) == set(cascade.audit) and figures['audits'] > 0
    assert {k: v for k, v in figures.items() if k not in timed} == {k: v for k, v in cascade.audit.items() if k not in timed}


def test_an_alarm_is_asked_about_once(runnable, pixels, monkeypatch):
    said, unraisable = [], []
    monkeypatch.setattr('sys.unraisablehook', lambda args: unraisable.append(args.exc_type))

    def on_alarm(figures):
        said.append(figures)
        return 1 / 0

    cascade = weir.Cascade(runnable[0], audit={'share': 1, 'max_loss': 1e-6, 'on_alarm': on_alarm})
    for _ in range(3):
        cascade.predict(pixels)
    cascade.finish_audits()
    assert cascade.audit['disagreements'] > 0 and cascade.audit['alarm']  # else the test has seen too little
    assert len(said) == 1 and said[0]['alarm'] and unraisable == [ZeroDivisionError]
    assert cascade.audit['policy'] == 0 and not cascade.to_safer()


def test_a_safer_policy_comes_into_force(runnable, pixels):
    content = json.loads(runnable[0].read_text())
    content['safer'] = [[stage['gate'] for stage in content['stages']]] * 2
    path = runnable[0].parent / 'safer.json'
    path.write_text(json.dumps(content))
    said = []
    cascade = weir.Cascade(path, audit={'share': 1, 'max_loss': 1e-6, 'on_alarm': lambda f: said.append(f['safer']) or True})
    for _ in range(5):
        cascade.predict(pixels)
        cascade.finish_audits()
    assert said == [2, 1, 0] and cascade.audit['policy'] == 2 and not cascade.to_safer()
    assert weir.Cascade(path).to_safer()


def test_an_audited_cascade_ends_with_its_last_audits(runnable, pixels, tmp_path):
    for end in ('del cascade', 'pass'):  # in the midst of audits that ask a function; and as the interpreter ends
        code = f"""
import numpy as np, weir
pixels = np.load({str(tmp_path / 'images.npy')!r})
said = lambda figures: print('alarm', flush=True)
cascade = weir.Cascade({str(runnable[0])!r}, audit={{'share': 1, 'max_loss': 1e-6, 'on_alarm': said}})
for _ in range(3): cascade.predict(pixels)
{end}
"""
        np.save(tmp_path / 'images.npy', pixels)
        done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert done.stdout in ('', 'alarm\n') if end == 'del cascade' else done.stdout == 'alarm\n'


def run_audited(runnable, pixels, tmp_path, code):
    np.save(tmp_path / 'images.npy', pixels)
    begin = f"""
import os, sys, time, numpy as np, weir
pixels = np.load({str(tmp_path / 'images.npy')!r})
def audited(f): return weir.Cascade({str(runnable[0])!r}, audit={{'share': 1, 'max_loss': 1e-6, 'on_alarm': f}})
"""
    done = subprocess.run([sys.executable, '-c', begin + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return done.stdout


def test_the_end_waits_for_a_slow_answer(runnable, pixels, tmp_path):
    assert run_audited(runnable, pixels, tmp_path, """
def slow(figures):
    time.sleep(1)
    print('answered', flush=True)
cascade = audited(slow)
for _ in range(3): cascade.predict(pixels)
""") == 'answered\n'


def test_on_alarm_may_replace_its_cascade(runnable, pixels, tmp_path):
    assert run_audited(runnable, pixels, tmp_path, """
replaced = []
def replace(figures):
    global cascade
    cascade = None
    replaced.append(1)
cascade = audited(replace)
for _ in range(3):
    if cascade: cascade.predict(pixels)
while not replaced: time.sleep(0.01)
time.sleep(0.3)
print('replaced', flush=True)
""") == 'replaced\n'


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork')
def test_a_forked_child_audits_nothing_and_ends(runnable, pixels, tmp_path):
    assert run_audited(runnable, pixels, tmp_path, """
cascade = audited(lambda figures: False)
child = os.fork()
if child == 0:
    cascade.predict(pixels)
    sys.exit(0)
print(os.waitpid(child, 0)[1], flush=True)
""") == '0\n'


def test_on_alarm_that_reaches_its_owner_is_collected(runnable):
    class Service:
        def __init__(self):
            self.cascade = weir.Cascade(runnable[0], audit={'share': 1, 'max_loss': 0.1, 'on_alarm': self.alarm})

        def alarm(self, figures):
            return False

    seen = weakref.ref(Service())
    gc.collect()
    assert seen() is None


def test_images_that_cannot_be_read_say_why(runnable, tmp_path):
    image = pytest.importorskip('PIL.Image')
    whole = tmp_path / 'whole.jpg'
    image.fromarray(np.full((64, 64), 7, np.uint8)).save(whole)
    cut = tmp_path / 'cut.jpg'
    cut.write_bytes(whole.read_bytes()[:300])
    with pytest.raises((weir.ArgumentError, OSError), match='(?i)truncated'):  # Pillow's own words
        weir.Cascade(runnable[0]).predict(image.open(cut))

    class Stubborn:
        def __array__(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weir.Cascade(runnable[0]).predict([Stubborn()])


def test_losses_are_observed_of_counted_examples_only():
    audit = weir.LossAudit(share=1, max_loss=0.1)
    with pytest.raises(weir.ArgumentError, match='take'):
        audit.observe(True)
    with pytest.raises(weir.ArgumentError, match='take'):
        audit.observe_past(True)
    assert audit.take()
    audit.observe(True)
    assert weir.LossAudit(share=1, max_loss=0.1, state=audit.state).audits == 1


def test_audits_go_on_from_a_file(runnable, pixels, tmp_path):
    options = {'share': 0.5, 'max_loss': 0.1, 'state': tmp_path / 'audit.json'}
    cascade = weir.Cascade(runnable[0], audit=options)
    cascade.predict(pixels)
    cascade.finish_audits()
    cascade.save_audit()
    before = cascade.audit
    assert before['images'] == 40 and before['audits'] > 0
    assert weir.Cascade(runnable[0], audit=options).audit['audits'] == before['audits']
    with pytest.raises(weir.Error):
        weir.Cascade(runnable[0], audit=dict(options, share=0.25))
    with pytest.raises(weir.ArgumentError):
        weir.Cascade(runnable[0]).save_audit()


@pytest.mark.parametrize('audit, match', [
    (2, 'share'), (0, 'share'), (True, 'share'), ({'max_loss': 0.1}, 'share'), ({'share': 0.1, 'loss': 1}, 'loss'),
    ({'share': 0.1, 'max_loss': 0}, 'max_loss'), ({'share': 0.1, 'max_loss': 1}, 'max_loss'),
    ({'share': 0.1, 'max_loss': 0.1, 'confidence': 95}, 'confidence'),
    ({'share': 0.1, 'max_loss': 0.1, 'waiting': 0}, 'waiting'), ({'share': 0.1, 'max_loss': 0.1, 'waiting': -1}, 'waiting'),
    ({'share': 0.1, 'max_loss': 0.1, 'on_alarm': 3}, 'on_alarm'), ('much', 'audit')])
def test_wrong_audits_are_refused(runnable, audit, match):
    with pytest.raises(weir.ArgumentError, match=match):
        weir.Cascade(runnable[0], audit=audit)


def test_a_saved_policy_is_watched_for_shifts(runnable, pixels):
    """With what the calibration was like in the file; its disagreements are what an audit goes by."""
    cascade = weir.Cascade(runnable[0], audit=0.5)
    assert 0 < cascade.audit['budget'] < 1
    cascade.predict(pixels)
    shift = cascade.shift
    assert shift['images'] == 40 and not shift['alarm'] and shift['first'] == 0 and shift['statistic'] < shift['run_length']
    assert 'weir_shift_images_total 40\n' in cascade.prometheus_text()
    for _ in range(100):
        cascade.predict(255 - pixels[:1])
    assert cascade.shift['statistic'] > shift['statistic']
    unwatched = weir.Cascade(runnable[0], watch=False)
    assert unwatched.shift is None and unwatched.prometheus_text() == ''


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
    with pytest.raises(weir.ArgumentError, match='LossAudit'):
        weir.Cascade(policy, stages=good, audit=0.1)
    plain = weir.Cascade(policy, stages=good)
    assert plain.audit is None and plain.shift is None and plain.prometheus_text() == '' and not plain.to_safer()
    with pytest.raises(weir.ArgumentError, match='LossAudit'):
        plain.save_audit()
