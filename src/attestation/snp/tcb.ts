import type { SnpProduct, SnpTcb } from '../policy.ts'

/** Bytes of a TCB_VERSION (SEV-SNP ABI, 2.2). */
export const TCB_BYTES = 8

/** Components of a TCB_VERSION; the `spl` ones are reserved and zero. */
export type TcbComponent = keyof SnpTcb | 'spl4' | 'spl5' | 'spl6' | 'spl7'

/** Which component each byte holds: Turin put the microcontroller's firmware first and moved the rest. */
export const TCB_LAYOUT: Readonly<Record<SnpProduct, readonly TcbComponent[]>> = {
  Milan: ['bootloader', 'tee', 'spl4', 'spl5', 'spl6', 'spl7', 'snp', 'microcode'],
  Genoa: ['bootloader', 'tee', 'spl4', 'spl5', 'spl6', 'spl7', 'snp', 'microcode'],
  Turin: ['fmc', 'bootloader', 'tee', 'snp', 'spl5', 'spl6', 'spl7', 'microcode'],
}

/** Whether no component of `left` is above that of `right`. */
export const isAtMost = (left: Uint8Array, right: Uint8Array): boolean =>
  left.every((version, at) => version <= (right[at] ?? 0))

/** Whether reserved bytes of a TCB_VERSION are zero in this product's layout. */
export const hasReservedZero = (product: SnpProduct, tcb: Uint8Array): boolean =>
  TCB_LAYOUT[product].every((component, at) => !component.startsWith('spl') || tcb[at] === 0)

/** The first component below the floor, undefined when none is. */
export function belowFloor(product: SnpProduct, tcb: Uint8Array, floor: SnpTcb): TcbComponent | undefined {
  return TCB_LAYOUT[product].find(
    (component, at) => (tcb[at] ?? 0) < (component.startsWith('spl') ? 0 : (floor[component as keyof SnpTcb] ?? 0)),
  )
}

/** For messages, e.g. `bootloader 4 tee 0 snp 24 microcode 213`. */
export const tcbText = (product: SnpProduct, tcb: Uint8Array): string =>
  TCB_LAYOUT[product]
    .map((component, at) => `${component} ${tcb[at]}`)
    .filter((part) => !part.startsWith('spl'))
    .join(' ')
