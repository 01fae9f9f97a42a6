import { askControl, gatherOffers, listOffers, type OfferView, readNodeFile } from '../../node/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { PAID, renderOffers } from '../render/offers.ts'
import { withClient } from '../session.ts'

export interface OffersOptions {
  readonly home?: string
  /** Seconds. */
  readonly wait: number
}

const QUIET_MS = 1_000

/** `opg offers`: asked of the node on this home when one runs, else of the network. */
export async function offers(options: OffersOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const running = await readNodeFile(home)
  const found =
    running === undefined
      ? await withClient(home, context, { pays: false }, async (node) => {
          context.progress('gathering offers')
          await gatherOffers(node, { waitMs: options.wait * 1_000, quietMs: QUIET_MS, signal: context.signal })
          return await listOffers(node.parts, home)
        })
      : ((await askControl(home, 'GET', '/offers')) as { readonly offers: OfferView[] }).offers
  return {
    text: renderOffers(found),
    json: { offers: found as unknown as CommandResult['json'][string], payment: PAID },
  }
}
