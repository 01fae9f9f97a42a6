import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TsmDirectory, tsmAttester } from '../../../../src/attestation/index.ts'
import { tsmDirectory } from '../../../../src/node/attesters/tsmDirectory.ts'
import { simulatedReport } from '../../../support/simulatedConfigfs.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'opg-tsm-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('the directory of reports, on a plain file system', () => {
  test('reads, writes and removes what is there', async () => {
    const directory = tsmDirectory(root)
    await directory.make('a')
    await writeFile(join(root, 'a', 'inblob'), '')
    await directory.write('a', 'inblob', new Uint8Array(64).fill(5))
    expect(await directory.read('a', 'inblob', 64)).toEqual(new Uint8Array(64).fill(5))
    await rm(join(root, 'a', 'inblob'))
    await directory.remove('a')
    expect(await readdir(root)).toEqual([])
  })

  test('reads an attribute of many blocks whole', async () => {
    await mkdir(join(root, 'a'))
    const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at % 251)
    await writeFile(join(root, 'a', 'outblob'), bytes)
    expect(await tsmDirectory(root).read('a', 'outblob', 10_000)).toEqual(bytes)
  })

  test('fault: an attribute that is not there is not made', async () => {
    await mkdir(join(root, 'a'))
    await expect(tsmDirectory(root).write('a', 'inblob', new Uint8Array(1))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readdir(join(root, 'a'))).toEqual([])
  })

  test('fault: an attribute beyond the limit is EFBIG, a taken name EEXIST, a missing directory ENOENT', async () => {
    const directory = tsmDirectory(root)
    await mkdir(join(root, 'a'))
    await writeFile(join(root, 'a', 'outblob'), new Uint8Array(65))
    await expect(directory.read('a', 'outblob', 64)).rejects.toMatchObject({ code: 'EFBIG' })
    await expect(directory.make('a')).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(tsmDirectory(join(root, 'none')).make('a')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

const run = promisify(execFile)

/**
 * The real port on attributes that are pipes: like the kernel's they have no size, come in short pieces, and take a write
 * when it is closed. Only what mkdir and rmdir do in configfs is done here, by a stand-in for the kernel.
 */
function simulatedConfigfsOfPipes(directory: TsmDirectory, races: number): TsmDirectory & { done(): Promise<void> } {
  const requests: Promise<void>[] = []
  let left = races
  const serve = async (report: string): Promise<void> => {
    const path = (attribute: string): string => join(root, report, attribute)
    const inblob = await readFile(path('inblob'))
    const raced = left > 0
    if (raced) left -= 1
    const bytes = raced ? new Uint8Array(64).fill(9) : new Uint8Array(inblob)
    const quote = simulatedReport('tdx_guest', bytes)
    await writeFile(path('generation'), raced ? '2\n' : '1\n')
    const pipe = await open(path('outblob'), 'w')
    for (let at = 0; at < quote.length; at += 700) await pipe.write(quote.subarray(at, at + 700))
    await pipe.close()
  }
  return {
    ...directory,
    async make(report) {
      await directory.make(report)
      await run(
        'mkfifo',
        ['inblob', 'outblob'].map((attribute) => join(root, report, attribute)),
      )
      await writeFile(join(root, report, 'provider'), 'tdx_guest\n')
      await writeFile(join(root, report, 'generation'), '0\n')
    },
    async write(report, attribute, bytes) {
      requests.push(serve(report))
      await directory.write(report, attribute, bytes)
    },
    async remove(report) {
      for (const name of await readdir(join(root, report))) await rm(join(root, report, name))
      await directory.remove(report)
    },
    done: async () => void (await Promise.all(requests)),
  }
}

describe('an attester on simulated configfs made of pipes', () => {
  for (const races of [0, 1, 2]) {
    test(`gets its own report after ${races} races`, async () => {
      const directory = simulatedConfigfsOfPipes(tsmDirectory(root), races)
      let named = 0
      const attester = await tsmAttester({
        directory,
        name: () => {
          named += 1
          return `report-${named}`
        },
        wait: async () => undefined,
      })
      const { document } = await attester.attest(new Uint8Array(32).fill(3), 0)
      await directory.done()
      expect([document.length, document[568], named]).toEqual([5_000, 3, 2 + races])
      expect(await readdir(root)).toEqual([])
    })
  }
})
