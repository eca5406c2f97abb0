/** What commands that submit a transaction share. */
import type { Submitted } from '@wardline/api'
import { CommandFailure, EXIT } from '../exit.ts'
import { readTextIfPresent, writeNew } from '../files.ts'
import { type Common, say } from '../output.ts'
import { timeoutMsOf } from '../times.ts'

export type WaitOptions = {
  readonly chain?: string
  readonly wait?: 'accepted' | 'final'
  readonly timeout?: number
  readonly receipt?: string
  readonly actor?: string
}

/**
 * The parameters of waiting. Looks first whether the receipt's file is free: a receipt that cannot be kept after the
 * transaction was sent would look like a failed call.
 */
export async function waitParams({ chain, wait, timeout, receipt, actor }: WaitOptions) {
  if (receipt !== undefined && (await readTextIfPresent(receipt)) !== undefined) {
    throw new CommandFailure(
      EXIT.error,
      'file-exists',
      `${receipt} exists: name another file for the receipt. Nothing was sent.`
    )
  }
  return {
    chain,
    wait,
    actor,
    receipt: receipt === undefined ? undefined : true,
    timeoutMs: timeoutMsOf(timeout)
  }
}

export function stateText({ state, code, height }: Pick<Submitted, 'state' | 'code' | 'height'>): string {
  switch (state) {
    case 'committed':
      return `committed in block ${height}`
    case 'accepted':
      return code === null ? 'pending' : `pending (${code})`
    case 'expired':
      return 'expired'
    case 'refused':
      return `refused (${code})`
  }
}

/** A command to look with, on the chain that was named. */
export function onChain(command: string, chain: string | undefined): string {
  return chain === undefined ? command : `${command} --chain ${chain}`
}

/** What to do where it is not known whether a grant was made. */
export function lookFirst(...commands: readonly string[]): string {
  return `To grant again would make a second grant; look first: ${commands.join(', or ')}`
}

export async function keepReceipt(
  common: Common,
  options: WaitOptions,
  submitted: Pick<Submitted, 'receipt'>
): Promise<void> {
  if (options.receipt === undefined) return
  if (submitted.receipt === undefined) {
    say('There is no receipt yet: ask with `wardline tx get ID --receipt` once the transaction is final.')
    return
  }
  await writeNew(options.receipt, `${submitted.receipt}\n`)
  if (!common.json) say(`The receipt is in ${options.receipt}.`)
}
