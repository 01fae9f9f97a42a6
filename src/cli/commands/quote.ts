import { quoteJob, readInputFile } from '../../node/index.ts'
import {
  checkTensors,
  type Manifest,
  type ModeName,
  type OfferPolicy,
  PRIVACY,
  type PrivacyName,
  TIER,
  type TierName,
  unitsOf,
} from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError } from '../errors.ts'
import { EXIT } from '../exitCodes.ts'
import { findModel, findOffered } from '../models.ts'
import { quoteJson, renderQuote } from '../render/quote.ts'
import { withClient } from '../session.ts'

export interface QuoteOptions {
  readonly home?: string
  readonly units?: number
  readonly input?: string
  readonly inputName?: string
  readonly mode: Exclude<ModeName, 'audited'>
  readonly tier: TierName
  readonly privacy: PrivacyName
  /** Wei. */
  readonly maxFee?: bigint
  readonly only?: readonly `0x${string}`[]
  /** Ends with 6 where the wallet would pay for none of the offers. */
  readonly check: boolean
}

/** `opg quote`: what a job would cost, and out of what, before anything is signed. */
export async function quote(model: string, options: QuoteOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  context.progress('connecting')
  return await withClient(home, context, {}, async (node) => {
    const { input, units: given = 1 } = options
    const find = input === undefined ? findOffered : findModel
    const { id, manifest } = await find(model, node, home.models, context)
    const units = input === undefined || manifest === undefined ? given : await rowsOf(input, manifest, options)
    const { mode, tier, privacy, maxFee, only } = options
    const policy: OfferPolicy = {
      ...{ model: id, tier: TIER[tier], privacy: PRIVACY[privacy], maxOutputUnits: units },
      ...(maxFee === undefined ? {} : { maxFee }),
      ...(only === undefined ? {} : { only }),
    }
    const quotes = await quoteJob(node, policy)
    if (quotes.offers.length === 0) {
      throw new CliError({
        code: 'no-offer',
        message: `no live offer for ${units} units of the model fits`,
        expected: `tier ${tier}, privacy ${privacy}${maxFee === undefined ? '' : `, at most ${maxFee} wei`}`,
        got: 'none',
      })
    }
    const asked = { model: id, name: manifest?.name, units, mode, tier, privacy }
    const isPaid = quotes.offers.some(({ refusal }) => refusal === undefined)
    return {
      text: renderQuote(asked, quotes),
      json: quoteJson(asked, quotes),
      ...(options.check && !isPaid ? { exit: EXIT.payment } : {}),
    }
  })
}

async function rowsOf(path: string, manifest: Manifest, { inputName }: QuoteOptions): Promise<number> {
  const tensors = await readInputFile(path, manifest, inputName === undefined ? {} : { input: inputName })
  if (!tensors.ok) throw tensors.error
  const dimensions = checkTensors(manifest.inputs, tensors.value, manifest.maxBatch)
  if (!dimensions.ok) throw dimensions.error
  return unitsOf(dimensions.value)
}
