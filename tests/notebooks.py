#!/usr/bin/env python3
"""Executes the chapters and compares what they print with what is committed: notebooks.py [--write] [NOTEBOOK...].

Words must be equal, whole numbers too, other numbers up to one unit of the last digit printed. Cells with the tag
"close" compute in single precision on this machine: their numbers may differ by 5 %. Those with the tag "timing" run,
and are not compared. Pictures must be there. --write stores the outputs instead.

Each chapter opens with a picture, computes by hand in cells of at most 20 lines that draw nothing (tag "by-hand"), and
ends with three exercises, each with an empty cell. Solutions are folded away in solutions/, as neither GitHub nor the
classic Jupyter can fold code in a notebook; their code is executed behind the chapter, and what it prints is compared.

Ends with 77 (skipped) where nbclient, ipykernel, matplotlib or the Python module are missing. Where the images are
missing, a chapter that cannot do without is left out.
"""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), 'notebooks')
LARGEST = 300_000  # bytes of a file of the chapters
BY_HAND = 20  # lines of a cell that computes by hand
IMAGES = '/usr/share/datasets/fashion-mnist'
SOLUTION = re.compile(r'^## Solution (\d)\n\n<details><summary>Show</summary>\n\n(.*?)\n\n</details>$', re.M | re.S)
CODE = re.compile(r'^```python\n(.*?)^```$(?:\n\n```text ?(\w*)\n(.*?)^```$)?', re.M | re.S)
for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS'):
    os.environ[name] = '1'
os.environ['PYTHONDONTWRITEBYTECODE'] = os.environ['PYDEVD_DISABLE_FILE_VALIDATION'] = '1'
NUMBER = re.compile(r'(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?')


def texts(cell):
    """What a cell prints, and how many pictures it shows."""
    words, pictures = [], 0
    for output in cell.outputs:
        if output.output_type == 'stream':
            words.append(output.text)
        elif output.output_type in ('display_data', 'execute_result'):
            pictures += any(kind.startswith('image/') or kind == 'text/html' for kind in output.data)
            if output.output_type == 'execute_result':
                words.append(output.data.get('text/plain', ''))
    return ''.join(words).strip(), pictures


def unequal(now, then, tags):
    """'' or what differs."""
    if [re.sub(r'\s+', ' ', w) for w in NUMBER.split(now)] != [re.sub(r'\s+', ' ', w) for w in NUMBER.split(then)]:
        return 'the words differ'
    for a, b in zip(NUMBER.findall(now), NUMBER.findall(then)):
        x, y = float(a.replace(',', '')), float(b.replace(',', ''))
        digits = len(b.partition('e')[0].partition('.')[2])
        unit = 10.0**(-digits + int(b.partition('e')[2] or 0)) if '.' in b or 'e' in b else 0
        allowed = max(2 * unit, 0.05 * abs(y)) if 'close' in tags else unit
        if abs(x - y) > allowed * 1.001:
            return f'{a} instead of {b}'
    return ''


def solutions_of(path):
    return os.path.join(os.path.dirname(path), 'solutions', os.path.basename(path).replace('.ipynb', '.md'))


def badly_made(book, solutions):
    """What is wrong with the way a chapter is made; solutions: the text of its page of solutions."""
    shown = [o.output_type == 'display_data' for c in book.cells if c.cell_type == 'code' for o in c.outputs]
    if not shown or not shown[0]:
        yield 'does not open with a picture'
    by_hand = [c.source for c in book.cells if 'by-hand' in c.metadata.get('tags', [])]
    if not by_hand:
        yield 'computes nothing by hand: no cell has the tag'
    for source in by_hand:
        lines = [line for line in source.splitlines() if line.strip()]
        if len(lines) > BY_HAND:
            yield f'by hand in {len(lines)} lines, {BY_HAND} are the limit: {lines[0]}'
        if re.search(r'\bplt\b|\baxes\b', source):
            yield f'draws in the cell that computes by hand: {lines[0]}'
    first = next((i for i, c in enumerate(book.cells) if re.search('^## Exercises$', c.source, re.M)), len(book.cells))
    exercises = book.cells[first:]
    if [c.cell_type for c in exercises] != 3 * ['markdown', 'code']:
        yield 'does not end with three exercises, each with a cell for the reader'
    for k, (text, cell) in enumerate(zip(exercises[::2], exercises[1::2]), 1):
        if not re.search(rf'^\*\*{k}\. ', text.source, re.M) or f'.md#solution-{k})' not in text.source:
            yield f'exercise {k}: no number, or no link to its solution'
        if cell.source.strip() != f'# Exercise {k}: your code':
            yield f'exercise {k}: its cell is not empty'
    if [k for k, _ in SOLUTION.findall(solutions)] != ['1', '2', '3']:
        yield 'solutions are not three, each folded in <details>'
    if '```' in SOLUTION.sub('', solutions):
        yield 'a solution stands open'


def run(path, write):
    import nbformat
    from nbclient import NotebookClient
    before = nbformat.read(path, as_version=4)
    book = nbformat.read(path, as_version=4)
    with open(solutions_of(path), encoding='utf-8') as f:
        solutions = f.read()
    own = len(book.cells)
    for code, tag, printed in CODE.findall(solutions):
        for to in (book, before):
            cell = nbformat.v4.new_code_cell(code.rstrip('\n'), metadata={'tags': [tag] if tag else []})
            cell.outputs = [nbformat.v4.new_output('stream', name='stdout', text=printed)]
            to.cells.append(cell)
    start = time.time()
    NotebookClient(book, timeout=300, kernel_name='python3', resources={'metadata': {'path': FOLDER}}).execute()
    wrong = []
    for i, (now, then) in enumerate(zip(book.cells, before.cells)):
        if now.cell_type != 'code':
            continue
        now.metadata.pop('execution', None)
        for k in range(len(now.outputs) - 1, 0, -1):  # what is printed in several pieces is one text
            a, b = now.outputs[k - 1:k + 1]
            if a.output_type == b.output_type == 'stream' and a.name == b.name:
                a.text += now.outputs.pop(k).text
        tags = now.metadata.get('tags', [])
        (a, pictures), (b, expected) = texts(now), texts(then)
        if pictures != expected and 'timing' not in tags:
            wrong.append(f'cell {i}: {pictures} pictures instead of {expected}')
        difference = '' if 'timing' in tags else unequal(a, b, tags)
        if difference:
            wrong.append(f'cell {i}: {difference}\n--- now\n{a}\n--- committed\n{b}')
    name = os.path.basename(path)
    ran = iter(book.cells[own:])
    del book.cells[own:]
    print(f'{name}: {time.time() - start:.1f} s', flush=True)
    if write:
        book.metadata = {'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
                         'language_info': {'name': 'python'}}
        nbformat.write(book, path)
        with open(solutions_of(path), 'w', encoding='utf-8') as f:
            f.write(CODE.sub(lambda m: f'```python\n{m[1]}```\n\n```{f"text {m[2] or str()}".strip()}\n'
                                       f'{texts(next(ran))[0]}\n```', solutions))
        wrong = []
    return [f'{name}: {w}' for w in (*wrong, *badly_made(book, solutions))]


def main():
    write = '--write' in sys.argv
    try:
        import ipykernel, matplotlib, nbclient, weir  # noqa: F401
    except ImportError as e:
        print(f'skipped: {e}')
        return 77
    os.environ['PYTHONPATH'] = os.path.dirname(os.path.dirname(os.path.abspath(weir.__file__)))  # for the kernels
    chosen = [a for a in sys.argv[1:] if not a.startswith('-')]
    paths = chosen or sorted(os.path.join(FOLDER, f) for f in os.listdir(FOLDER) if f.endswith('.ipynb'))
    wrong = []
    for path in paths:
        with open(path, encoding='utf-8') as f:
            source = f.read()
        if ' images(' in source and 'have_images()' not in source and not os.path.exists(IMAGES):
            print(f'{os.path.basename(path)} left out: it needs dataset-fashion-mnist')
        else:
            wrong += run(path, write)
    for where, _, files in os.walk(FOLDER):
        for f in (os.path.join(where, f) for f in files):
            if os.path.getsize(f) > LARGEST and '.ipynb_checkpoints' not in f:
                wrong.append(f'{f}: {os.path.getsize(f)} bytes, {LARGEST} are the limit')
    print('\n'.join(wrong))
    return 1 if wrong or not paths else 0


if __name__ == '__main__':
    sys.exit(main())
