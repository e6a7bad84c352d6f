#!/usr/bin/env python3
"""write_faults.py SHIM PROGRAMS NETWORKS FOLDER [--all]: a full disk, an input/output error and kill -9 at every write of
adapt, train and record leave nothing half-written and nothing mixed, and the next run goes on from there.

SHIM: write_shim.so, which makes the K-th call fail. PROGRAMS: folder of adapt, train, record, throughput (those that are
there are tried). NETWORKS: bench/networks. FOLDER: to work in. Each K is tried with one of the three kinds in turn;
--all tries every kind at every K. Ends with 77 (skipped) without Fashion-MNIST.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

DATA = '/usr/share/datasets/fashion-mnist'
KINDS = ('ENOSPC', 'EIO', 'KILL')
REASON = {'ENOSPC': 'No space left on device', 'EIO': 'Input/output error'}
faults = 0


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def content(folder):
    """File name -> bytes of what lies in a folder, without what is recognisably temporary."""
    if not os.path.isdir(folder):
        return {}
    return {n: read(os.path.join(folder, n)) for n in os.listdir(folder) if not is_temporary(n)}


def is_temporary(name):
    return name.startswith('.weir-run-') or '.part' in name or name.endswith(('.tmp', '.lock'))


def is_message(data):
    """Whether bytes are protobuf fields to their very end, as those of an ONNX file are."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    try:
        while at < len(data):
            kind = varint() & 7
            if kind == 0:
                varint()
            else:
                size = {1: 8, 5: 4}.get(kind) or varint()  # moves `at` itself
                at += size
    except IndexError:
        return False
    return at == len(data) > 0


def is_copy(name):
    """A member that adapt made: it is kept where it was faster, which differs from run to run."""
    return name.startswith('member_')


def is_whole(name, data):
    """Whether a results file ends where one ends."""
    if name.endswith('.onnx'):
        return is_message(data)
    if name.endswith('.json'):
        try:
            json.loads(data)
        except ValueError:
            return False
        return True
    ends = {'.html': b'</html>', '.svg': b'</svg>', '.csv': b'\n'}
    return data.rstrip(b'\n' if not name.endswith('.csv') else b'').endswith(ends[os.path.splitext(name)[1]])


class Program:
    """One program with its arguments, run in `work`, where all its files lie."""

    def __init__(self, shim, program, arguments, work):
        self.shim, self.command, self.work = shim, [program] + arguments, work
        self.counts = work + '.calls'

    def run(self, at=0, kind=''):
        """Exit status, what it says (its error, if there is one), and how many calls there were."""
        if os.path.exists(self.counts):
            os.remove(self.counts)
        result = subprocess.run(self.command, cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=300, env=dict(os.environ, LD_PRELOAD=self.shim, WEIR_FAULT_AT=str(at),
                                                      WEIR_FAULT_KIND=kind, WEIR_FAULT_COUNT=self.counts,
                                                      WEIR_FAULT_FOLDER=os.path.realpath(self.work)))
        calls = int(read(self.counts)) if os.path.exists(self.counts) else -1
        return result.returncode, result.stderr or result.stdout, calls


def try_faults(program, prepare, check, every_kind):
    """At each call in turn: prepare(), a run that fails there, check(), and a run that nothing disturbs."""
    global faults
    prepare()
    status, text, _ = program.run()
    assert status == 0, text
    prepare()
    calls = program.run(0, 'KILL')[2]  # unlink counts too
    assert calls > 3, f'{program.command[0]}: {calls} writes were seen'
    for at in range(1, calls + 1):
        for kind in KINDS if every_kind else [KINDS[at % 3]]:
            prepare()
            status, text, seen = program.run(at, kind)
            where = f'{os.path.basename(program.command[0])}, {kind} at call {at} of {calls}: '
            if status == 0 and kind != 'KILL' and 0 <= seen < at:
                continue  # fewer calls count where the process is not killed
            faults += 1
            if kind == 'KILL':
                assert status == -signal.SIGKILL, where + f'ended with {status}: {text}'
            else:
                # The reason that the system gives, and the file or the folder in which it lies.
                assert status == 1, where + f'ended with {status}: {text}'
                last = text.strip().splitlines()[-1]
                assert REASON[kind] in last and program.named in last, where + f'says: {last}'
            check(where)
            status, text, _ = program.run()
            assert status == 0, where + f'the next run ends with {status}: {text[-500:]}'
            check(where + 'the next run: ', finished=True)


def adapt(shim, programs, networks, folder, every_kind):
    work = os.path.join(folder, 'adapt')
    os.makedirs(work)
    out, old = os.path.join(work, 'results'), os.path.join(folder, 'adapt_old')
    arguments = ['--quick', '--measure', '10', '--rounds', '1', '--costs', 'flops', '--confidence', '0', '--exits', '1',
                 '--make', 'int8,exits', '--topology', 'dag',
                 '--images', f'{DATA}/t10k-images-idx3-ubyte.gz[0:200]', '--labels', f'{DATA}/t10k-labels-idx1-ubyte.gz',
                 '--network', f'{networks}/fashion_alexnet.onnx', '--network', f'{networks}/fashion_googlenet.onnx',
                 '--preprocess', f'{networks}/models.json', '--out', 'results']
    program = Program(shim, os.path.join(programs, 'adapt'), arguments, work)
    program.named = 'results'
    # The old run has another split, and more policies than the new one has.
    earlier = Program(shim, program.command[0], arguments + ['--seed', '7', '--max-loss', '0.5'], work)
    status, text, _ = earlier.run()
    assert status == 0, text
    shutil.copytree(out, old)
    with open(os.path.join(old, 'policy_search.json'), 'w') as f:  # of a kind of policy that the new run has not
        f.write('{}\n')
    with open(os.path.join(old, 'member_other_int8.onnx'), 'w') as f:  # a copy of another network
        f.write('old\n')
    before = content(old)
    with open(os.path.join(old, 'notes.txt'), 'w') as f:  # of the user
        f.write('keep\n')
    shutil.rmtree(out)
    status, text, _ = program.run()
    assert status == 0, text
    names = content(out)['classes.txt']
    new_names = {n for n in content(out) if not is_copy(n) and n != 'classes.txt'}
    copies = {f'member_fashion_{n}_int8.onnx' for n in ('alexnet', 'googlenet')}
    assert set(content(out)) - new_names <= copies | {'classes.txt'}, sorted(content(out))

    def prepare():
        shutil.rmtree(work)
        os.makedirs(work)
        shutil.copytree(old, out)

    def check(where, finished=False):
        now = content(out)
        assert now.pop('notes.txt', None) == b'keep\n', where + 'a file of the user is gone'
        assert now.pop('classes.txt', names) == names  # the same bytes in both runs
        is_old = {n: before.get(n) == data for n, data in now.items()}
        for n, data in now.items():
            assert is_old[n] or is_whole(n, data), where + f'{n} is half-written'
        if finished:
            assert new_names <= set(now) <= new_names | copies and not any(is_old.values()), where + f'not the new run: {is_old}'
        else:
            # In the midst of the change some files of one run may be missing; both are never there.
            assert all(is_old.values()) or (set(now) <= new_names | copies and not any(is_old.values())), \
                where + f'a mix of two runs (True: old): {is_old}'
        for name in os.listdir(work):
            assert name == 'results' or is_temporary(name), where + f'{name} is left beside the results'

    try_faults(program, prepare, check, every_kind)


def record(shim, programs, networks, folder, every_kind, probabilities):
    work = os.path.join(folder, 'record_probabilities' if probabilities else 'record')
    os.makedirs(work)
    arguments = ['--network', f'{networks}/fashion_alexnet.onnx', '--network', f'{networks}/fashion_googlenet.onnx',
                 '--preprocess', f'{networks}/models.json', '--seconds', '1e-4,3e-4', '--block', '16', '--threads', '1',
                 '--images', f'{DATA}/t10k-images-idx3-ubyte.gz[0:48]', '--labels', f'{DATA}/t10k-labels-idx1-ubyte.gz',
                 '--out', os.path.join(work, 'trace.csv')] + (['--probabilities'] if probabilities else [])
    program = Program(shim, os.path.join(programs, 'record'), arguments, work)
    program.named = work
    status, text, _ = program.run()
    assert status == 0, text
    whole = content(work)
    assert 'trace.csv' in whole and len(whole) == (3 if probabilities else 2), sorted(whole)

    def prepare():
        shutil.rmtree(work)
        os.makedirs(work)

    def check(where, finished=False):
        now = content(work)
        for n, data in now.items():
            assert whole.get(n) == data, where + f'{n} is not what an undisturbed run writes'
        if finished:
            assert now == whole, where + f'{sorted(now)} instead of {sorted(whole)}'
            left = set(os.listdir(work)) - set(whole)
            # What a killed process was writing beside a file stays, by a name of its own.
            assert all(n.endswith('.tmp') and ', KILL ' in where for n in left), where + f'left: {sorted(left)}'

    try_faults(program, prepare, check, every_kind)
    return whole


def train(shim, programs, folder, every_kind, trace):
    work = os.path.join(folder, 'train')
    os.makedirs(work)
    recorded = os.path.join(folder, 'recorded')  # as deep as where it was recorded: the networks' paths are relative
    os.makedirs(recorded)
    for name, data in trace.items():
        with open(os.path.join(recorded, name), 'wb') as f:
            f.write(data)
    trace_file = os.path.join(recorded, 'trace.csv')
    program = Program(shim, os.path.join(programs, 'train'),
                      ['--trace', trace_file, '--max-loss', '0.2', '--confidence', '0', '--out', os.path.join(work, 'learned.json')], work)
    program.named = work
    status, text, _ = program.run()
    assert status == 0, text
    # All but the name of the run is the same in every run.
    named = lambda files: {n: re.sub(rb'\d{8}T\d{6}Z-[0-9a-f]{8}', b'RUN', data) for n, data in files.items()}
    new, old = named(content(work)), {'learned.json': b'{"old": true}\n'}

    def prepare():
        shutil.rmtree(work)
        os.makedirs(work)
        with open(os.path.join(work, 'learned.json'), 'wb') as f:
            f.write(old['learned.json'])

    def check(where, finished=False):
        now = named(content(work))
        assert now in ([new] if finished else [old, new]), where + f'{ {n: len(d) for n, d in now.items()} }'

    try_faults(program, prepare, check, every_kind)


def main():
    shim, programs, networks, folder = (os.path.abspath(a) for a in sys.argv[1:5])
    every_kind = '--all' in sys.argv
    if not os.path.exists(f'{DATA}/t10k-images-idx3-ubyte.gz'):
        return 77
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    has = lambda name: os.path.exists(os.path.join(programs, name))
    if has('adapt'):
        adapt(shim, programs, networks, folder, every_kind)
    if has('record'):
        whole = record(shim, programs, networks, folder, every_kind, False)
        record(shim, programs, networks, folder, every_kind, True)
        if has('train'):
            train(shim, programs, folder, every_kind, whole)
    print(f'{faults} faults, none of which left anything half-written or mixed')
    return 0


sys.exit(main())
