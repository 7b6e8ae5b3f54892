// Runs models that PyTorch exported in ONNX Runtime on random inputs, and records both in the form of ONNX's backend tests.
//
//   node bench/peers/import.mjs FOLDER MODEL.onnx...      (writes FOLDER/NAME/model.onnx and FOLDER/NAME/test_data_set_0)
//
// It needs the package onnxruntime-node under ${PEERS:-~/.cache/dlc-peers}. A line a model: its name, its largest output,
// and the largest difference between the outputs of two neighbouring examples.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'

const peers = process.env.PEERS ?? join(homedir(), '.cache', 'dlc-peers')
const ort = createRequire(join(peers, 'node_modules', 'x.js'))('onnxruntime-node')
const [folder, ...models] = process.argv.slice(2)

let state = 1
function random() { // uniform in -1..1 (Marsaglia, Xorshift RNGs, 2003)
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5
  return state / 2 ** 31
}

function varint(n) {
  const bytes = []
  for (; n > 127; n = Math.floor(n / 128)) bytes.push(n % 128 + 128)
  return Buffer.from([...bytes, n])
}

// tensor is a TensorProto of FLOAT: its dims, its type, and its elements as raw bytes.
function tensor(dims, data) {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.concat([...dims.flatMap(d => [Buffer.from([1 << 3]), varint(d)]), Buffer.from([2 << 3, 1, 9 << 3 | 2]), varint(raw.length), raw])
}

for (const model of models) {
  const name = basename(model, '.onnx'), data = join(folder, name, 'test_data_set_0')
  mkdirSync(data, { recursive: true })
  copyFileSync(model, join(folder, name, 'model.onnx'))
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 })
  const feeds = {}
  session.inputMetadata.forEach(({ name, type, shape }, i) => {
    if (type !== 'float32' || !shape.every(d => d > 0)) throw new Error(`${model}: input ${name} is ${type}[${shape}], not float32 of known extents`)
    const x = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random)
    feeds[name] = new ort.Tensor('float32', x, shape)
    writeFileSync(join(data, `input_${i}.pb`), tensor(shape, x))
  })
  const got = await session.run(feeds)
  let largest = 0, apart = 0
  session.outputNames.forEach((name, i) => {
    const { data: y, dims } = got[name], one = y.length / dims[0]
    for (let k = 0; k < y.length; k++) {
      largest = Math.max(largest, Math.abs(y[k]))
      if (k >= one) apart = Math.max(apart, Math.abs(y[k] - y[k - one]))
    }
    writeFileSync(join(data, `output_${i}.pb`), tensor(got[name].dims, got[name].data))
  })
  console.log(name, largest, apart)
}
