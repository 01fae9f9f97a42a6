import { parseAst } from 'rolldown/parseAst'

/** A node of an ESTree with TypeScript; offsets are in UTF-16 units. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [member: string]: unknown
}

export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

/** Throws SyntaxError on text that does not parse. */
export const parseTypeScript = (text: string, path: string): SyntaxNode =>
  parseAst(text, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts' }) as unknown as SyntaxNode

/** Members of a node that are nodes, with the member's name. */
export function* childrenOf(node: SyntaxNode): Generator<readonly [string, SyntaxNode]> {
  for (const [member, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield [member, child]
  }
}

/** Line of an offset, from 1. */
export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length
