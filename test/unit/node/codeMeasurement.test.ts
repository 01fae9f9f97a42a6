import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeMeasurement, measureTree } from '../../../src/node/codeMeasurement.ts'
import { bytesToHex } from '../../../src/protocol/index.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'opg-code-'))
  await mkdir(join(root, 'src', 'a'), { recursive: true })
  await writeFile(join(root, 'src', 'b.ts'), 'two')
  await writeFile(join(root, 'src', 'a', 'c.ts'), 'one')
  await writeFile(join(root, 'package.json'), '{}')
  await writeFile(join(root, 'README.md'), 'not measured')
})
afterEach(() => rm(root, { recursive: true, force: true }))

const sha384 = (text: string): string => createHash('sha384').update(text).digest('hex')
const measured = async (): Promise<string> => bytesToHex(await measureTree(root, 'src'))

describe('the measurement of the running code', () => {
  test('is the digest of a list of digests and paths, in order', async () => {
    const lines = [`${sha384('{}')}  package.json\n`, `${sha384('one')}  src/a/c.ts\n`, `${sha384('two')}  src/b.ts\n`]
    expect(await measured()).toBe(`0x${sha384(lines.join(''))}`)
  })

  test('changes with any byte, name, or file of the program, and with the lock file, and with nothing else', async () => {
    const before = await measured()
    await writeFile(join(root, 'README.md'), 'changed')
    expect(await measured()).toBe(before)
    const seen = new Set([before])
    await writeFile(join(root, 'package-lock.json'), '{}')
    seen.add(await measured())
    await writeFile(join(root, 'src', 'b.ts'), 'twO')
    seen.add(await measured())
    await writeFile(join(root, 'src', 'd.ts'), '')
    seen.add(await measured())
    await rm(join(root, 'src', 'a', 'c.ts'))
    seen.add(await measured())
    expect(seen.size).toBe(5)
  })

  test('refuses a link, which could point anywhere', async () => {
    await symlink(join(root, 'README.md'), join(root, 'src', 'link.ts'))
    await expect(measured()).rejects.toThrow(RangeError)
  })

  test('of this package is the same at every call', async () => {
    const [first, second] = await Promise.all([codeMeasurement(), codeMeasurement()])
    expect(first).toHaveLength(48)
    expect(second).toEqual(first)
  })
})
