#!/usr/bin/env python3
"""The tests that PROMISES.md names exist: each file, and in C++ tests each case by its name."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def cases(path):
    with open(path, encoding='utf-8') as f:
        text = f.read()
    # A name may be several string literals, one behind the other.
    names = re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', text)
    return {re.sub(r'\\(.)', r'\1', ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', n))) for n in names}


def main():
    with open(os.path.join(HERE, 'PROMISES.md'), encoding='utf-8') as f:
        text = f.read()
    wrong, named = [], 0
    for section in text.split('\n## ')[1:]:
        tests = re.findall(r'^- `([^`]+)`(?:: (.+))?$', section, re.M)
        if not tests:
            wrong.append(section.splitlines()[0] + ': no test')
        for file, case in tests:
            named += 1
            path = os.path.join(HERE, file)
            if not os.path.isfile(path):
                wrong.append(f'{file}: there is no such file')
            elif file.endswith('_test.cpp') and case not in cases(path):
                wrong.append(f'{file}: has no test case "{case}"')
    print('\n'.join(wrong) if wrong else f'{named} tests are where PROMISES.md says')
    return 1 if wrong or named < 20 else 0


sys.exit(main())
