"""8-bit copies."""
import json
import os

import numpy as np
import pytest
import weir
from conftest import PREPROCESS, network


@pytest.fixture(scope='module')
def inputs():
    return np.random.default_rng(3).normal(size=(32, 1, 28, 28)).astype(np.float32)


def test_the_copy_runs_and_answers_much_like_fp32(inputs, tmp_path):
    out = tmp_path / 'alexnet.int8.onnx'
    report = weir.quantize(network('alexnet'), inputs, out, ranges=['minmax'])
    fp32, int8 = weir.load_onnx(network('alexnet')), weir.load_onnx(out)
    assert (fp32(inputs).argmax(1) == int8(inputs).argmax(1)).mean() > 0.9
    assert out.stat().st_size < os.path.getsize(network('alexnet'))
    assert report.calibrated_on == 16 and report.judged_on == 16 and report.weight_bits == 7
    assert [t['ranges'] for t in report.trials] and report.result['ranges'] == 'minmax'
    on_integers = [layer for layer in report.layers if layer['on_integers']]
    assert on_integers and not report.layers[-1]['on_integers']  # the one that answers
    assert all(layer['why'] for layer in report.layers if not layer['on_integers'])
    for layer in report.layers:
        assert layer['name'] in str(report)


def test_pixels_are_made_into_inputs_as_a_policy_would(pixels, tmp_path):
    x = (pixels[:, None].astype(np.float32) / 255 - np.float32(0.286)) / np.float32(0.353)
    weir.quantize(network('alexnet'), list(pixels), tmp_path / 'a.onnx', preprocess=PREPROCESS, ranges=['minmax'])
    weir.quantize(network('alexnet'), x, tmp_path / 'b.onnx', ranges=['minmax'])
    a, b = weir.load_onnx(tmp_path / 'a.onnx')(x), weir.load_onnx(tmp_path / 'b.onnx')(x)
    assert np.abs(a - b).max() < 0.05 * np.abs(a).max()


def test_layers_can_be_kept(inputs, tmp_path):
    first = weir.quantize(network('alexnet'), inputs, tmp_path / 'a.onnx', ranges=['minmax']).layers[1]
    assert first['on_integers']
    kept = weir.quantize(network('alexnet'), inputs, tmp_path / 'b.onnx', ranges=['minmax'], keep=[first['name']])
    assert not kept.layers[1]['on_integers'] and kept.layers[1]['name'] == first['name']


def test_what_cannot_be_is_said_and_nothing_is_written(inputs, tmp_path):
    out = tmp_path / 'a.onnx'
    with pytest.raises(weir.ShapeError):
        weir.quantize(network('alexnet'), inputs[:, :, :27], out)
    with pytest.raises(weir.ArgumentError, match='8'):
        weir.quantize(network('alexnet'), inputs[:4], out)
    with pytest.raises(weir.ArgumentError, match='float32'):
        weir.quantize(network('alexnet'), inputs.astype(np.float64), out)
    with pytest.raises(weir.ArgumentError, match='bits'):
        weir.quantize(network('alexnet'), inputs, out, weight_bits=4)
    with pytest.raises(weir.ArgumentError, match='ranges'):
        weir.quantize(network('alexnet'), inputs, out, ranges=['widest'])
    with pytest.raises(weir.ShapeError, match='preprocess makes'):
        weir.quantize(network('alexnet'), [np.zeros((40, 40), np.uint8)] * 8, out,
                      preprocess=json.loads(json.dumps(PREPROCESS).replace('28', '32')))
    with pytest.raises(weir.IoError, match='nowhere'):
        weir.quantize(network('alexnet'), inputs, tmp_path / 'nowhere' / 'a.onnx')
    with pytest.raises(weir.IoError):
        weir.quantize(tmp_path / 'none.onnx', inputs, out)
    assert list(tmp_path.iterdir()) == []
    weir.quantize(network('alexnet'), inputs, out, ranges=['minmax'])
    with pytest.raises(weir.FormatError, match='already'):
        weir.quantize(out, inputs, tmp_path / 'b.onnx')
    with pytest.raises(weir.ArgumentError, match='itself'):
        weir.quantize(out, inputs, out)
