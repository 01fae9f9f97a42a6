import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runTool } from '../../../../src/node/attesters/runTool.ts'
import { simulatedTool } from '../../../support/simulatedTools.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-tool-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const request = (program: string, args: readonly string[] = []) =>
  ({ program, args, timeoutMs: 20_000, maxBytes: 1_024 }) as const

describe('a tool', () => {
  test('gets its arguments as they are, without a shell, and PATH alone of our environment', async () => {
    const program = await simulatedTool(
      directory,
      'echo',
      '(args, env) => ({ stdout: JSON.stringify({ args, names: Object.keys(env).filter((n) => !n.startsWith("__")) }) })',
    )
    process.env.OPG_TEST_SECRET = 'secret'
    try {
      const { exit, stdout } = await runTool()({
        ...request(program, ['$HOME; ls', '']),
        environment: { NVAT_FORMAT: 'json' },
      })
      expect(exit).toBe(0)
      expect(JSON.parse(new TextDecoder().decode(stdout))).toEqual({
        args: ['$HOME; ls', ''],
        names: ['PATH', 'NVAT_FORMAT'],
      })
    } finally {
      delete process.env.OPG_TEST_SECRET
    }
  })

  test('tells its exit code and what it wrote to stderr', async () => {
    const program = await simulatedTool(directory, 'fails', '() => ({ exit: 7, stderr: "no device" })')
    expect(await runTool()(request(program))).toMatchObject({ exit: 7, stderr: 'no device' })
  })
})

describe('fault: a tool', () => {
  test('that is missing: ENOENT', async () => {
    await expect(runTool()(request(join(directory, 'none')))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('that may not be run: EACCES', async () => {
    const path = join(directory, 'plain')
    await writeFile(path, 'text', { mode: 0o600 })
    await expect(runTool()(request(path))).rejects.toMatchObject({ code: 'EACCES' })
  })

  test('that writes without end: EFBIG, and it is killed', async () => {
    const program = await simulatedTool(
      directory,
      'endless',
      'async () => { for (;;) await new Promise((r) => process.stdout.write("x".repeat(4096), r)) }',
    )
    await expect(runTool()(request(program))).rejects.toMatchObject({ code: 'EFBIG' })
  })

  test('that never ends, with a child that holds its pipes: ETIMEDOUT', async () => {
    const program = await simulatedTool(
      directory,
      'hangs',
      'async () => { const { spawn } = await import("node:child_process"); spawn("sleep", ["5"], { stdio: "inherit" }); await new Promise(() => setInterval(() => {}, 1000)) }',
    )
    await expect(runTool()({ ...request(program), timeoutMs: 300 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })
})
