import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPG, opg, resultOf } from '../support/opg.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-program-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('opg on an old Node', () => {
  test('prints one clear line and ends with 64', async () => {
    const shim = join(directory, 'old.mjs')
    await writeFile(
      shim,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })\n",
    )
    for (const version of ['20.20.2', '22.11.0']) {
      await writeFile(
        shim,
        `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })\n`,
      )
      const ran = await opg(['version'], { environment: { NODE_OPTIONS: `--import ${shim}` } })
      expect([ran.exit, ran.stdout]).toEqual([64, ''])
      expect(ran.stderr).toMatch(/^opg: Node \d+\.\d+\.\d+ is too old: expected 22\.12 or later\.[^\n]*\n$/)
    }
  })

  test('uses nothing that Node 14 cannot parse before the check', async () => {
    const [before] = (await readFile(OPG, 'utf8')).split('process.exit(64)')
    expect(before).not.toMatch(/\bimport\b|\?\.|\?\?|#\w+ =|\bawait\b/)
  })
})

describe('opg from outside its folder', () => {
  test('runs from any working directory', async () => {
    const elsewhere = join(directory, 'elsewhere')
    await mkdir(elsewhere)
    await copyFile(fileURLToPath(new URL('../../package.json', import.meta.url)), join(elsewhere, 'package.json'))
    const ran = await opg(['version', '--json'], { cwd: elsewhere })
    expect([ran.exit, ran.json.ok, ran.stderr]).toEqual([0, true, ''])
  })
})

describe('opg doctor on this machine', () => {
  test('says what every attester lacks, and ends as its findings are', async () => {
    const ran = await opg(['doctor', '--json', '--home', join(directory, 'nobody')])
    const { worst, auto, attesters, findings } = resultOf('doctor', ran)
    expect(attesters.map(({ attester }) => attester)).toEqual(['dstack', 'configfs-tsm', 'nsm', 'nvidia', 'simulated'])
    expect(auto === null || attesters.some(({ attester, available }) => attester === auto && available)).toBe(true)
    expect(findings.map(({ subject }) => subject)).toEqual(['node', 'disk', 'home'])
    expect(ran.exit).toBe(worst === 'fail' ? 1 : 0)
    expect(ran.stderr).toBe('')
  })

  test('ends with 1 where a node would not work', async () => {
    const home = join(directory, 'broken')
    await mkdir(home)
    await writeFile(join(home, 'config.json'), '{')
    const ran = await opg(['doctor', '--home', home])
    expect([ran.exit, ran.stderr]).toEqual([1, ''])
    expect(ran.stdout).toMatch(/^fail {2}home {7}config-invalid/m)
  })
})
