import { Level } from 'level'

let synced = 0

/** Counts the synced batches of every store that this process opens from now on: each is one fsync of the log. */
export function countSyncs(): () => number {
  const write: unknown = Reflect.get(Level.prototype, 'batch')
  if (typeof write !== 'function') throw new TypeError('expected Level to have batch')
  Object.assign(Level.prototype, {
    batch(this: unknown, ...args: readonly unknown[]): unknown {
      const [, options] = args as readonly [unknown, { readonly sync?: boolean } | undefined]
      if (options?.sync === true) synced += 1
      return Reflect.apply(write, this, args)
    },
  })
  return () => synced
}
