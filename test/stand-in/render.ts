import { type Admin, lifetimeOf, type User } from './records.ts'

/** An admin as the API shows it; before 0.8 the panel kept no usage of admins. */
export function renderAdmin(admin: Admin, hasUsage: boolean, inDatabase = true) {
  return {
    username: admin.username,
    is_sudo: admin.isSudo,
    telegram_id: null,
    discord_webhook: null,
    ...(hasUsage ? { users_usage: inDatabase ? admin.usage : null } : {}),
    ...admin.shown,
  }
}

/** A user as the API shows it. */
export function renderUser(user: User, hasUsage: boolean) {
  return {
    proxies: user.proxies,
    expire: user.expire,
    data_limit: user.dataLimit,
    data_limit_reset_strategy: user.resetStrategy,
    inbounds: user.inbounds,
    note: user.note,
    sub_updated_at: null,
    sub_last_user_agent: null,
    online_at: user.onlineAt,
    on_hold_expire_duration: user.onHoldExpireDuration,
    on_hold_timeout: user.onHoldTimeout,
    auto_delete_in_days: null,
    next_plan: user.nextPlan,
    username: user.username,
    status: user.status,
    used_traffic: user.used,
    lifetime_used_traffic: lifetimeOf(user),
    created_at: user.createdAt,
    links: [linkOf(user)],
    subscription_url: `/sub/${user.token}`,
    excluded_inbounds: Object.fromEntries(Object.keys(user.proxies).map((protocol) => [protocol, []])),
    admin: user.owner ? renderAdmin(user.owner, hasUsage) : null,
    ...user.shown,
  }
}

/** 9999-12-31T23:59:59: beyond it the panel cannot make a date of `expire`. */
const lastSecond = 253_402_300_799

/**
 * Whether the panel stumbles over the user in whatever it lists or shows: 500 for the whole page. `expire` beyond the year
 * 9999, and a negative limit, which a next plan may leave behind.
 */
export function breaksAnswers({ expire, dataLimit }: User): boolean {
  return (expire !== null && expire > lastSecond) || (dataLimit !== null && dataLimit < 0)
}

/** The link a client is configured with. */
export function linkOf(user: User): string {
  const { method, password } = user.proxies.shadowsocks as { method: string; password: string }
  const secret = Buffer.from(`${method}:${password}`).toString('base64url')
  return `ss://${secret}@127.0.0.1:1080#${encodeURIComponent(`Marz (${user.username}) [Shadowsocks - tcp]`)}`
}
