import { ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import {
  type Appraisal,
  appraisalOf,
  bytesOf,
  FieldError,
  issueOf,
  numberOf,
  objectOf,
  objectsOf,
  type SvnLevel,
  svnLevelsOf,
  textOf,
} from './fields.ts'
import type { Tee } from './quote.ts'
import type { Issue } from './signedJson.ts'

/** Who signed a TDX module, and the attributes it must show under a mask. */
export interface ModuleSigner {
  readonly mrsigner: Uint8Array
  readonly attributes: Uint8Array
  readonly attributesMask: Uint8Array
}

export interface ModuleIdentity extends ModuleSigner {
  /** `TDX_` and the module's major version in two hex digits. */
  readonly id: string
  readonly levels: readonly SvnLevel[]
}

/** Least security versions of one level of a platform. */
export interface PlatformLevel extends Appraisal {
  readonly sgx: readonly number[]
  readonly pcesvn: number
  /** Empty for SGX. */
  readonly tdx: readonly number[]
}

/** What Intel says of the platforms of one FMSPC (PCS API v4, "Get TCB info"); levels as ordered there, best first. */
export interface TcbInfo extends Issue {
  readonly fmspc: string
  readonly pceid: string
  readonly levels: readonly PlatformLevel[]
  /** For TDX alone. */
  readonly module: ModuleSigner | undefined
  readonly moduleIdentities: readonly ModuleIdentity[]
}

const COMPONENTS = 16
const COMPONENT_NUMBERS = Array.from({ length: COMPONENTS }, (_, index) => String(index + 1).padStart(2, '0'))

/** `malformed-collateral`; `collateral-mismatch` when it is for the other TEE. */
export function readTcbInfo(body: JsonObject, tee: Tee): Result<TcbInfo, AttestationError> {
  try {
    const version = numberOf(body, 'version', 65_535)
    const legacy = version === 2
    if (version !== 3 && !legacy) throw new FieldError('version, 2 or 3')
    const id = legacy ? 'SGX' : textOf(body, 'id')
    if (id !== tee.toUpperCase()) return refuse('collateral-mismatch', `TCB info of ${tee.toUpperCase()}`, id)
    if (numberOf(body, 'tcbType', 255) !== 0) throw new FieldError('tcbType, 0')
    const tdx = tee === 'tdx'
    return ok({
      ...issueOf(body),
      fmspc: hexTextOf(body, 'fmspc', 6),
      pceid: hexTextOf(body, 'pceId', 2),
      levels: objectsOf(body, 'tcbLevels').map((level) => readLevel(level, tdx, legacy)),
      module: tdx ? readSigner(objectOf(body, 'tdxModule')) : undefined,
      moduleIdentities:
        tdx && Object.hasOwn(body, 'tdxModuleIdentities')
          ? objectsOf(body, 'tdxModuleIdentities').map((identity) => ({
              id: textOf(identity, 'id'),
              ...readSigner(identity),
              levels: svnLevelsOf(identity),
            }))
          : [],
    })
  } catch (cause) {
    if (!(cause instanceof FieldError)) throw cause
    return refuse('malformed-collateral', cause.message, 'TCB info without', cause)
  }
}

/** Hex in lower case, for comparison. */
function hexTextOf(body: JsonObject, name: string, length: number): string {
  bytesOf(body, name, length)
  return textOf(body, name).toLowerCase()
}

const readSigner = (object: JsonObject): ModuleSigner => ({
  mrsigner: bytesOf(object, 'mrsigner', 48),
  attributes: bytesOf(object, 'attributes', 8),
  attributesMask: bytesOf(object, 'attributesMask', 8),
})

function readLevel(level: JsonObject, tdx: boolean, legacy: boolean): PlatformLevel {
  const tcb = objectOf(level, 'tcb')
  return {
    sgx: legacy
      ? COMPONENT_NUMBERS.map((number) => numberOf(tcb, `sgxtcbcomp${number}svn`, 255))
      : readComponents(tcb, 'sgxtcbcomponents'),
    pcesvn: numberOf(tcb, 'pcesvn', 65_535),
    tdx: tdx ? readComponents(tcb, 'tdxtcbcomponents') : [],
    ...appraisalOf(level),
  }
}

function readComponents(tcb: JsonObject, name: string): readonly number[] {
  const components = objectsOf(tcb, name)
  if (components.length !== COMPONENTS) throw new FieldError(`${name}, ${COMPONENTS} of them`)
  return components.map((component) => numberOf(component, 'svn', 255))
}
