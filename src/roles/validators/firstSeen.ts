import { type Digest, dropOldest } from '../../protocol/index.ts'

/** The first object whose signature held, by the place it was signed for (R9). */
export interface FirstSeen<T> {
  get(place: string): { readonly digest: Digest; readonly value: T } | undefined
  /** Enters a verified object. Returns another one that is already there, which stays. */
  add(place: string, digest: Digest, value: T): T | undefined
}

/** Keeps the latest `most` places. */
export function createFirstSeen<T>(most: number): FirstSeen<T> {
  const places = new Map<string, { readonly digest: Digest; readonly value: T }>()
  return {
    get: (place) => places.get(place),
    add: (place, digest, value) => {
      const known = places.get(place)
      if (known !== undefined) return known.digest === digest ? undefined : known.value
      places.set(place, { digest, value })
      dropOldest(places, most)
      return undefined
    },
  }
}
