/**
 * Whether the panel does what was asked, before the request goes wrong, or `late`: when the caller has given up. Late
 * effects happen after `lateMs` milliseconds; without those, when the test says so: `panel.late.carryOut()`. `toSame`: the
 * panel had looked its user up by then, and does nothing to another one of the name.
 */
type Effect = { acts?: boolean | 'late'; lateMs?: number; toSame?: boolean }

/** What goes wrong with a request. */
export type Fault =
  | ({ kind: 'answer'; status: number; body?: string; headers?: Record<string, string> } & Effect)
  | { kind: 'delay'; ms: number }
  | ({ kind: 'hang' } & Effect)
  | ({ kind: 'cut' } & Effect)
  | ({ kind: 'half-body' } & Effect)
  /** Nothing goes wrong; the test does something right before the panel acts or right after it has answered. */
  | { kind: 'hook'; before?: () => void | Promise<void>; after?: () => void | Promise<void> }

/** To which requests a fault happens: the first `skip` that match are spared, the next `times` are hit. */
export type FaultRule = Fault & { method?: string; path?: string | RegExp; times?: number; skip?: number }

/** The faults that are set, in the order in which they are tried. */
export class Faults {
  private rules: { rule: FaultRule; skip: number; left: number }[] = []

  add(rule: FaultRule): void {
    this.rules.push({ rule, skip: rule.skip ?? 0, left: rule.times ?? Number.POSITIVE_INFINITY })
  }

  clear(): void {
    this.rules = []
  }

  /** The fault that happens to this request. */
  take(method: string, path: string): Fault | null {
    for (const entry of this.rules) {
      if (entry.left === 0 || !matches(entry.rule, method, path)) continue
      if (entry.skip > 0) {
        entry.skip -= 1
        continue
      }
      entry.left -= 1
      return entry.rule
    }
    return null
  }
}

function matches(rule: FaultRule, method: string, path: string): boolean {
  if (rule.method !== undefined && rule.method !== method) return false
  if (rule.path === undefined) return true
  return typeof rule.path === 'string' ? rule.path === path : rule.path.test(path)
}

/** A web page where the panel should be: a captive portal, or a proxy's own answer. */
export const captivePortal = {
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html>Please log in to the WiFi</html>',
} as const

/** The ways in which one request can go wrong, before the panel has acted and after. */
export const everyFault: Record<string, Fault> = {
  'an error': { kind: 'answer', status: 500 },
  'bad gateway': { kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<html>' },
  'a captive portal': captivePortal,
  'a cut connection': { kind: 'cut' },
  'no answer': { kind: 'hang' },
  'half a body': { kind: 'half-body' },
  'an error after having acted': { kind: 'answer', status: 500, acts: true },
  'a cut connection after having acted': { kind: 'cut', acts: true },
  'no answer after having acted': { kind: 'hang', acts: true },
  'half a body after having acted': { kind: 'half-body', acts: true },
}
