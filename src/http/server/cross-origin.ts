import cors from '@fastify/cors'
import type { App } from '../app-type.ts'

/** Seconds for which a browser need not ask again whether it may call. */
const maxAge = 600

/**
 * Lets web pages of these origins call the service and read its answers. Pages send their token or key themselves: no
 * cookie counts here, so no credentials of the browser are allowed. A route with `cors: false` is left out.
 *
 * @param origins as a browser writes them, such as `https://panel.example`. Empty: no page of another origin may call.
 */
export function allowOrigins(app: App, origins: readonly string[]): void {
  if (origins.length === 0) return
  app.register(cors, {
    // An OPTIONS request from anywhere else is a method that the path does not have.
    origin: async (origin: string | undefined) => origin !== undefined && origins.includes(origin),
    strictPreflight: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'X-API-Key', 'Content-Type', 'If-Match', 'Idempotency-Key'],
    exposedHeaders: ['ETag', 'Location', 'Retry-After'],
    maxAge,
  })
}
