import type { Host } from '../net/index.ts'
import { type Address, addressFromPeerId, type Secp256k1 } from '../protocol/index.ts'

/** Which connected peer is which operator: a PeerId maps to its address without a lookup (R1). */
export interface PeerDirectory {
  /** The operator address of a peer; undefined when its PeerId is no secp256k1 key. */
  operatorOf(peer: string): Address | undefined
  /** The connected peer of an operator. */
  peerOf(operator: Address): string | undefined
  stop(): void
}

export function createPeerDirectory(components: {
  readonly host: Pick<Host, 'connectedPeers' | 'onPeerConnected' | 'onPeerDisconnected'>
  readonly crypto: Pick<Secp256k1, 'decompress'>
}): PeerDirectory {
  const { host, crypto } = components
  const peers = new Map<Address, string>()
  const add = (peer: string): void => {
    const operator = addressFromPeerId(peer, crypto)
    if (operator !== undefined) peers.set(operator, peer)
  }
  for (const peer of host.connectedPeers()) add(peer)
  const offConnected = host.onPeerConnected(add)
  const offDisconnected = host.onPeerDisconnected((peer) => {
    const operator = addressFromPeerId(peer, crypto)
    if (operator !== undefined && peers.get(operator) === peer) peers.delete(operator)
  })
  return {
    operatorOf: (peer) => addressFromPeerId(peer, crypto),
    peerOf: (operator) => peers.get(operator),
    stop: () => {
      offConnected()
      offDisconnected()
    },
  }
}
