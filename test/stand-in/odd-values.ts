import type { Shown } from './records.ts'

/** A number in JSON exactly as it stands here, which no JavaScript number may be. */
function raw(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}

/** What a user may show that is odd, and yet leaves nothing in doubt that is counted. */
export const oddUsers: Record<string, Shown> = {
  'an expiry before 1970': { expire: -1 },
  'an expiry beyond all years': { expire: raw('100000000000000') },
  'an expiry with a fraction': { expire: 1.5 },
  'a limit of 2^63 - 1': { data_limit: 2n ** 63n - 1n },
  'a limit of 2^63': { data_limit: 2n ** 63n },
  'a negative limit': { data_limit: -5 },
  'a limit that is a text': { data_limit: '10 GB' },
  'an unknown status': { status: 'paused' },
  'no status': { status: undefined },
  'a status that is null': { status: null },
  'no limit and no expiry': { data_limit: undefined, expire: undefined },
  'a lifetime beyond 2^53': { lifetime_used_traffic: 2n ** 53n + 1n },
  'a lifetime of 2^63 - 1': { lifetime_used_traffic: 2n ** 63n - 1n },
}

/** Times that say where they belong, as no Marzban writes them: they can be read, or left out as unreadable. */
export const zonedUsers: Record<string, Shown> = {
  'a creation with an offset': { created_at: '2026-01-31T13:50:30.123456+03:30' },
  'a creation in UTC': { created_at: '2026-01-31T10:20:30.123456Z' },
}

/** What leaves in doubt which user it is, whose, or what it consumed: such a user cannot be counted. */
export const unreadableUsers: Record<string, Shown> = {
  'a lifetime of half a byte': { lifetime_used_traffic: 10.5 },
  'a lifetime of 2^63': { lifetime_used_traffic: 2n ** 63n },
  'a lifetime beyond all numbers': { lifetime_used_traffic: raw('1e400') },
  'a negative lifetime': { lifetime_used_traffic: -1 },
  'a lifetime that is a text': { lifetime_used_traffic: '10' },
  'no lifetime': { lifetime_used_traffic: undefined },
  'a creation that is no time': { created_at: 'yesterday' },
  'no creation': { created_at: undefined },
  'no owner, not even null': { admin: undefined },
  'an owner that is a name': { admin: 'ana' },
  'a name of nothing': { username: '' },
  'a name with a NUL': { username: 'nul\u0000' },
  'half a letter as its name': { username: 'half\ud800' },
  'no name': { username: undefined },
}

/** The same of admins. */
export const unreadableAdmins: Record<string, Shown> = {
  'a name of nothing': { username: '' },
  'a name with a NUL': { username: 'nul\u0000' },
  'half a letter as its name': { username: 'half\ud800' },
  'no name': { username: undefined },
  'a usage of 2^63': { users_usage: 2n ** 63n },
  'a usage of half a byte': { users_usage: 0.5 },
  'a negative usage': { users_usage: -1 },
  'a usage that is a text': { users_usage: 'much' },
}

/** Names that are legal, or that a panel's database holds all the same, and that not everything can carry. */
export const oddNames: Record<string, string> = {
  'six thousand letters': 'abc.'.repeat(1_500),
  'three thousand letters beyond ASCII': 'ж'.repeat(3_000),
  'a slash': 'a/b',
  'a backslash': 'a\\b',
  'a percent sign': '100%',
  'an underscore': 'a_b',
  'a line feed at its end': 'abc\n',
  'a space at its end': 'abc ',
  'one dot': '.',
  'two dots': '..',
}
