import type { NodeStatus } from '../../node/index.ts'
import { renderFacts } from './table.ts'

export function renderStatus(status: NodeStatus): string {
  const { chain, provider, engine } = status
  return renderFacts([
    ['network', `${status.network} (${status.profile}) ${status.networkId}`],
    ['roles', status.roles.join(', ')],
    ['operator', status.operator],
    ['peer', status.peerId],
    ['addresses', status.addresses.join('\n           ') || 'none'],
    ['peers', `${status.peers}`],
    ['offers', `${status.offers}`],
    [
      'chain',
      `block ${chain.block} (${Math.round(chain.ageMs / 1_000)} s old), safe ${chain.safe}, epoch ${chain.epoch}`,
    ],
    [
      'provider',
      provider === undefined
        ? undefined
        : `${provider.running} of ${provider.slots} slots busy, grant ${provider.grant ?? 'none'}`,
    ],
    ['models', engine === undefined ? undefined : engine.models.join('\n           ')],
    ['version', status.version],
  ])
}
