import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AttestationError,
  type Attester,
  importSimulatedAuthority,
  importSimulatedSnpAuthority,
  importSimulatedTdxAuthority,
  type SimulatedAuthority,
  type SimulatedMeasurements,
  type SimulatedSnpAuthority,
  type SimulatedTdxAuthority,
  type Subtle,
  simulatedAttester,
  simulatedSnpAttester,
  simulatedTdxAttester,
} from '../../attestation/index.ts'
import {
  type Address,
  canonicalBytes,
  type Digest,
  hexToBytes,
  type Random,
  type Result,
} from '../../protocol/index.ts'
import { codeMeasurement } from '../codeMeasurement.ts'
import type { NodeConfig, SimulatedFormat } from '../config.ts'
import { writeWhole } from '../home.ts'

/** Files of a devnet's simulated authorities, certificates and private keys. */
const FILES: Readonly<Record<SimulatedFormat, readonly [certificates: string, keys: string]>> = {
  nitro: ['root.pem', 'key.pem'],
  tdx: ['tdx-chain.pem', 'tdx-keys.pem'],
  'sev-snp': ['snp-chain.pem', 'snp-key.pem'],
}

export interface AuthorityPorts {
  readonly subtle: Subtle
  readonly random: Random
}

/** Reads the authority a devnet directory holds. Throws AttestationError `bad-authority`, or what reading throws. */
export const readAuthority = (directory: string, ports: AuthorityPorts): Promise<SimulatedAuthority> =>
  read(directory, 'nitro', (pem) => importSimulatedAuthority(ports, pem))

/** The same of the authority that stands in for Intel. */
export const readTdxAuthority = (directory: string, ports: AuthorityPorts): Promise<SimulatedTdxAuthority> =>
  read(directory, 'tdx', (pem) => importSimulatedTdxAuthority(ports, pem))

/** The same of the authority that stands in for AMD. */
export const readSnpAuthority = (directory: string, ports: AuthorityPorts): Promise<SimulatedSnpAuthority> =>
  read(directory, 'sev-snp', (pem) => importSimulatedSnpAuthority(ports, pem))

export const writeAuthority = (directory: string, authority: SimulatedAuthority): Promise<void> =>
  write(directory, 'nitro', authority)

export const writeTdxAuthority = (directory: string, authority: SimulatedTdxAuthority): Promise<void> =>
  write(directory, 'tdx', authority)

export const writeSnpAuthority = (directory: string, authority: SimulatedSnpAuthority): Promise<void> =>
  write(directory, 'sev-snp', authority)

type AuthorityPem = Awaited<ReturnType<SimulatedAuthority['exportPem']>>

async function read<T>(
  directory: string,
  format: SimulatedFormat,
  parse: (pem: AuthorityPem) => Promise<Result<T, AttestationError>>,
): Promise<T> {
  const [certificate, privateKey] = await Promise.all(
    FILES[format].map((name) => readFile(join(directory, name), 'utf8')),
  )
  const authority = await parse({ certificate: certificate ?? '', privateKey: privateKey ?? '' })
  if (!authority.ok) throw authority.error
  return authority.value
}

async function write(
  directory: string,
  format: SimulatedFormat,
  authority: Pick<SimulatedAuthority, 'exportPem'>,
): Promise<void> {
  const { certificate, privateKey } = await authority.exportPem()
  const [certificateFile, keyFile] = FILES[format]
  await writeWhole(join(directory, certificateFile), certificate)
  await writeWhole(join(directory, keyFile), privateKey)
}

export interface SimulatedInit {
  readonly config: Pick<NodeConfig, 'tiers' | 'privacy' | 'slots' | 'workers'>
  readonly operator: Address
  readonly models: readonly Digest[]
}

/** Security versions of the simulated chip: any that stay the same. */
const SIMULATED_TCB = { fmc: 1, bootloader: 4, tee: 0, snp: 22, microcode: 213 } as const
const CHIP_ID_BYTES = 64
const PPID_BYTES = 16
/** Of the quotes: today's quoting services make these. */
const TDX_QUOTE_VERSION = 4

/** The attester of a devnet, measuring the code that runs here; its machine is named after the operator. */
export async function openSimulated(
  ports: AuthorityPorts,
  directory: string,
  format: SimulatedFormat,
  { config, operator, models }: SimulatedInit,
): Promise<Attester> {
  const { tiers, privacy, slots, workers } = config
  const measurements: SimulatedMeasurements = {
    code: { sha384: await codeMeasurement() },
    configuration: { bytes: canonicalBytes({ tiers, privacy, slots, workers }) },
    models: { bytes: canonicalBytes([...models].sort()) },
  }
  const { subtle } = ports
  switch (format) {
    case 'nitro': {
      const authority = await readAuthority(directory, ports)
      return simulatedAttester({ authority, subtle }, { instanceId: `opg-${operator.slice(2, 14)}`, measurements })
    }
    case 'tdx': {
      const authority = await readTdxAuthority(directory, ports)
      const ppid = hexToBytes(operator).slice(0, PPID_BYTES)
      return simulatedTdxAttester({ authority, subtle }, { version: TDX_QUOTE_VERSION, ppid, measurements })
    }
    case 'sev-snp': {
      const authority = await readSnpAuthority(directory, ports)
      const chipId = new Uint8Array(CHIP_ID_BYTES)
      chipId.set(hexToBytes(operator))
      const init = { subject: { signingKey: 'VCEK', chipId }, tcb: SIMULATED_TCB, measurements } as const
      return await simulatedSnpAttester({ authority, subtle }, init)
    }
  }
}
