import type { ForwardedAnswer, Forwarder } from '../../panel/panel.ts'
import type { CallToJudge, GuardedCall, PanelApi } from '../../panel/panel-api.ts'
import { refuseIfBreaking } from './breaking.ts'
import { changeUserThroughFront } from './change-user.ts'
import { deleteAdminThroughFront } from './delete-admin.ts'
import { deleteExpiredThroughFront } from './delete-expired.ts'
import { deleteUserThroughFront } from './delete-user.ts'
import {
  checkPreserveTraffic,
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  identify,
  withRight,
} from './front-request.ts'
import { refuseIfHeld } from './held.ts'
import { keepIfDisabled } from './keep-disabled.ts'
import { resetUsageThroughFront } from './reset-usage.ts'
import { resetUsersThroughFront } from './reset-users.ts'

/** Stands in front of the panel: a call that would lose bytes reaches the panel only after they are stored. */
export type Front = {
  /** Passes on the requests that need no guarding. */
  panel: Pick<Forwarder, 'origin' | 'basePath' | 'open' | 'openSocket'>
  /** What the front's routes must know of the panel's API. */
  api: Pick<PanelApi, 'hasWebSocket' | 'isSecretPath' | 'tokenOf' | 'errorBody'>
  /** The call that would lose bytes; null: the request can be passed on. */
  guarded(method: string, path: string): GuardedCall | null
  /**
   * The caller that sends `token` to the panel; null: the panel does not know it.
   *
   * @throws the panel's errors when it cannot say whose token it is.
   */
  callerOf(token: string | null): Promise<FrontCaller | null>
  /**
   * Refuses what would break the panel, and what an admin may not do while it is held: see {@link refuseIfBreaking} and
   * {@link refuseIfHeld}. To be asked of every call, guarded or not, when it is complete.
   */
  refuse(call: CallToJudge, token: string | null): Promise<void>
  /** Whether {@link Front.noteAnswer} may note something of this call. */
  isNoted(call: CallToJudge): boolean
  /**
   * Notes what the panel's answer to a call that is not guarded means for users that are held: one that its caller disables
   * stays disabled when the hold ends.
   */
  noteAnswer(call: CallToJudge, status: number): Promise<void>
  /**
   * Carries out a guarded call: reads what would be lost, with the caller's rights; stores it; forwards the call; records the
   * outcome.
   *
   * @returns the panel's own answer.
   * @throws `forbidden` for `preserveTraffic: false`, except of a sudo admin. `database_unavailable`, `observation_overlapped`:
   *   nothing was forwarded. The panel's errors when it gave no answer.
   */
  handle(call: GuardedCall, request: FrontRequest): Promise<ForwardedAnswer>
}

export function createFront(work: FrontWork): Front {
  return {
    panel: work.forwarder,
    api: work.api,
    guarded: work.api.guardedCallOf,
    callerOf: (token) => identify(work, { token }),
    refuse: async (call, token) => {
      await refuseIfHeld(work, call, token)
      refuseIfBreaking(work, call)
    },
    isNoted: (call) => work.api.disabledBy(call) !== null,
    noteAnswer: (call, status) => keepIfDisabled(work, call, status),
    handle: async (call, request) => {
      await checkPreserveTraffic(work, call, request)
      switch (call.kind) {
        case 'delete user':
          return deleteUserThroughFront(work, call.username, request)
        case 'change user':
          return changeUserThroughFront(work, call.username, request)
        case 'move user':
          return withRight(work, request, call, () => changeUserThroughFront(work, call.username, request))
        case 'delete expired users':
          return deleteExpiredThroughFront(work, request)
        case 'reset all users':
          return withRight(work, request, call, (caller) => resetUsersThroughFront(work, caller, request))
        case 'delete admin':
          return withRight(work, request, call, (caller) =>
            deleteAdminThroughFront(work, call.username, caller, request),
          )
        case 'reset admin usage':
          return withRight(work, request, call, () => resetUsageThroughFront(work, call.username, request))
      }
    },
  }
}
