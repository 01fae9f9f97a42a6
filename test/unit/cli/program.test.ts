import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CLI_DOC, withTables } from '../../../scripts/cliTables.ts'
import { DEVNET_FILE, locateHome } from '../../../src/cli/context.ts'
import { errorSchema, resultSchemas, runProgram } from '../../../src/cli/index.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { createConfig, homeAt, readHome } from '../../../src/node/index.ts'
import { formatReceiptFile } from '../../../src/protocol/index.ts'
import { networkFileOf } from '../../support/networkFile.ts'
import { makeReceiptFixture } from '../../support/receiptFixture.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-cli-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** The last line of stdout. */
  readonly json: Record<string, unknown>
}

async function run(line: string, signal = new AbortController().signal): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    environment: { HOME: directory },
    workingDirectory: directory,
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  }
  const exit = await runProgram(['node', 'opg', ...line.split(' ')], {}, terminal, signal)
  const stdout = out.join('')
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return { exit, stdout, stderr: err.join(''), json: last.startsWith('{') ? JSON.parse(last) : {} }
}

const errorOf = ({ json }: Ran) => errorSchema.parse(json).error

async function writeReceipt(
  decision: 'accepted' | 'rejected' = 'accepted',
): Promise<{ receipt: string; network: string }> {
  const { file, authority } = await makeReceiptFixture(decision)
  const receipt = join(directory, 'receipt.json')
  const network = join(directory, 'network.json')
  await writeFile(receipt, formatReceiptFile(file))
  await writeFile(network, networkFileOf(file.network, [authority.trustRoot]))
  return { receipt, network }
}

describe('opg', () => {
  test('prints its version as one line, or one object', async () => {
    expect((await run('version')).stdout).toMatch(/^opg \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/)
    const ran = await run('version --json')
    expect([ran.exit, ran.stderr]).toEqual([0, ''])
    resultSchemas.version.parse(ran.json)
  })

  test.each([
    ['nod', 2],
    ['infer classifier', 2],
    ['infer classifier --input a.json --mode audited', 2],
    ['infer classifier --input a.json --max-fee 1.5', 2],
    ['quote', 2],
    ['quote classifier --units 2 --input a.json', 2],
    ['job retry 0x12', 2],
    ['job list --last 0', 2],
    ['batch show minus-one', 2],
    ['devnet up --providers 0', 2],
    ['devnet up --evidence nitro,sgx', 2],
    ['node start --role miner', 2],
    ['node status', 4],
    ['offers', 2],
    ['receipt verify nowhere.json', 2],
    ['devnet status', 2],
    ['stake add 0 --role verifier', 2],
    ['stake add 1', 2],
    ['stake show', 2],
    ['gov vote 1 maybe', 2],
    ['gov propose param networkShare 1500', 2],
    ['gov propose param networkFee 1500 --title fee', 2],
    ['committee show --epoch next', 2],
    ['rewards claim', 2],
    ['model deprecate opg/classifier --reason defect', 2],
    ['model deprecate 0x12 --reason boredom', 2],
    ['wallet create', 2],
  ])('ends "%s" with exit code %i, its words on stderr and nothing on stdout', async (line, exit) => {
    const plain = await run(line)
    expect([plain.exit, plain.stdout]).toEqual([exit, ''])
    expect(plain.stderr).toMatch(/^opg: [a-z-]+: /)
    const json = await run(`${line} --json`)
    expect([json.exit, json.stderr]).toEqual([exit, ''])
    expect(errorOf(json).code).toMatch(/^[a-z-]+$/)
  })

  test('shows help with an example for every command and ends with 0', async () => {
    const program = createProgram({ run: async () => undefined, out: () => undefined, err: () => undefined })
    const leaves = (command: Command, path: readonly string[] = []): string[] =>
      command.commands.length === 0
        ? [path.join(' ')]
        : command.commands.flatMap((each) => leaves(each, [...path, each.name()]))
    const commands = leaves(program)
    expect(commands).toEqual(expect.arrayContaining(['node start', 'stake add', 'gov propose param', 'model accept']))
    for (const command of commands) {
      const { exit, stdout } = await run(`${command} --help`)
      expect([command, exit]).toEqual([command, 0])
      expect(stdout).toMatch(new RegExp(`\\$ (?:OPG_\\S+ )?opg ${command}\\b`))
    }
  })

  test('says that it was interrupted, with 130, whatever the command made of it', async () => {
    const abort = new AbortController()
    abort.abort('SIGINT')
    const ran = await run('node status --json', abort.signal)
    expect([ran.exit, errorOf(ran).code]).toEqual([130, 'interrupted'])
  })
})

describe('opg init', () => {
  test('makes a home with a key of its own, once', async () => {
    const { network } = await writeReceipt()
    const home = join(directory, 'home')
    const line = `init --network ${network} --home ${home} --role provider verifier --rpc http://127.0.0.1:1 --json`
    const made = await run(line)
    expect(made.exit).toBe(0)
    resultSchemas.init.parse(made.json)
    const { config } = await readHome(homeAt(home))
    expect(config).toEqual(createConfig({ roles: ['provider', 'verifier'], rpc: ['http://127.0.0.1:1'] }))
    const key = JSON.parse(await readFile(String(made.json.key), 'utf8'))
    expect(`0x${key.address}`).toBe(String(made.json.operator).toLowerCase())
    const again = await run(line)
    expect([again.exit, errorOf(again).code]).toEqual([2, 'home-taken'])
  })
})

describe('opg receipt verify', () => {
  test('says what holds and what it could not check (R6)', async () => {
    const { receipt, network } = await writeReceipt()
    const ran = await run(`receipt verify ${receipt} --network ${network} --json`)
    expect(ran.exit).toBe(0)
    const result = resultSchemas['receipt verify'].parse(ran.json)
    expect(result).toMatchObject({
      assurance: 'simulated',
      payment: 'unpaid (channel 0)',
      decision: 'accepted',
      votes: 7,
      replayed: 7,
      batch: 6,
    })
    expect(result.notChecked).toContain('committee-draw')
    const plain = await run(`receipt verify ${receipt} --network ${network}`)
    expect(plain.stdout).toContain('unpaid (channel 0)')
    expect(plain.stdout).toMatch(/assurance +simulated/)
  })

  test('ends with 3 for a changed field, a rejected receipt, another network, no trust root', async () => {
    const { receipt, network } = await writeReceipt()
    const text = await readFile(receipt, 'utf8')
    await writeFile(receipt, text.replace(/"sequence":12/, '"sequence":13'))
    const changed = await run(`receipt verify ${receipt} --network ${network} --json`)
    expect([changed.exit, errorOf(changed).code]).toEqual([3, 'receipt-signature'])
    await writeFile(receipt, `${text}\n`)
    const spaced = await run(`receipt verify ${receipt} --network ${network} --json`)
    expect([spaced.exit, errorOf(spaced).code]).toEqual([3, 'receipt-file-not-canonical'])
    await writeFile(receipt, text)
    const bare = await run(`receipt verify ${receipt} --json`)
    expect([bare.exit, errorOf(bare).code]).toEqual([3, 'evidence-refused'])
    expect(errorOf(bare).hint).toContain('--network')
    const foreign = (await readFile(network, 'utf8')).replace(/"networkId": "0x../, '"networkId": "0xff')
    await writeFile(network, foreign)
    const other = await run(`receipt verify ${receipt} --network ${network} --json`)
    expect([other.exit, errorOf(other).code]).toEqual([3, 'receipt-foreign'])
    const rejected = await writeReceipt('rejected')
    const refused = await run(`receipt verify ${rejected.receipt} --network ${rejected.network} --json`)
    expect([refused.exit, errorOf(refused).code]).toEqual([3, 'receipt-rejected'])
    expect(errorOf(refused).message).toContain('output-mismatch')
  })

  test('asks for a network file before it asks a chain', async () => {
    const { receipt } = await writeReceipt()
    const ran = await run(`receipt verify ${receipt} --rpc http://127.0.0.1:1 --json`)
    expect([ran.exit, errorOf(ran).code]).toEqual([2, 'network-missing'])
  })
})

describe('the home of a command', () => {
  test('is the one given, else OPG_HOME, else the devnet here, else the one of the user', async () => {
    const here = join(directory, 'here')
    const surroundings = { environment: { HOME: directory }, workingDirectory: here }
    expect(locateHome(undefined, surroundings).directory).toBe(join(directory, '.opg', 'devnet'))
    await mkdir(join(here, '.opg', 'devnet'), { recursive: true })
    await writeFile(join(here, '.opg', 'devnet', DEVNET_FILE), '{}')
    expect(locateHome(undefined, surroundings).directory).toBe(join(here, '.opg', 'devnet', 'requester-0'))
    const environment = { HOME: directory, OPG_HOME: '/set' }
    expect(locateHome(undefined, { ...surroundings, environment }).directory).toBe('/set')
    expect(locateHome('/given', { ...surroundings, environment }).directory).toBe('/given')
  })
})

describe('docs/cli.md', () => {
  test('has the exit codes, configuration and schemas of the code', async () => {
    const document = await readFile(CLI_DOC, 'utf8')
    expect(withTables(document)).toBe(document)
  })
})
