import { admins, users } from './cast.ts'
import type { Step } from './steps.ts'

/** Whatever happened before: once all is at rest, what the panel counts from then on is counted. */
export const epilogue: readonly Step[] = [
  { do: 'come to rest' },
  { do: 'mend users' },
  ...admins.map((admin) => ({ do: 'create admin', admin }) as const),
  ...users.map((user) => ({ do: 'consume', user, bytes: 1_000 }) as const),
  ...users.map((user) => ({ do: 'remove user', user }) as const),
  { do: 'come to rest' },
]
