import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelAddress } from '../transport/address.ts'
import { askWithRetries } from '../transport/retry.ts'
import {
  describeRequest,
  type PanelAnswer,
  type PanelRequest,
  type Transport,
} from '../transport/transport.ts'
import { badAnswerError, detailOf, parseJson, refusalError } from './answer-errors.ts'
import { type AnswerSchema, checkAnswer } from './check-answer.ts'
import { serviceAccount } from './login.ts'
import type { Session } from './session.ts'
import { isBearerToken } from './token.ts'

/** Calls of the panel: sends a request with a token, and checks the answer. */
export type AuthorisedCalls = {
  /**
   * The answer to `request`, sent with `token`, or with the service's own when none is given.
   *
   * Only a GET is repeated when it fails. When the panel does not accept the service's own token, the service logs in again,
   * once. A caller has to renew its token itself.
   */
  ask<Valid>(request: PanelRequest, schema: AnswerSchema<Valid>, token?: string): Promise<Valid>
  /** As {@link AuthorisedCalls.ask}; it also says when the panel answered, by the panel's clock. */
  askDated<Valid>(request: PanelRequest, schema: AnswerSchema<Valid>, token?: string): Promise<Dated<Valid>>
  /**
   * Sends `request` once and returns what comes of it. `error` is for a caller that finds that the answer is no success. Its
   * `unsent` says that the panel cannot have received the request.
   */
  attempt(request: PanelRequest, token?: string): Promise<{ answer: PanelAnswer | null; error: LedgerError }>
  /** As {@link AuthorisedCalls.ask}, or null for a 404 whose detail is `missing`: no other 404 proves that something is gone. */
  find<Valid>(
    missing: string,
    request: PanelRequest,
    schema: AnswerSchema<Valid>,
    token?: string,
  ): Promise<Dated<Valid> | null>
}

/** What an answer says, and its time: milliseconds since 1970 by the panel's clock; null: it has none. */
export type Dated<Valid> = { valid: Valid; date: number | null }

export type AuthorisedCallsOptions = {
  address: PanelAddress
  transport: Transport
  session: Session
  /** Milliseconds after which a call ends, however often it was tried. */
  deadlineMs: number
  retry: {
    sleep: (ms: number) => Promise<unknown>
    random: () => number
    onRetry: (request: PanelRequest, reason: string, pauseMs: number) => void
  }
}

/** An answer, with the token that was sent and its owner. */
type Sent = { answer: PanelAnswer; who: string; bearer: string }

export function createAuthorisedCalls({
  address,
  transport,
  session,
  deadlineMs,
  retry,
}: AuthorisedCallsOptions): AuthorisedCalls {
  const send = (request: PanelRequest, bearer: string, signal: AbortSignal): Promise<PanelAnswer> => {
    // A request that is not repeated must not meet a connection that the panel is about to drop.
    let freshConnection = request.freshConnection || request.once || false
    const exchange = async (): Promise<PanelAnswer> => {
      const answer = await transport.exchange({ ...request, freshConnection }, bearer, signal)
      // The panel drops the connection that a 500 came over, sometimes when the next request arrives on it.
      freshConnection ||= answer.status === 500
      return answer
    }
    if (request.method !== 'GET' || request.once) return exchange()
    return askWithRetries(exchange, {
      sleep: retry.sleep,
      random: retry.random,
      onRetry: (reason, pauseMs) => retry.onRetry(request, reason, pauseMs),
      ended: () => signal.aborted || transport.closed(),
    })
  }

  const sendAsService = async (request: PanelRequest, signal: AbortSignal): Promise<Sent> => {
    const token = await session.token().catch(failUnsent)
    const answer = await send(request, token, signal)
    if (!refusesToken(answer)) return { answer, who: serviceAccount, bearer: token }
    // A refused request has changed nothing, so it is safe to repeat even a deletion.
    const renewed = await session.renew(token).catch(failUnsent)
    const sent = { answer: await send(request, renewed, signal), who: serviceAccount, bearer: renewed }
    if (refusesToken(sent.answer)) session.refuse(renewed, refusalError(address, request, sent.answer, sent))
    return sent
  }

  const sendAsCaller = async (request: PanelRequest, token: string, signal: AbortSignal): Promise<Sent> => {
    if (!isBearerToken(token)) {
      const message = 'What the caller sent cannot be a token.'
      throw new LedgerError('panel_unauthorized', message, { unsent: true })
    }
    return { answer: await send(request, token, signal), who: 'the caller', bearer: token }
  }

  const call = (request: PanelRequest, token: string | undefined): Promise<Sent> => {
    const signal = AbortSignal.timeout(deadlineMs)
    return token === undefined ? sendAsService(request, signal) : sendAsCaller(request, token, signal)
  }

  const accept = <Valid>(request: PanelRequest, schema: AnswerSchema<Valid>, sent: Sent): Dated<Valid> => {
    const { answer } = sent
    if (answer.status !== 200) throw refusalError(address, request, answer, sent)
    const json = parseJson(answer)
    if (json === undefined) {
      const error = badAnswerError(address, request, answer)
      // It says that it is JSON, and is not: it was cut off.
      if (answer.contentType !== 'application/json') throw error
      throw new LedgerError(error.code, error.message, { unusable: true })
    }
    return { valid: checkAnswer(schema, json, describeRequest(request)), date: answer.date }
  }

  return {
    async attempt(request, token) {
      try {
        const sent = await call(request, token)
        const { answer } = sent
        const error =
          answer.status === 200
            ? badAnswerError(address, request, answer)
            : refusalError(address, request, answer, sent)
        return { answer, error }
      } catch (error) {
        if (!isLedgerError(error)) throw error
        return { answer: null, error }
      }
    },
    async ask(request, schema, token) {
      return accept(request, schema, await call(request, token)).valid
    },
    async askDated(request, schema, token) {
      return accept(request, schema, await call(request, token))
    },
    async find(missing, request, schema, token) {
      const sent = await call(request, token)
      if (sent.answer.status === 404 && detailOf(sent.answer) === missing) return null
      return accept(request, schema, sent)
    },
  }
}

/** Without a token that the panel accepts, nothing of the request has reached it. */
function failUnsent(error: unknown): never {
  if (!isLedgerError(error)) throw error
  const { code, message, retryAfter, forOperator } = error
  throw new LedgerError(code, message, {
    ...(retryAfter !== undefined && { retryAfter }),
    forOperator,
    unsent: true,
    cause: error,
  })
}

function refusesToken(answer: PanelAnswer): boolean {
  return answer.status === 401 && detailOf(answer) !== null
}
