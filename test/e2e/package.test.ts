import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatReceiptFile } from '../../src/protocol/index.ts'
import { networkFileOf } from '../support/networkFile.ts'
import { opg, resultOf } from '../support/opg.ts'
import { makeReceiptFixture } from '../support/receiptFixture.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

let directory: string
let installed: string
let program: string

/** The tarball unpacked where npm would put it, with the dependencies it declares and no others. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-package-'))
  const modules = join(directory, 'node_modules')
  installed = join(modules, '@opg', 'node')
  await mkdir(installed, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root })
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], {
    cwd: root,
  })
  const [packed] = JSON.parse(stdout)
  await run('tar', ['-xzf', join(directory, packed.filename), '-C', installed, '--strip-components=1'])
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  program = join(installed, 'bin', 'opg.js')
}, 300_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

describe('the packed package', { timeout: 300_000 }, () => {
  test('holds built JavaScript only', async () => {
    const files = await readdir(installed, { recursive: true })
    expect(files.filter((name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))).toEqual([])
    expect(files).toContain(join('dist', 'src', 'cli', 'main.js'))
    expect(files.filter((name) => name.startsWith('src'))).toEqual([])
  })

  test('says its version', async () => {
    const ran = await opg(['version', '--json'], { program })
    expect([ran.exit, ran.stderr]).toEqual([0, ''])
    const { version } = resultOf('version', ran)
    expect(version).toBe(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version)
  })

  test('verifies a receipt file', async () => {
    const { file, authority } = await makeReceiptFixture()
    const [receipt, network] = [join(directory, 'receipt.json'), join(directory, 'network.json')]
    await writeFile(receipt, formatReceiptFile(file))
    await writeFile(network, networkFileOf(file.network, [authority.trustRoot]))
    const ran = await opg(['receipt', 'verify', receipt, '--network', network, '--json'], { program })
    expect(resultOf('receipt verify', ran)).toMatchObject({
      decision: 'accepted',
      assurance: 'simulated',
    })
  })

  test('says that a devnet needs a checkout', async () => {
    const ran = await opg(['devnet', 'status', '--json'], { program })
    expect([ran.exit, ran.json.ok]).toEqual([2, false])
  })

  test('starts its inference workers', async () => {
    const script = join(directory, 'workers.mjs')
    const inference = join(installed, 'dist', 'src', 'inference', 'index.js')
    await writeFile(
      script,
      `const { onnxEngine } = await import(${JSON.stringify(inference)})
const engine = onnxEngine({ workers: 1 })({ clock: Date.now })
await engine.start()
process.stdout.write(engine.runtimeClass)
await engine.stop()
`,
    )
    const { stdout } = await run(process.execPath, [script])
    expect(stdout).toMatch(/^0x[0-9a-f]{64}$/)
  })
})
