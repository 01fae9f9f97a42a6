import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wrapFetchWithPayment } from '@x402/fetch'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountOf } from '../../devnet/deploy.ts'
import { DEVNET_USDC } from '../../devnet/stage.ts'
import { type Devnet, startDevnet } from '../../devnet/supervisor.ts'
import {
  devnetPrivateKey,
  type Home,
  nodeSecp256k1,
  WALLET_FILE,
  writeWallet,
  writeWhole,
} from '../../src/node/index.ts'
import { readChannelBooks } from '../../src/payment/index.ts'
import { bytesToBase64, bytesToHex, encodeTensors, type Voucher } from '../../src/protocol/index.ts'
import { openStore } from '../../src/store/index.ts'
import { configure, payerOf, startServer } from '../support/gatewayProcess.ts'
import { opg, resultOf } from '../support/opg.ts'
import { quiet } from '../support/peers.ts'

const CLASSIFIER = fileURLToPath(new URL('../../devnet/models/classifier', import.meta.url))
const SEED = 'secrets'
const ROLES = ['provider', 'verifier', 'settler', 'requester'].flatMap((role) => [role, `${role}-owner`])
const PASSWORD = 'correct horse battery staple'
/** A picture like no other: its number is in no hash and no time by chance. */
const PIXEL = 0.6171834
const picture = Float32Array.from({ length: 64 }, () => PIXEL)
/** All that starts with 65 bytes in hex: vouchers, claims, authorizations of EIP-3009 and Permit2, signed jobs. */
const SIGNATURE = /0x[0-9a-f]{130}/i

let directory: string
let devnet: Devnet
/** All that processes wrote, by who wrote it. */
const written = new Map<string, string>()

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-e2e-logs-'))
  devnet = await startDevnet({
    ...{ directory, seed: SEED, verifiers: 3, requesters: 3, models: [CLASSIFIER] },
    configure: () => ({ log: { level: 'trace' } }),
  })
}, 300_000)

afterAll(async () => {
  await devnet?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 120_000)

const keep = (who: string, text: string): void => void written.set(who, `${written.get(who) ?? ''}${text}`)

/** Runs a command of a home; what it says is kept. */
async function run(home: string, ...args: string[]) {
  const ran = await opg([...args, '--home', home], { environment: { OPG_WALLET_PASSWORD: PASSWORD } })
  keep(`opg ${args.join(' ')}`, `${ran.stdout}${ran.stderr}`)
  expect([args[0], ran.exit, ran.stderr]).toEqual([args[0], 0, ran.stderr])
  return ran
}

/** Everything a paid network does, from the first deposit to the last payout. Returns what must be nowhere. */
async function playAll(): Promise<readonly Voucher[]> {
  const requester = devnet.requesterHome(0)
  const { home: provider, operator } = devnet.node('provider-0')
  await rm(requester.path(WALLET_FILE))
  const wallet = { network: devnet.network, privateKey: devnetPrivateKey(SEED, 'requester-owner', 0), devnet: false }
  await writeWallet(requester, wallet, nodeSecp256k1(), { OPG_WALLET_PASSWORD: PASSWORD })
  const input = join(directory, 'picture.json')
  await writeWhole(input, JSON.stringify({ image: [Array.from({ length: 8 }, () => Array(8).fill(PIXEL))] }))
  const infer = ['infer', 'classifier', '--input', input, '--timeout', '120']
  await run(requester.directory, ...infer, '--mode', 'quorum', '--json')
  await run(requester.directory, ...infer, '--mode', 'local', '--tier', 'tee+replay')
  await run(requester.directory, 'channel', 'list', '--json')
  await run(requester.directory, 'channel', 'top-up', operator, '1')
  await playGateway()
  resultOf('channel claim', await run(provider.directory, 'channel', 'claim', '--json'))
  await run(requester.directory, 'channel', 'refund', operator, '--json')
  return await vouchersOf(requester)
}

/** An x402 client pays the gateway, which pays the provider. */
async function playGateway(): Promise<void> {
  const log = { level: 'trace' } as const
  await configure(devnet.requesterHome(2), { log, facilitator: { tokens: [DEVNET_USDC] } })
  const facilitator = await startServer('facilitator', devnet.requesterHome(2))
  const usdc = { asset: DEVNET_USDC, perOPG: '1000000000', name: 'USDC', version: '2', marginPpm: 50_000 }
  await configure(devnet.requesterHome(1), {
    ...{ log, metrics: { port: 0 } },
    gateway: {
      ...{ facilitator: facilitator.url, payTo: `0x${'be'.repeat(20)}`, tier: 'replay', mode: 'local' },
      accepts: [
        { ...usdc, scheme: 'exact' },
        { ...usdc, scheme: 'batch-settlement' },
      ],
    },
  })
  const gateway = await startServer('gateway', devnet.requesterHome(1))
  const account = accountOf(devnetPrivateKey(SEED, 'requester-owner', 1))
  try {
    for (const scheme of ['exact', 'batch-settlement'] as const) {
      const payer = payerOf(account, devnet.anvil.client, `eip155:${devnet.network.chainId}`, scheme)
      const inputs = [{ name: 'image', datatype: 'FP32', shape: [1, 8, 8], data: [...picture].fill(PIXEL) }]
      const answer = await wrapFetchWithPayment(fetch, payer)(`${gateway.url}/v2/models/classifier/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs }),
      })
      expect([scheme, answer.status, await answer.text()]).toEqual([
        scheme,
        200,
        expect.stringContaining('opg_receipt'),
      ])
    }
  } finally {
    await gateway.stop()
    await facilitator.stop()
    keep('opg gateway', gateway.log())
    keep('opg facilitator', facilitator.log())
  }
}

/** The vouchers in the books of a home whose process is gone. */
async function vouchersOf(home: Home): Promise<Voucher[]> {
  const store = await openStore(home.wallet, { clock: Date.now, logger: quiet })
  try {
    const books = await readChannelBooks(store, 'payer')
    return books.flatMap(({ account }) => account.voucher ?? [])
  } finally {
    await store.close()
  }
}

/** The ways in which bytes come into a log: hex, base64 wherever it begins, and numbers. */
function formsOf(bytes: Uint8Array): string[] {
  const encoded = [0, 1, 2].map((skipped) => bytesToBase64(bytes.subarray(skipped)).slice(0, -4))
  return [bytesToHex(bytes).slice(2), ...encoded, bytes.join(','), bytes.join(', ')]
}

test('a paid network at its most talkative tells no key, no voucher, no authorization, no password and no input', {
  timeout: 600_000,
}, async () => {
  const vouchers = await playAll()
  await devnet.stop()
  for (const { name, logFile } of devnet.nodes) keep(name, await readFile(logFile, 'utf8'))
  const keys = ROLES.flatMap((role) => [0, 1, 2].map((index) => devnetPrivateKey(SEED, role, index)))
  const tensor = encodeTensors({ image: { dtype: 'F32', shape: [1, 8, 8], data: picture } })
  const secrets = {
    key: keys.flatMap(formsOf),
    voucher: vouchers.map(({ signature }) => signature.slice(2)),
    password: [PASSWORD],
    input: [`${PIXEL}`, ...formsOf(tensor.subarray(-96))],
  }
  expect(vouchers).toHaveLength(1)
  for (const [who, text] of written) {
    for (const [kind, forms] of Object.entries(secrets)) {
      const found = forms.filter((form) => text.toLowerCase().includes(form.toLowerCase()))
      expect({ who, kind, found }).toEqual({ who, kind, found: [] })
    }
    expect({ who, signature: SIGNATURE.exec(text)?.[0] }).toEqual({ who, signature: undefined })
  }
  const told = (who: string): string => written.get(who) ?? ''
  expect(told('provider-0')).toContain(vouchers[0]?.channel)
  expect(told('provider-0')).toMatch(/"level":(?:10|20|"trace"|"debug")/)
  expect(told('opg gateway')).toContain('request paid')
})
