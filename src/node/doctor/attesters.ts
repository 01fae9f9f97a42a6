import { type Profile, toError } from '../../protocol/index.ts'
import { firstAvailable } from '../attester.ts'
import { gpuReadiness, gpuToolVersion } from '../attesters/gpuReadiness.ts'
import { findProgram, HARDWARE_ATTESTERS, type HardwareAttester, lookFor } from '../attesters/hardware.ts'
import type { AttesterPlaces } from '../attesters/places.ts'
import { runTool } from '../attesters/runTool.ts'
import type { NodeConfig } from '../config.ts'
import { type AttesterFinding, type Finding, found } from './findings.ts'

const GPU_TOOL = 'nvattest'

/** Every attester: whether it works on this machine, and if not, why. */
export async function examineAttesters(
  places: AttesterPlaces,
  config: Pick<NodeConfig, 'gpu'> | undefined,
  profile: Profile | undefined,
): Promise<AttesterFinding[]> {
  const hardware = await Promise.all(HARDWARE_ATTESTERS.map((name) => examineHardware(name, places)))
  return [...hardware, await examineGpu(places, config?.gpu?.tool ?? GPU_TOOL), simulated(profile)]
}

async function examineHardware(attester: HardwareAttester, places: AttesterPlaces): Promise<AttesterFinding> {
  const seen = await lookFor(attester, places)
  if (seen.available) return { attester, available: true, kind: seen.kind, found: seen.by }
  return { attester, available: false, found: seen.reason, ...(seen.remedy === undefined ? {} : { todo: seen.remedy }) }
}

async function examineGpu(places: AttesterPlaces, tool: string): Promise<AttesterFinding> {
  const attester = 'nvidia'
  const not = (text: string, todo?: string): AttesterFinding => ({
    attester,
    available: false,
    found: text,
    ...(todo === undefined ? {} : { todo }),
  })
  const program = await findProgram(tool, places.path)
  if (program === undefined)
    return not(`no program ${tool} in PATH`, "install NVIDIA's attestation SDK, or set gpu.tool")
  const run = runTool(places.path)
  try {
    const version = await gpuToolVersion(run, program)
    const driver = await findProgram('nvidia-smi', places.path)
    if (driver === undefined) return not(`${tool} ${version}, no nvidia-smi in PATH`, "install NVIDIA's driver")
    const { confidential, ready } = await gpuReadiness(run, driver)
    if (confidential === false) return not('the GPUs are not in confidential mode', 'turn CC mode on at the host')
    const state = ready === undefined ? 'unknown' : ready ? 'ready' : 'not ready: nvidia-smi conf-compute -srs 1'
    const mode = confidential === undefined ? 'confidential mode unknown' : 'confidential mode on'
    return { attester, available: true, kind: 'nvidia-gpu', found: `${tool} ${version}, ${mode}, GPUs ${state}` }
  } catch (thrown) {
    return not(toError(thrown).message)
  }
}

/** It proves nothing about any machine; `auto` never takes it. */
function simulated(profile: Profile | undefined): AttesterFinding {
  const attester = 'simulated'
  if (profile === 'production') return { attester, available: false, found: 'refused on a production network' }
  return { attester, available: true, found: 'on devnets alone; it proves nothing about this machine' }
}

/** Whether the attester a configuration names works here: a provider without it serves nobody. */
export async function examineConfigured(
  { attester, roles, gpu }: Pick<NodeConfig, 'attester' | 'roles' | 'gpu'>,
  attesters: readonly AttesterFinding[],
  places: AttesterPlaces,
): Promise<Finding[]> {
  if (!roles.includes('provider')) return [found('attester', 'ok', `${attester.kind}; no provider runs here`)]
  const findings = [await examineProvider(attester.kind, attesters, places)]
  const tool = attesters.find((each) => each.attester === 'nvidia')
  if (gpu !== undefined && tool?.available === false) findings.push(found('gpu', 'fail', tool.found, tool.todo))
  return findings
}

async function examineProvider(
  kind: NodeConfig['attester']['kind'],
  attesters: readonly AttesterFinding[],
  places: AttesterPlaces,
): Promise<Finding> {
  if (kind === 'none')
    return found(
      'attester',
      'fail',
      'none, for a provider',
      'set attester in config.json: {"kind": "auto"} takes hardware',
    )
  const name = kind === 'auto' ? await firstAvailable(places) : kind
  if (name === undefined)
    return found('attester', 'fail', 'auto found no hardware that attests', 'see the attesters above')
  const seen = attesters.find((each) => each.attester === name)
  const shown = kind === 'auto' ? `auto takes ${name}` : name
  return seen?.available === true
    ? found('attester', 'ok', shown)
    : found('attester', 'fail', `${shown}: ${seen?.found ?? 'unknown'}`, seen?.todo)
}
