import type { VirtualPanel } from './panel.ts'
import type { Step } from './steps.ts'

/** What happens in the panel alone, behind the service's back. */
export type Happening = Extract<
  Step,
  {
    do:
      | 'consume'
      | 'book usage'
      | 'create user'
      | 'remove user'
      | 'move user'
      | 'reset all users'
      | 'lose bookings'
      | 'reset usage'
      | 'remove admin'
      | 'create admin'
      | 'spoil user'
      | 'mend users'
      | 'odd admins'
      | 'panel moves to MySQL'
      | 'panel of an old version'
      | 'back up panel'
      | 'restore panel'
      | 'swap panel'
      | 'change date'
      | 'reimport user'
  }
>

/** Lets it happen, if the panel has what it happens to. */
export function happen(panel: VirtualPanel, step: Happening): void {
  switch (step.do) {
    case 'consume':
      panel.consume(step.user, BigInt(step.bytes))
      break
    case 'book usage':
      panel.book()
      break
    case 'create user':
      if (step.owner === null || panel.usage.has(step.owner)) panel.create(step.user, step.owner)
      break
    case 'remove user':
      panel.remove(step.user)
      break
    case 'move user':
      if (step.owner === null || panel.usage.has(step.owner)) panel.move(step.user, step.owner)
      break
    case 'reset all users':
      panel.resetAll()
      break
    case 'lose bookings':
      panel.loseBookings()
      break
    case 'reset usage':
      if (panel.usage.has(step.admin)) panel.resetUsage(step.admin)
      break
    case 'remove admin':
      panel.deleteAdmin(step.admin)
      break
    case 'create admin':
      panel.createAdmin(step.admin)
      break
    case 'spoil user':
      panel.spoil(step.user, step.how)
      break
    case 'mend users':
      panel.spoils.clear()
      break
    case 'odd admins':
      panel.hasOddAdmins = step.listed
      break
    case 'panel moves to MySQL':
      panel.database = 'mysql'
      break
    case 'panel of an old version':
      panel.hasUsage = false
      break
    case 'back up panel':
      panel.takeBackup()
      break
    case 'restore panel':
      panel.restoreBackup()
      break
    case 'swap panel':
      panel.swapBackup()
      break
    case 'change date':
      panel.changeDate(step.user, step.seconds * 1_000)
      break
    case 'reimport user':
      panel.reimport(step.user, step.seconds * 1_000)
      break
  }
}
