// reference.cjs FOLDER COUNT [FIRST STEP]: what ONNX Runtime answers to the networks of generate.py, into FOLDER/i.ref.
// MODULES names the folder that holds node_modules/onnxruntime-node.
//
// i.ref: 1, then for each run of i.json, for each output and each tap: rank, dimensions (uint32), values (float32); or 0
// and a message where ONNX Runtime refuses the network.
const fs = require("fs");
const path = require("path");
const ort = require(path.join(process.env.MODULES, "node_modules", "onnxruntime-node"));

function numbers(...values) {
  const b = Buffer.alloc(4 * values.length);
  values.forEach((v, i) => b.writeUInt32LE(v, 4 * i));
  return b;
}

async function answer(stem) {
  const about = JSON.parse(fs.readFileSync(stem + ".json"));
  const bytes = fs.readFileSync(stem + ".in");
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  // Without optimisations: nothing is fused, so that each tensor is what its node says.
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4, graphOptimizationLevel: "disabled" };
  const session = await ort.InferenceSession.create(stem + ".taps.onnx", options);
  const parts = [numbers(1)];
  for (const rows of about.runs) {
    const feeds = {};
    let at = 0;
    for (const input of about.inputs) {
      const size = input.dims.reduce((a, b) => a * b, 1);
      const x = new Float32Array(rows.length * size);
      rows.forEach((r, i) => x.set(all.subarray(at + r * size, at + (r + 1) * size), i * size));
      feeds[input.name] = new ort.Tensor("float32", x, [rows.length, ...input.dims]);
      at += 7 * size;
    }
    const results = await session.run(feeds);
    for (const { name } of [...about.outputs, ...about.taps]) {
      const y = results[name];
      const values = Float32Array.from(y.data, Number);
      parts.push(numbers(y.dims.length, ...y.dims), Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    }
  }
  await session.release();
  return Buffer.concat(parts);
}

async function main() {
  const [folder, count, first = "0", step = "1"] = process.argv.slice(2);
  for (let i = Number(first); i < Number(count); i += Number(step)) {
    const stem = path.join(folder, String(i));
    let result;
    try {
      result = await answer(stem);
    } catch (error) {
      result = Buffer.concat([numbers(0), Buffer.from(String(error.message))]);
    }
    fs.writeFileSync(stem + ".ref", result);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
