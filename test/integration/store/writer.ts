import { writeSync } from 'node:fs'
import { openStore } from '../../../src/store/index.ts'

/**
 * Commits without end, many at once: commit n puts the same bytes under n in four tables and signs sequence n. Each number is
 * printed only after its commit was acknowledged. Arguments: directory, first number.
 */
const [directory = '', first = '0'] = process.argv.slice(2)
const WRITERS = 32
const STDOUT = 1
const quiet = (): void => undefined
const store = await openStore(directory, { clock: Date.now, logger: { info: quiet, warn: quiet, error: quiet } })

const digestOf = (value: number): `0x${string}` => `0x${value.toString(16).padStart(64, '0')}`
let next = Number(first)

async function write(): Promise<never> {
  for (;;) {
    const number = next
    next += 1
    const digest = digestOf(number)
    const value = new Uint8Array(200 + (number % 1_000)).fill(number % 251)
    await store.commit([
      { type: 'put', table: 'records', key: [digest], value },
      { type: 'put', table: 'receipts', key: [digestOf(1), number], value },
      { type: 'insert', table: 'heads', key: [digest, 1], value },
      { type: 'put', table: 'requests', key: [digest], value },
      { type: 'sign', kind: 'receipt', scope: digestOf(1), sequence: number, digest },
    ])
    writeSync(STDOUT, `${number}\n`)
  }
}

writeSync(STDOUT, 'ready\n')
await Promise.all(Array.from({ length: WRITERS }, write))
