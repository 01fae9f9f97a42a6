import { z } from 'zod'
import { GATEWAY_MODES, type GatewayConfig } from '../node/index.ts'
import {
  canonicalBytes,
  checkTensors,
  type Digest,
  encodeTensors,
  fail,
  keccak,
  MODE,
  ok,
  PRIVACY,
  type Result,
  TIER,
  unitsOf,
} from '../protocol/index.ts'
import type { InferenceOrder } from '../roles/index.ts'
import { readJson } from './http/body.ts'
import type { Problem } from './http/problem.ts'
import { parseKserveRequest } from './kserve/request.ts'
import type { Models, ServedModel } from './models.ts'
import type { Priced } from './pricing.ts'
import { problem, problemOfHttp, problemOfInput } from './problems.ts'

/** A request that is understood: what it asks, what it costs by, how its answer is to look. */
export interface Ask {
  readonly model: ServedModel
  readonly priced: Priced
  readonly order: Omit<InferenceOrder, 'maxFee'>
  /** Digest of all that decides the answer: two requests of one digest are one. */
  readonly digest: Digest
  readonly id: string | undefined
  /** Names to answer with; undefined for all. */
  readonly outputs: readonly string[] | undefined
  readonly withReceipt: boolean
}

const parametersSchema = z.strictObject({
  opg_tier: z.enum(Object.keys(TIER) as [keyof typeof TIER]).optional(),
  opg_privacy: z.enum(Object.keys(PRIVACY) as [keyof typeof PRIVACY]).optional(),
  opg_mode: z.enum(GATEWAY_MODES).optional(),
  opg_receipt: z.boolean().optional(),
})

type Defaults = Pick<GatewayConfig, 'tier' | 'privacy' | 'mode' | 'jobSeconds' | 'maxBodyBytes'>

/** Reads a request for the model `text`; nothing is paid or run for one that does not fit its model. */
export async function readAsk(
  request: Request,
  text: string,
  models: Models,
  defaults: Defaults,
): Promise<Result<Ask, Problem>> {
  const model = await models.find(text)
  if (!model.ok) return model
  const json = await readJson(request, defaults.maxBodyBytes)
  if (!json.ok) return fail(problemOfHttp(json.error))
  const body = parseKserveRequest(json.value)
  if (!body.ok) return body
  const parameters = readParameters(body.value.parameters, defaults)
  if (!parameters.ok) return parameters
  const { manifest, id } = model.value
  const { tensors, outputs } = body.value
  const dimensions = checkTensors(manifest.inputs, tensors, manifest.maxBatch)
  if (!dimensions.ok) return fail(problemOfInput(dimensions.error))
  const unknown = outputs?.find((name) => !manifest.outputs.some((output) => output.name === name))
  if (unknown !== undefined) {
    return fail(problem('output-unknown', manifest.outputs.map(({ name }) => name).join(', '), unknown))
  }
  const units = unitsOf(dimensions.value)
  const { tier, privacy, mode, withReceipt } = parameters.value
  const input = encodeTensors(tensors)
  const digest = keccak(canonicalBytes({ model: id, input: keccak(input), tier, privacy, mode }))
  return ok({
    model: model.value,
    priced: { model: id, units, tier, privacy },
    order: {
      model: id,
      input,
      parameters: {},
      tier,
      privacy,
      mode,
      maxOutputUnits: units,
      timeoutMs: defaults.jobSeconds * 1_000,
    },
    digest,
    id: body.value.id,
    outputs,
    withReceipt,
  })
}

interface Parameters {
  readonly tier: number
  readonly privacy: number
  readonly mode: number
  readonly withReceipt: boolean
}

function readParameters(given: object, defaults: Defaults): Result<Parameters, Problem> {
  const parsed = parametersSchema.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    if (issue?.code === 'unrecognized_keys') {
      const known = Object.keys(parametersSchema.shape).join(', ')
      return fail(problem('parameter-unknown', `no parameter but ${known}`, issue.keys.join(', ')))
    }
    const name = String(issue?.path[0] ?? 'parameters')
    return fail(problem('parameter-invalid', issue?.message ?? 'a known value', name))
  }
  const { opg_tier, opg_privacy, opg_mode, opg_receipt = true } = parsed.data
  return ok({
    tier: TIER[opg_tier ?? defaults.tier],
    privacy: PRIVACY[opg_privacy ?? defaults.privacy],
    mode: MODE[opg_mode ?? defaults.mode],
    withReceipt: opg_receipt,
  })
}
