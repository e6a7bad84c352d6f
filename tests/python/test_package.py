"""The package itself: stubs, docstrings, README's lines, the examples."""
import ast
import inspect
import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest
import weir
from conftest import ROOT, network

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
        return [p.name for p in inspect.signature(function).parameters.values()
                if p.name not in ('self', 'cls') and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    except ValueError:
        line = function.__doc__.splitlines()[0]
        names = re.findall(r'[(,] (?:\*, )?(\w+): |\((\w+): ', line)
        return [a or b for a, b in names if (a or b) not in ('self', 'arg0', 'args')]


def public(cls):
    """{name: what the class has there}, inherited or not; what Python or scikit-learn adds of its own is left out."""
    found = {}
    for name in dir(cls):
        home = next((c for c in cls.__mro__ if name in vars(c)), None)
        if name.startswith('_') or home is None or home.__module__ in ('builtins', 'pybind11_builtins'):
            continue
        if home.__module__.startswith('sklearn') and name not in ('get_params', 'set_params', 'score'):
            continue
        found[name] = vars(home)[name]
    return found


def kind(real):
    for of in (property, staticmethod, classmethod):
        if isinstance(real, of):
            return of.__name__
    return 'property' if type(real).__name__ == 'pybind11_static_property' else 'function'


def decorated(node):
    names = [d.id for d in node.decorator_list if isinstance(d, ast.Name)]
    return next((n for n in names if n in ('property', 'staticmethod', 'classmethod')), 'function')


def typed_members(node, classes):
    """Of a class of the stub and of its bases there."""
    found = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found.update(typed_members(classes[base.id], classes))
    return {**found, **members(node)}


def test_stubs_name_what_there_is():
    everything = members(stub())
    typed = {name: node for name, node in everything.items() if not name.startswith('_') or name == '__version__'}
    assert set(typed) == set(weir.__all__)
    for name, node in typed.items():
        real = getattr(weir, name)
        assert isinstance(node, ast.ClassDef) == inspect.isclass(real), name
        if isinstance(node, ast.FunctionDef):
            assert real_parameters(real) == parameters(node), name
        if not isinstance(node, ast.ClassDef):
            continue
        inside, there = typed_members(node, everything), public(real)
        assert not set(there) - set(inside), f'{name} has {set(there) - set(inside)} without types'
        for member, inner in inside.items():
            if isinstance(inner, ast.AnnAssign):  # of instances, see below
                continue
            assert hasattr(real, member), f'{name}.{member}'
            if member == '__init__' and not isinstance(vars(real).get(member), type(lambda: 0)):
                continue
            if member in there:
                assert kind(there[member]) == decorated(inner), f'{name}.{member}'
            if decorated(inner) != 'property' and (member == '__init__' or not member.startswith('__')):
                assert real_parameters(getattr(real, member)) == parameters(inner), f'{name}.{member}'


def test_stubs_name_what_instances_have(fitted, traces, resnet):
    cascade = weir.Cascade(fitted, stages=[lambda rows: None] * 2)
    learner = weir.DecisionTree().fit([[0.0], [1.0]], [0, 1])
    everything = members(stub())
    for one in (fitted, fitted.score(traces[2]), cascade, learner, weir.Executor(resnet)):
        name = type(one).__name__
        inside = typed_members(everything[name], everything)
        attributes = {n for n in vars(one) if not n.startswith('_')}
        untyped = attributes - set(inside) - set(learner.get_params() if one is learner else ())
        assert not untyped, f'{name} has {untyped} without types'
        for member, inner in inside.items():
            assert not isinstance(inner, ast.AnnAssign) or hasattr(one, member), f'{name}.{member}'


def said(real):
    """The docstring without the signatures that pybind11 puts in front."""
    lines = (inspect.getdoc(real) or '').splitlines()
    return ' '.join(line for line in lines if not re.match(r'(\d+\. )?\w+\(.*\)( -> .*)?$|Overloaded function', line)).strip()


def test_all_has_docstrings():
    for name in weir.__all__:
        real = getattr(weir, name)
        assert not callable(real) or said(real), name
        if inspect.isclass(real):
            for member, inner in public(real).items():
                inner = getattr(inner, '__func__', inner)
                assert said(inner), f'{name}.{member}'
    assert os.path.exists(os.path.join(os.path.dirname(weir.__file__), 'py.typed'))


def test_readmes_lines_run(tmp_path):
    """As they are typed at the root of the repository: nothing is defined beforehand."""
    if not os.path.exists('/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz'):
        pytest.skip('dataset-fashion-mnist is not installed')
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
        block = re.search(r'```python\n(.*?)```', f.read(), re.S).group(1)
    assert len(block.strip().splitlines()) <= 10 and not re.search(r'^\s', block, re.M)
    shutil.copytree(os.path.join(ROOT, 'bench', 'networks'), tmp_path / 'bench' / 'networks')
    path = os.pathsep.join([os.path.dirname(os.path.dirname(weir.__file__)), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run([sys.executable, '-c', block], cwd=tmp_path, env=dict(os.environ, PYTHONPATH=path),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    said = re.search(r'<weir.Score ([\d.]+)x, excess loss ([\d.]+)%.*> \[\d \d \d \d \d\]', done.stdout)
    assert said and float(said[1]) > 1.5 and float(said[2]) < 3, done.stdout
    assert weir.Policy.read(tmp_path / 'policy.json').runs


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


def setup_of(monkeypatch, build):
    """What setup.py defines, without a set-up."""
    setuptools = pytest.importorskip('setuptools')
    monkeypatch.setattr(setuptools, 'setup', lambda **options: None)
    monkeypatch.setenv('WEIR_BUILD', str(build))
    return runpy.run_path(os.path.join(ROOT, 'policy', 'python', 'setup.py'))


@pytest.mark.parametrize('version, needed', [('2.10.3', 'numpy>=1.23,<2'), ('2.11.1', 'numpy>=1.23,<2'),
                                             ('2.12.0', 'numpy>=1.23'), ('3.0.1', 'numpy>=1.23')])
def test_the_wheel_asks_for_a_numpy_that_pybind11_knows(monkeypatch, tmp_path, version, needed):
    (tmp_path / 'CMakeCache.txt').write_text(f'A:BOOL=ON\npybind11_DIR:PATH={tmp_path}\n')
    (tmp_path / 'pybind11ConfigVersion.cmake').write_text(f'set(PACKAGE_VERSION "{version}")\n')
    assert setup_of(monkeypatch, tmp_path)['numpy_requirement']() == needed


def test_a_wheel_installs_what_runs_anywhere(tmp_path, monkeypatch):
    """Of the module that is built: nothing is compiled again."""
    for module in ('pip', 'venv', 'setuptools', 'wheel'):
        pytest.importorskip(module, reason=f'Python has no {module}')
    build = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(weir.__file__))))
    if not os.path.exists(os.path.join(build, 'CMakeCache.txt')) or not shutil.which('cmake'):
        pytest.skip('the module does not lie in a build folder, or CMake is missing')
    source = os.path.join(ROOT, 'policy', 'python')
    if not os.access(source, os.W_OK):
        pytest.skip(f'setuptools writes in {source}, which is read-only')
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    environment.update(WEIR_BUILD=build, PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_NO_CACHE_DIR='1')

    def call(*command):
        done = subprocess.run([str(c) for c in command], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600)
        assert done.returncode == 0, done.stdout
        return done.stdout

    compiled = os.path.getmtime(weir._weir.__file__)
    left = [path for path in (os.path.join(source, 'build'), os.path.join(source, 'weir.egg-info')) if not os.path.exists(path)]
    try:
        call(sys.executable, '-m', 'pip', 'wheel', '--no-build-isolation', '--no-deps', '--no-index', '-w', tmp_path, source)
    finally:
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
    assert os.path.getmtime(weir._weir.__file__) == compiled
    wheel, = tmp_path.glob('weir-*.whl')
    call(sys.executable, '-m', 'venv', '--system-site-packages', '--without-pip', tmp_path / 'env')
    python = tmp_path / 'env' / 'bin' / 'python'
    call(python, '-m', 'pip', 'install', '--no-deps', '--no-index', wheel)
    code = ('import importlib.metadata as m, os, weir; folder = os.path.dirname(weir.__file__); '
            "print(weir.__version__, m.version('weir'), folder, sorted(os.listdir(folder))); print(m.requires('weir')); "
            f"print(weir.load_onnx({network('alexnet')!r}).output_shape)")
    first, requires, shape = call(python, '-c', code).splitlines()
    version, of_wheel, folder = first.split()[:3]
    assert version == of_wheel == weir.__version__ and folder.startswith(str(tmp_path / 'env'))
    for name in ['py.typed', '__init__.pyi', os.path.basename(weir._weir.__file__), *os.listdir(PACKAGE)]:
        assert name == '__pycache__' or repr(name) in first, name
    numpy = setup_of(monkeypatch, build)['numpy_requirement']()
    assert ('<2' in requires) == ('<2' in numpy) and 'numpy' in requires and shape == '(1, 10)'
