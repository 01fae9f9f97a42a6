import { hexToBytes } from '../../protocol/index.ts'
import { TCB_STATUSES, type TcbStatus } from '../evidence.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import type { Issue } from './signedJson.ts'

/** A member of Intel's JSON is not what it should be. Caught where a document is read; it never leaves this room. */
export class FieldError extends Error {}

/** Levels of a TCB, and module identities: below thirty as published. */
const MAX_LEVELS = 128
const MAX_ADVISORIES = 256
const MAX_ADVISORY_CHARACTERS = 64

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

export function numberOf(object: JsonObject, name: string, most: number): number {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
    throw new FieldError(`${name}, a number up to ${most}`)
  return value
}

export function textOf(object: JsonObject, name: string): string {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (typeof value !== 'string') throw new FieldError(`${name}, a text`)
  return value
}

/** So many bytes in hex of either case. */
export function bytesOf(object: JsonObject, name: string, length: number): Uint8Array {
  const text = textOf(object, name)
  if (text.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(text))
    throw new FieldError(`${name}, ${length} bytes in hex`)
  return hexToBytes(`0x${text}`)
}

export function objectOf(object: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (!isJsonObject(value)) throw new FieldError(`${name}, an object`)
  return value
}

export function objectsOf(object: JsonObject, name: string): readonly JsonObject[] {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (!Array.isArray(value) || value.length > MAX_LEVELS || !value.every(isJsonObject))
    throw new FieldError(`${name}, at most ${MAX_LEVELS} objects`)
  return value
}

function timeOf(object: JsonObject, name: string): number {
  const text = textOf(object, name)
  const time = ISO_TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw new FieldError(`${name}, a time in UTC`)
  return time
}

export const issueOf = (body: JsonObject): Issue => ({
  issueDate: timeOf(body, 'issueDate'),
  nextUpdate: timeOf(body, 'nextUpdate'),
  evaluationNumber: numberOf(body, 'tcbEvaluationDataNumber', 0xffff_ffff),
})

/** What a level of security versions is worth. */
export interface Appraisal {
  readonly status: TcbStatus
  readonly advisories: readonly string[]
}

export function appraisalOf(level: JsonObject): Appraisal {
  const text = textOf(level, 'tcbStatus')
  const status = TCB_STATUSES.find((known) => known === text)
  if (status === undefined || status === 'Unknown') throw new FieldError('tcbStatus, one that Intel defines')
  return { status, advisories: advisoriesOf(level) }
}

function advisoriesOf(level: JsonObject): readonly string[] {
  if (!Object.hasOwn(level, 'advisoryIDs')) return []
  const value = level.advisoryIDs
  const fits = (id: unknown): boolean => typeof id === 'string' && id.length <= MAX_ADVISORY_CHARACTERS
  if (!Array.isArray(value) || value.length > MAX_ADVISORIES || !value.every(fits))
    throw new FieldError(`advisoryIDs, at most ${MAX_ADVISORIES} texts`)
  return value as string[]
}

/** A level of an enclave or module by its own security version. */
export interface SvnLevel extends Appraisal {
  readonly isvsvn: number
}

export const svnLevelsOf = (object: JsonObject): readonly SvnLevel[] =>
  objectsOf(object, 'tcbLevels').map((level) => ({
    isvsvn: numberOf(objectOf(level, 'tcb'), 'isvsvn', 65_535),
    ...appraisalOf(level),
  }))
