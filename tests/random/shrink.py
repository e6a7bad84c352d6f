#!/usr/bin/env python3
"""shrink.py KEPT SEED OUT.onnx: the smallest network that is still answered wrongly in the same way.

KEPT is the folder in which random_networks keeps what was answered wrongly. WEIR_BUILD is the build folder, MODULES the
folder that holds node_modules/onnxruntime-node. Writes OUT.onnx and prints its nodes and what is wrong with it.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx

HERE = Path(__file__).resolve().parent


def cut(model, output):
    """The model with this output only, and only what that is computed from."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph, wanted, nodes = small.graph, {output}, []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    del graph.node[:], graph.output[:]
    graph.node.extend(reversed(nodes))
    graph.output.append(onnx.helper.make_empty_tensor_value_info(output))
    initialisers = [i for i in graph.initializer if i.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(initialisers)
    return small


def without(model, index, source):
    """The model without node number index: who reads its first output reads `source` instead."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    gone = small.graph.node[index].output[0]
    del small.graph.node[index]
    for node in small.graph.node:
        for i, name in enumerate(node.input):
            if name == gone:
                node.input[i] = source
    output = small.graph.output[0].name
    return cut(small, source if output == gone else output)


def candidates(model):
    inner = [n.output[0] for n in model.graph.node if n.op_type != "Constant"]
    for name in inner[:-1]:
        yield cut(model, name)
    for i, node in enumerate(model.graph.node):
        for source in dict.fromkeys(list(node.input) + [x.name for x in model.graph.input]):
            if source and source != node.output[0]:
                yield without(model, i, source)


def try_all(models, about, rows, folder):
    """What is wrong with each: {index: (check, text)}."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for i, model in enumerate(models):
        output = model.graph.output[0].name
        mine = dict(about, seed=i, ops=[n.op_type for n in model.graph.node], taps=[],
                    outputs=[{"name": output, "rows": about["tensors"].get(output, True)}])
        data = model.SerializeToString()
        (folder / f"{i}.onnx").write_bytes(data)
        (folder / f"{i}.taps.onnx").write_bytes(data)
        (folder / f"{i}.in").write_bytes(rows)
        (folder / f"{i}.json").write_text(json.dumps(mine))
    subprocess.run(["node", HERE / "reference.cjs", folder, str(len(models))], check=True)
    program = Path(os.environ["WEIR_BUILD"]) / "tests" / "random_networks"
    text = subprocess.run([program, folder, str(len(models)), folder / "kept"], capture_output=True, text=True).stdout
    return {int(m[1]): (m[2], m[3]) for m in re.finditer(r"^WRONG seed (\d+): ([^:]*): (.*)$", text, re.M)}


def kind_of(check):
    return check.split(",")[0]


def main():
    kept, seed, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    about = json.loads((kept / f"{seed}.json").read_text())
    rows = (kept / f"{seed}.in").read_bytes()
    model = onnx.load(kept / f"{seed}.taps.onnx")
    folder = Path(tempfile.mkdtemp()) / "work"
    names = [o.name for o in model.graph.output]
    first = [cut(model, name) for name in names]
    wrong = try_all(first, about, rows, folder)
    if not wrong:
        sys.exit(f"{seed}: each output by itself is right")
    best = min(wrong, key=lambda i: len(first[i].graph.node))
    model, found = first[best], wrong[best]
    while True:
        tries = [m for m in candidates(model) if len(m.graph.node) < len(model.graph.node)]
        wrong = {i: w for i, w in try_all(tries, about, rows, folder).items() if kind_of(w[0]) == kind_of(found[0])}
        if not wrong:
            break
        best = min(wrong, key=lambda i: len(tries[i].graph.node))
        model, found = tries[best], wrong[best]
    onnx.save(model, out)
    print(f"{out.name}: {found[0]}: {found[1]}")
    shapes = [[d.dim_value or d.dim_param for d in x.type.tensor_type.shape.dim] for x in model.graph.input]
    print("  opset", model.opset_import[0].version, "inputs", shapes)
    sizes = {i.name: list(i.dims) for i in model.graph.initializer}
    for n in model.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute if a.type != 4}
        print("  ", n.op_type, [f"{i}{sizes.get(i, '')}" for i in n.input], list(n.output), attributes)
    shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
