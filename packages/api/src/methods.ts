/**
 * The method table: what can be asked of a daemon, by whom, in which shape, and what comes back. Validation, the OpenRPC
 * document and authorisation are all read from here, so nothing can disagree with it.
 */
import type { Method } from './method.ts'
import { chainMethods } from './methods/chain.ts'
import { consentMethods } from './methods/consent.ts'
import { custodyMethods } from './methods/custody.ts'
import { daemonMethods } from './methods/daemon.ts'
import { evidenceMethods } from './methods/evidence.ts'
import { grantMethods } from './methods/grant.ts'
import { memberMethods } from './methods/member.ts'
import { patientMethods } from './methods/patient.ts'
import { recordMethods } from './methods/record.ts'
import { transactionMethods } from './methods/transaction.ts'
import { validatorMethods } from './methods/validator.ts'

export const methods = {
  ...daemonMethods,
  ...chainMethods,
  ...evidenceMethods,
  ...memberMethods,
  ...validatorMethods,
  ...recordMethods,
  ...custodyMethods,
  ...consentMethods,
  ...patientMethods,
  ...grantMethods,
  ...transactionMethods
} as const satisfies Record<string, Method>

export type MethodName = keyof typeof methods
