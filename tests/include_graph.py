#!/usr/bin/env python3
"""The include graph of the rooms: what includes what, as the tables that core/README.md, layers/README.md (io/ too) and
policy/README.md show. A room includes only those before it in the order that is declared here, so there are no cycles.
Ends with 1 where an include goes up, or where a table in the docs is not the one of the tree.

    python3 tests/include_graph.py            # checks
    python3 tests/include_graph.py --tables   # prints what the documents must hold
"""
import fnmatch
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Per document: rooms from the bottom up, each a folder (the files in it, not those in its folders) or the files of a
# folder that are named. A file that is named by itself belongs where it is named.
CORE = [
    ('core/memory/', ['core/memory/*']),
    ('core/*.hpp', ['core/*.hpp']),
    ('core/kernels/micro/', ['core/kernels/micro/*']),
    ('core/kernels/{share,reorder}.hpp', ['core/kernels/share.hpp', 'core/kernels/reorder.hpp']),
    ('core/kernels/elementwise/', ['core/kernels/elementwise/*']),
    ('core/kernels/gemm/', ['core/kernels/gemm/*']),
    ('core/kernels/pool/', ['core/kernels/pool/*']),
    ('core/kernels/lrn/', ['core/kernels/lrn/*']),
    ('core/kernels/conv2d/', ['core/kernels/conv2d/*']),
    ('core/kernels/quantized/', ['core/kernels/quantized/*']),
    ('core/kernels/*.hpp', ['core/kernels/*.hpp']),
    ('core/kernels/reference/', ['core/kernels/reference/*']),
    ('core/plan/', ['core/plan/*']),
    ('core/*.ipp', ['core/*.ipp']),
]
LAYERS = [
    ('layers/attributes/', ['layers/attributes/*']),
    ('layers/build/build_options.hpp', ['layers/build/build_options.hpp']),
    ('layers/{activation,arithmetic,batch_normalization}.hpp',
     ['layers/activation.hpp', 'layers/arithmetic.hpp', 'layers/batch_normalization.hpp']),
    ('layers/shared/', ['layers/shared/*']),
    ('layers/*.hpp', ['layers/*.hpp']),
    ('layers/quantized/', ['layers/quantized/*']),
    ('layers/registry.hpp', ['layers/registry.hpp']),
    ('layers/build/', ['layers/build/*', 'layers/build/integers/*']),
    ('layers/build_network', ['layers/build_network.hpp', 'layers/build_network.ipp']),
    ('layers/models/', ['layers/models/*']),
]
IO = [(f'io/{room}/', [f'io/{room}/*']) for room in ('files', 'images', 'datasets', 'onnx', 'report')]
POLICY = [(f'policy/{room}/', [f'policy/{room}/*']) for room in (
    'learners/models', 'learners', 'exits', 'features', 'trace', 'run', 'measure', 'evaluate', 'learn', 'choose/bounds',
    'choose', 'compare/rules', 'compare', 'quantize', 'serve', 'umbrella')]
DOCUMENTS = {'core/README.md': CORE, 'layers/README.md': LAYERS + IO, 'policy/README.md': POLICY}
# Folders that include nothing of each other: files are read where policies meet them, in serve only, and quantize is a
# graph in, a graph out.
APART = [('layers/', 'io/')]
APART += [('policy/quantize/', f'policy/{room}/') for room in ('run', 'learn', 'choose', 'compare', 'serve')]
APART += [('io/', name) for name, _ in POLICY if name not in ('policy/serve/', 'policy/umbrella/')]
ROOMS = [room for rooms in DOCUMENTS.values() for room in rooms]
ORDER = {name: place for place, (name, _) in enumerate(ROOMS)}


def room_of(path):
    """A file belongs to the room that names it, else to that of its folder."""
    for name, patterns in ROOMS:
        if path in patterns:
            return name
    for name, patterns in ROOMS:
        if any(fnmatch.fnmatch(os.path.basename(path), os.path.basename(p)) and
               os.path.dirname(path) == os.path.dirname(p) for p in patterns):
            return name
    return None


def headers():
    for top in ('core', 'layers', 'io', 'policy'):
        for where, _, files in os.walk(os.path.join(ROOT, top)):
            for name in sorted(files):
                path = os.path.relpath(os.path.join(where, name), ROOT)
                if name.endswith(('.hpp', '.ipp')) and not path.startswith('policy/python/'):
                    yield path


def includes(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        text = re.sub(r'R"(\w*)\(.*?\)\1"', '', file.read(), flags=re.S)  # a program that weir writes is none of it
    for included in re.findall(r'^#include <weir/([\w/.]+)>', text, re.M):
        if included != path[:-3] + 'ipp':  # a header that ends in its own definitions says nothing of rooms
            yield included if '/' in included else 'policy/umbrella/' + included


def graph():
    """{room: {room that it includes: [(file, included)]}} and files without a room."""
    edges, lost = {name: {} for name, _ in ROOMS}, []
    for path in headers():
        own = room_of(path)
        if own is None:
            lost.append(path)
            continue
        for included in includes(path):
            other = room_of(included)
            if other is None:
                lost.append(included)
            elif other != own:
                edges[own].setdefault(other, []).append((path, included))
    return edges, lost


def is_up(own, other):
    def between(a, b):
        return own.startswith(a) and other.startswith(b)
    return any(between(a, b) or between(b, a) for a, b in APART) or ORDER[other] > ORDER[own]


def short(room, of):
    """A room's name beside one of the same document: without what both begin with."""
    return room if room.split('/')[0] != of.split('/')[0] else room[room.index('/') + 1:]


def table(rooms, edges):
    """A line for each room, from the bottom up: what it includes; of another folder than its own only that folder."""
    wide = max(len(name) for name, _ in rooms)
    lines = []
    for name, _ in rooms:
        own = [short(r, name) for r in sorted(edges[name], key=ORDER.get) if r.split('/')[0] == name.split('/')[0]]
        others = sorted({r.split('/')[0] for r in edges[name]} - {name.split('/')[0]})
        lines.append(f'    {name:<{wide}}  {", ".join([*(o + "/" for o in others), *own]) or "-"}'.rstrip())
    return '\n'.join(lines)


def main():
    edges, lost = graph()
    wrong = [f'{path} belongs to no room' for path in lost]
    for own, others in edges.items():
        for other, files in others.items():
            if is_up(own, other):
                wrong += [f'{path} includes {included}: {own} may not include {other}' for path, included in files]
    for document, rooms in DOCUMENTS.items():
        text = table(rooms, edges)
        if '--tables' in sys.argv:
            print(f'{document}:\n\n{text}\n')
            continue
        with open(os.path.join(ROOT, document), encoding='utf-8') as file:
            if text not in file.read():
                wrong.append(f'{document} does not hold the table of `python3 tests/include_graph.py --tables`')
    if sum(len(files) for others in edges.values() for files in others.values()) < 500:
        wrong.append('this test is broken: it found few includes')
    print('\n'.join(wrong) if wrong else f'{len(ROOMS)} rooms: no arrows up')
    return 1 if wrong else 0


sys.exit(main())
