import { canary } from '../stand-in/secrets.ts'

/** The operator's key of services under test. */
export const operatorKey = `the-key-of-the-operator-${canary}-0123456789`
