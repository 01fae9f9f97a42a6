import type { Clock } from '../../protocol/index.ts'
import { firstAvailable } from '../attester.ts'
import type { HardwareAttester } from '../attesters/hardware.ts'
import { type AttesterPlaces, configuredPlaces, machinePlaces } from '../attesters/places.ts'
import type { Home } from '../home.ts'
import { examineAttesters, examineConfigured } from './attesters.ts'
import { examineEndpoint } from './chain.ts'
import { type AttesterFinding, type Finding, type FindingStatus, worstOf } from './findings.ts'
import { examineHome } from './home.ts'
import { examineDisk, examineNode, examinePorts } from './machine.ts'

export interface Diagnosis {
  readonly attesters: readonly AttesterFinding[]
  /** Which attester `{"kind": "auto"}` takes here; undefined where there is no hardware that attests. */
  readonly auto: HardwareAttester | undefined
  readonly findings: readonly Finding[]
  /** Of the findings. Hardware this machine lacks is no fault, unless a configuration needs it. */
  readonly worst: FindingStatus
}

export interface DiagnosisInit {
  readonly home: Home
  readonly environment: { readonly [name: string]: string | undefined }
  readonly clock: Clock
  readonly places?: AttesterPlaces
}

/** Looks at a machine and a home; starts nothing and changes nothing. */
export async function diagnose(init: DiagnosisInit): Promise<Diagnosis> {
  const { home, environment, clock } = init
  const own = await examineHome(home, environment)
  const { config, network } = own.opened ?? {}
  const machine = init.places ?? machinePlaces(environment.PATH)
  const places = config === undefined ? machine : configuredPlaces(machine, config)
  const attesters = await examineAttesters(places, config, network?.profile)
  const findings = [examineNode(), await examineDisk(home), ...own.findings]
  if (config !== undefined && network !== undefined) {
    const endpoints = await Promise.all(config.rpc.map((url) => examineEndpoint(url, network.chainId, clock)))
    findings.push(
      ...(await examineConfigured(config, attesters, places)),
      ...(await examinePorts(home, config)),
      ...endpoints.flat(),
    )
  }
  return { attesters, auto: await firstAvailable(places), findings, worst: worstOf(findings) }
}
