import { canary } from '../stand-in/secrets.ts'

/** What has happened in a run, and what was wrong in it. */
export class Journal {
  /** How often the disk was found full, a session thrown out, and so on, by what the service has logged. */
  readonly noticed = new Map<string, number>()
  private readonly lines: string[] = []
  private readonly wrong: string[] = []
  private readonly startedAt = performance.now()
  private readonly say: (line: string) => void

  /** @param say told what is for everybody to read. */
  constructor(say: (line: string) => void) {
    this.say = say
  }

  /** Seconds since the run began. */
  get seconds(): number {
    return Math.round((performance.now() - this.startedAt) / 1000)
  }

  /** Something that happened. */
  note(line: string): void {
    this.keep(`${this.seconds} s: ${line}`)
  }

  /** The same, for everybody to read now. */
  tell(line: string): void {
    this.note(line)
    this.say(`${String(this.seconds).padStart(5)} s  ${line}`)
  }

  /** What the service has printed. */
  hear(text: string): void {
    if (text.includes(canary)) this.fault('the service has printed a secret')
    for (const line of text.split('\n').filter(Boolean)) {
      this.keep(`  service: ${shorten(line)}`)
      for (const [what, pattern] of Object.entries(telling)) {
        if (pattern.test(line)) this.noticed.set(what, (this.noticed.get(what) ?? 0) + 1)
      }
    }
  }

  /** Something that must not be: the run has failed, and goes on to its next claim. */
  fault(what: string): void {
    this.note(`WRONG: ${what}`)
    this.wrong.push(what)
  }

  get faults(): readonly string[] {
    return this.wrong
  }

  /** The last lines of what happened. */
  last(count: number): string {
    return this.lines.slice(-count).join('\n')
  }

  private keep(line: string): void {
    this.lines.push(line)
    if (this.lines.length > 2_000) this.lines.splice(0, 1_000)
  }
}

const telling = {
  'no space left on the disk': /No space left on device/,
  'a session thrown out': /terminat|Connection ended unexpectedly/i,
  'a panel that does not answer': /panel_(timeout|unreachable)/,
  'a panel that answers badly': /panel_(failed|bad_answer)/,
}

/** A line of the service's log without what is of no interest here. */
function shorten(line: string): string {
  try {
    const {
      level,
      pid,
      msg,
      err,
      time: _,
      hostname: __,
      ...rest
    } = JSON.parse(line) as Record<string, unknown>
    const { message: error } = (err ?? {}) as { message?: string }
    return JSON.stringify({ level, msg, ...(error && { error }), ...rest }).slice(0, 500)
  } catch {
    return line.slice(0, 500)
  }
}
