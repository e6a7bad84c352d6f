#!/usr/bin/env python3
"""The .deb that cpack makes of a build: what lies in it, and that its Depends name whatever its headers include and its
programs are linked with, so that `apt install` on a bare Debian leaves nothing to be looked for. Programs are built
against the unpacked package with what pkg-config and find_package say, and run. Ends with 77 (skipped) without Debian's
tools.

    python3 tests/package/deb.py BUILD WORK CXX
    python3 tests/package/deb.py --installed WORK CXX     # only these programs, against the package that apt installed
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = ('bin/weir', 'bin/weir-conv', 'lib/libweir.a', 'lib/libweir_programs.a', 'lib/pkgconfig/weir.pc',
         'lib/cmake/weir/weirConfig.cmake', 'lib/cmake/weir/weirTargets.cmake', 'include/weir/run.hpp',
         'include/weir/programs.hpp', 'include/weir/core/executor.ipp', 'share/bash-completion/completions/weir',
         'share/fish/vendor_completions.d/weir.fish')
COMPILER = re.compile(r'(libstdc\+\+-\d+|libgcc-\d+|libc6|linux-libc|libcrypt)-dev$')  # these come with g++


def output(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        sys.exit(f'failed: {" ".join(command)}\n{done.stdout}{done.stderr}')
    return done.stdout


def owners(files):
    """The Debian packages that these files belong to."""
    found = subprocess.run(['dpkg-query', '-S', *files], capture_output=True, text=True, check=False).stdout
    return {owner.split(':')[0] for line in found.splitlines() for owner in line.rsplit(': ', 1)[0].split(', ')}


def use(work, cxx, usr=None):
    """Builds programs of a user with what pkg-config and find_package say, of the package unpacked in `usr` (any folder
    will do: what they say is relative to it) or installed, and runs them."""
    env = {**os.environ}
    if usr:
        env.update(PKG_CONFIG_PATH=os.path.join(usr, 'lib', 'pkgconfig'), CMAKE_PREFIX_PATH=usr)
    network = os.path.join(ROOT, 'bench', 'networks', 'fashion_resnet.onnx')
    flags = output('pkg-config', '--cflags', '--libs', 'weir', env=env).split()
    program = os.path.join(work, 'run_network')
    output(cxx, '-std=c++20', '-O2', os.path.join(ROOT, 'tests', 'examples', 'run_network.cpp'), *flags, '-o', program)
    answer = output(program, network)
    if 'class 7, left at' not in answer:
        sys.exit(f'the program built with pkg-config answers:\n{answer}')
    consumer = os.path.join(work, 'consumer')
    source = os.path.join(ROOT, 'tests', 'package')
    output('cmake', '-S', source, '-B', consumer, '-DCMAKE_CXX_COMPILER=' + cxx, env=env)
    output('cmake', '--build', consumer, '--target', 'library')
    answer = output(os.path.join(consumer, 'library'), network)
    if not re.fullmatch(r'([0-9a-f]{8} ){40}\S*\n', answer):
        sys.exit(f'the program built with find_package answers:\n{answer}')


def main():
    if sys.argv[1] == '--installed':
        work = os.path.abspath(sys.argv[2])
        os.makedirs(work, exist_ok=True)
        return use(work, sys.argv[3])
    build, work, cxx = (os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3])
    for tool in ('dpkg-deb', 'dpkg-shlibdeps', 'file', 'pkg-config'):
        if not shutil.which(tool):
            print(f'{tool} is missing (Debian: dpkg, dpkg-dev, file, pkg-config)')
            sys.exit(77)
    shutil.rmtree(work, ignore_errors=True)
    # Named Ninja, CPack does not build the build folder once more.
    output('cpack', '-G', 'DEB', '-B', work, '-D', 'CPACK_CMAKE_GENERATOR=Ninja', cwd=build)
    debs = [f for f in os.listdir(work) if f.endswith('.deb')]
    if len(debs) != 1 or not re.fullmatch(r'libweir-dev_\d+\.\d+\.\d+_\w+\.deb', debs[0]):
        sys.exit(f'cpack made {debs}')
    deb = os.path.join(work, debs[0])
    root = os.path.join(work, 'root')
    output('dpkg-deb', '-x', deb, root)
    usr = os.path.join(root, 'usr')
    missing = [f for f in FILES if not os.path.isfile(os.path.join(usr, f))]
    if missing:
        sys.exit(f'not in the package: {missing}')
    outside = [f for f in os.listdir(root) if f != 'usr']
    if outside:
        sys.exit(f'in the package, outside /usr: {outside}')

    for folder, _, names in os.walk(os.path.join(usr, 'lib')):
        for name in names:
            if name.endswith(('.cmake', '.pc')):
                with open(os.path.join(folder, name), encoding='utf-8') as file:
                    text = file.read()
                if ROOT in text or build in text:
                    sys.exit(f'{name} names a folder of the machine that built it')

    # Whatever all headers include, with all definitions in them, belongs to a package that is named.
    depends = {d.split()[0] for d in output('dpkg-deb', '-f', deb, 'Depends').split(', ')}
    source = os.path.join(work, 'all.cpp')
    with open(source, 'w', encoding='utf-8') as file:
        file.write('#include <weir/weir.hpp>\n#include <weir/programs.hpp>\n')
    rule = output(cxx, '-std=c++20', '-O1', '-DWEIR_HEADER_ONLY', '-M', '-I', os.path.join(usr, 'include'), '-isystem',
                  '/usr/include/eigen3', source)
    included = [os.path.realpath(f) for f in rule.replace('\\\n', ' ').split(':', 1)[1].split()]
    needed = {p for p in owners([f for f in included if not f.startswith(work)]) if not COMPILER.search(p)}
    if not {'libeigen3-dev', 'libtbb-dev', 'nlohmann-json3-dev'} <= needed:
        sys.exit(f'this test is broken: of what weir includes it found {needed}')
    needed = {p for p in needed if not p.startswith(('g++', 'gcc', 'clang', 'libclang'))}
    if needed - depends:
        sys.exit(f'headers include what no Depends names: {needed - depends}')
    for program in ('weir', 'weir-conv'):
        linked = re.findall(r'=> (/\S+)', output('ldd', os.path.join(usr, 'bin', program)))
        direct = re.findall(r'NEEDED\s+(\S+)', output('objdump', '-p', os.path.join(usr, 'bin', program)))
        paths = [os.path.realpath(f) for f in linked if os.path.basename(f) in direct]
        left = owners(paths + [re.sub('^/usr/lib', '/lib', f) for f in paths]) - depends
        if left:
            sys.exit(f'{program} is linked with what no Depends names: {left}')

    use(work, cxx, usr)
    print(f'{debs[0]}: {len(depends)} packages named, {len(needed)} included')


if __name__ == '__main__':
    main()
