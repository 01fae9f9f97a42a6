import type { TsmDirectory } from '../../src/attestation/index.ts'

const failed = (code: string): Error => Object.assign(new Error(code), { code })

const INBLOB_MAX = 64
export const SNP_REPORT_BYTES = 1_184

interface Report {
  generation: number
  /** Of the report that was last made; -1 where none was. */
  made: number
  privlevel: number
  inblob: Uint8Array
  outblob: Uint8Array
}

export type SimulatedCall = 'make' | 'remove' | `read ${string}` | `write ${string}`

/**
 * A stand-in for the kernel's configfs-tsm: generation counter, sizes and errors as `drivers/virt/coco` has them. Its
 * reports repeat the input and are signed by nobody.
 */
export class SimulatedConfigfs implements TsmDirectory {
  readonly reports = new Map<string, Report>()
  readonly calls: string[] = []
  /** Undefined once the guest driver is unloaded. */
  provider: string | undefined
  auxblob: Uint8Array | undefined
  /** Least privilege level a guest may ask for; above 0 below a paravisor. Absent on TDX. */
  privlevelFloor: number | undefined
  /** Before a call: throws an errno, or does what another process would do meanwhile. */
  before: (call: SimulatedCall, report: string) => void = () => undefined
  /** The kernel has no way to tell that a write was refused when the file was closed. */
  losesWrites = 0

  constructor(provider: string, auxblob?: Uint8Array) {
    this.provider = provider
    this.auxblob = auxblob
    this.privlevelFloor = provider === 'sev_guest' ? 0 : undefined
  }

  async make(report: string): Promise<void> {
    this.#enter('make', report)
    if (this.provider === undefined) throw failed('ENXIO')
    if (this.reports.has(report)) throw failed('EEXIST')
    this.reports.set(report, {
      generation: 0,
      made: -1,
      privlevel: 0,
      inblob: new Uint8Array(0),
      outblob: new Uint8Array(0),
    })
  }

  async remove(report: string): Promise<void> {
    this.#enter('remove', report)
    if (!this.reports.delete(report)) throw failed('ENOENT')
  }

  async read(report: string, attribute: string, limit: number): Promise<Uint8Array> {
    this.#enter(`read ${attribute}`, report)
    const bytes = this.#attribute(this.#report(report), attribute)
    if (bytes.length > limit) throw failed('EFBIG')
    return bytes
  }

  async write(report: string, attribute: string, bytes: Uint8Array): Promise<void> {
    this.#enter(`write ${attribute}`, report)
    if (attribute === 'privlevel') return this.#setLevel(this.#report(report), Number(new TextDecoder().decode(bytes)))
    if (attribute !== 'inblob') throw failed('EACCES')
    this.put(report, bytes)
  }

  /** A write by anybody who may. */
  put(report: string, bytes: Uint8Array): void {
    const entry = this.#report(report)
    if (bytes.length > INBLOB_MAX) throw failed('EFBIG')
    if (this.losesWrites > 0) {
      this.losesWrites -= 1
      return
    }
    entry.inblob = bytes.slice()
    entry.generation += 1
  }

  #setLevel(entry: Report, level: number): void {
    if (this.privlevelFloor === undefined) throw failed('ENOENT')
    if (level < this.privlevelFloor || level > 3) throw failed('EINVAL')
    entry.privlevel = level
    entry.generation += 1
  }

  #enter(call: SimulatedCall, report: string): void {
    this.calls.push(call)
    this.before(call, report)
  }

  #report(name: string): Report {
    const entry = this.reports.get(name)
    if (entry === undefined) throw failed('ENOENT')
    return entry
  }

  #attribute(entry: Report, attribute: string): Uint8Array {
    if (attribute === 'generation') return new TextEncoder().encode(`${entry.generation}\n`)
    if (this.provider === undefined) throw failed('ENXIO')
    if (attribute === 'provider') return new TextEncoder().encode(`${this.provider}\n`)
    if (attribute === 'privlevel_floor' && this.privlevelFloor !== undefined)
      return new TextEncoder().encode(`${this.privlevelFloor}\n`)
    if (attribute === 'outblob') return this.#outblob(entry)
    if (attribute === 'auxblob' && this.auxblob !== undefined) {
      this.#outblob(entry)
      return this.auxblob
    }
    throw failed('ENOENT')
  }

  #outblob(entry: Report): Uint8Array {
    if (entry.inblob.length !== INBLOB_MAX) throw failed('EINVAL')
    if (entry.privlevel < (this.privlevelFloor ?? 0)) throw failed('EIO')
    if (entry.made !== entry.generation) {
      entry.outblob = simulatedReport(this.provider ?? '', entry.inblob)
      entry.made = entry.generation
    }
    return entry.outblob
  }
}

/** Bytes shaped as the provider's report, with the input where it belongs and nothing else. */
export function simulatedReport(provider: string, inblob: Uint8Array): Uint8Array {
  const report = new Uint8Array(provider === 'sev_guest' ? SNP_REPORT_BYTES : 5_000)
  report[0] = provider === 'sev_guest' ? 3 : 4
  report.set(inblob, provider === 'sev_guest' ? 0x50 : 568)
  return report
}
