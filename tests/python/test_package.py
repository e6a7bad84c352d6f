"""The package itself: stubs, docstrings, README's lines, the examples."""
import ast
import inspect
import os
import re
import subprocess
import sys

import pytest
import weir
from conftest import ROOT

PACKAGE = os.path.join(ROOT, 'policy', 'python', 'weir')
EXAMPLES = os.path.join(ROOT, 'tests', 'examples')


def stub():
    with open(os.path.join(PACKAGE, '__init__.pyi'), encoding='utf-8') as f:
        return ast.parse(f.read())


def members(node):
    return {n.name if not isinstance(n, ast.AnnAssign) else n.target.id: n for n in node.body
            if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign))}


def parameters(function):
    a = function.args
    return [x.arg for x in a.posonlyargs + a.args + a.kwonlyargs if x.arg != 'self' and x.arg != 'cls']


def real_parameters(function):
    """By the signature, or the first line of pybind11's docstring."""
    try:
        return [p.name for p in inspect.signature(function).parameters.values() if p.name not in ('self', 'cls') and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    except ValueError:
        line = function.__doc__.splitlines()[0]
        names = re.findall(r'[(,] (?:\*, )?(\w+): |\((\w+): ', line)
        return [a or b for a, b in names if (a or b) not in ('self', 'arg0', 'args')]


def test_stubs_name_what_there_is():
    typed = {name: node for name, node in members(stub()).items() if not name.startswith('_') or name == '__version__'}
    assert set(typed) == set(weir.__all__)
    for name, node in typed.items():
        real = getattr(weir, name)
        if isinstance(node, ast.FunctionDef):
            assert real_parameters(real) == parameters(node), name
        if not isinstance(node, ast.ClassDef):
            continue
        for member, inner in members(node).items():
            if isinstance(inner, ast.AnnAssign) or member == '__init__' and 'Error' in name:
                continue
            assert hasattr(real, member), f'{name}.{member}'
            if isinstance(inner, ast.FunctionDef) and not isinstance(
                    inspect.getattr_static(real, member), property) and not member.startswith('__'):
                assert real_parameters(getattr(real, member)) == parameters(inner), f'{name}.{member}'
        public = {m for m in vars(real) if not m.startswith('_')} - set(members(node))
        assert not public - {'_parameters'}, f'{name} has {public} without types'


def test_all_has_docstrings():
    for name in weir.__all__:
        real = getattr(weir, name)
        if callable(real):
            assert real.__doc__, name
    assert os.path.exists(os.path.join(os.path.dirname(weir.__file__), 'py.typed'))


def test_readmes_lines_run(tmp_path):
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
        block = re.search(r'```python\n(.*?)```', f.read(), re.S).group(1)
    assert len(block.strip().splitlines()) <= 12
    code = compile(block, 'README.md', 'exec')
    before = os.getcwd()
    os.chdir(ROOT)
    try:
        names = {'open': open}
        import numpy as np
        from conftest import make_trace, softmax
        t = make_trace(4000, 3)
        names.update(p_small=t.stage(0)['probabilities'], p_big=t.stage(1)['probabilities'], y=t.labels)
        block = block.replace('"policy.json"', repr(str(tmp_path / 'policy.json')))
        exec(compile(block, 'README.md', 'exec'), names)
    finally:
        os.chdir(before)
    assert os.path.exists(tmp_path / 'policy.json')


@pytest.mark.parametrize('name', ['torch_early_exit.py', 'torch_policy.py'])
def test_the_examples_against_pytorch_run(name):
    pytest.importorskip('torch')
    if 'early' in name:
        pytest.importorskip('torchvision')
        pytest.importorskip('onnx')
    path = os.pathsep.join([os.path.dirname(os.path.dirname(weir.__file__)), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run([sys.executable, os.path.join(EXAMPLES, name)], env=dict(os.environ, PYTHONPATH=path),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert 'same answers' in done.stdout, done.stdout


def test_the_example_on_a_cluster_runs():
    pytest.importorskip('distributed')
    if not os.path.exists('/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz'):
        pytest.skip('dataset-fashion-mnist is not installed')
    path = os.pathsep.join([os.path.dirname(os.path.dirname(weir.__file__)), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run([sys.executable, os.path.join(EXAMPLES, 'dask_record.py')], env=dict(os.environ, PYTHONPATH=path),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert '10000 images, 3 networks, 4 workers' in done.stdout, done.stdout
    worse = re.search(r'test: \d+ of 3000 images got worse \(([\d.]+)%\), predicted ([\d.]+) times faster', done.stdout)
    assert worse and float(worse[1]) < 3 and float(worse[2]) > 2, done.stdout
