#!/usr/bin/env python3
"""Executes the chapters and compares what they print with what is committed: notebooks.py [--write] [NOTEBOOK...].

Words must be equal, whole numbers too, other numbers up to one unit of the last digit printed. Cells with the tag
"close" compute in single precision on this machine: their numbers may differ by 5 %. Those with the tag "timing" run,
and are not compared. Pictures must be there. --write stores the outputs instead. Ends with 77 (skipped) where nbclient,
ipykernel, matplotlib, the images or the Python module are missing.
"""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), 'notebooks')
LARGEST = 300_000  # bytes of a notebook
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


def run(path, write):
    import nbformat
    from nbclient import NotebookClient
    before = nbformat.read(path, as_version=4)
    book = nbformat.read(path, as_version=4)
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
    print(f'{name}: {time.time() - start:.1f} s', flush=True)
    if write:
        book.metadata = {'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
                         'language_info': {'name': 'python'}}
        nbformat.write(book, path)
        wrong = []
    size = os.path.getsize(path)
    return [f'{name}: {w}' for w in wrong] + [f'{name}: {size} bytes, {LARGEST} are the limit'] * (size > LARGEST)


def main():
    write = '--write' in sys.argv
    try:
        import ipykernel, matplotlib, nbclient, weir  # noqa: F401
    except ImportError as e:
        print(f'skipped: {e}')
        return 77
    os.environ['PYTHONPATH'] = os.path.dirname(os.path.dirname(os.path.abspath(weir.__file__)))  # for the kernels
    if not os.path.exists('/usr/share/datasets/fashion-mnist'):
        print('skipped: dataset-fashion-mnist is not installed')
        return 77
    chosen = [a for a in sys.argv[1:] if not a.startswith('-')]
    paths = chosen or sorted(os.path.join(FOLDER, f) for f in os.listdir(FOLDER) if f.endswith('.ipynb'))
    wrong = [w for path in paths for w in run(path, write)]
    print('\n'.join(wrong))
    return 1 if wrong or not paths else 0


if __name__ == '__main__':
    sys.exit(main())
