import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startTestService } from '../service.ts'

test('nobody is cut off for reading nothing once the whole answer is read', async () => {
  const service = await startTestService({ admins: [] })
  const { res } = (await service.app.inject('/')).raw
  while (res.socket?.writableLength) await setImmediate()
  expect(res.emit('timeout')).toBe(true)
  await service.close()
})
