#!/usr/bin/env python3
"""Every operator of layers/registry.hpp has a seed among those that the fuzz targets start from, and the archive is what
make_seeds.py says. That each also runs is checked by run.sh, which has the fuzz targets."""
import collections
import os
import re
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    with open(os.path.join(HERE, '..', '..', 'layers', 'registry.hpp')) as f:
        registry = f.read()
    operators = re.findall(r'Operator\{"([\w.:]+)"', registry)
    assert len(operators) > 60, 'the registry is not where it was'
    archive = os.path.join(HERE, 'seeds.tar.gz')
    assert os.path.getsize(archive) < 1 << 20
    seeds = collections.Counter()
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if not member.name.startswith('onnx/'):
                continue
            data = tar.extractfile(member).read()
            for name in operators:  # NodeProto.op_type, field 4, and domain, field 7: strings
                domain, _, op = name.rpartition('::')
                fields = [b'\x22' + bytes([len(op)]) + op.encode()] + [b'\x3a' + bytes([len(d)]) + d.encode() for d in [domain] if d]
                if all(field in data for field in fields):
                    seeds[name] += 1
    missing = [name for name in operators if not seeds[name]]
    print(f'{len(operators)} operators, seeds of each: ' + ', '.join(f'{n} {seeds[n]}' for n in operators))
    if missing:
        print('no seed: ' + ', '.join(missing) + '. Add cases to tests/vectors/make_layers.py or networks to make_seeds.py, '
              'and run make_seeds.py', file=sys.stderr)
    return 1 if missing else 0


sys.exit(main())
