#!/usr/bin/env python3
"""The documents are true where a program can tell: links lead to files, paths exist, public names are declared, and
README's code is that of tests/examples (its first program is compiled and run by another test)."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ('core', 'layers', 'policy', 'io', 'bench', 'tests', 'notebooks')
NAMES = 'policy/umbrella/NAMES.md'


def documents():
    yield 'README.md'
    for folder in FOLDERS:
        for where, _, files in os.walk(os.path.join(ROOT, folder)):
            yield from (os.path.relpath(os.path.join(where, f), ROOT) for f in files if f.endswith('.md'))


def headings(text):
    """The anchors of a document, as GitHub makes them."""
    return {re.sub(r'[^\w\- ]', '', h.lower()).strip().replace(' ', '-') for h in re.findall(r'^#+ (.+)$', text, re.M)}


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def wrong_links(document, text):
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if '://' in target:
            continue
        path, _, anchor = target.partition('#')
        path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
        if not os.path.exists(os.path.join(ROOT, path)):
            yield f'{document}: the link {target} leads nowhere'
        elif anchor and anchor not in headings(read(path)):
            yield f'{document}: {path} has no heading #{anchor}'


def wrong_paths(document, text):
    """Whole paths between backticks: `core/plan/plan.hpp`, `policy/run/`."""
    for path in re.findall(r'`((?:' + '|'.join(FOLDERS) + r')/[\w./-]*)`', text):
        if not any(os.path.exists(os.path.join(ROOT, base, path)) for base in ('', os.path.dirname(document))):
            yield f'{document}: there is no {path}'


def wrong_names():
    rows = re.findall(r'^\| `(\w+)` \| `([\w/.]+)` \|', read(NAMES), re.M)
    if len(rows) < 50:
        yield f'{NAMES}: {len(rows)} names'
    for name, header in rows:
        path = header if '/' in header else 'policy/umbrella/' + header
        if not os.path.exists(os.path.join(ROOT, path)):
            yield f'{NAMES}: there is no {header}'
            continue
        text = read(path)
        declared = (rf'^\s*(?:class|struct|enum class) {name}\b(?!;)', rf'^(?:inline )?[A-Za-z][\w:<>,& *]*[ *&]{name}\(',
                    rf'^inline constexpr .*\b{name} =')
        if not any(re.search(d, text, re.M) for d in declared):
            yield f'{NAMES}: {header} does not declare {name}'


def wrong_code():
    examples = set()
    for name in os.listdir(os.path.join(ROOT, 'tests', 'examples')):
        examples |= {line.strip() for line in read('tests/examples/' + name).splitlines()}
    for block in re.findall(r'^```cpp\n(.*?)^```', read('README.md'), re.M | re.S)[1:]:
        for line in block.splitlines():
            if line.strip() and line.strip() not in examples:
                yield f'README.md: no program in tests/examples has the line {line.strip()!r}'


def wrong_lists():
    """Pages that list the files of their folder list all of them."""
    for folder, ending in (('tests/examples', '.cpp'), ('notebooks', '.ipynb')):
        page = read(folder + '/README.md')
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith(ending) and f']({name})' not in page:
                yield f'{folder}/README.md does not list {name}'


def main():
    wrong, seen = [*wrong_names(), *wrong_code(), *wrong_lists()], 0
    for document in documents():
        text = read(document)
        seen += 1
        wrong += wrong_links(document, text)
        wrong += wrong_paths(document, text)
    print('\n'.join(wrong) if wrong else f'{seen} documents: links, paths and names are there')
    return 1 if wrong or seen < 8 else 0


sys.exit(main())
