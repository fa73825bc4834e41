import type { Step, Work } from './steps.ts'

/** What happens behind the service's back and takes bytes from a witness that the other one may not have. */
const losing = new Set<Step['do']>([
  'remove user',
  'move user',
  'reset all users',
  'lose bookings',
  'reset usage',
  'remove admin',
  'restore panel',
  'swap panel',
  'stale sight',
  'first sight after a scan',
  'create admin again',
  'one witness each',
  'unseen beside a failing user',
  'reset by another spelling',
  'reimport user',
  'restore ledger',
])

/** Work that leaves bytes which are booked meanwhile to nobody. */
const losingWork = new Set<Work['of']>(['delete admin', 'front: delete admin', 'front: reset usage'])

/** Whether bytes may be proven by no witness after this step. */
export function losesBytes(step: Step): boolean {
  if (losing.has(step.do) || ('work' in step && losingWork.has(step.work.of))) return true
  if (step.do !== 'beset') return false
  return step.by.some((intruder) => ('do' in intruder ? losesBytes(intruder) : losingWork.has(intruder.of)))
}
