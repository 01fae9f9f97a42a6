import type { RunTool } from '../../attestation/index.ts'
import { toError } from '../../protocol/index.ts'
import { PROBE_TIMEOUT_MS } from '../constants.ts'

/** What `nvidia-smi conf-compute` says; undefined where it says nothing that we know. */
export interface GpuReadiness {
  /** Whether the GPUs run in confidential mode. */
  readonly confidential: boolean | undefined
  /** Whether they were told to take work: the driver refuses it until somebody has checked their evidence. */
  readonly ready: boolean | undefined
}

const MAX_OUTPUT_BYTES = 65_536

/** Asks the driver's tool. Throws an error with an errno in `code` where it is missing, RangeError where it fails. */
export async function gpuReadiness(run: RunTool, program = 'nvidia-smi'): Promise<GpuReadiness> {
  const ask = async (option: string): Promise<string> => {
    const request = { program, args: ['conf-compute', option], timeoutMs: PROBE_TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES }
    const { exit, stdout, stderr } = await run(request)
    if (exit !== 0) throw new RangeError(`${program} conf-compute ${option}: exit code ${exit}: ${stderr.trim()}`)
    return new TextDecoder().decode(stdout)
  }
  return { confidential: confidentialIn(await ask('-f')), ready: readyIn(await ask('-grs')) }
}

/** `CC status: ON` */
export function confidentialIn(text: string): boolean | undefined {
  const [, state] = /\bCC status\s*:\s*(ON|OFF)\b/i.exec(text) ?? []
  return state === undefined ? undefined : state.toUpperCase() === 'ON'
}

/** `Confidential Compute GPUs Ready state: ready`, or `not-ready`. */
export function readyIn(text: string): boolean | undefined {
  const [, not] = /\bready state\s*:\s*(not[ -]?)?ready\b/i.exec(text) ?? [undefined, undefined]
  return /\bready state\s*:\s*(?:not[ -]?)?ready\b/i.test(text) ? not === undefined : undefined
}

/** The version that `nvattest version` prints as JSON. Throws as `gpuReadiness` does. */
export async function gpuToolVersion(run: RunTool, program: string): Promise<string> {
  const { exit, stdout, stderr } = await run({
    program,
    args: ['version'],
    timeoutMs: PROBE_TIMEOUT_MS,
    maxBytes: MAX_OUTPUT_BYTES,
  })
  if (exit !== 0) throw new RangeError(`${program} version: exit code ${exit}: ${stderr.trim()}`)
  try {
    const { nvattest } = JSON.parse(new TextDecoder().decode(stdout)) as { nvattest?: unknown }
    if (typeof nvattest === 'string') return nvattest
  } catch (thrown) {
    throw new RangeError(`${program} version: expected JSON: ${toError(thrown).message}`)
  }
  throw new RangeError(`${program} version: expected {"nvattest": "..."}, got something else`)
}
