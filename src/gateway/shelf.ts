import type { ResourceInfo } from '@x402/core/types'
import { bazaarResourceServerExtension, declareDiscoveryExtension } from '@x402/extensions/bazaar'
import { declarePaymentIdentifierExtension, PAYMENT_IDENTIFIER } from '@x402/extensions/payment-identifier'
import { elementCount, type TensorSpec } from '../protocol/index.ts'
import { DATATYPES } from './kserve/datatypes.ts'
import type { ServedModel } from './models.ts'

/** A model as x402 shows it: the resource that is paid for, and how it is asked (bazaar, payment-identifier). */
export interface Shown {
  readonly resource: ResourceInfo
  readonly extensions: Record<string, unknown>
}

export interface Shelf {
  of(model: ServedModel): Shown
}

/** Elements of an example; a larger input is shown without them, for all of it travels in a header. */
const MAX_EXAMPLE = 16
/** Inputs of an example. */
const MAX_INPUTS = 8
const MAX_DESCRIPTION = 200

export function createShelf(init: { readonly url: () => string }): Shelf {
  return {
    of: ({ id, manifest }) => ({
      resource: {
        url: `${init.url()}/v2/models/${id}/infer`,
        description: (manifest.description || manifest.name).slice(0, MAX_DESCRIPTION),
        mimeType: 'application/json',
        serviceName: 'OPG gateway',
        tags: ['inference', 'kserve-v2'],
      },
      extensions: {
        [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(),
        ...discovery(manifest.inputs.slice(0, MAX_INPUTS)),
      },
    }),
  }
}

function discovery(inputs: readonly TensorSpec[]): Record<string, unknown> {
  const { bazaar, ...others } = declareDiscoveryExtension({
    bodyType: 'json',
    input: { inputs: inputs.map(example) },
    inputSchema: {
      type: 'object',
      properties: {
        inputs: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              datatype: { type: 'string' },
              shape: { type: 'array', items: { type: 'integer' } },
              data: { type: 'array' },
            },
            required: ['name', 'datatype', 'shape', 'data'],
          },
        },
      },
      required: ['inputs'],
    },
  })
  return { ...others, bazaar: bazaarResourceServerExtension.enrichDeclaration?.(bazaar, POST) ?? bazaar }
}

/** What the extension reads of a request. No route: each model is a resource of its own. */
const POST = { method: 'POST', adapter: {} }

/** Variable dimensions are one; zeros stand for a small tensor. */
function example({ name, dtype, shape }: TensorSpec): object {
  const sizes = shape.map((size) => (typeof size === 'number' ? size : 1))
  const count = elementCount(sizes) ?? 0
  const zero = dtype === 'BOOL' ? false : 0
  return { name, datatype: DATATYPES[dtype], shape: sizes, data: Array(count <= MAX_EXAMPLE ? count : 0).fill(zero) }
}
