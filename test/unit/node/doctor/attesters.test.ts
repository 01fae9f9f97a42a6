import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { confidentialIn, readyIn } from '../../../../src/node/attesters/gpuReadiness.ts'
import type { AttesterPlaces } from '../../../../src/node/attesters/places.ts'
import { type ConfigInput, createConfig } from '../../../../src/node/config.ts'
import { examineAttesters, examineConfigured } from '../../../../src/node/doctor/attesters.ts'
import type { AttesterFinding } from '../../../../src/node/doctor/findings.ts'
import { simulatedTool } from '../../../support/simulatedTools.ts'

let directory: string
let places: AttesterPlaces
let servers: Server[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-doctor-'))
  servers = []
  places = {
    configfs: join(directory, 'configfs'),
    tsmReports: join(directory, 'configfs', 'report'),
    nsmDevice: join(directory, 'nsm'),
    nsmHelper: 'nsm-cli',
    dstackSockets: [join(directory, 'dstack.sock'), join(directory, 'tappd.sock')],
    path: join(directory, 'bin'),
  }
  await mkdir(places.path)
})
afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true, force: true })
})

async function install(name: string, main: string): Promise<void> {
  const made = await simulatedTool(directory, name, `async ${main}`)
  const path = join(places.path, name)
  await copyFile(made, path)
  await writeFile(join(places.path, 'package.json'), '{"type":"module"}')
  await chmod(path, 0o755)
}

const findingOf = async (
  name: AttesterFinding['attester'],
  profile?: 'devnet' | 'production',
): Promise<AttesterFinding | undefined> =>
  (await examineAttesters(places, undefined, profile)).find(({ attester }) => attester === name)

describe('opg doctor on a machine with nothing', () => {
  test('says of each attester what is missing and what would help', async () => {
    const findings = await examineAttesters(places, undefined, undefined)
    expect(findings.map(({ attester, available }) => [attester, available])).toEqual([
      ['dstack', false],
      ['configfs-tsm', false],
      ['nsm', false],
      ['nvidia', false],
      ['simulated', true],
    ])
    for (const { available, found, todo } of findings) {
      expect(found).not.toBe('')
      if (!available) expect(todo).toBeDefined()
    }
  })

  test('tells configfs that is not mounted from a driver that is not loaded', async () => {
    expect((await findingOf('configfs-tsm'))?.todo).toContain('mount -t configfs')
    await mkdir(places.configfs)
    expect((await findingOf('configfs-tsm'))?.todo).toContain('modprobe')
  })

  test('tells a directory whose kernel answers nothing', async () => {
    await mkdir(places.tsmReports, { recursive: true })
    expect(await findingOf('configfs-tsm')).toMatchObject({
      available: false,
      found: expect.stringContaining('attester-unavailable'),
    })
  })

  test('has no simulated attester for a production network', async () => {
    expect(await findingOf('simulated', 'production')).toMatchObject({ available: false })
  })
})

describe('opg doctor on a Nitro enclave, simulated', () => {
  test('wants the device, the right to open it, and a helper', async () => {
    expect((await findingOf('nsm'))?.found).toBe(`no ${places.nsmDevice}`)
    await writeFile(places.nsmDevice, '')
    expect((await findingOf('nsm'))?.found).toBe('no program nsm-cli')
    await install('nsm-cli', '() => ({})')
    expect(await findingOf('nsm')).toMatchObject({
      available: true,
      kind: 'nitro',
      found: join(places.path, 'nsm-cli'),
    })
  })
})

describe('opg doctor in a dstack application, simulated', () => {
  test('wants a socket at which somebody answers', async () => {
    const socket = places.dstackSockets[1] ?? ''
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    servers.push(server)
    expect(await findingOf('dstack')).toMatchObject({ available: true, kind: 'tdx-dstack', found: socket })
  })
})

describe('opg doctor beside a GPU, simulated', () => {
  const smi = (cc: string, ready: string): string =>
    `([, option]) => ({ stdout: option === "-f" ? "CC status: ${cc}\\n" : "Confidential Compute GPUs Ready state: ${ready}\\n" })`

  test('tells version, confidential mode and ready state', async () => {
    await install('nvattest', '() => ({ stdout: JSON.stringify({ nvattest: "1.2.0" }) })')
    expect((await findingOf('nvidia'))?.found).toBe('nvattest 1.2.0, no nvidia-smi in PATH')
    await install('nvidia-smi', smi('OFF', 'ready'))
    expect(await findingOf('nvidia')).toMatchObject({ available: false, todo: expect.stringContaining('CC mode') })
    await install('nvidia-smi', smi('ON', 'not-ready'))
    expect((await findingOf('nvidia'))?.found).toContain('not ready: nvidia-smi conf-compute -srs 1')
    await install('nvidia-smi', smi('ON', 'ready'))
    expect(await findingOf('nvidia')).toMatchObject({
      available: true,
      kind: 'nvidia-gpu',
      found: 'nvattest 1.2.0, confidential mode on, GPUs ready',
    })
  })

  test('fault: a tool that fails, or prints something else', async () => {
    await install('nvattest', '() => ({ exit: 127, stderr: "libnvat.so: not found" })')
    expect(await findingOf('nvidia')).toMatchObject({ available: false, found: expect.stringContaining('libnvat.so') })
    await install('nvattest', '() => ({ stdout: "{}" })')
    expect(await findingOf('nvidia')).toMatchObject({ available: false })
  })

  test('words of the driver that it does not know are unknown, never ready', () => {
    expect([confidentialIn('CC status: ON'), confidentialIn('CC status: OFF'), confidentialIn('No devices')]).toEqual([
      true,
      false,
      undefined,
    ])
    expect(
      ['ready', 'not-ready', 'not ready', 'Not Ready', 'NotReady', 'readying', ''].map((state) =>
        readyIn(`Confidential Compute GPUs Ready state: ${state}`),
      ),
    ).toEqual([true, false, false, false, false, undefined, undefined])
  })
})

describe('the attester a configuration names', () => {
  const examine = async (input: ConfigInput) => {
    const config = createConfig(input)
    return await examineConfigured(config, await examineAttesters(places, config, 'devnet'), places)
  }

  test('does not matter where no provider runs', async () => {
    expect(await examine({ roles: ['verifier'] })).toMatchObject([{ status: 'ok' }])
  })

  test('must work here for a provider', async () => {
    const provider = { roles: ['provider' as const] }
    for (const kind of ['none', 'auto', 'configfs-tsm', 'nsm', 'dstack'] as const) {
      expect(await examine({ ...provider, attester: { kind } })).toMatchObject([
        { subject: 'attester', status: 'fail' },
      ])
    }
    const simulated = { kind: 'simulated' as const, authority: 'authority' }
    expect(await examine({ ...provider, attester: simulated })).toMatchObject([{ status: 'ok' }])
    expect(await examine({ ...provider, attester: simulated, gpu: {} })).toMatchObject([
      { status: 'ok' },
      { subject: 'gpu', status: 'fail' },
    ])
  })

  test('auto names what it takes', async () => {
    await writeFile(places.nsmDevice, '')
    await install('nsm-cli', '() => ({})')
    const [finding] = await examine({ roles: ['provider'], attester: { kind: 'auto' } })
    expect(finding).toMatchObject({ status: 'ok', found: 'auto takes nsm' })
  })
})
