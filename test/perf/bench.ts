import { median } from './statistics.ts'

export interface Target {
  readonly op: '<=' | '>='
  readonly value: number
}

export interface BenchContext {
  /** From 1. */
  readonly run: number
  progress(message: string): void
}

export type Metrics = { readonly [name: string]: number }

/** One measurement over real components. `run` starts everything afresh, measures, and stops everything. */
export interface Bench {
  readonly name: string
  /** What it measures, in a line. */
  readonly summary: string
  /** Each names a metric that every run returns. */
  readonly targets: { readonly [metric: string]: Target }
  run(context: BenchContext): Promise<Metrics>
}

export interface Machine {
  readonly cpus: number
  readonly cpu: string
  readonly memoryGiB: number
  readonly platform: string
  readonly node: string
}

/** What `npm run bench -- <name> --json` writes as its last line. */
export interface BenchResult {
  readonly bench: string
  /** Medians over the runs. */
  readonly metrics: Metrics
  readonly targets: Bench['targets']
  readonly met: boolean
  readonly runs: number
  readonly machine: Machine
  readonly commit: string
}

export interface Surroundings {
  readonly machine: Machine
  readonly commit: string
  progress(message: string): void
}

/** Runs a bench and takes the median of every metric. Throws when a run leaves a targeted metric out. */
export async function runBench(bench: Bench, runs: number, surroundings: Surroundings): Promise<BenchResult> {
  const { machine, commit, progress } = surroundings
  const measured: Metrics[] = []
  for (let run = 1; run <= runs; run += 1) {
    progress(`${bench.name}: run ${run} of ${runs}`)
    const metrics = await bench.run({ run, progress: (message) => progress(`${bench.name}: ${message}`) })
    for (const metric of Object.keys(bench.targets)) {
      if (!Number.isFinite(metrics[metric])) throw new RangeError(`${bench.name} did not measure ${metric}`)
    }
    progress(`${bench.name}: ${JSON.stringify(rounded(metrics))}`)
    measured.push(metrics)
  }
  const names = Object.keys(measured[0] ?? {})
  const medians = names.map((name) => [name, median(measured.map((metrics) => metrics[name] ?? Number.NaN))] as const)
  const metrics = rounded(Object.fromEntries(medians))
  return {
    bench: bench.name,
    metrics,
    targets: bench.targets,
    met: isMet(bench.targets, metrics),
    runs,
    machine,
    commit,
  }
}

export const isMet = (targets: Bench['targets'], metrics: Metrics): boolean =>
  Object.entries(targets).every(([name, { op, value }]) => {
    const got = metrics[name]
    return got !== undefined && (op === '<=' ? got <= value : got >= value)
  })

const rounded = (metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Math.round(value * 1_000) / 1_000]))

/** The result as a table for people. */
export function formatResult(result: BenchResult): string {
  const rows = Object.entries(result.metrics).map(([name, value]) => {
    const target = result.targets[name]
    const goal = target === undefined ? '' : `${target.op} ${target.value}`
    const verdict = target === undefined ? '' : isMet({ [name]: target }, result.metrics) ? 'met' : 'MISSED'
    return [name, String(value), goal, verdict]
  })
  const table = [['metric', `median of ${result.runs}`, 'target', ''], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const { cpus, cpu, memoryGiB, node } = result.machine
  return [`${result.bench} at ${result.commit}, ${cpus} x ${cpu}, ${memoryGiB} GiB, Node ${node}`, ...lines].join('\n')
}
