// ONNX Runtime, the npm package in the folder that WEIR_PEERS names; the same arguments and lines as peer.py.
const fs = require("fs");
const path = require("path");
const ort = require(path.join(process.env.WEIR_PEERS, "node_modules", "onnxruntime-node"));

const peakMb = () => Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status"))[1]) * 1024e-6;

async function main() {
  const args = process.argv.slice(2);
  if (args[0] === "--version") return console.log(ort.env.versions.node);
  const startup = args[0] === "--startup";
  const [file, ...numbers] = args.slice(startup ? 1 : 0);
  const [batch, threads, seconds] = numbers.map(Number);
  const model = path.basename(file, ".onnx");
  const baseMb = peakMb();
  let start = performance.now();
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential", graphOptimizationLevel: "all",
    logSeverityLevel: 3 });
  const dims = [batch, ...session.inputMetadata[0].shape.slice(1)];
  if (!dims.every(Number.isInteger)) throw new Error(`the file leaves more than the batch free: [${dims}]`);
  const x = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", x, dims) };
  await session.run(feeds);
  const row = ["onnxruntime", model, batch, threads].join(",");
  if (startup) {
    const firstMs = performance.now() - start;
    return console.log([row, firstMs.toFixed(3), peakMb().toFixed(1), baseMb.toFixed(1)].join(","));
  }
  for (let i = 0; i < 2; ++i) await session.run(feeds);
  const ms = [];
  const begin = performance.now();
  while (ms.length < 3 || performance.now() - begin < 1e3 * seconds) {
    start = performance.now();
    await session.run(feeds);
    ms.push(performance.now() - start);
  }
  ms.sort((a, b) => a - b);
  const median = (ms[(ms.length - 1) >> 1] + ms[ms.length >> 1]) / 2;
  console.log([row, ms[0].toFixed(3), median.toFixed(3)].join(","));
}

main().catch((error) => { console.error(error.message); process.exit(1); });
