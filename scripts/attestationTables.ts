/** Writes the tables of docs/attestation.md from the code; `--check` compares. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AGE_CODES,
  type AttestationErrorCode,
  CERTIFICATE_CODES,
  type Check,
  COLLATERAL_ITEMS,
  CONFIGURATION_CODES,
  type CollateralItem,
  type DocumentKind,
  EVIDENCE_CODES,
  rootAssurance,
  SIZE_CODES,
  vendorRoots,
} from '../src/attestation/index.ts'
import { withTables } from './protocolTables.ts'
import { ROOT } from './sourceTree.ts'

export const ATTESTATION_DOC = join(ROOT, 'docs/attestation.md')

const code = (text: string): string => `\`${text}\``
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const NO_VECTOR = 'no real vector'

export interface KindRow {
  readonly proves: string
  /** Looked at in every document, apart from what the policy asks for. */
  readonly always: readonly Check[]
  /** Looked at where the items are supplied, otherwise said to be not checked. */
  readonly supplied: readonly Check[]
  /** Never, by this format. */
  readonly never: readonly Check[]
  readonly vectors: string
}

const DEVICE = ['structure', 'trust-root', 'certificate-chain', 'signature'] as const
const CHAIN = [...DEVICE, 'not-debug'] as const
const INTEL = ['certificate-revocation', 'tcb', 'tcb-floor', 'qe-identity'] as const
const TOKEN = ['structure', 'trust-root', 'signature', 'not-debug', 'freshness'] as const

export const KINDS: Readonly<Record<DocumentKind, KindRow>> = {
  nitro: {
    proves: 'an AWS enclave with this image, kernel, application and role',
    always: [...CHAIN, 'freshness'],
    supplied: [],
    never: ['certificate-revocation'],
    vectors: 'Nitro Enclaves of 2022 to 2026',
  },
  tdx: {
    proves: 'an Intel trust domain with this initial memory and these run-time registers',
    always: CHAIN,
    supplied: [...INTEL, 'tdx-module', 'event-log'],
    never: [],
    vectors: 'quotes of version 4 and 5; with collateral, version 5 only refused',
  },
  sgx: {
    proves: 'an Intel enclave of this code and signer',
    always: CHAIN,
    supplied: INTEL,
    never: [],
    vectors: 'quotes of version 3',
  },
  'sev-snp': {
    proves: 'an AMD guest that was started from this memory',
    always: CHAIN,
    supplied: ['certificate-revocation', 'tcb', 'tcb-floor'],
    never: [],
    vectors: `Milan under a VCEK; VLEK, reports of Turin and AMD’s lists: ${NO_VECTOR}`,
  },
  'azure-snp-vtpm': {
    proves: 'an AMD guest whose paravisor is Microsoft’s, and what its virtual TPM measured of the boot',
    always: [...CHAIN, 'vtpm'],
    supplied: ['certificate-revocation', 'tcb', 'tcb-floor'],
    never: [],
    vectors: 'Milan and Genoa',
  },
  'azure-tdx-vtpm': {
    proves: 'an Intel trust domain whose paravisor is Microsoft’s, and what its virtual TPM measured of the boot',
    always: [...CHAIN, 'vtpm'],
    supplied: [...INTEL, 'tdx-module', 'event-log'],
    never: [],
    vectors: 'quotes of version 4',
  },
  'tdx-dstack': {
    proves: 'an Intel trust domain run by dstack, and by its event log which application it started',
    always: [...CHAIN, 'event-log', 'compose'],
    supplied: [...INTEL, 'tdx-module'],
    never: [],
    vectors: 'documents of the guest agent',
  },
  'nvidia-gpu': {
    proves: 'these GPUs, their driver and firmware; nothing about the host they sit in',
    always: DEVICE,
    supplied: ['fwid', 'rim', 'not-debug', 'ocsp'],
    never: [],
    vectors: `Hopper, and a driver’s manifest; Blackwell, VBIOS manifests and OCSP answers: ${NO_VECTOR}`,
  },
  'nvidia-switch': {
    proves: 'these NVSwitches and their firmware; nothing about the host they sit in',
    always: DEVICE,
    supplied: ['fwid', 'rim', 'not-debug', 'ocsp'],
    never: [],
    vectors: `LS10; manifests and OCSP answers: ${NO_VECTOR}`,
  },
  nras: {
    proves: 'that NVIDIA’s service accepted these GPUs',
    always: TOKEN,
    supplied: [],
    never: ['underlying-evidence', 'hardware'],
    vectors: `claims of version 3, without the key set; version 4: ${NO_VECTOR}`,
  },
  maa: {
    proves: 'that Microsoft’s service accepted this guest',
    always: TOKEN,
    supplied: [],
    never: ['underlying-evidence', 'hardware'],
    vectors: NO_VECTOR,
  },
  gcp: {
    proves: 'that Google’s service accepted this guest or container',
    always: TOKEN,
    supplied: ['certificate-chain'],
    never: ['certificate-revocation', 'underlying-evidence', 'hardware'],
    vectors: NO_VECTOR,
  },
}

const ITEMS: Readonly<Record<CollateralItem, string>> = {
  'intel/root-crl': 'revocation list of the Intel SGX root CA, DER',
  'intel/pck-crl': 'revocation list of the CA that issued the PCK certificate, DER',
  'intel/pck-crl-chain': 'PEM chain of that CA',
  'intel/pck-chain': 'PEM chain of the PCK certificate, for quotes that do not carry it',
  'intel/tcb-info': 'TCB info of the platform, the signed response byte by byte',
  'intel/tcb-info-chain': 'PEM chain of who signed it',
  'intel/qe-identity': 'identity of the quoting enclave, the signed response byte by byte',
  'intel/qe-identity-chain': 'PEM chain of who signed it',
  'tdx/event-log': 'the firmware’s event log of a trust domain (CCEL)',
  'amd/vek': 'VCEK or VLEK certificate, DER',
  'amd/chain': 'ASK or ASVK, then ARK, PEM',
  'amd/crl': 'revocation list of the ARK, DER',
  'nvidia/driver-rim': 'reference measurements of the driver, XML',
  'nvidia/vbios-rim': 'reference measurements of the firmware, XML',
  'nvidia/ocsp': 'OCSP responses of the device chain',
  jwks: 'key set of a cloud’s verifier',
}

const CODES: Readonly<Record<AttestationErrorCode, string>> = {
  'evidence-too-large': 'more bytes than the format can need',
  'unsupported-kind': 'no verifier for this kind, or none that may stand behind a grant',
  'malformed-cose': 'no COSE_Sign1 of the form in use',
  'trailing-bytes': 'bytes after the end',
  'unexpected-header': 'a header parameter that has no place there',
  'wrong-algorithm': 'a signature algorithm that the format does not have',
  'unknown-critical-header': 'a critical header parameter',
  'malformed-payload': 'a payload that is no map',
  'duplicate-key': 'a key twice in a map or object',
  'unknown-payload-key': 'a member that the format does not have',
  'wrong-digest-algorithm': 'registers under another hash',
  'bad-pcr': 'a register missing, numbered or sized wrong',
  'bad-field': 'a field missing or of another form',
  'untrusted-root': 'a chain from a root that is not pinned',
  'assurance-refused': 'an assurance that the policy does not accept',
  'bad-signature': 'a document that its key did not sign',
  debug: 'a machine whose memory its host can read',
  'measurement-refused': 'a program that is not on the list',
  'report-data-unbound': 'nothing to compare report data with, and a policy that asks for it',
  'report-data-mismatch': 'evidence that speaks for another key, peer, network or nonce',
  'malformed-evidence': 'a document that is not of its format',
  'malformed-collateral': 'collateral that is not of its format',
  'collateral-missing': 'the security version cannot be told without collateral',
  'malformed-crl': 'a revocation list that is none',
  'crl-issuer-mismatch': 'a revocation list of another issuer',
  'crl-not-yet-valid': 'a revocation list from the future',
  'crl-expired': 'a revocation list that has ended',
  'bad-crl-signature': 'a revocation list that its issuer did not sign',
  'tcb-status-refused': 'a TCB status that the policy does not accept',
  'attestation-key-mismatch': 'a quoting enclave that speaks for another key',
  'td-attributes': 'a trust domain with attributes that weaken it or are not known',
  'service-td': 'a service domain with a hold on this one',
  'collateral-not-yet-valid': 'TCB info or identity from the future',
  'collateral-expired': 'TCB info or identity that has ended',
  'collateral-below-floor': 'TCB info or identity older than the policy’s floor',
  'collateral-mismatch': 'collateral of another platform or TEE',
  'bad-collateral-signature': 'TCB info or identity that Intel did not sign',
  'qe-identity-mismatch': 'a quoting enclave that is not Intel’s',
  'tdx-module-mismatch': 'a TDX module that Intel’s list does not have',
  'tcb-level-not-found': 'a platform below every level that Intel lists',
  'chip-revoked': 'a machine that the policy revokes',
  'nonce-mismatch': 'a report for another nonce, or nonces that differ',
  'arch-mismatch': 'a device of another generation than is said',
  'fwid-mismatch': 'a certificate for other firmware than is reported',
  'malformed-rim': 'a reference manifest that is none',
  'bad-rim-signature': 'a reference manifest that NVIDIA did not sign',
  'rim-mismatch': 'measurements that differ from the reference',
  'malformed-ocsp': 'an OCSP response that is none',
  'ocsp-signer-refused': 'an OCSP response of a signer without the right',
  'ocsp-not-yet-valid': 'an OCSP response from the future',
  'ocsp-expired': 'an OCSP response that has ended',
  'bad-ocsp-signature': 'an OCSP response that its signer did not sign',
  'ocsp-status-unknown': 'a responder that does not know the certificate',
  'unsupported-version': 'a version of the format that is not read here',
  'host-requested': 'a report that the host asked for, not the guest',
  'migration-agent': 'a guest that may be moved to another machine',
  'smt-refused': 'multithreading that guest or policy forbids',
  'abi-below-policy': 'firmware older than the guest demanded',
  'wrong-signing-key': 'another kind of key than the report says',
  'product-mismatch': 'a certificate or chain of another processor generation',
  'chip-mismatch': 'a certificate of another chip',
  'tcb-mismatch': 'a certificate for other security versions than are reported',
  'tcb-inconsistent': 'versions in a report that contradict each other',
  'tcb-below-floor': 'security versions below the policy’s floor',
  'tcb-floor-missing': 'no floor for the product in a policy that asks for one (`requireSnpFloor`)',
  'gpu-unbound': 'a GPU whose report is not bound to the processor’s',
  'too-few-vendors': 'fewer hardware vendors than the policy asks for',
  'malformed-token': 'a token that is not of its format',
  'digest-mismatch': 'a detached token that the overall one does not name',
  'issuer-refused': 'a token of another issuer',
  'audience-refused': 'a token for somebody else',
  'token-not-yet-valid': 'a token from the future',
  'token-expired': 'a token that has ended',
  'verifier-refused': 'a token in which the cloud’s verifier itself reports a fault',
  'no-jwks': 'no key set to check the signature with: nothing was appraised',
  'unknown-key': 'a key that the set does not have',
  'untrusted-key': 'a key that the policy does not pin',
  'malformed-event-log': 'an event log that is none',
  'event-log-mismatch': 'an event log that does not lead to the registers, or says a thing twice',
  'malformed-hcl-report': 'a paravisor’s report that is none',
  'runtime-data-mismatch': 'run-time data that the hardware report does not bind',
  'malformed-tpm-quote': 'a quote of a virtual TPM that is none',
  'pcr-mismatch': 'registers that the quote does not cover',
  'td-report-mismatch': 'a quote of another trust domain',
  'vmpl-refused': 'a report from another privilege level',
  'malformed-certificate': 'a certificate that is none',
  'wrong-certificate-algorithm': 'a certificate with another key or algorithm',
  'unknown-critical-extension': 'a critical extension that nobody reads',
  'issuer-mismatch': 'a certificate of another issuer',
  'not-a-ca': 'an end entity in the place of a CA',
  'ca-key-usage': 'a CA that may not sign certificates',
  'path-length': 'more CAs below than allowed',
  'certificate-not-yet-valid': 'a certificate from the future',
  'certificate-expired': 'a certificate that has ended',
  'certificate-revoked': 'a certificate that its issuer or the policy revokes',
  'leaf-is-ca': 'a CA in the place of a leaf',
  'leaf-key-usage': 'a leaf that may not sign documents',
  'bad-certificate-signature': 'a certificate that its issuer did not sign',
  'evidence-too-old': 'older than the policy allows',
  'evidence-from-the-future': 'a signed time ahead of ours',
  'non-vendor-root': 'a root of nobody’s hardware on a production network',
  'duplicate-root': 'a root twice in the configuration',
  'malformed-root': 'a root that is no certificate or digest',
  'bad-policy': 'a policy file that is none',
  'policy-refused': 'a policy too lax for a production network',
  'policy-mismatch': 'a policy that the chain does not commit to',
  'bad-authority': 'files of a simulated authority that do not fit',
  'bad-report-data': 'report data of another length',
}

const list = (checks: readonly string[]): string => checks.join(', ') || 'none'

/** Every generated table of docs/attestation.md by name. */
export function attestationTables(): { readonly [name: string]: string } {
  const codes = [...SIZE_CODES, ...EVIDENCE_CODES, ...CERTIFICATE_CODES, ...AGE_CODES, ...CONFIGURATION_CODES]
  return {
    kinds: table(
      [
        'kind',
        'what it proves',
        'always checked',
        'checked where supplied, else said not to be',
        'never checked',
        'real documents in the tests',
      ],
      Object.entries(KINDS).map(([kind, row]) => [
        code(kind),
        row.proves,
        list(row.always),
        list(row.supplied),
        list(row.never),
        row.vectors,
      ]),
    ),
    roots: table(
      ['root', 'vendor', 'assurance', 'SHA-256 of the certificate'],
      vendorRoots().map((root) => [root.name, root.vendor, code(rootAssurance(root)), code(root.sha256)]),
    ),
    collateral: table(
      ['item', 'what it is'],
      COLLATERAL_ITEMS.map((item) => [code(item), ITEMS[item]]),
    ),
    codes: table(
      ['code', 'what was found'],
      codes.map((name) => [code(name), CODES[name]]),
    ),
  }
}

if (import.meta.main) {
  const before = await readFile(ATTESTATION_DOC, 'utf8')
  const after = withTables(before, attestationTables())
  if (before === after) process.stdout.write('docs/attestation.md is current\n')
  else if (process.argv.includes('--check')) {
    process.stderr.write('docs/attestation.md differs from the code; run: node scripts/attestationTables.ts\n')
    process.exitCode = 1
  } else await writeFile(ATTESTATION_DOC, after)
}
