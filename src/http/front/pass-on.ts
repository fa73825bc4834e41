import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Front } from '../../work/front/front.ts'
import { isGone } from '../server/gone-clients.ts'
import { headersForClient, headersForPanel } from './headers.ts'
import { receiveBody } from './receive-body.ts'
import { refuseKeyInBody } from './refuse-keys.ts'
import type { UploadPools } from './upload-pools.ts'

/** Passes a request on to the panel, and its answer back as it comes. */
export async function passOn(
  front: Front,
  uploads: UploadPools,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { panel, api } = front
  const headers = headersForPanel(request)
  const token = api.tokenOf(headers)
  const gone = new AbortController()
  const leave = () => gone.abort()
  reply.raw.once('close', leave)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const { body, sent } = isRead ? noBody : await receiveBody(request.raw, uploads.of(request.ip, token))
  try {
    refuseKeyInBody(body, request.server.keys)
    if (body !== null) headers['content-length'] = String(body.length)
    const { method, target } = request
    const call = { method, path: target.path, headers, body }
    await front.refuse(call, token)
    // The panel goes on without the client. What it answers then has to be noted all the same.
    if (front.isNoted(call)) reply.raw.off('close', leave)
    const answer = await panel.open({ method, target: target.encoded, headers, body }, gone.signal)
    try {
      await front.noteAnswer(call, answer.status)
      if (isGone(reply)) answer.body.destroy()
      reply.code(answer.status).headers(headersForClient(answer.headers, panel, request.host))
    } catch (error) {
      answer.body.destroy()
      throw error
    }
    reply.raw.off('close', leave)
    return reply.send(answer.body)
  } finally {
    sent()
  }
}

/** A request that only reads has no body that matters. */
const noBody = { body: null, sent: () => {} }
