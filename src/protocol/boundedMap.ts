/** Holds a map to `most` entries after one was added: the one set longest ago goes. */
export function dropOldest<K>(map: Map<K, unknown>, most: number): void {
  const oldest = map.keys().next()
  if (map.size > most && oldest.done !== true) map.delete(oldest.value)
}
