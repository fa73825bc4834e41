import { Refusal } from './answer.ts'
import type { Who } from './call.ts'
import { makeSecret } from './secrets.ts'
import type { PanelState } from './state.ts'

export type Sudo = { username: string; password: string }

/** Issues tokens and says whose they are. */
export class Tokens {
  private readonly issued = new Map<string, string>()
  private readonly state: PanelState
  private readonly sudo: Sudo

  constructor(state: PanelState, sudo: Sudo) {
    this.state = state
    this.sudo = sudo
  }

  /** POST /api/admin/token: a form of `username` and `password`. */
  logIn(form: URLSearchParams): { access_token: string; token_type: string } {
    const missing = ['username', 'password'].filter((field) => !form.get(field))
    if (missing.length > 0) {
      throw new Refusal(422, Object.fromEntries(missing.map((field) => [field, 'Field required'])))
    }
    const username = form.get('username') ?? ''
    const known = username === this.sudo.username ? this.sudo : this.state.findAdmin(username)
    if (!known || known.password !== form.get('password')) {
      throw new Refusal(401, 'Incorrect username or password', { 'www-authenticate': 'Bearer' })
    }
    const token = `header.${makeSecret()}.signature`
    this.issued.set(token, username)
    return { access_token: token, token_type: 'bearer' }
  }

  /** Makes all tokens issued so far invalid, as they become after a day. */
  expireAll(): void {
    this.issued.clear()
  }

  /** The caller with this Authorization header. The token of a deleted admin is unknown. */
  identify(authorization: string | undefined): Who {
    const token = /^bearer (.*)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new Refusal(401, 'Not authenticated', { 'www-authenticate': 'Bearer' })
    const username = this.issued.get(withoutForeign(token))
    if (username === this.sudo.username) return { username, isSudo: true, inDatabase: false }
    const admin = username === undefined ? undefined : this.state.findAdmin(username)
    if (!admin) throw new Refusal(401, 'Could not validate credentials', { 'www-authenticate': 'Bearer' })
    return { username: admin.username, isSudo: admin.isSudo, inDatabase: true }
  }
}

/** A token as the panel's library decodes it: what is no letter of base64 is overlooked in the signature (PyJWT). */
function withoutForeign(token: string): string {
  const signatureAt = token.lastIndexOf('.') + 1
  return token.slice(0, signatureAt) + token.slice(signatureAt).replace(/[^\w+/-]/g, '')
}
