import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AttestationError,
  type Attester,
  importSimulatedAuthority,
  importSimulatedSnpAuthority,
  type SimulatedAuthority,
  type SimulatedMeasurements,
  type SimulatedSnpAuthority,
  type Subtle,
  simulatedAttester,
  simulatedSnpAttester,
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
import type { NodeConfig, SIMULATED_FORMATS } from '../config.ts'
import { writeWhole } from '../home.ts'

type SimulatedFormat = (typeof SIMULATED_FORMATS)[number]

/** Files of a devnet's simulated authorities, certificates and private key. */
const FILES: Readonly<Record<SimulatedFormat, readonly [certificate: string, key: string]>> = {
  nitro: ['root.pem', 'key.pem'],
  'sev-snp': ['snp-chain.pem', 'snp-key.pem'],
}

export interface AuthorityPorts {
  readonly subtle: Subtle
  readonly random: Random
}

/** Reads the authority a devnet directory holds. Throws AttestationError `bad-authority`, or what reading throws. */
export const readAuthority = (directory: string, ports: AuthorityPorts): Promise<SimulatedAuthority> =>
  read(directory, 'nitro', (pem) => importSimulatedAuthority(ports, pem))

/** The same of the authority that stands in for AMD. */
export const readSnpAuthority = (directory: string, ports: AuthorityPorts): Promise<SimulatedSnpAuthority> =>
  read(directory, 'sev-snp', (pem) => importSimulatedSnpAuthority(ports, pem))

export const writeAuthority = (directory: string, authority: SimulatedAuthority): Promise<void> =>
  write(directory, 'nitro', authority)

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

/** The attester of a devnet, measuring the code that runs here. */
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
    case 'sev-snp': {
      const authority = await readSnpAuthority(directory, ports)
      const chipId = new Uint8Array(CHIP_ID_BYTES)
      chipId.set(hexToBytes(operator))
      const init = { subject: { signingKey: 'VCEK', chipId }, tcb: SIMULATED_TCB, measurements } as const
      return await simulatedSnpAttester({ authority, subtle }, init)
    }
  }
}
