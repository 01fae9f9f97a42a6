import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseSign1 } from '../../../src/attestation/cose.ts'
import {
  type Attester,
  createSimulatedAuthority,
  createSimulatedSnpAuthority,
  createSimulatedTdxAuthority,
  devnetPolicy,
  encodeCollateral,
  parseCollateral,
  type TrustRoot,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { parseNitroDocument } from '../../../src/attestation/nitro/document.ts'
import { createAttester, createGpuAttester } from '../../../src/node/attester.ts'
import type { AttesterPlaces } from '../../../src/node/attesters/places.ts'
import {
  readSnpAuthority,
  readTdxAuthority,
  writeAuthority,
  writeSnpAuthority,
  writeTdxAuthority,
} from '../../../src/node/attesters/simulated.ts'
import { codeMeasurement } from '../../../src/node/codeMeasurement.ts'
import { type ConfigInput, createConfig } from '../../../src/node/config.ts'
import { homeAt } from '../../../src/node/home.ts'
import { nodePorts } from '../../../src/node/node.ts'
import { bytesToHex, type Profile } from '../../../src/protocol/index.ts'

const OPERATOR = `0x${'ab'.repeat(20)}` as const
const REPORT_DATA = new Uint8Array(32).fill(0xcd)
const PADDED = 'cd'.repeat(32) + '00'.repeat(32)

let directory: string
let places: AttesterPlaces
let servers: Server[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-attester-'))
  servers = []
  places = {
    configfs: join(directory, 'configfs'),
    tsmReports: join(directory, 'configfs', 'tsm', 'report'),
    nsmDevice: join(directory, 'nsm'),
    nsmHelper: 'nsm-cli',
    dstackSockets: [join(directory, 'dstack.sock'), join(directory, 'tappd.sock')],
    path: directory,
  }
})
afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true, force: true })
})

const attesterOf = (attester: ConfigInput['attester'], profile: Profile = 'devnet'): Promise<Attester> =>
  createAttester(nodePorts(), {
    config: createConfig(attester === undefined ? {} : { attester }),
    home: homeAt(directory),
    profile,
    operator: OPERATOR,
    models: [],
    places,
  })

async function simulatedAgent(name: string): Promise<void> {
  const server = createServer((_, response) => response.end(JSON.stringify({ quote: PADDED, event_log: '[]' })))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(join(directory, name), resolve))
}

async function writeTestAuthority(): Promise<void> {
  const { subtle, random } = nodePorts()
  const authority = await createSimulatedAuthority({ subtle, random }, { label: 'unit', now: Date.now() })
  await writeAuthority(join(directory, 'authority'), authority)
}

describe('the attester of a configuration', () => {
  test('simulated measures the code that runs', async () => {
    await writeTestAuthority()
    const attester = await attesterOf({ kind: 'simulated', authority: 'authority' })
    const { document } = await attester.attest(REPORT_DATA, Date.now())
    const message = parseSign1(document)
    const payload = message.ok ? parseNitroDocument(message.value.payload) : message
    expect(payload.ok && payload.value.pcrs.get(0)).toEqual(await codeMeasurement())
  })

  test.each([
    ['tdx', 'mrtd', `ppid-${'ab'.repeat(16)}`],
    ['sev-snp', 'measurement', `amd:${'ab'.repeat(20)}${'00'.repeat(44)}`],
  ] as const)(
    'simulated makes documents of format %s too, which verifiers take under its root alone',
    async (...row) => {
      const [format, register, instanceId] = row
      const { subtle, random, attestation } = nodePorts()
      const init = { label: 'unit', product: 'Milan', now: Date.now(), modulusLength: 2_048 } as const
      const folder = join(directory, 'authority')
      const tdx = await createSimulatedTdxAuthority({ subtle, random }, init)
      await writeTdxAuthority(folder, tdx)
      const snp = await createSimulatedSnpAuthority({ subtle, random }, init)
      await writeSnpAuthority(folder, snp)
      const written = format === 'tdx' ? tdx : snp
      const attester = await attesterOf({ kind: 'simulated', authority: 'authority', format })
      expect(attester.kind).toBe(format)
      const now = Date.now()
      const evidence = { kind: attester.kind, ...(await attester.attest(REPORT_DATA, now)) }
      const judge = (trustRoots: readonly TrustRoot[]) =>
        verifyEvidence(evidence, {
          now,
          trustRoots,
          expectedReportData: REPORT_DATA,
          boundAt: now,
          policy: devnetPolicy(),
          crypto: attestation,
        })
      const verdict = await judge([written.trustRoot])
      if (!verdict.ok) throw verdict.error
      expect(verdict.value).toMatchObject({
        assurance: 'simulated',
        instanceId,
        measurements: { [register]: bytesToHex(await codeMeasurement()) },
      })
      const refused = await judge(vendorRoots())
      expect(!refused.ok && refused.error.code).toBe('untrusted-root')
    },
  )

  test('fault: an SNP authority whose key is another, or whose files are Nitro ones: bad-authority', async () => {
    const { subtle, random } = nodePorts()
    const init = { label: 'unit', product: 'Genoa', now: Date.now(), modulusLength: 2_048 } as const
    const [first, second] = await Promise.all([0, 1].map(() => createSimulatedSnpAuthority({ subtle, random }, init)))
    const [own, others] = await Promise.all([first?.exportPem(), second?.exportPem()])
    if (own === undefined || others === undefined) throw new Error('expected two authorities')
    const folder = join(directory, 'authority')
    await mkdir(folder)
    await writeFile(join(folder, 'snp-chain.pem'), own.certificate)
    await writeFile(join(folder, 'snp-key.pem'), others.privateKey)
    await expect(readSnpAuthority(folder, { subtle, random })).rejects.toMatchObject({ code: 'bad-authority' })
    await writeFile(join(folder, 'snp-key.pem'), own.privateKey)
    expect((await readSnpAuthority(folder, { subtle, random })).product).toBe('Genoa')
    const nitro = await createSimulatedAuthority({ subtle, random }, { label: 'unit', now: Date.now() })
    await writeFile(join(folder, 'snp-chain.pem'), (await nitro.exportPem()).certificate)
    await expect(readSnpAuthority(folder, { subtle, random })).rejects.toMatchObject({ code: 'bad-authority' })
  })

  test('fault: a TDX authority that is absent or another format’s: not opened', async () => {
    const config = { kind: 'simulated', authority: 'authority', format: 'tdx' } as const
    await writeTestAuthority()
    await expect(attesterOf(config)).rejects.toMatchObject({ code: 'ENOENT' })
    const folder = join(directory, 'authority')
    for (const [from, to] of [
      ['root.pem', 'tdx-chain.pem'],
      ['key.pem', 'tdx-keys.pem'],
    ] as const)
      await copyFile(join(folder, from), join(folder, to))
    await expect(readTdxAuthority(folder, nodePorts())).rejects.toMatchObject({ code: 'bad-authority' })
  })

  test('none is attester-missing', async () => {
    await expect(attesterOf({ kind: 'none' })).rejects.toMatchObject({ code: 'attester-missing' })
    await expect(attesterOf(undefined)).rejects.toMatchObject({ code: 'attester-missing' })
  })

  test('auto finds nothing where there is nothing, and never the simulated one', async () => {
    await writeTestAuthority()
    await expect(attesterOf({ kind: 'auto' })).rejects.toMatchObject({ code: 'attester-missing' })
  })

  test('auto and dstack take the socket of the guest agent, the older one where it is alone', async () => {
    await simulatedAgent('tappd.sock')
    for (const kind of ['auto', 'dstack'] as const) {
      const attester = await attesterOf({ kind }, 'production')
      expect(attester.kind).toBe('tdx-dstack')
      expect((await attester.attest(REPORT_DATA, 0)).document.length).toBeGreaterThan(0)
    }
  })

  test('dstack without a socket is attester-missing; one that is named is asked when evidence is due', async () => {
    await expect(attesterOf({ kind: 'dstack' })).rejects.toMatchObject({ code: 'attester-missing' })
    const named = await attesterOf({ kind: 'dstack', socket: join(directory, 'none.sock') })
    await expect(named.attest(REPORT_DATA, 0)).rejects.toMatchObject({ code: 'attester-unavailable' })
  })

  test('configfs-tsm without the kernel is attester-unavailable', async () => {
    await expect(attesterOf({ kind: 'configfs-tsm' })).rejects.toMatchObject({ code: 'attester-unavailable' })
  })

  test('a GPU is attested where a tool is named', async () => {
    expect(createGpuAttester(createConfig())).toBeUndefined()
    const gpu = createGpuAttester(createConfig({ gpu: {} }), places)
    expect(gpu?.kind).toBe('nvidia-gpu')
    await expect(gpu?.attest(REPORT_DATA, 0)).rejects.toMatchObject({ code: 'attester-unavailable' })
  })
})

describe('fault: on a production network', () => {
  test('the simulated attester is attester-refused, before its authority is read (R6)', async () => {
    const made = attesterOf({ kind: 'simulated', authority: 'none' }, 'production')
    await expect(made).rejects.toMatchObject({ code: 'attester-refused', detail: { attester: 'simulated' } })
  })
})

describe('collateral from a file', () => {
  test('travels with each document, as the file is then', async () => {
    await simulatedAgent('dstack.sock')
    const attester = await attesterOf({ kind: 'dstack', collateral: 'bundle' })
    for (const byte of [1, 2]) {
      const item = new Uint8Array(4).fill(byte)
      await writeFile(join(directory, 'bundle'), encodeCollateral(new Map([['intel/tcb-info', item]])))
      const carried = parseCollateral((await attester.attest(REPORT_DATA, 0)).collateral)
      expect(carried.ok && [...carried.value]).toEqual([['intel/tcb-info', item]])
    }
  })

  test('fault: absent, or no bundle: collateral-unreadable', async () => {
    await simulatedAgent('dstack.sock')
    const attester = await attesterOf({ kind: 'dstack', collateral: 'bundle' })
    await expect(attester.attest(REPORT_DATA, 0)).rejects.toMatchObject({ code: 'collateral-unreadable' })
    await writeFile(join(directory, 'bundle'), 'text')
    await expect(attester.attest(REPORT_DATA, 0)).rejects.toMatchObject({ code: 'collateral-unreadable' })
  })
})
