// What ONNX Runtime answers: onnxruntime_answer.cjs MODEL.onnx X.f32 Y.f32 DIMS..., plain little-endian floats.
const fs = require("fs");
const path = require("path");
const ort = require(path.join(process.env.WEIR_PEERS, "node_modules", "onnxruntime-node"));

async function main() {
  const [model, from, to, ...dims] = process.argv.slice(2);
  const bytes = fs.readFileSync(from);
  const x = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const answers = await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", x, dims.map(Number)) });
  const y = answers[session.outputNames[0]].data;
  fs.writeFileSync(to, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
}

main().catch((error) => { console.error(error.message); process.exit(1); });
