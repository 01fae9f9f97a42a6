import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CLONED_CONTRACTS } from '../src/chain/contractNames.ts'
import { CONTRACTS, contractsRoot, DEVNET_CONTRACTS, forge, repositoryRoot } from './forge.ts'

interface AbiItem {
  readonly type: string
  readonly name?: string
  readonly inputs?: readonly { readonly type: string }[]
}

interface Artifact {
  readonly abi: readonly AbiItem[]
  readonly bytecode: { readonly object: string; readonly linkReferences: Record<string, unknown> }
}

const target = join('src', 'chain', 'generated')
const devnetTarget = join('devnet', 'generated')

function artifactOf(name: string): Artifact {
  const path = join(contractsRoot, 'out', `${name}.sol`, `${name}.json`)
  const artifact = JSON.parse(readFileSync(path, 'utf8')) as Artifact
  const { linkReferences } = artifact.bytecode
  if (Object.keys(linkReferences).length !== 0) {
    throw new Error(`expected ${name} to link no library, got ${JSON.stringify(linkReferences)}`)
  }
  return artifact
}

/** `internalType` says what Solidity calls a type: half of the text, and nobody encodes by it. */
const withoutSolidityNames = (name: string, value: unknown): unknown => (name === 'internalType' ? undefined : value)

const moduleOf = (source: string, text: string): string =>
  `// Generated from ${source} of contracts/src by scripts/generateContracts.ts.\n${text}\n`

const creationCode = (code: string): string => `export const creationCode =\n  '${code}' as const`

const signatureOf = ({ name, inputs = [] }: AbiItem): string => `${name}(${inputs.map(({ type }) => type).join(',')})`

/** Every custom error once: a contract passes on what those it calls refuse with. */
function errorsOf(artifacts: readonly Artifact[]): AbiItem[] {
  const errors = new Map<string, AbiItem>()
  for (const { abi } of artifacts)
    for (const item of abi) if (item.type === 'error') errors.set(signatureOf(item), item)
  return [...errors.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, item]) => item)
}

/**
 * ABI and creation code lie apart: a node reads ABIs, only who deploys needs code. One line an item keeps the files short.
 */
function modules(): Map<string, string> {
  const artifacts = CONTRACTS.map((name) => [name, artifactOf(name)] as const)
  const list = (items: readonly AbiItem[]): string =>
    `export const abi = [\n${items.map((item) => `  ${JSON.stringify(item, withoutSolidityNames)},\n`).join('')}] as const`
  const files = new Map<string, string>()
  for (const [name, { abi, bytecode }] of artifacts) {
    const source = `${name}.sol`
    files.set(join(target, `${name}.ts`), moduleOf(source, list(abi)))
    // Its factory creates it.
    if (name === CLONED_CONTRACTS.feeSplitter) continue
    files.set(join(target, 'bytecode', `${name}.ts`), moduleOf(source, creationCode(bytecode.object)))
  }
  for (const name of DEVNET_CONTRACTS) {
    const { bytecode } = artifactOf(name)
    files.set(join(devnetTarget, `${name}.ts`), moduleOf(`devnet/${name}.sol`, creationCode(bytecode.object)))
  }
  const errors = errorsOf(artifacts.map(([, artifact]) => artifact))
  files.set(join(target, 'errors.ts'), moduleOf('every contract', list(errors)))
  return files
}

function staleFiles(files: ReadonlyMap<string, string>): string[] {
  const changed = [...files].filter(([path, text]) => {
    const file = join(repositoryRoot, path)
    return !existsSync(file) || readFileSync(file, 'utf8') !== text
  })
  const present = [target, devnetTarget].flatMap((folder) =>
    readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const orphans = present.filter((path) => path.endsWith('.ts') && !files.has(path))
  return [...changed.map(([path]) => path), ...orphans]
}

function main(check: boolean): number {
  const build = forge(['build', 'src'])
  if (!build.ok) {
    process.stderr.write(build.output)
    return 1
  }
  const files = modules()
  if (!check) {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(repositoryRoot, path)), { recursive: true })
      writeFileSync(join(repositoryRoot, path), text)
    }
  }
  const stale = staleFiles(files)
  if (stale.length !== 0) {
    process.stderr.write(
      `expected bindings that match contracts/src, got other content in ${stale.join(', ')}: ` +
        'run node scripts/generateContracts.ts, remove what is no contract any more and commit the difference\n',
    )
    return 1
  }
  process.stdout.write(
    `${CONTRACTS.length + DEVNET_CONTRACTS.length} contract bindings ${check ? 'match' : 'written'}\n`,
  )
  return 0
}

process.exitCode = main(process.argv.includes('--check'))
