import { setTimeout as sleep } from 'node:timers/promises'
import { openStore, type Store, StoreError, type StoreInit } from '../store/index.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'

/** A command that spends waits so long for the one before it, ms. */
const WALLET_WAIT_MS = 10_000
const LOOK_AGAIN_MS = 100
/** Tries while another process makes the store, whose files change between two looks; one that is corrupt stays so. */
const CORRUPT_TRIES = 10

/**
 * Opens the books of a home's wallet, which one process holds at a time: two that sign for one channel would pay it twice.
 * Throws NodeError `wallet-busy` or StoreError.
 */
export async function openWalletStore(
  home: Pick<Home, 'directory' | 'wallet'>,
  init: StoreInit,
  waitMs: number = WALLET_WAIT_MS,
): Promise<Store> {
  let corrupt = 0
  for (const until = Date.now() + waitMs; ; ) {
    try {
      return await openStore(home.wallet, init)
    } catch (thrown) {
      if (!(thrown instanceof StoreError)) throw thrown
      if (thrown.code === 'store-corrupt') corrupt += 1
      if ((thrown.code !== 'store-locked' && thrown.code !== 'store-corrupt') || corrupt === CORRUPT_TRIES) throw thrown
      if (thrown.code === 'store-locked' && Date.now() >= until) throw busy(home.directory, thrown)
    }
    await sleep(LOOK_AGAIN_MS)
  }
}

const busy = (home: string, cause: StoreError): NodeError =>
  new NodeError(
    { code: 'wallet-busy', home, expected: 'no other process that spends from this wallet', got: 'one' },
    `expected no other process that spends from the wallet of ${home}, there is one; wait for it, or give --home another home`,
    { cause },
  )
