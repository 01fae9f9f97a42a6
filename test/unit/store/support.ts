import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore, type Store, StoreError, type StoreErrorCode, type StoreLogger } from '../../../src/store/index.ts'

export const digestOf = (value: number): `0x${string}` => `0x${value.toString(16).padStart(64, '0')}`
export const addressOf = (value: number): `0x${string}` => `0x${value.toString(16).padStart(40, '0')}`

export class RecordingLogger implements StoreLogger {
  readonly lines: { readonly level: string; readonly message: string }[] = []
  info(_: object, message: string): void {
    this.lines.push({ level: 'info', message })
  }
  warn(_: object, message: string): void {
    this.lines.push({ level: 'warn', message })
  }
  error(_: object, message: string): void {
    this.lines.push({ level: 'error', message })
  }
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-store-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Opened in a directory of its own unless one is given; closed when the test ends. */
export async function temporaryStore(directory?: string, logger = new RecordingLogger()): Promise<Store> {
  const store = await openStore(directory ?? (await temporaryDirectory()), { clock: () => 1_732_000_000_000, logger })
  onTestFinished(() => store.close())
  return store
}

export async function codeOf(promise: Promise<unknown>): Promise<StoreErrorCode | undefined> {
  try {
    await promise
    return undefined
  } catch (thrown) {
    if (thrown instanceof StoreError) return thrown.code
    throw thrown
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}
