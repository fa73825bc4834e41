import type { ForwardedAnswer, Forwarder, GuardedCall, PanelApi } from '../../panel/panel.ts'
import { changeThroughFront } from './change-user.ts'
import { deleteAdminThroughFront } from './delete-admin.ts'
import { deleteExpiredThroughFront } from './delete-expired.ts'
import { deleteThroughFront } from './delete-user.ts'
import {
  asSudo,
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  identify,
  mayLoseTraffic,
} from './front-request.ts'
import { resetUsageThroughFront } from './reset-usage.ts'
import { resetUsersThroughFront } from './reset-users.ts'

/** What stands in front of the panel: nothing that bytes depend on reaches it before they are stored. */
export type Front = {
  /** Through which what needs no guarding is passed on. */
  panel: Pick<Forwarder, 'origin' | 'basePath' | 'open' | 'openSocket'>
  /** What the front's routes must know of the panel's API. */
  api: Pick<PanelApi, 'hasWebSocket' | 'isSecretPath' | 'tokenOf' | 'errorBody'>
  /** What a request would make the panel forget; null: it can be passed through. */
  guarded(method: string, path: string): GuardedCall | null
  /**
   * Who sends `token` to the panel; null: nobody that the panel knows.
   *
   * @throws a panel error when the panel cannot be asked.
   */
  callerOf(token: string | null): Promise<FrontCaller | null>
  /**
   * Carries out a guarded call: reads, with the caller's rights, what would be lost; stores it; forwards the call; learns
   * the outcome.
   *
   * @returns the panel's own answer.
   * @throws `forbidden` for `preserveTraffic: false` of anybody but a sudo admin. `database_unavailable`, `observation_overlapped`: nothing was forwarded. The panel's errors when it gave no
   *   answer.
   */
  handle(call: GuardedCall, request: FrontRequest): Promise<ForwardedAnswer>
}

export function createFront(work: FrontWork): Front {
  return {
    panel: work.forwarder,
    api: work.api,
    guarded: work.api.guardedCallOf,
    callerOf: (token) => identify(work, { token }),
    handle: async (call, request) => {
      await mayLoseTraffic(work, call, request)
      switch (call.kind) {
        case 'delete user':
          return deleteThroughFront(work, call.username, request)
        case 'change user':
          return changeThroughFront(work, call.username, request)
        case 'move user':
          return asSudo(work, request, call, () => changeThroughFront(work, call.username, request))
        case 'delete expired users':
          return deleteExpiredThroughFront(work, request)
        case 'reset all users':
          return asSudo(work, request, call, (caller) => resetUsersThroughFront(work, caller, request))
        case 'delete admin':
          return asSudo(work, request, call, (caller) =>
            deleteAdminThroughFront(work, call.username, caller, request),
          )
        case 'reset admin usage':
          return asSudo(work, request, call, () => resetUsageThroughFront(work, call.username, request))
      }
    },
  }
}
