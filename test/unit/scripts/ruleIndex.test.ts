import { describe, expect, it } from 'vitest'
import { indexRules, RULE_COUNT, type RuleInputs } from '../../../scripts/ruleIndex.ts'

const RULES = Array.from({ length: RULE_COUNT }, (_, at) => `R${at + 1}`)
const whole: RuleInputs = {
  protocol: RULES.map((rule) => `${rule}. Text of the rule, which may name R1.`).join('\n'),
  sources: [{ path: 'src/a.ts', text: `/** ${RULES.join(' ')} */` }],
  tests: [{ path: 'test/a.test.ts', text: RULES.map((rule) => `it('${rule} holds', () => {})`).join('\n') }],
  roadmap: {},
}
const problemsOf = (changed: Partial<RuleInputs>): readonly string[] => indexRules({ ...whole, ...changed }).problems

describe('the index of rules', () => {
  it('finds nothing wrong when every rule is defined, carried and tested', () => {
    expect(problemsOf({})).toEqual([])
    expect(indexRules(whole).entries[6]).toEqual({ rule: 'R7', code: ['src/a.ts:1'], tests: ['test/a.test.ts:7'] })
  })

  it('names the rule that no docstring or no title carries', () => {
    const sources = [{ path: 'src/a.ts', text: `/** ${RULES.slice(1).join(' ')} */\nexport const R1 = 'R1'` }]
    expect(problemsOf({ sources })).toEqual(['R1: not in a docstring of src, and not in docs/roadmap-rules.json'])
    const tests = [{ path: 'a.test.ts', text: `it('${RULES.slice(0, -1).join(' ')}', () => 'R29')\nconst R29 = 'R29'` }]
    expect(problemsOf({ tests })).toEqual(['R29: not in the title of a test, and not in docs/roadmap-rules.json'])
  })

  it('reads titles of describe, of each and of Foundry', () => {
    const each = `describe.each([1])('${RULES.slice(2).join(' ')}', () => { it.only(\`R1 of \${1}\`, () => {}) })`
    const tests = [
      { path: 'a.test.ts', text: each },
      { path: 'b.t.sol', text: '// R1\nfunction test_R2_holds() public {}\nfunction helper_R1() {}' },
    ]
    expect(problemsOf({ tests })).toEqual([])
  })

  it('accepts a rule on the roadmap with a reason until it is built', () => {
    const sources = [{ path: 'src/a.ts', text: `/** ${RULES.slice(1).join(' ')} */` }]
    expect(problemsOf({ sources, roadmap: { R1: 'needs the jury' } })).toEqual([])
    expect(problemsOf({ sources, roadmap: { R1: ' ' } })).toEqual(['docs/roadmap-rules.json: R1 has no reason'])
    expect(problemsOf({ roadmap: { R1: 'needs the jury' } })).toEqual([
      'R1: built and tested; take it out of docs/roadmap-rules.json',
    ])
  })

  it('refuses numbers that are no rule, and rules missing or doubled in the text', () => {
    expect(problemsOf({ roadmap: { R30: 'x' } })).toEqual(['docs/roadmap-rules.json: R30 is no rule'])
    expect(problemsOf({ sources: [...whole.sources, { path: 'src/b.ts', text: '\n// R77' }] })).toEqual([
      'src/b.ts:2: a docstring names R77, which is no rule',
    ])
    expect(problemsOf({ protocol: `${whole.protocol.replace('R2. ', 'R3. ')}\nR30. More` })).toEqual([
      'docs/protocol.md: R2 is defined 0 times, expected once',
      'docs/protocol.md: R3 is defined 2 times, expected once',
      'docs/protocol.md: R30 is no known rule',
    ])
  })
})
