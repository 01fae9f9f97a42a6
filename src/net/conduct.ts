import type { Clock } from '../protocol/index.ts'
import { NET_LIMITS } from './constants.ts'
import { NetError } from './errors.ts'
import type { Conduct, ConductRecord, ConductRule, NetLogger } from './interface.ts'
import type { NetMetrics } from './metrics.ts'

/** What the network room itself holds against a peer. Weights in points: 20 disconnect, 50 ban. */
export const NET_CONDUCT = {
  'frame-too-large': { weight: 20 },
  'invalid-length': { weight: 20 },
  'unexpected-end': { weight: 2 },
  'write-timeout': { weight: 2 },
  'stream-failed': { weight: 10 },
  'invalid-hello': { weight: 5 },
  'gossip-message-too-large': { weight: 10 },
  'gossip-rejected': { weight: 5 },
} as const satisfies Record<string, ConductRule>

export interface ConductComponents {
  readonly clock: Clock
  readonly logger: NetLogger
  readonly metrics?: NetMetrics
}

export interface ConductInit {
  readonly records?: readonly ConductRecord[]
  readonly maxPeers?: number
  /** Called when a peer falls to the disconnect threshold or is banned, after the record is written. */
  readonly onUnwelcome?: (peer: string, code: string) => void
}

interface Entry {
  score: number
  at: number
  bannedUntil: number
}

const { conductFloor, conductDisconnect, conductBan, conductBanTime, conductHalfLife, conductPeers } = NET_LIMITS

export class PeerConduct implements Conduct {
  readonly #components: ConductComponents
  readonly #maxPeers: number
  readonly #onUnwelcome: ((peer: string, code: string) => void) | undefined
  readonly #rules = new Map<string, ConductRule>()
  readonly #entries = new Map<string, Entry>()

  constructor(components: ConductComponents, init: ConductInit = {}) {
    this.#components = components
    this.#maxPeers = init.maxPeers ?? conductPeers.value
    this.#onUnwelcome = init.onUnwelcome
    this.register(NET_CONDUCT)
    for (const record of init.records ?? []) {
      this.#entries.set(record.peer, { score: record.score, at: record.at, bannedUntil: record.bannedUntil ?? 0 })
    }
  }

  register(table: Readonly<Record<string, ConductRule>>): void {
    for (const [code, rule] of Object.entries(table)) {
      const known = this.#rules.get(code)
      if (!(rule.weight > 0) || (known !== undefined && known.weight !== rule.weight)) {
        throw new NetError(
          { code: 'invalid-configuration', field: `conduct.${code}` },
          `expected one weight above 0 for ${code}, got ${rule.weight}${known === undefined ? '' : ` after ${known.weight}`}`,
        )
      }
      this.#rules.set(code, rule)
    }
  }

  /** Whether `report` takes this code. */
  knows(code: string): boolean {
    return this.#rules.has(code)
  }

  report(peer: string, code: string, detail: Readonly<Record<string, unknown>> = {}): void {
    const rule = this.#rules.get(code)
    if (rule === undefined) {
      throw new NetError({ code: 'unknown-conduct-code', got: code }, `expected a registered conduct code, got ${code}`)
    }
    const now = this.#components.clock()
    const entry = this.#entries.get(peer) ?? { score: 0, at: now, bannedUntil: 0 }
    const before = decayed(entry, now)
    entry.score = Math.max(conductFloor.value, before - rule.weight)
    entry.at = now
    const bans = entry.score <= conductBan.value
    if (bans) entry.bannedUntil = now + conductBanTime.value
    this.#entries.set(peer, entry)
    this.#evict(now)
    this.#components.metrics?.conduct.inc({ code })
    this.#components.logger.warn(
      { room: 'net', peer, code, score: Math.round(entry.score), ...detail },
      'peer misbehaved',
    )
    if (bans || entry.score <= conductDisconnect.value) this.#onUnwelcome?.(peer, code)
  }

  score(peer: string): number {
    const entry = this.#entries.get(peer)
    return entry === undefined ? 0 : decayed(entry, this.#components.clock())
  }

  isBanned(peer: string): boolean {
    const entry = this.#entries.get(peer)
    return entry !== undefined && entry.bannedUntil > this.#components.clock()
  }

  isWelcome(peer: string): boolean {
    return !this.isBanned(peer) && this.score(peer) > conductDisconnect.value
  }

  records(): ConductRecord[] {
    const now = this.#components.clock()
    return Array.from(this.#entries, ([peer, entry]) => ({
      peer,
      score: entry.score,
      at: entry.at,
      ...(entry.bannedUntil > now ? { bannedUntil: entry.bannedUntil } : {}),
    }))
  }

  #evict(now: number): void {
    if (this.#entries.size <= this.#maxPeers) return
    let least: string | undefined
    let best = Number.NEGATIVE_INFINITY
    for (const [peer, entry] of this.#entries) {
      const guilt = entry.bannedUntil > now ? conductFloor.value - 1 : decayed(entry, now)
      if (guilt > best) {
        best = guilt
        least = peer
      }
    }
    if (least !== undefined) this.#entries.delete(least)
  }
}

function decayed(entry: Entry, now: number): number {
  const elapsed = Math.max(0, now - entry.at)
  const score = entry.score * 2 ** (-elapsed / conductHalfLife.value)
  return score > -0.01 ? 0 : score
}
