import { describe, expect, test } from 'vitest'
import { ATTESTER_CODES, type AttesterErrorCode, tsmAttester, tsmProvider } from '../../../../src/attestation/index.ts'
import { type SimulatedCall, SimulatedConfigfs, simulatedReport } from '../../../support/simulatedConfigfs.ts'

const NOW = 1_700_000_000_000
const REPORT_DATA = new Uint8Array(32).fill(7)
const INBLOB = Uint8Array.from({ length: 64 }, (_, at) => (at < 32 ? 7 : 0))
const OTHER = new Uint8Array(64).fill(9)

interface Machine {
  readonly waits: number[]
  readonly components: Parameters<typeof tsmAttester>[0]
}

function machine(directory: SimulatedConfigfs): Machine {
  const waits: number[] = []
  let made = 0
  return {
    waits,
    components: {
      directory,
      name: () => {
        made += 1
        return `report-${made}`
      },
      wait: async (ms) => {
        waits.push(ms)
      },
    },
  }
}

/** Throws `errno` at the first `times` calls of this kind. */
function fault(
  directory: SimulatedConfigfs,
  call: SimulatedCall,
  errno: string,
  times = Number.POSITIVE_INFINITY,
): void {
  let left = times
  directory.before = (entered) => {
    if (entered !== call || left <= 0) return
    left -= 1
    throw Object.assign(new Error(errno), { code: errno })
  }
}

async function codeOf(attempt: Promise<unknown>): Promise<AttesterErrorCode> {
  const code = await attempt.then(
    () => 'nothing thrown',
    (thrown: { code?: string }) => thrown.code,
  )
  const known = ATTESTER_CODES.find((candidate) => candidate === code)
  if (known === undefined) throw new Error(`expected an AttesterError, got ${code}`)
  return known
}

describe('an attester on simulated configfs', () => {
  for (const [provider, kind] of [
    ['tdx_guest', 'tdx'],
    ['sev_guest', 'sev-snp'],
  ] as const) {
    test(`of ${provider} hands the report over as it was read`, async () => {
      const directory = new SimulatedConfigfs(provider)
      const { components, waits } = machine(directory)
      const attester = await tsmAttester(components)
      expect(attester.kind).toBe(kind)
      const { document, collateral } = await attester.attest(REPORT_DATA, NOW)
      expect(document).toEqual(simulatedReport(provider, INBLOB))
      expect([collateral.length, waits, directory.reports.size]).toEqual([0, [], 0])
    })
  }

  test('uses a report of its own for each request', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const attester = await tsmAttester(machine(directory).components)
    const data = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
    const made = await Promise.all(data.map((bytes) => attester.attest(bytes, NOW)))
    expect(made.map(({ document }) => document[568])).toEqual([1, 2, 3])
    expect(directory.reports.size).toBe(0)
  })

  test('of an SNP guest below a paravisor asks for its own privilege level, which counts as a write', async () => {
    const directory = new SimulatedConfigfs('sev_guest')
    directory.privlevelFloor = 2
    const { components, waits } = machine(directory)
    const attester = await tsmAttester(components)
    expect((await attester.attest(REPORT_DATA, NOW)).document).toEqual(simulatedReport('sev_guest', INBLOB))
    expect([waits, directory.calls.filter((call) => call === 'write privlevel').length]).toEqual([[], 1])
  })

  test('of an SNP guest on a kernel without privilege levels does not miss them', async () => {
    const directory = new SimulatedConfigfs('sev_guest')
    directory.privlevelFloor = undefined
    const attester = await tsmAttester(machine(directory).components)
    expect((await attester.attest(REPORT_DATA, NOW)).document.length).toBe(1_184)
  })

  test('refuses report data of another length before it touches the kernel', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const attester = await tsmAttester(machine(directory).components)
    const before = directory.calls.length
    await expect(attester.attest(new Uint8Array(64), NOW)).rejects.toMatchObject({ code: 'bad-report-data' })
    expect(directory.calls.length).toBe(before)
  })
})

describe('fault: another process writes to the report', () => {
  test('between our write and our read, once: the next attempt is ours alone', async () => {
    const directory = new SimulatedConfigfs('sev_guest')
    const { components, waits } = machine(directory)
    const attester = await tsmAttester(components)
    let raced = false
    directory.before = (call, report) => {
      if (call !== 'read outblob' || raced) return
      raced = true
      directory.put(report, OTHER)
    }
    const { document } = await attester.attest(REPORT_DATA, NOW)
    expect(document).toEqual(simulatedReport('sev_guest', INBLOB))
    expect([waits.length, directory.reports.size]).toEqual([1, 0])
  })

  test('our own bytes, so that only the generation tells: tried again', async () => {
    const directory = new SimulatedConfigfs('sev_guest')
    const { components, waits } = machine(directory)
    const attester = await tsmAttester(components)
    let raced = false
    directory.before = (call, report) => {
      if (call !== 'read outblob' || raced) return
      raced = true
      directory.put(report, INBLOB)
    }
    await attester.attest(REPORT_DATA, NOW)
    expect(waits.length).toBe(1)
  })

  test('every time: attester-busy after bounded attempts, and nothing left behind', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const { components, waits } = machine(directory)
    const attester = await tsmAttester(components)
    directory.before = (call, report) => {
      if (call === 'read outblob') directory.put(report, OTHER)
    }
    expect(await codeOf(attester.attest(REPORT_DATA, NOW))).toBe('attester-busy')
    expect(waits).toEqual([50, 100, 200, 400, 800, 1000, 1000])
    expect(directory.reports.size).toBe(0)
  })

  test('a write the kernel dropped on close is noticed', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const { components, waits } = machine(directory)
    const attester = await tsmAttester(components)
    directory.before = (call, report) => {
      if (call !== 'write inblob' || waits.length > 0) return
      directory.put(report, OTHER)
      directory.losesWrites = 1
    }
    const { document } = await attester.attest(REPORT_DATA, NOW)
    expect([document[568], waits.length]).toEqual([7, 1])
  })
})

describe('fault: the kernel refuses a call', () => {
  for (const errno of ['EBUSY', 'EAGAIN', 'EINTR']) {
    test(`${errno} passes: tried again`, async () => {
      const directory = new SimulatedConfigfs('tdx_guest')
      const { components, waits } = machine(directory)
      const attester = await tsmAttester(components)
      fault(directory, 'read outblob', errno, 3)
      expect((await attester.attest(REPORT_DATA, NOW)).document.length).toBe(5_000)
      expect([waits, directory.reports.size]).toEqual([[50, 100, 200], 0])
    })
  }

  const lasting: readonly (readonly [SimulatedCall, string, AttesterErrorCode])[] = [
    ['make', 'EACCES', 'attester-denied'],
    ['make', 'ENOENT', 'attester-unavailable'],
    ['make', 'ENXIO', 'attester-unavailable'],
    ['make', 'EROFS', 'attester-denied'],
    ['read provider', 'ENOENT', 'attester-unavailable'],
    ['read generation', 'EIO', 'attester-failed'],
    ['write inblob', 'EINVAL', 'attester-failed'],
    ['write inblob', 'EACCES', 'attester-denied'],
    ['read outblob', 'EINVAL', 'attester-failed'],
    ['read outblob', 'ENXIO', 'attester-unavailable'],
    ['read outblob', 'ETIMEDOUT', 'attester-timed-out'],
    ['read outblob', 'EFBIG', 'attester-failed'],
    ['remove', 'EIO', 'attester-failed'],
  ]
  for (const [call, errno, code] of lasting) {
    test(`${errno} at "${call}" is ${code}, at once`, async () => {
      const directory = new SimulatedConfigfs('tdx_guest')
      const { components, waits } = machine(directory)
      const attester = await tsmAttester(components)
      fault(directory, call, errno)
      expect(await codeOf(attester.attest(REPORT_DATA, NOW))).toBe(code)
      expect(waits).toEqual([])
      if (call !== 'remove') expect(directory.reports.size).toBe(0)
    })
  }

  test('a name that is taken is replaced by another', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    await directory.make('report-2')
    const attester = await tsmAttester(machine(directory).components)
    await attester.attest(REPORT_DATA, NOW)
    expect([...directory.reports.keys()]).toEqual(['report-2'])
  })
})

describe('fault: the provider is not what it was', () => {
  test('unknown from the start', async () => {
    const { components } = machine(new SimulatedConfigfs('arm_cca_guest'))
    expect(await codeOf(tsmProvider(components))).toBe('attester-unavailable')
  })

  test('replaced by another driver', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const attester = await tsmAttester(machine(directory).components)
    directory.provider = 'sev_guest'
    expect(await codeOf(attester.attest(REPORT_DATA, NOW))).toBe('attester-unavailable')
    expect(directory.reports.size).toBe(0)
  })

  test('unloaded between write and read', async () => {
    const directory = new SimulatedConfigfs('tdx_guest')
    const attester = await tsmAttester(machine(directory).components)
    directory.before = (call) => {
      if (call === 'read outblob') directory.provider = undefined
    }
    expect(await codeOf(attester.attest(REPORT_DATA, NOW))).toBe('attester-unavailable')
  })
})

describe('fault: the report is none', () => {
  for (const [what, report] of [
    ['empty', new Uint8Array(0)],
    ['cut short', simulatedReport('tdx_guest', INBLOB).subarray(0, 600)],
    ['of an unknown version', new Uint8Array(5_000).fill(99)],
  ] as const) {
    test(`${what}: attester-answer-invalid`, async () => {
      const directory = new SimulatedConfigfs('tdx_guest')
      const { components } = machine(directory)
      const attester = await tsmAttester(components)
      const read = directory.read.bind(directory)
      directory.read = async (name, attribute, limit) => {
        const bytes = await read(name, attribute, limit)
        return attribute === 'outblob' ? report : bytes
      }
      expect(await codeOf(attester.attest(REPORT_DATA, NOW))).toBe('attester-answer-invalid')
    })
  }
})
