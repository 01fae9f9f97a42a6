import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Attester,
  importSimulatedAuthority,
  type SimulatedAuthority,
  type Subtle,
  simulatedAttester,
} from '../attestation/index.ts'
import { type Address, canonicalBytes, type Digest, type Random, utf8 } from '../protocol/index.ts'
import type { NodeConfig } from './config.ts'
import { NodeError } from './errors.ts'
import { type Home, writeWhole } from './home.ts'

/** Files of a devnet's simulated authority. */
const CERTIFICATE_FILE = 'root.pem'
const KEY_FILE = 'key.pem'

interface Ports {
  readonly subtle: Subtle
  readonly random: Random
}

/** Reads the authority a devnet directory holds. Throws AttestationError `bad-authority`, or what reading throws. */
export async function readAuthority(directory: string, ports: Ports): Promise<SimulatedAuthority> {
  const [certificate, privateKey] = await Promise.all([
    readFile(join(directory, CERTIFICATE_FILE), 'utf8'),
    readFile(join(directory, KEY_FILE), 'utf8'),
  ])
  const authority = await importSimulatedAuthority(ports, { certificate, privateKey })
  if (!authority.ok) throw authority.error
  return authority.value
}

export async function writeAuthority(directory: string, authority: SimulatedAuthority): Promise<void> {
  const { certificate, privateKey } = await authority.exportPem()
  await writeWhole(join(directory, CERTIFICATE_FILE), certificate)
  await writeWhole(join(directory, KEY_FILE), privateKey)
}

export interface AttesterInit {
  readonly config: NodeConfig
  readonly home: Home
  readonly operator: Address
  readonly version: string
  readonly models: readonly Digest[]
}

/** Who makes evidence for this node. Throws NodeError `attester-missing`: a provider without evidence serves nobody. */
export async function createAttester(ports: Ports, init: AttesterInit): Promise<Attester> {
  const { config, home, operator, version, models } = init
  if (config.attester.kind === 'none') {
    throw new NodeError(
      { code: 'attester-missing' },
      'expected an attester for the role provider, got none; set attester to {"kind": "simulated", "authority": ...} on a devnet',
    )
  }
  const authority = await readAuthority(home.path(config.attester.authority), ports)
  const { tiers, privacy, slots, workers } = config
  return simulatedAttester(
    { authority, subtle: ports.subtle },
    {
      instanceId: `opg-${operator.slice(2, 14)}`,
      measurements: {
        code: { bytes: utf8(`opg/${version}`) },
        configuration: { bytes: canonicalBytes({ tiers, privacy, slots, workers }) },
        models: { bytes: canonicalBytes([...models].sort()) },
      },
    },
  )
}
