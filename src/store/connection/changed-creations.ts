import { givenTable } from './given.ts'

/** A user whose time of creation was changed in the panel. */
export type ChangedCreation = { username: string; from: string; to: string }

/** These users as the table `changed` of a statement; see {@link givenTable}. */
export const givenCreations = givenTable<ChangedCreation>('changed', {
  username: ['text', ({ username }) => username],
  old: ['timestamp', ({ from }) => from],
  new: ['timestamp', ({ to }) => to],
})
