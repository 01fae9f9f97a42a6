import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a program that stands in for a vendor's: a module whose `main(args)` returns `{exit, stdout, stderr}`. */
export async function simulatedTool(directory: string, name: string, main: string): Promise<string> {
  const path = join(directory, name)
  const source = [
    `#!${process.execPath}`,
    "// SIMULATED: stands in for a vendor's program; its output is signed by nobody.",
    `const main = ${main}`,
    'const { exit = 0, stdout = "", stderr = "" } = await main(process.argv.slice(2), process.env)',
    'process.stdout.write(stdout, () => process.stderr.write(stderr, () => process.exit(exit)))',
    '',
  ].join('\n')
  await writeFile(`${path}.mjs`, source)
  await chmod(`${path}.mjs`, 0o755)
  return `${path}.mjs`
}
