#!/usr/bin/env python3
"""reprice.py POLICY_PROGRAM P.csv C.csv [T.csv]: what the default and the ways to learn that it chooses among are worth
where a stage costs something else than it does. Traces as `adapt --save-traces` or `record --probabilities` write them,
of networks (selection). Prints a Markdown table: speed-ups at equal excess loss on T, predicted from the traces' costs,
which are those of each row: as they are; one stage's times each of --factors; and --costs NAME=a,b,c, one for each
stage. Behind them, by how many per cent the default's speed-up is below that of the best of the others, with a 95 %
interval (paired resamples of images and of divisions into policy and calibration part); below 0 where it is ahead. In
the last line what that comes to. The best of the others is taken on the images that judge, the default is not.
Without T no test image is looked at: the halves of P are what is learned from and calibrated on, and C is the judge."""
import argparse
import csv
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

LEARNERS = ['predicted_loss', 'priced_loss', 'predicted_cost', 'logistic']
NAMES = ['predicted_loss', 'priced_loss', 'predicted_cost', "the paper's reduction (logistic)"]

Figure = namedtuple('Figure', 'speedup low high')  # low, high: limits of the learned policy's speed-up less this one
Behind = namedtuple('Behind', 'percent low high')


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


def settings(costs, factors, absolute):
    """(name, {stage: factor}) of each row."""
    yield 'as they are', {}
    for stage in costs:
        for factor in factors:
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


def figures(a, factors, folder):
    """{contestant: {budget: Figure}}, speed-ups at equal excess loss."""
    command = [a.program, '--policy-trace', a.policy, '--calibration-trace', a.calibration, '--test-trace', a.test,
               '--topology', 'all_later', '--networks', '--learners', ','.join(LEARNERS), '--rules', 'fixed_exit',
               '--budgets', ','.join(f'{b:g}' for b in a.budgets), '--seeds', str(a.seeds), '--bootstrap',
               str(a.bootstrap), '--out', folder]
    for stage, factor in factors.items():
        command += ['--reprice', f'{stage}={factor!r}']
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {}
    with open(Path(folder) / 'policy.csv', newline='') as f:
        for row in csv.DictReader(f):
            found.setdefault(row['contestant'], {})[float(row['budget'])] = Figure(
                *(float(row[c]) for c in ('speedup', 'difference_low95', 'difference_high95')))
    return found


def behind(default, other):
    """By how many per cent the default is below the other."""
    return Behind(*(100 * x / other.speedup for x in (other.speedup - default.speedup, -other.high, -other.low)))


def behind_best(found, budgets):
    """Behind the best of LEARNERS at each budget."""
    return [behind(found['learned'][b], max((found[who][b] for who in LEARNERS), key=lambda f: f.speedup))
            for b in budgets]


def table_row(name, found, budgets):
    cells = [' '.join(f'{found[who][b].speedup:.2f}' for b in budgets) for who in LEARNERS + ['learned']]
    cells.append('; '.join(f'{x.percent + 0.0:.1f} ({x.low + 0.0:.1f} to {x.high + 0.0:.1f})'
                           for x in behind_best(found, budgets)))
    return f'| {name} | ' + ' | '.join(cells) + ' |'


def summary(rows, budgets, limit=2):
    """What `behind` comes to over rows of figures()."""
    default = [x for found in rows for x in behind_best(found, budgets)]
    within = sum(x.percent <= limit for x in default)
    sure = sum(x.low > limit for x in default)
    text = (f'The default is at most {limit} % behind the best of the others in {within} of {len(default)} figures; in '
            f'{sure} the interval lies above {limit} %. At worst {max(x.percent for x in default):.1f} %, in the mean '
            f'{sum(x.percent for x in default) / len(default):.1f} %.')
    for who, name in zip(LEARNERS, NAMES):
        mean, worst, more = [], 0, 0
        for found in rows:
            for b in budgets:
                best = max(found[other][b].speedup for other in LEARNERS)
                mean.append(100 * (1 - found[who][b].speedup / best))
        worst, more = max(mean), sum(x > limit for x in mean)
        text += f' {name}: mean {sum(mean) / len(mean):.1f} %, worst {worst:.1f}, more than {limit} % in {more}.'
    return text


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('program')
    p.add_argument('policy')
    p.add_argument('calibration')
    p.add_argument('test', nargs='?')
    p.add_argument('--costs', action='append', default=[], metavar='NAME=a,b,c')
    p.add_argument('--factors', type=float, nargs='+', default=[0.5, 2, 3])
    p.add_argument('--budgets', type=float, nargs='+', default=[0.005, 0.01, 0.02])
    p.add_argument('--seeds', type=int, default=3)
    p.add_argument('--bootstrap', type=int, default=200)
    a = p.parse_args()
    print('| costs | ' + ' | '.join(NAMES) + ' | default | default behind the best of the others, % |')
    print('|---|' + '--:|' * len(NAMES) + '--:|--:|', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if a.test is None:
            a.test = a.calibration
            a.policy, a.calibration = halves(a.policy, folder)
        rows = []
        for name, factors in settings(trace_costs(a.policy), a.factors, a.costs):
            rows.append(figures(a, factors, folder))
            print(table_row(name, rows[-1], a.budgets), flush=True)
    print('\n' + summary(rows, a.budgets))


if __name__ == '__main__':
    main()
