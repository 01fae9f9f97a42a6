import type { Env, Hono } from 'hono'
import type { Registry } from 'prom-client'
import type { Health } from '../../node/index.ts'

/** `/metrics` and `/healthz`, as a node has them. */
export function mountSurfaces<E extends Env>(
  app: Hono<E>,
  components: { readonly registry: Registry; readonly health: () => Health },
): void {
  const { registry, health } = components
  app.get('/metrics', async (context) =>
    context.body(await registry.metrics(), 200, { 'content-type': registry.contentType }),
  )
  app.get('/healthz', (context) => {
    const now = health()
    return context.json(now, now.ok ? 200 : 503)
  })
}
