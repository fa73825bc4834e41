import type { PanelApi } from '../panel-api.ts'
import { breakingFieldOf, disabledBy, effectOf } from './call-effects.ts'
import { judgeDeletion } from './deletion-forms.ts'
import { expiredUsers } from './expired-users.ts'
import { guardedCallOf, refusingQuestions } from './guarded-calls.ts'
import { inPanelsForm } from './in-panels-form.ts'
import { judgeReset } from './success-forms.ts'
import { texts } from './texts.ts'
import { isBearerToken } from './token.ts'

/** Where Marzban has WebSockets: the logs of its core and of its nodes. */
const socketPaths = /^\/api\/(core|node\/\d+)\/logs$/

/** What the front knows of Marzban's API. */
export const marzbanApi: PanelApi = {
  guardedCallOf,
  effectOf,
  breakingFieldOf,
  disabledBy,
  refusingQuestions,
  hasWebSocket: (path) => socketPaths.test(path),
  isSecretPath: (path) => !path.startsWith('/api/'),
  tokenOf({ authorization }) {
    // As Marzban reads it: everything that follows the first space.
    return typeof authorization === 'string' ? (/^bearer (.*)$/i.exec(authorization)?.[1] ?? null) : null
  },
  canBeToken: isBearerToken,
  errorBody: (detail) => ({ detail }),
  noSuchAdmin: inPanelsForm(404, { detail: texts.noSuchAdmin }),
  sudoAdminStays: inPanelsForm(403, { detail: texts.sudoAdminStays }),
  judgeDeletion,
  judgeReset,
  expiredUsers,
}
