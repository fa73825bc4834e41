import type { ForwardedAnswer } from '../../panel/types.ts'
import { mustReadAdmin } from '../observe-admins.ts'
import { type FrontRequest, type FrontWork, forwardAndLearn } from './front-request.ts'

/** `POST /api/admin/usage/reset/{username}`: the admin's counter is read right before and right after. */
export async function resetUsageThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  await mustReadAdmin(work, username)
  return forwardAndLearn(work, request, `the reset of admin ${username}`, () => mustReadAdmin(work, username))
}
