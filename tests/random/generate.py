#!/usr/bin/env python3
"""generate.py FOLDER COUNT SEED [FIRST STEP]: writes random networks for ONNX Runtime and weir to answer.

Network number i (FIRST, FIRST + STEP, ... below COUNT) depends on SEED and i only. It is FOLDER/i.onnx; i.taps.onnx is
the same with some inner tensors as further outputs; i.in holds seven rows of every input, float32; i.json says the rest.
"""
import json
import sys
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True
import arithmetic
import batch
import element_types
import indexing
import moves
import quantized
import residual
import windows
from network import N, ROWS, Network

KINDS = {**windows.KINDS, **arithmetic.KINDS, **moves.KINDS, **indexing.KINDS, **batch.KINDS, **quantized.KINDS,
         **element_types.KINDS}
ALWAYS_COUNTED = ("Conv", "ConvTranspose", "Resize", "LayerNormalization", "InstanceNormalization", "Where", "Gather", "GatherElements",
                  "GatherND", "ScatterElements", "ScatterND", "CumSum", "LpNormalization", "MeanVarianceNormalization", "Range")


def start(net):
    """The inputs, and what the network begins with. True if it is about a large constant."""
    if net.chance(0.15):
        residual.network(net)
        return False
    form = net.rng.random()
    if form < 0.025:
        c, h, w = net.pick((3, 32, 32), (1, 33, 31), (5, 16, 65), (2, 40, 40))
        x = net.input((N, c, h, w))
        windows.conv(net, width=65, pointwise=True)
        y = net.tensors[-1]
        arithmetic.binary(net, constant=arithmetic.full(y.shape), op=net.pick("Add", "Sub", "Mul", "Max"))
        return True
    if form < 0.1:
        net.input((N, net.pick(3, 8, 17, 60)))
    elif form < 0.2:
        net.input((N, net.pick(1, 4, 7), net.pick(3, 8, 17)))
    else:
        sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 16, 17, 20]
        net.input((N, net.pick(1, 1, 2, 3, 3, 4, 5, 16, 17), net.pick(*sizes), net.pick(*sizes)))
        if net.chance(0.5):
            windows.conv(net)
        if net.chance(0.06):
            net.input(net.inputs[0].shape if net.chance(0.5) else (N, net.inputs[0].shape[1], 1, 1))
            net.kinds.add("two_inputs")
    return False


def generate(seed):
    net = Network(seed)
    large = start(net)
    steps = net.rng.randint(0, 3) if large or "residual" in net.kinds else net.rng.randint(1, 12)
    tries = 0
    before = len(net.nodes)
    while steps > 0 and tries < 60 and not net.final:
        kind = net.rng.choices(list(KINDS), KINDS.values())[0]
        tries += 1
        kept = (len(net.nodes), len(net.initialisers), len(net.tensors), set(net.kinds), net.final)
        done = kind(net)
        if done is None:  # what it began is taken back
            del net.nodes[kept[0]:], net.initialisers[kept[1]:], net.tensors[kept[2]:]
            net.kinds, net.final = kept[3], kept[4]
            continue
        steps -= 1
        if kind is arithmetic.last_index:
            break
    if len(net.nodes) == before and not net.nodes:
        net.node("Relu", [net.inputs[0]], net.inputs[0].shape)
    if net.chance(0.08):
        batch.plant_infinity(net)
    return net


def choose(net):
    """Outputs, and tensors to be looked at inside."""
    computed = net.tensors[len(net.inputs):] or net.tensors
    names = {o for n in net.nodes for o in n.output}
    computed = [t for t in computed if t.name in names]
    outputs = [computed[-1]]
    if net.chance(0.25):
        outputs += net.rng.sample(computed, min(len(computed), net.pick(1, 2)))
        net.kinds.add("several_outputs")
    if len(outputs) > 1 and net.chance(0.3):
        outputs.reverse()
    unique = list({t.name: t for t in outputs}.values())
    taps = [t for t in net.rng.sample(computed, min(len(computed), 3)) if t.name not in {o.name for o in unique}]
    return unique, taps


def runs_of(fixed):
    """Rows of each run of the reference. Of a file of one fixed batch also with other batch-mates of row 0."""
    if fixed == 0:
        return [list(range(n)) for n in (1, 2, 3, ROWS)]
    if fixed == 1:
        return [[r] for r in range(ROWS)]
    return [list(range(fixed)), [0] + list(range(3, 2 + fixed))]


def write(folder, index, seed):
    net = generate(seed)
    outputs, taps = choose(net)
    net.drop_unread(outputs + taps)
    if net.foreign & net.behind(outputs + taps):
        net.kinds.add("must_be_refused")
    if net.mixers & net.behind(outputs):
        net.kinds.add("mixes")
    (folder / f"{index}.onnx").write_bytes(net.model(outputs).SerializeToString())
    (folder / f"{index}.taps.onnx").write_bytes(net.model(outputs, taps).SerializeToString())
    rows = [np.round(net.np.uniform(-2, 2, (ROWS, *t.shape[1:])) * 16).astype(np.float32) / 16 for t in net.inputs]
    (folder / f"{index}.in").write_bytes(b"".join(r.tobytes() for r in rows))
    ops = [n.op_type for n in net.nodes]
    kinds = sorted(net.kinds | {op for op in ops if op in ALWAYS_COUNTED} | ({"fixed_batch"} if net.fixed else set()))
    about = {
        "seed": seed, "opset": net.opset, "fixed": net.fixed, "ops": ops, "kinds": kinds, "runs": runs_of(net.fixed),
        "inputs": [{"name": t.name, "dims": t.shape[1:]} for t in net.inputs],
        "outputs": [{"name": t.name, "rows": t.has_rows()} for t in outputs],
        "taps": [{"name": t.name, "rows": t.has_rows()} for t in taps],
        "tensors": {t.name: t.has_rows() for t in net.tensors},
    }
    (folder / f"{index}.json").write_text(json.dumps(about))


def main():
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    first, step = (int(a) for a in sys.argv[4:6]) if len(sys.argv) > 4 else (0, 1)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(first, count, step):
        write(folder, index, seed * 1_000_000 + index)


if __name__ == "__main__":
    main()
