"""pip install --no-build-isolation policy/python

Builds the module with CMake in the tree's build/ (or $WEIR_BUILD), whose compiled library is taken as it is if it is up to
date; the first time that takes some minutes.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def version():
    with open(os.path.join(ROOT, 'policy', 'umbrella', 'version.hpp'), encoding='utf-8') as f:
        return re.search(r'version = "(.*)"', f.read()).group(1)


def build_folder():
    return os.environ.get('WEIR_BUILD', os.path.join(ROOT, 'build'))


def pybind11_version():
    """Of the one that CMake finds or will find, as (major, minor); (0, 0) where that cannot be said beforehand."""
    folders = []
    cache = os.path.join(build_folder(), 'CMakeCache.txt')
    if os.path.exists(cache):
        with open(cache, encoding='utf-8') as f:
            folders += re.findall(r'^pybind11_DIR:PATH=(.*)$', f.read(), re.M)
    folders += glob.glob('/usr/local/*/cmake/pybind11') + glob.glob('/usr/*/cmake/pybind11')
    for folder in folders:
        path = os.path.join(folder, 'pybind11ConfigVersion.cmake')
        if os.path.exists(path):
            with open(path, encoding='utf-8') as f:
                found = re.search(r'PACKAGE_VERSION "(\d+)\.(\d+)', f.read())
            if found:
                return int(found[1]), int(found[2])
    return 0, 0


def numpy_requirement():
    """pybind11 knows NumPy 2 since 2.12; what an older one compiled reads that NumPy's arrays wrongly."""
    return 'numpy>=1.23' if pybind11_version() >= (2, 12) else 'numpy>=1.23,<2'


class Build(build_py):
    """The package's files, and the module that CMake links."""

    def run(self):
        super().run()
        build = build_folder()
        python = os.path.realpath(sys.executable)  # not the environment's link to it: that may be gone tomorrow
        subprocess.check_call(['cmake', '-S', ROOT, '-B', build, '-DWEIR_PYTHON=ON', f'-DWEIR_PYTHON_EXECUTABLE={python}',
                               f'-DPYTHON_EXECUTABLE={python}'])
        subprocess.check_call(['cmake', '--build', build, '--target', 'python', '-j', str(os.cpu_count() or 1)])
        built = os.path.join(build, 'python', 'weir')
        for name in os.listdir(built):
            if name.startswith('_weir.') and name.endswith('.so'):
                shutil.copy(os.path.join(built, name), os.path.join(self.build_lib, 'weir', name))


class Compiled(Distribution):
    """A wheel for this Python and machine."""

    def has_ext_modules(self):
        return True


setup(
    name='weir',
    version=version(),
    description='Adaptive inference with convolutional networks: run, stop early, keep a budget',
    license='MIT',
    python_requires='>=3.9',
    install_requires=[numpy_requirement()],
    extras_require={'sklearn': ['scikit-learn']},
    packages=['weir'],
    package_data={'weir': ['*.pyi', 'py.typed']},
    cmdclass={'build_py': Build},
    distclass=Compiled,
    zip_safe=False,
)
