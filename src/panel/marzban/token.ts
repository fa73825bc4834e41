/** Characters. Marzban's own tokens have about 200, and servers refuse headers of 8 KiB. */
const longestToken = 4096

/** Whether `token` has the form of a bearer token (RFC 6750) and is safe to send in a header. */
export function isBearerToken(token: string): boolean {
  return token.length <= longestToken && /^[A-Za-z0-9\-._~+/]+=*$/.test(token)
}
