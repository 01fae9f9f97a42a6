import { describe, expect, it } from 'vitest'
import { type Bench, formatResult, isMet, type Metrics, runBench } from '../../perf/bench.ts'
import { BENCHES } from '../../perf/benches.ts'
import { median, percentile } from '../../perf/statistics.ts'

const surroundings = {
  machine: { cpus: 2, cpu: 'test', memoryGiB: 1, platform: 'linux-x64', node: '24' },
  commit: 'abc',
  progress: () => {},
}

const benchOf = (runs: readonly Metrics[], targets: Bench['targets']): Bench => ({
  name: 'fake',
  summary: 'returns what it is told',
  targets,
  run: async ({ run }) => runs[run - 1] ?? {},
})

describe('bench harness', () => {
  it('gives every bench the same shape, with medians over the runs', async () => {
    const bench = benchOf(
      [
        { ms: 3, jobs: 1 },
        { ms: 1, jobs: 9 },
        { ms: 2.00049, jobs: 5 },
      ],
      { ms: { op: '<=', value: 2 } },
    )
    expect(await runBench(bench, 3, surroundings)).toEqual({
      bench: 'fake',
      metrics: { ms: 2, jobs: 5 },
      targets: { ms: { op: '<=', value: 2 } },
      met: true,
      runs: 3,
      machine: surroundings.machine,
      commit: 'abc',
    })
  })

  it.each([
    ['<=', 5, 5, true],
    ['<=', 5, 5.1, false],
    ['>=', 500, 500, true],
    ['>=', 500, 499, false],
  ] as const)('%s %d with %d: %s', (op, value, got, met) => {
    expect(isMet({ metric: { op, value } }, { metric: got })).toBe(met)
  })

  it('is not met while a target was not measured', async () => {
    expect(isMet({ metric: { op: '<=', value: 1 } }, {})).toBe(false)
    const bench = benchOf([{ other: 1 }], { metric: { op: '<=', value: 1 } })
    await expect(runBench(bench, 1, surroundings)).rejects.toThrow('fake did not measure metric')
  })

  it('shows people which target was missed', async () => {
    const bench = benchOf([{ ms: 3, jobs: 4 }], { ms: { op: '<=', value: 2 }, jobs: { op: '>=', value: 4 } })
    const lines = formatResult(await runBench(bench, 1, surroundings)).split('\n')
    expect(lines.find((line) => line.startsWith('ms'))).toMatch(/3 +<= 2 +MISSED$/)
    expect(lines.find((line) => line.startsWith('jobs'))).toMatch(/4 +>= 4 +met$/)
  })

  it('knows every bench once, by name', () => {
    const names = BENCHES.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { targets, summary } of BENCHES) {
      expect(Object.keys(targets).length).toBeGreaterThan(0)
      expect(summary).not.toBe('')
    }
  })
})

describe('statistics', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
  })

  it('takes percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at)
    expect([0.01, 0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 50, 95, 99, 100])
  })

  it('refuses to sum up nothing', () => {
    expect(() => median([])).toThrow(RangeError)
    expect(() => percentile([], 0.5)).toThrow(RangeError)
  })
})
