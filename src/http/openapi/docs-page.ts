import swaggerUi from '@fastify/swagger-ui'
import openapi30 from '../../../openapi/openapi-3.0.json' with { type: 'json' }
import type { App } from '../app-type.ts'
import { icon, narrowScreens } from './docs-theme.ts'

/** Serves the document and Swagger UI. */
export async function documentationRoutes(app: App): Promise<void> {
  // Built once: the routes do not change while the service runs.
  let document: string | undefined
  let older: string | undefined
  const json = 'application/json; charset=utf-8'
  const isHidden = { schema: { hide: true } }
  app.get('/', isHidden, async (_request, reply) => reply.redirect('/docs'))
  app.get('/openapi.json', isHidden, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type(json).send(document)
  })
  // Converted with the file in the repository: the converter is too large to ship.
  app.get('/openapi-3.0.json', isHidden, async (_request, reply) => {
    older ??= JSON.stringify(openapi30)
    return reply.type(json).send(older)
  })
  app.addHook('onSend', async (_request, reply, page) => {
    const isPage = typeof page === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
    return isPage ? page.replace('<head>', `<head>\n      ${fitScreen}`) : page
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // Without the bar at the top, which has the framework's name and a field for another document.
    uiConfig: { validatorUrl: null, displayRequestDuration: true, layout: 'BaseLayout' },
    logo: { type: 'image/svg+xml', content: icon },
    theme: {
      title: 'marzban-ledger',
      css: [{ filename: 'narrow-screens.css', content: narrowScreens }],
      favicon: [{ filename: 'icon.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: icon }],
    },
    staticCSP: swaggerUiPolicy,
  })
}

/** Otherwise a phone shows the page as wide as a desk's screen, and too small to read. */
const fitScreen = '<meta name="viewport" content="width=device-width, initial-scale=1">'

/** The rights of Swagger UI. No upgrade to HTTPS: most operators open the service at an http:// address. */
const swaggerUiPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // Swagger UI sets styles on elements at run time.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')
