#!/usr/bin/env python3
"""What it costs to compile with weir: CPU seconds and peak memory of g++ -O2 -c for the examples in tests/examples, in
the ways of core/compile.hpp, and for the library itself. Prints a table in Markdown.

    python3 bench/compile.py                   all, each once; on a quiet machine the seconds are worth reading
    python3 bench/compile.py --check           only what is the same everywhere: lines behind the preprocessor, what is
                                               included, and (roughly) memory; ends non-zero where a limit is passed
"""
import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Program, what it is, limits: lines behind the preprocessor, memory in MB, CPU seconds.
PROGRAMS = [
    ('run_network', 'load an ONNX file, hook, run', 100_000, 350, 4),
    ('serve_policy', 'load_policy, answer an image, CascadeStream', 120_000, 400, 5),
    ('learn_policy', 'learn a policy from a trace, save it', 200_000, 800, 12),
]
HEADER_ONLY = ('run_network', 1200, 40)
# A program that only runs networks and policies includes none of these.
FOREIGN = re.compile(r'^# \d+ "[^"]*/((?:eigen3|Eigen|nlohmann|tbb|oneapi|protozero|stb)/[^"]*)"', re.M)
ALLOWED = ('nlohmann/json_fwd.hpp', 'nlohmann/detail/abi_macros.hpp')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='limits only, no seconds')
    parser.add_argument('--cxx', default='g++', help='the compiler')
    parser.add_argument('--include', default=os.path.join(ROOT, 'build', 'include'),
                        help='the folder that holds weir/, which cmake makes in the build folder')
    return parser.parse_args()


def flags(include):
    eigen = '/usr/include/eigen3'
    return ['-std=c++20', '-I', include] + (['-isystem', eigen] if os.path.isdir(eigen) else [])


def compiled(cxx, include, source, *more):
    """CPU seconds and peak memory in MB of compiling one source."""
    with tempfile.TemporaryDirectory() as folder:
        command = [cxx, *flags(include), '-O2', *more, '-c', source, '-o', os.path.join(folder, 'o.o')]
        # In a process of its own, whose only child is the compiler.
        code = ('import resource, subprocess, sys\n'
                'rc = subprocess.run(sys.argv[1:]).returncode\n'
                'u = resource.getrusage(resource.RUSAGE_CHILDREN)\n'
                'print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024)\n'
                'sys.exit(rc)\n')
        out = subprocess.run([sys.executable, '-c', code, *command], capture_output=True, text=True, check=False)
        if out.returncode != 0:
            sys.exit(f'{source} does not compile:\n{out.stderr[-3000:]}')
        seconds, megabytes = out.stdout.split()
        return float(seconds), float(megabytes)


def preprocessed(cxx, include, source):
    return subprocess.run([cxx, *flags(include), '-O2', '-E', source], capture_output=True, text=True, check=True).stdout


def main():
    a = arguments()
    failed = []
    print('| program | way | lines | CPU s | MB |\n|---|---|--:|--:|--:|', flush=True)
    for name, what, most_lines, most_mb, most_s in PROGRAMS:
        source = os.path.join(ROOT, 'tests', 'examples', name + '.cpp')
        text = preprocessed(a.cxx, a.include, source)
        lines = text.count('\n')
        seconds, mb = compiled(a.cxx, a.include, source)
        print(f'| {what} | library | {lines} | {"" if a.check else f"{seconds:.1f}"} | {mb:.0f} |', flush=True)
        if lines > most_lines:
            failed.append(f'{name}: {lines} lines behind the preprocessor, at most {most_lines}')
        if mb > most_mb:
            failed.append(f'{name}: {mb:.0f} MB, at most {most_mb}')
        if not a.check and seconds > most_s:
            failed.append(f'{name}: {seconds:.1f} CPU s, at most {most_s}')
        if name != 'learn_policy':
            foreign = sorted(set(FOREIGN.findall(text)) - set(ALLOWED))
            if foreign:
                failed.append(f'{name}: a running program includes {foreign[0]} and {len(foreign) - 1} more')
    if not a.check:
        name, most_mb, most_s = HEADER_ONLY
        source = os.path.join(ROOT, 'tests', 'examples', name + '.cpp')
        seconds, mb = compiled(a.cxx, a.include, source, '-DWEIR_HEADER_ONLY')
        print(f'| {PROGRAMS[0][1]} | header-only | | {seconds:.1f} | {mb:.0f} |', flush=True)
        if mb > most_mb or seconds > most_s:
            failed.append(f'header-only: {seconds:.1f} CPU s, {mb:.0f} MB, at most {most_s} and {most_mb}')
        # The part that no optimisation option changes: what the limits leave for optimising.
        seconds, mb = compiled(a.cxx, a.include, source, '-DWEIR_HEADER_ONLY', '-DWEIR_UNOPTIMISED', '-O0')
        print(f'| the same with -O0 | header-only | | {seconds:.1f} | {mb:.0f} |', flush=True)
        source = os.path.join(ROOT, 'tests', 'package', 'definitions.cpp')
        seconds, mb = compiled(a.cxx, a.include, source)
        print(f'| the source with WEIR_IMPLEMENTATION | no library | | {seconds:.1f} | {mb:.0f} |', flush=True)
        total = 0
        with open(os.path.join(ROOT, 'CMakeLists.txt'), encoding='utf-8') as cmake:
            sources = re.search(r'set\(weir_sources ([^)]*)\)', cmake.read()).group(1).split()
        for source in sources:
            seconds, mb = compiled(a.cxx, a.include, os.path.join(ROOT, source))
            total += seconds
            print(f'| {source} | library | | {seconds:.1f} | {mb:.0f} |', flush=True)
        print(f'| the library | | | {total:.1f} | |')
        if total > 150:
            failed.append(f'the library: {total:.0f} CPU s, at most 150')
    for line in failed:
        print('over its limit: ' + line, file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
