import { describe, expect, test } from 'vitest'
import { certificateTable } from '../../../../src/attestation/attesters/certificateTable.ts'
import { parseCollateral, tsmAttester } from '../../../../src/attestation/index.ts'
import { hexToBytes } from '../../../../src/protocol/index.ts'
import { SimulatedConfigfs } from '../../../support/simulatedConfigfs.ts'

const VCEK = '63da758de6644564adc5f4b93be8accd'
const VLEK = 'a8074bc2a25a483eaae639c045a0b8a1'
const ASK = '4ab7b379bbac4fe4a02f05aef327c782'
const ARK = 'c0b406a4a803495297433fb6014cd0ae'
const CRL = '92f81bc358114d3d97ffd19f88dc67ea'
const OF_THE_HOST = '00112233445566778899aabbccddeeff'

const der = (byte: number): Uint8Array => new Uint8Array(40).fill(byte)

/** A table as a host writes it: entries, an empty one, then the certificates. */
function tableOf(entries: readonly (readonly [guid: string, bytes: Uint8Array])[]): Uint8Array {
  const head = (entries.length + 1) * 24
  const table = new Uint8Array(head + entries.reduce((sum, [, bytes]) => sum + bytes.length, 0))
  const view = new DataView(table.buffer)
  let offset = head
  for (const [index, [guid, bytes]] of entries.entries()) {
    table.set(hexToBytes(`0x${guid}`), index * 24)
    view.setUint32(index * 24 + 16, offset, true)
    view.setUint32(index * 24 + 20, bytes.length, true)
    table.set(bytes, offset)
    offset += bytes.length
  }
  return table
}

const swapped = (guid: string): string =>
  [guid.slice(0, 8), guid.slice(8, 12), guid.slice(12, 16)]
    .map((field) => field.match(/../g)?.reverse().join(''))
    .join('') + guid.slice(16)

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
const pem = (bytes: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`

describe('the certificate table of an SNP host', () => {
  test('becomes collateral: the chip key, its chain in PEM, the revocation list', () => {
    const table = tableOf([
      [VCEK, der(1)],
      [ASK, der(2)],
      [ARK, der(3)],
      [CRL, der(4)],
    ])
    const collateral = certificateTable(table)
    expect([...collateral.keys()]).toEqual(['amd/vek', 'amd/chain', 'amd/crl'])
    expect(collateral.get('amd/vek')).toEqual(der(1))
    expect(text(collateral.get('amd/chain')).replace(/\n/g, '')).toBe((pem(der(2)) + pem(der(3))).replace(/\n/g, ''))
    expect(collateral.get('amd/crl')).toEqual(der(4))
  })

  test('may hold a VLEK, entries of the host, GUIDs in mixed order, and PEM', () => {
    const table = tableOf([
      [OF_THE_HOST, der(9)],
      [swapped(VLEK), new TextEncoder().encode(pem(der(1)))],
    ])
    const collateral = certificateTable(table)
    expect([...collateral.keys()]).toEqual(['amd/vek'])
    expect(collateral.get('amd/vek')).toEqual(der(1))
  })

  test('is empty where the host provisions nothing', () => {
    expect(certificateTable(new Uint8Array(0)).size).toBe(0)
    expect(certificateTable(new Uint8Array(4_096)).size).toBe(0)
  })

  test('travels with the evidence of simulated configfs', async () => {
    const directory = new SimulatedConfigfs('sev_guest', tableOf([[VCEK, der(1)]]))
    const attester = await tsmAttester({ directory, name: () => 'report', wait: async () => undefined })
    const { collateral } = await attester.attest(new Uint8Array(32), 0)
    const parsed = parseCollateral(collateral)
    expect(parsed.ok && parsed.value.get('amd/vek')).toEqual(der(1))
  })
})

describe('fault: a certificate table that is none', () => {
  const good = tableOf([[VCEK, der(1)]])
  const changed = (change: (view: DataView, table: Uint8Array) => void): Uint8Array => {
    const table = good.slice()
    change(new DataView(table.buffer), table)
    return table
  }
  const faults: Readonly<Record<string, Uint8Array>> = {
    'larger than any': new Uint8Array(65_537).fill(1),
    'without an end': good.subarray(0, 24),
    'with a certificate beyond its end': changed((view) => view.setUint32(20, 41, true)),
    'with an offset that overflows': changed((view) => view.setUint32(16, 0xffff_ffff, true)),
    'with an empty certificate': changed((view) => view.setUint32(20, 0, true)),
    'with a certificate inside the table': changed((view) => view.setUint32(16, 24, true)),
    'with a nameless entry': changed((view) => view.setUint32(24 + 16, 48, true)),
    'with one certificate twice': tableOf([
      [VCEK, der(1)],
      [VLEK, der(2)],
    ]),
    'with too many entries': tableOf(Array.from({ length: 17 }, () => [OF_THE_HOST, der(1)] as const)),
    'with two certificates in one PEM': tableOf([[VCEK, new TextEncoder().encode(pem(der(1)) + pem(der(2)))]]),
  }
  for (const [name, table] of Object.entries(faults)) {
    test(`${name} is refused`, () => {
      expect(() => certificateTable(table)).toThrow(
        expect.objectContaining({ code: 'attester-answer-invalid' }) as unknown as Error,
      )
    })
  }
})
