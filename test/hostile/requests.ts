import fc, { type Arbitrary } from 'fast-check'
import type { Operation, Parameter } from './operations.ts'
import { spoiltValues } from './spoilt-values.ts'
import { hostileText, hostileTexts, hostileValue, type Known, validValue } from './values.ts'

export type Credentials = 'operator' | 'sudo' | 'admin' | 'other' | 'key' | 'unknown' | 'none'

export type HostileRequest = {
  operation: Operation
  /** Path and query as they are sent. */
  target: string
  headers: Record<string, string>
  body: string | null
  as: Credentials
}

const credentials = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Credentials>('operator') },
  { weight: 2, arbitrary: fc.constant<Credentials>('admin') },
  fc.constantFrom<Credentials>('sudo', 'other', 'key', 'none', 'unknown'),
)

/** Requests to `operation`: half are as the document asks, the others may break any of its rules. */
export function requestTo(operation: Operation, known: Known): Arbitrary<HostileRequest> {
  return fc.oneof(soundRequestTo(operation, known), brokenRequestTo(operation, known))
}

/**
 * Requests that bring each hostile text to each place for a text that `operation` has. All else in them is right, and the
 * caller may do everything: so nothing stops the text before the place where it could do harm.
 */
export function requestsWithHostileTexts(operation: Operation, known: Known): Arbitrary<HostileRequest>[] {
  const { parameters, body } = operation
  const usual = parameters.map(({ required, schema }) => {
    if (!required) return fc.constant(null)
    return schema.type === 'string' ? fc.constantFrom(...known.names) : fc.constant(String(known.ids()[0]))
  })
  const usualBody =
    body === null ? fc.constant(null) : validValue(body, known).map((value) => JSON.stringify(value))
  const send = (parts: Pick<Parts, 'parameters' | 'body'>) =>
    written(operation, { ...soundParts, ...parts }).map((request) => ({
      ...request,
      as: 'operator' as const,
    }))
  return hostileTexts.flatMap((text) => [
    ...parameters.flatMap(({ schema }, place) =>
      schema.type === 'string'
        ? send({ parameters: usual.with(place, fc.constant(text)), body: usualBody })
        : [],
    ),
    ...(body === null ? [] : spoiltValues(body, known, fc.constant(text))).map((spoilt) =>
      send({ parameters: usual, body: spoilt.map((value) => JSON.stringify(value)) }),
    ),
  ])
}

function soundRequestTo(operation: Operation, known: Known): Arbitrary<HostileRequest> {
  const sound = operation.body === null ? null : validValue(operation.body, known)
  return written(operation, {
    parameters: operation.parameters.map(({ schema, required }) => {
      const present = validValue(schema, known).map(parameterText)
      return required ? present : fc.option(present, { freq: 3 })
    }),
    body: sound === null ? fc.constant(null) : sound.map((value) => JSON.stringify(value)),
    ...soundParts,
  })
}

function brokenRequestTo(operation: Operation, known: Known): Arbitrary<HostileRequest> {
  return written(operation, {
    parameters: operation.parameters.map(({ schema, required }) => {
      const valid = validValue(schema, known).map(parameterText)
      const present = fc.oneof({ weight: 4, arbitrary: valid }, hostileText)
      return required ? present : fc.option(present, { freq: 3 })
    }),
    body: brokenBody(operation, known),
    mediaType: mostly('application/json', [
      'text/plain',
      'application/xml',
      'application/json; charset=utf-16',
      'x',
      '',
    ]),
    extra: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.tuple(hostileText, hostileText)),
    tail: mostly('', ['%zz', '%', '%ff', '%ed%a0%80', '%2e%2e']),
  })
}

type Parts = {
  /** The texts of the operation's parameters in their order; null: left out. */
  parameters: Arbitrary<string | null>[]
  body: Arbitrary<string | null>
  mediaType: Arbitrary<string>
  /** A query parameter that the document does not know. */
  extra: Arbitrary<[string, string] | null>
  /** Raw bytes after a parameter of the path. */
  tail: Arbitrary<string>
}

const soundParts = {
  mediaType: fc.constant('application/json'),
  extra: fc.constant(null),
  tail: fc.constant(''),
}

function written(operation: Operation, parts: Parts): Arbitrary<HostileRequest> {
  return fc
    .record({ ...parts, as: credentials, parameters: fc.tuple(...parts.parameters) })
    .map(({ as, parameters, extra, body, mediaType, tail }) => {
      const own = new Map(
        operation.parameters.map((parameter, index) => [parameter, parameters[index] ?? null]),
      )
      const of = (place: Parameter['in']) =>
        [...own].flatMap(([parameter, value]) =>
          parameter.in === place && value !== null ? [[parameter.name, value] as const] : [],
        )
      const path = of('path').reduce(
        (template, [name, value]) => template.replace(`{${name}}`, encode(value) + tail),
        operation.path,
      )
      const query = [...of('query'), ...(extra ? [extra] : [])]
        .map(([name, value]) => `${encode(name)}=${encode(value)}`)
        .join('&')
      return {
        operation,
        target: query === '' ? path : `${path}?${query}`,
        headers: {
          ...Object.fromEntries(of('header').map(([name, value]) => [name, headerSafe(value)])),
          ...(body === null ? {} : { 'content-type': mediaType }),
        },
        body,
        as,
      }
    })
}

function parameterText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value)
}

/** Calls that take no body may be sent one all the same, except by GET, which has none. */
function brokenBody({ method, body }: Operation, known: Known): Arbitrary<string | null> {
  if (method === 'GET') return fc.constant(null)
  const json = fc
    .oneof(
      { weight: 3, arbitrary: body ? validValue(body, known) : hostileValue },
      ...(body ? spoiltValues(body, known, hostileValue) : []),
      fc.dictionary(fc.constantFrom('usernames', 'admin', 'status', '__proto__', 'x'), hostileValue),
      hostileValue,
    )
    .map((value) => JSON.stringify(value))
  const text = fc.oneof(
    { weight: 5, arbitrary: json },
    hostileText,
    json.map((text) => text.slice(0, -1)),
    fc.constantFrom('['.repeat(5_000), '{"a":'.repeat(5_000), `["${'a'.repeat(1_100_000)}"]`),
  )
  return body ? text : fc.option(text, { freq: 2 })
}

function mostly(usual: string, unusual: string[]): Arbitrary<string> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, fc.constantFrom(...unusual))
}

/** Percent-encoded, except that half a surrogate pair becomes bytes that are no UTF-8. */
function encode(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : '%ed%a0%80'
}

/** HTTP clients refuse to send some characters in a header's value. */
function headerSafe(value: string): string {
  return value.replace(/[^\t -~\u0080-\u00ff]/gu, '')
}
