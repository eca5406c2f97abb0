/** Methods on transactions of any kind. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { everybody, type Method, method, writers } from '../method.ts'
import {
  actor,
  alias,
  base64,
  chain,
  chainId,
  count,
  heightNumber,
  hexBytes,
  leaf,
  memberName,
  submitted,
  timeMs,
  timeoutMs,
  transactionId,
  transactionState,
  wait,
  withReceipt
} from '../schema.ts'

export const transactionMethods = {
  'tx.submit': method({
    summary: 'Submits a signed transaction; the same bytes again give the same answer.',
    roles: writers,
    audited: true,
    params: z.strictObject({
      chain,
      transaction: hexBytes(limits.transactionBytesMax).min(2).describe('The signed transaction, hex'),
      payload: base64(limits.payloadBytesMax).describe('Its payload, if it names one').optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted,
    errors: ['refused', 'timeout', 'unavailable', 'busy', 'too-large']
  }),
  'tx.sponsor': method({
    summary: 'Signs for what a patient’s wallet has signed, and submits it; the same bytes again give the same answer.',
    roles: writers,
    audited: true,
    params: z.strictObject({
      chain,
      transaction: hexBytes(limits.transactionBytesMax).min(2).describe('What the wallet signed, hex'),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ alias }),
    errors: ['refused', 'timeout', 'unavailable', 'busy', 'too-large']
  }),
  'tx.get': method({
    summary: 'Says what became of a transaction; with `receipt` gives the proof, anchored at any later final height.',
    roles: everybody,
    params: z.strictObject({
      chain,
      id: transactionId,
      receipt: withReceipt,
      anchor: heightNumber.describe('The height whose head signs for the receipt; left out: its own block').optional()
    }),
    result: z.object({
      chain: chainId,
      id: transactionId,
      leaf: leaf.nullable(),
      kind: z.string(),
      author: memberName.nullable().describe('Of what a patient wrote: the hospital that sponsored it'),
      alias: alias.nullable().describe('The patient’s alias that wrote it; null where a member did'),
      state: transactionState,
      code: z.string().nullable(),
      height: heightNumber.nullable(),
      index: count.nullable().describe('Position within its block'),
      timeMs: timeMs.nullable().describe('Time of its block'),
      expiresMs: timeMs,
      sizeBytes: count,
      transaction: z.string().nullable().describe('The signed bytes, hex'),
      receipt: z.string().optional()
    }),
    errors: ['not-found']
  })
} as const satisfies Record<string, Method>
