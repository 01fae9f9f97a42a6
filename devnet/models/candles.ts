import { exp, type Random } from './arithmetic.ts'

export interface Candle {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  /** Realised volatility of the period: root of the sum of squared steps inside it. Known to the generator only. */
  readonly realised: number
}

/** Price moves simulated inside one candle. */
export const STEPS_PER_CANDLE = 24

/**
 * One market with stochastic volatility: log-volatility is an AR(1) process whose level, persistence, roughness and
 * leverage are drawn per market; two per cent of periods hold a jump; volume follows volatility through noise.
 */
export function simulateMarket(length: number, random: Random): Candle[] {
  const level = -5.3 + 2.3 * random.uniform()
  const persistence = 0.9 + 0.09 * random.uniform()
  const roughness = 0.1 + 0.25 * random.uniform()
  const leverage = 0.6 * random.uniform()
  const volumeLevel = 4 + 8 * random.uniform()
  const spread = roughness / Math.sqrt(1 - persistence * persistence)
  let deviation = spread * random.normal()
  let price = exp(1 + 8 * random.uniform())
  const candles: Candle[] = []
  for (let period = 0; period < length; period += 1) {
    const sigma = exp(level + deviation) / Math.sqrt(STEPS_PER_CANDLE)
    const jumpAt = random.uniform() < 0.02 ? random.below(STEPS_PER_CANDLE) : -1
    const open = price
    let [high, low, sum, drift] = [price, price, 0, 0]
    for (let step = 0; step < STEPS_PER_CANDLE; step += 1) {
      const jump = step === jumpAt ? 6 * sigma * random.normal() : 0
      const move = sigma * random.normal() + jump
      price *= exp(move)
      high = Math.max(high, price)
      low = Math.min(low, price)
      sum += move * move
      drift += move
    }
    const volume = exp(volumeLevel + 0.6 * deviation + 0.25 * random.normal())
    candles.push({ open, high, low, close: price, volume, realised: Math.sqrt(sum) })
    const shock = drift / (sigma * Math.sqrt(STEPS_PER_CANDLE))
    const fresh = random.normal()
    const mixed = Math.sqrt(1 - leverage * leverage) * fresh - leverage * Math.max(-3, Math.min(3, shock))
    deviation = persistence * deviation + roughness * mixed
  }
  return candles
}

/** With header; prices to 6 significant digits, as exchanges print them. */
export function candlesToCsv(candles: readonly Candle[]): string {
  const day = 86_400_000
  const rows = candles.map(({ open, high, low, close, volume }, index) => {
    const date = new Date(Date.UTC(2026, 0, 1) + index * day).toISOString().slice(0, 10)
    const prices = [open, high, low, close].map((price) => Number(price.toPrecision(6)))
    return [date, ...prices, Math.round(volume)].join(',')
  })
  return `${['date,open,high,low,close,volume', ...rows].join('\n')}\n`
}
