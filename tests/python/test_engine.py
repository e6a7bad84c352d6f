"""Networks and arrays."""
import gc
import pickle
import threading

import numpy as np
import pytest
import weir
from conftest import network


def test_values_equal_those_of_cpp_to_the_last_bit(reference, resnet, x, tmp_path):
    np.save(tmp_path / 'x.npy', x)
    reference('run', network('resnet'), tmp_path / 'x.npy', tmp_path / 'y.npy')
    assert np.load(tmp_path / 'y.npy').tobytes() == resnet(x).tobytes()


def test_the_version_is_that_of_cpp():
    with open(network('').split('bench')[0] + 'policy/umbrella/version.hpp', encoding='utf-8') as f:
        assert f'version = "{weir.__version__}"' in f.read()


def test_a_network_says_what_it_is(resnet):
    assert resnet.input_shape == (1, 1, 28, 28) and resnet.output_shape == (1, 10)
    assert '/3/Relu_1_output_0' in resnet.tensor_names and resnet.shape_of('/3/Relu_1_output_0')[0] == 1
    assert resnet.input_names[0] in repr(resnet) and resnet.flops() > 1e6


def test_outputs_own_their_memory(resnet, x):
    y = resnet(x)
    kept = y.copy()
    resnet(x * 2)
    del resnet
    gc.collect()
    assert y.flags.writeable and y.base is not None and (y == kept).all()


def test_inputs_may_have_any_strides(resnet, x):
    wide = np.zeros((12, 1, 28, 56), dtype=np.float32)
    wide[::2, :, :, ::2] = x
    assert (resnet(wide[::2, :, :, ::2]) == resnet(x)).all()
    assert (resnet(np.asfortranarray(x)) == resnet(x)).all()
    read_only = x.copy()
    read_only.flags.writeable = False
    assert (resnet(read_only) == resnet(x)).all()


@pytest.mark.parametrize('dtype', ['float64', 'float16', 'int32', 'uint8', 'bool', 'complex64', '>f4', 'object', 'U1'])
def test_other_types_are_refused_with_what_to_do(resnet, dtype):
    with pytest.raises(weir.ArgumentError, match='float32'):
        resnet(np.zeros((1, 1, 28, 28)).astype(dtype))


@pytest.mark.parametrize('shape', [(), (0,), (28, 28), (1, 3, 28, 28), (1, 1, 27, 28), (0, 1, 28, 28), (1,) * 9])
def test_other_shapes_are_shape_errors(resnet, shape):
    with pytest.raises(weir.ShapeError) as e:
        resnet(np.zeros(shape, dtype=np.float32))
    assert isinstance(e.value, ValueError) and isinstance(e.value, weir.Error)


def test_what_is_no_array_is_refused(resnet):
    for wrong in [None, 'x', object(), [[1, 2], [3]]]:
        with pytest.raises(weir.Error):
            resnet(wrong)


def test_errors_are_of_the_kinds_that_python_knows(tmp_path):
    (tmp_path / 'bad.onnx').write_bytes(b'no network')
    with pytest.raises(weir.FormatError, match='bad.onnx') as e:
        weir.load_onnx(tmp_path / 'bad.onnx')
    assert isinstance(e.value, ValueError)
    with pytest.raises(OSError, match='nosuch.onnx') as e:
        weir.load_onnx(tmp_path / 'nosuch.onnx')
    assert isinstance(e.value, weir.IoError)
    with pytest.raises(weir.ArgumentError, match='threads'):
        weir.load_onnx(network('resnet'), threads=0)
    with pytest.raises(weir.ArgumentError, match='known|unknown'):
        weir.load_onnx(network('resnet'), isa='sse')


def test_dlpack_goes_in_and_out(resnet, x):
    class Exporter:
        def __dlpack__(self, **kwargs):
            return x.__dlpack__()

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    assert (resnet(Exporter()) == resnet(x)).all()
    assert (np.from_dlpack(resnet(x)) == resnet(x)).all()
    torch = pytest.importorskip('torch')
    y = resnet(torch.from_numpy(x))
    assert (torch.from_dlpack(y).numpy() == y).all()


def test_a_network_may_be_run_by_many_threads(resnet, x):
    expected, wrong = resnet(x), []

    def work():
        for _ in range(20):
            if not (resnet(x) == expected).all():
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_tensors_are_copies_by_name(resnet, x):
    seen = resnet.tensors(x, ['/3/Relu_1_output_0', '/1/Relu_1_output_0'])
    assert list(seen) == ['/1/Relu_1_output_0', '/3/Relu_1_output_0']
    again = resnet.tensors(x * 0, ['/1/Relu_1_output_0'])
    assert not (seen['/1/Relu_1_output_0'] == again['/1/Relu_1_output_0']).all()
    with pytest.raises(weir.ArgumentError, match='nosuch'):
        resnet.tensors(x, ['nosuch'])


def test_describe_is_a_table(resnet):
    plan = resnet.describe(4)
    assert plan.batch == 4 and len(plan) == len(plan.steps) and plan.flops > 0
    assert 'Conv' in str(plan) and plan.steps[0]['shape'][0] == 4
    assert plan._repr_html_().count('<tr>') == len(plan) + 1
    with pytest.raises(weir.ShapeError):
        resnet.describe(0)


def test_networks_are_not_pickled(resnet):
    with pytest.raises(TypeError, match='pickle'):
        pickle.dumps(resnet)


def test_images_are_read(tmp_path):
    (tmp_path / 'a.pgm').write_bytes(b'P5 3 2 255\n' + bytes(range(6)))
    assert weir.read_image(tmp_path / 'a.pgm').tolist() == [[[0], [1], [2]], [[3], [4], [5]]]
    with pytest.raises(OSError):
        weir.read_image(tmp_path / 'b.pgm')
