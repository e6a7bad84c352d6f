#!/usr/bin/env python3
"""reprice.py POLICY_PROGRAM P.csv C.csv [T.csv]: what the default and the ways to learn that it chooses among are worth
where a stage costs something else than it does. Traces as `adapt --save-traces` or `record --probabilities` write them,
of networks (selection). Prints a Markdown table: speed-ups at equal excess loss on T, predicted from the traces' costs,
which are those of each row: as they are; one stage's times 0.5, 2 and 3; and --costs NAME=a,b,c, one for each stage.
Without T no test image is looked at: the halves of P are what is learned from and calibrated on, and C is the judge."""
import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

LEARNERS = ['predicted_loss', 'priced_loss', 'logistic']


def trace_costs(path):
    """{stage: cost} in the order of the stages, of a trace's first line."""
    with open(path, newline='') as f:
        row = next(csv.DictReader(f))
    costs = {}
    for name, value in row.items():
        for end in ('.seconds', '.cost'):
            if name.endswith(end) and name[:-len(end)] + '.prediction' in row:
                costs[name[:-len(end)]] = float(value)
    return costs


def settings(costs, absolute):
    """(name, {stage: factor}) of each row."""
    yield 'as they are', {}
    for stage in costs:
        for factor in (0.5, 2, 3):
            yield f'{stage} x {factor:g}', {stage: factor}
    for text in absolute:
        name, _, values = text.partition('=')
        values = [float(v) for v in values.split(',')]
        if len(values) != len(costs):
            sys.exit(f'--costs {text}: {len(costs)} costs are needed, of {", ".join(costs)}')
        scale = sum(costs.values()) / sum(values)
        yield name, {stage: scale * v / costs[stage] for stage, v in zip(costs, values)}


def halves(path, folder):
    """Two traces in folder, of the first and of the second half of a trace's examples."""
    import numpy as np
    path = Path(path)
    head, *rows = path.read_text().splitlines()
    probabilities = path.with_suffix('.probabilities.npy')  # [stages, examples, classes]
    half, made = len(rows) // 2, []
    for name, part in ('first', slice(0, half)), ('second', slice(half, None)):
        made.append(Path(folder) / f'{name}.csv')
        made[-1].write_text('\n'.join([head, *rows[part]]) + '\n')
        if probabilities.exists():
            np.save(made[-1].with_suffix('.probabilities.npy'), np.load(probabilities)[:, part])
    return made


def speedups(a, factors, folder):
    """{contestant: {budget: speed-up at equal excess loss}}."""
    command = [a.program, '--policy-trace', a.policy, '--calibration-trace', a.calibration, '--test-trace', a.test,
               '--topology', 'all_later', '--networks', '--learners', ','.join(LEARNERS), '--rules', 'fixed_exit',
               '--budgets', ','.join(f'{b:g}' for b in a.budgets), '--seeds', str(a.seeds), '--bootstrap', '2', '--out',
               folder]
    for stage, factor in factors.items():
        command += ['--reprice', f'{stage}={factor!r}']
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {}
    with open(Path(folder) / 'policy.csv', newline='') as f:
        for row in csv.DictReader(f):
            found.setdefault(row['contestant'], {})[float(row['budget'])] = float(row['speedup'])
    return found


def table_row(name, found, budgets):
    """Speed-ups at each budget, and by how many percent the default's is below the largest of the others'."""
    behind = [100 * max(0, 1 - found['learned'][b] / max(found[learner][b] for learner in LEARNERS)) for b in budgets]
    cells = [' '.join(f'{found[who][b]:.2f}' for b in budgets) for who in LEARNERS + ['learned']]
    return f'| {name} | ' + ' | '.join(cells) + ' | ' + ' '.join(f'{x:.1f}' for x in behind) + ' % |'


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('program')
    p.add_argument('policy')
    p.add_argument('calibration')
    p.add_argument('test', nargs='?')
    p.add_argument('--costs', action='append', default=[], metavar='NAME=a,b,c')
    p.add_argument('--budgets', type=float, nargs='+', default=[0.005, 0.01, 0.02])
    p.add_argument('--seeds', type=int, default=3)
    a = p.parse_args()
    print('| costs | ' + ' | '.join(LEARNERS) + ' | default | default behind the best of them |')
    print('|---|' + '--:|' * len(LEARNERS) + '--:|--:|')
    with tempfile.TemporaryDirectory() as folder:
        if a.test is None:
            a.test = a.calibration
            a.policy, a.calibration = halves(a.policy, folder)
        for name, factors in settings(trace_costs(a.policy), a.costs):
            found = speedups(a, factors, folder)
            print(table_row(name, found, a.budgets), flush=True)


if __name__ == '__main__':
    main()
