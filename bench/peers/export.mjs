// Runs models that dlc exported in ONNX Runtime, and compares the outputs with dlc's own.
//
//   node bench/peers/export.mjs [MODEL.dl...]      (default: all of bench/models and examples)
//
// It needs the package onnxruntime-node under ${PEERS:-~/.cache/dlc-peers}. Weights are those beside the source, or random where there are none. Three random
// examples go through dlc one by one and through ONNX Runtime as one batch. A line a model: the largest difference, and the largest output beside it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const peers = process.env.PEERS ?? join(homedir(), '.cache', 'dlc-peers')
const ort = createRequire(join(peers, 'node_modules', 'x.js'))('onnxruntime-node')
const dir = mkdtempSync(join(tmpdir(), 'dlc-export-'))
const dlc = join(dir, 'dlc')
const examples = 3
const tolerance = 1e-4 // of the largest output

let state = 1
function random() { // uniform in -1..1 (Marsaglia, Xorshift RNGs, 2003)
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5
  return state / 2 ** 31
}

const run = (...args) => execFileSync(dlc, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'inherit'] })
const elements = shape => shape.reduce((a, b) => a * b, 1)

// randomWeights writes a safetensors file with numbers such as training leaves.
function randomWeights(ir, file) {
  const header = {}, parts = []
  let size = 0
  for (const [, name, dims, kind, scale] of ir.matchAll(/^param @(\S+): f32\[([\d,]*)\] = (\w+)(?:\(([^,)]*))?/gm)) {
    const shape = dims === '' ? [] : dims.split(',').map(Number)
    const low = kind === 'ones' ? 1 : 0, width = kind === 'ones' || kind === 'zeros' ? 0.3 : Number(scale)
    const data = Float32Array.from({ length: elements(shape) }, () => low + width * random())
    header[name] = { dtype: 'F32', shape, data_offsets: [size, size += data.byteLength] }
    parts.push(Buffer.from(data.buffer))
  }
  let text = JSON.stringify(header)
  text += ' '.repeat((8 - text.length % 8) % 8)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(file, Buffer.concat([length, Buffer.from(text), ...parts]))
}

// outputsOf are the numbers of each output that dlc run printed for one example.
const outputsOf = line => JSON.parse(line).outputs

async function check(source) {
  const name = basename(source, '.dl'), model = join(dir, name + '.onnx')
  const ir = run('ir', source)
  let weights = source.replace(/\.dl$/, '.safetensors')
  if (!existsSync(join(root, weights))) randomWeights(ir, weights = join(dir, name + '.safetensors'))
  run('export', source, '-o', model, '--weights', weights)
  const [, input, dims] = /^func infer\[N\]\(\s*%(\w+): f32\[N,([\d,]*)\]/m.exec(ir)
  const shape = dims.split(',').map(Number), one = elements(shape)
  const batch = Float32Array.from({ length: examples * one }, random)
  const files = []
  for (let i = 0; i < examples; i++) {
    files.push(join(dir, `${name}${i}.f32`))
    writeFileSync(files[i], Buffer.from(batch.buffer, 4 * i * one, 4 * one))
  }
  const lines = run('run', source, ...files, '--weights', weights, '--json').trim().split('\n')
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 })
  const got = await session.run({ [input]: new ort.Tensor('float32', batch, [examples, ...shape]) })
  let worst = 0, largest = 0
  lines.forEach((line, i) => {
    for (const [output, want] of Object.entries(outputsOf(line))) {
      const all = got[output].data, n = all.length / examples
      const list = [want].flat(Infinity)
      if (list.length !== n) throw new Error(`${name}: output ${output} has ${n} numbers for an example, not ${list.length}`)
      list.forEach((x, k) => {
        worst = Math.max(worst, Math.abs(x - all[i * n + k]))
        largest = Math.max(largest, Math.abs(x))
      })
    }
  })
  const ok = worst <= tolerance * largest
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} largest difference ${worst.toExponential(1)}, largest output ${largest.toExponential(1)}`)
  return ok
}

try {
  execFileSync('go', ['build', '-o', dlc, './cmd/dlc'], { cwd: root })
  let sources = process.argv.slice(2)
  if (sources.length === 0) {
    sources = readdirSync(join(root, 'bench', 'models')).filter(f => f.endsWith('.dl')).map(f => join('bench', 'models', f))
    for (const d of readdirSync(join(root, 'examples'), { withFileTypes: true }).filter(d => d.isDirectory())) {
      const dir = join('examples', d.name)
      sources.push(...readdirSync(join(root, dir)).filter(f => f.endsWith('.dl')).map(f => join(dir, f)))
    }
  }
  for (const s of sources) if (!await check(s)) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true })
}
