import type { Attester } from '../attestation/index.ts'
import type { Address, Digest, Profile } from '../protocol/index.ts'
import { carrying } from './attesters/carried.ts'
import {
  findDstackSocket,
  HARDWARE_ATTESTERS,
  type HardwareAttester,
  lookFor,
  openDstack,
  openGpu,
  openNsm,
  openTsm,
} from './attesters/hardware.ts'
import { type AttesterPlaces, machinePlaces } from './attesters/places.ts'
import { type AuthorityPorts, openSimulated } from './attesters/simulated.ts'
import type { NodeConfig } from './config.ts'
import { NSM_HELPER } from './constants.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'

export interface AttesterInit {
  readonly config: NodeConfig
  readonly home: Home
  readonly profile: Profile
  readonly operator: Address
  readonly models: readonly Digest[]
  /** Where this machine has its attesters; the usual places when left out. */
  readonly places?: AttesterPlaces
}

/**
 * Who makes evidence for this node. Throws NodeError `attester-missing`, since a provider without evidence serves nobody,
 * or `attester-refused`; AttesterError where the attester that is configured does not work here.
 */
export async function createAttester(ports: AuthorityPorts, init: AttesterInit): Promise<Attester> {
  const { home, profile } = init
  const { attester: config } = init.config
  assertAttester(config, profile)
  const places = init.places ?? machinePlaces()
  switch (config.kind) {
    case 'none':
      throw missing('none')
    case 'simulated':
      return await openSimulated(ports, home.path(config.authority), config.format, init)
    case 'nsm':
      return openNsm(places, config)
    case 'configfs-tsm':
      return withCollateral(await openTsm(places), config.collateral, home)
    case 'dstack': {
      const socket = config.socket ?? (await findDstackSocket(places))
      if (socket === undefined) throw missing(`no socket at ${places.dstackSockets.join(' or ')}`)
      return withCollateral(openDstack(socket), config.collateral, home)
    }
    case 'auto':
      return withCollateral(await openFirst(places), config.collateral, home)
  }
}

/** Who makes evidence of this machine's GPUs (R5); undefined where the configuration names no tool. */
export const createGpuAttester = ({ gpu }: Pick<NodeConfig, 'gpu'>, places = machinePlaces()): Attester | undefined =>
  gpu === undefined ? undefined : openGpu(places, gpu)

/** R6: to be called before a node starts. Throws NodeError `attester-refused`. */
export function assertAttester(config: NodeConfig['attester'], profile: Profile): void {
  if (config.kind !== 'simulated' || profile === 'devnet') return
  throw new NodeError(
    { code: 'attester-refused', attester: config.kind, profile },
    `expected hardware or none on a ${profile} network, got the simulated attester; "opg doctor" says what this machine has`,
  )
}

/** The attester that `auto` stands for here. Never the simulated one. */
export async function firstAvailable(places: AttesterPlaces): Promise<HardwareAttester | undefined> {
  for (const name of HARDWARE_ATTESTERS) if ((await lookFor(name, places)).available) return name
  return undefined
}

async function openFirst(places: AttesterPlaces): Promise<Attester> {
  switch (await firstAvailable(places)) {
    case 'dstack':
      return openDstack((await findDstackSocket(places)) ?? '')
    case 'configfs-tsm':
      return await openTsm(places)
    case 'nsm':
      return openNsm(places, { helper: NSM_HELPER, style: 'nsm-cli' })
    case undefined:
      throw missing('no hardware that attests')
  }
}

const withCollateral = (attester: Attester, collateral: string | undefined, home: Home): Attester =>
  collateral === undefined ? attester : carrying(attester, home.path(collateral))

const missing = (got: string): NodeError =>
  new NodeError(
    { code: 'attester-missing' },
    `expected an attester for the role provider, got ${got}; "opg doctor" says what this machine has. On a devnet set attester to {"kind": "simulated", "authority": ...}`,
  )
