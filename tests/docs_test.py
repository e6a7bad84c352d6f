#!/usr/bin/env python3
"""The documents are true where a program can tell: links lead to files, paths exist, public names are declared, headers
and members that comments name exist, and README's code is that of tests/examples (its first program is compiled and
run by another test), whose page prints it."""
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
        if not path:  # Doxygen does not resolve it: to it the headings of a page have no names of their own
            yield f'{document}: write {os.path.basename(document)}#{anchor} for the link #{anchor}'
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


FOUND_BY_ARGUMENTS = {'to_text', 'to_string', 'to_json', 'from_json'}
DECLARES = re.compile(r'^(?:template <.*> )?(?:'
                      r'(?:class|struct|enum class) (?P<type>\w+)(?: final)?(?: :| \{|;|$)'
                      r'|using (?P<alias>\w+) ='
                      r'|(?:inline |constexpr |const )*[A-Za-z][\w:<>,&* ]*?[ *&](?P<other>[A-Za-z]\w*)(?:\[\])?(?:\(| =|\{))')


def public_names(header):
    """What a header declares in namespace weir itself: what stands at the beginning of a line, as the code is formatted."""
    where, names, depth = '', set(), 0
    for line in read(header).splitlines():
        opened = re.match(r'^namespace ([\w:]+) \{', line)
        if opened and not where:
            where = opened[1]
        elif line.startswith('}  // namespace ' + where) and not depth:
            where = ''
        elif opened:
            depth += 1  # a namespace in a namespace
        elif line.startswith('}  // namespace ') and depth:
            depth -= 1
        elif where == 'weir' and not depth:
            found = DECLARES.match(line)
            if found and not re.match(r'^(?:class|struct) \w+;', line):  # but for declarations of what comes later
                names.add(found['type'] or found['alias'] or found['other'])
                names.update(re.findall(r', (\w+) = ', line) if ' constexpr ' in line else ())
    return {n for n in names if n not in FOUND_BY_ARGUMENTS and n != 'operator'}


def wrong_names():
    """NAMES.md lists what is declared in namespace weir, and nothing else is declared there."""
    listed = {}
    for names, header in re.findall(r'^\| ((?:`\w+`(?:, )?)+) \| `([\w/.]+)` \|', read(NAMES), re.M):
        for name in re.findall(r'\w+', names):
            listed.setdefault(name, set()).add(header if '/' in header else 'policy/umbrella/' + header)
    if len(listed) < 60:
        yield f'{NAMES}: {len(listed)} names'
    declared = {}
    for folder in ('core', 'layers', 'io', 'policy'):
        for where, _, files in os.walk(os.path.join(ROOT, folder)):
            for header in (os.path.relpath(os.path.join(where, f), ROOT) for f in files if f.endswith('.hpp')):
                for name in public_names(header):
                    declared.setdefault(name, set()).add(header)
    for name in sorted(listed.keys() - declared.keys()):
        yield f'{NAMES}: {name} is declared in no header'
    for name in sorted(declared.keys() - listed.keys()):
        yield f'{NAMES}: {name} of {", ".join(sorted(declared[name]))} is missing (or belongs into weir::detail)'
    for name in sorted(listed.keys() & declared.keys()):
        for header in sorted(listed[name] - declared[name]):
            yield f'{NAMES}: {header} does not declare {name}'


SOURCES = re.compile(r'.*\.(?:hpp|ipp|cpp)$')


def sources():
    for folder in FOLDERS:
        for where, _, files in os.walk(os.path.join(ROOT, folder)):
            yield from (os.path.relpath(os.path.join(where, f), ROOT) for f in files if SOURCES.match(f))


def comments(text):
    """The comments of a source, one text."""
    return '\n'.join(re.findall(r'(?:^|[ \t])//+<?[ ]?(.*)$', text, re.M))


def body(text, at):
    """What stands between the next brace and the one that closes it; "" for a declaration without a body."""
    begin, end = text.find('{', at), text.find(';', at)
    if begin < 0 or 0 <= end < begin:
        return ''
    depth = 0
    for i in range(begin, len(text)):
        depth += (text[i] == '{') - (text[i] == '}')
        if not depth:
            return text[begin:i + 1]
    return text[begin:]


def classes(texts):
    """Of each class: the words of its definitions (there may be several of one name), and its bases."""
    members, bases = {}, {}
    for text in texts:
        code = re.sub(r'//.*$', '', text, flags=re.M)
        for found in re.finditer(r'\b(?:class|struct|enum class|union) (\w+)(?: final)?(?: ?: ([^{;]*))?(?=\s*\{)', code):
            members.setdefault(found[1], set()).update(re.findall(r'\w+', body(code, found.end())))
            bases.setdefault(found[1], set()).update(re.findall(r'\w+', found[2] or ''))
    return members, bases


def has_member(name, member, members, bases, seen=()):
    return member in members[name] or any(has_member(b, member, members, bases, (*seen, name))
                                          for b in bases[name] if b in members and b not in seen and b != name)


def wrong_mentions():
    """Headers that comments and pages name exist, and so do members that they name as Class::member of our classes."""
    texts = {path: read(path) for path in sources()}
    members, bases = classes(texts.values())
    said = {path: comments(text) for path, text in texts.items()}
    for document in documents():
        if document.endswith('README.md'):  # what stands between backticks; code that it prints is tested elsewhere
            prose = re.sub(r'^```.*?^```$', '', read(document), flags=re.M | re.S)
            said[document] = '\n'.join(re.findall(r'`([^`]*)`', prose))
    headers, seen = {'/' + path for path in texts}, 0
    for where, text in sorted(said.items()):
        for name in set(re.findall(r'[\w/.]*\w\.[hi]pp\b', text)):
            seen += 1
            if not any(h.endswith('/' + re.sub(r'^(?:\.\./)*(?:weir/)?', '', name)) for h in headers):
                yield f'{where}: there is no {name}'
        for name, member in set(re.findall(r'(?<![\w:])(?:\w+::)*?([A-Z]\w*)::~?(\w+)', text)):
            seen += name in members
            if name in members and member not in members and not has_member(name, member, members, bases):
                yield f'{where}: {name} has no {member}'
    if seen < 100:
        yield f'comments and pages name {seen} headers and members: are they still found?'


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


LINES = 60  # of an example, at most


def wrong_examples():
    """tests/examples/README.md prints every C++ example as its file is, in the order of its table."""
    folder = 'tests/examples/'
    page = read(folder + 'README.md')
    files = re.findall(r'^\|[^|]*\| \[(\w+\.cpp)\]', page, re.M)
    printed = re.findall(r'^## \d+\. .*?(\w+\.cpp)\n\n\S.*?\n```cpp\n(.*?)^```$', page, re.M | re.S)
    if [name for name, _ in printed] != files or sorted(files) != sorted(
            f for f in os.listdir(os.path.join(ROOT, folder)) if f.endswith('.cpp')):
        yield f'{folder}README.md: prints {[name for name, _ in printed]}, its table lists {files}'
    for name, code in printed:
        text = read(folder + name)
        if code != text:
            yield f'{folder}README.md: {name} is printed otherwise than it stands in its file'
        if text.count('\n') > LINES:
            yield f'{folder}{name}: {text.count(chr(10))} lines; an example has at most {LINES}'


def main():
    wrong, seen = [*wrong_names(), *wrong_mentions(), *wrong_code(), *wrong_lists(), *wrong_examples()], 0
    for document in documents():
        text = read(document)
        seen += 1
        wrong += wrong_links(document, text)
        wrong += wrong_paths(document, text)
    print('\n'.join(wrong) if wrong else f'{seen} documents: links, paths and names are there')
    return 1 if wrong or seen < 8 else 0


sys.exit(main())
