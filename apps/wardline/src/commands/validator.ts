/** The validators of a chain, and changing them: drafts and approvals are files that hospitals send each other. */
import type { ParamsInput, Result } from '@wardline/api'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { readText, writeNew } from '../files.ts'
import { type Common, emit, say, sayCut, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'
import { toleranceText } from '../tolerance.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

type Review = Result<'validator.review'>

export async function listValidators(common: Common, { chain }: { readonly chain?: string }): Promise<void> {
  const answer = await withDaemon(common, (client) => client.call('validator.list', { chain }))
  const rows = await table(
    ['validator', 'name', 'vote key', ''],
    answer.list.map(({ member, name, key, self }) => [short(member), name, short(key), self ? 'this hospital' : ''])
  )
  emit(common, answer, () => `${rows}\nEpoch ${answer.epoch}. ${toleranceText(answer.validators)}`)
  sayCut(common, answer.list.length)
}

export type ProposeOptions = {
  readonly chain?: string
  readonly member?: string
  readonly expires?: string
  readonly out: string
  readonly actor?: string
}

export async function propose(common: Common, action: string, options: ProposeOptions): Promise<void> {
  const { chain, member, actor, out } = options
  const expiresMs = timeOf('--expires', options.expires)
  // The daemon knows the actions and names them if this is none.
  const params = { chain, member, actor, expiresMs, action: action as ParamsInput<'validator.propose'>['action'] }
  const { draft, ...review } = await withDaemon(common, (client) => client.call('validator.propose', params))
  await writeNew(out, draft)
  emit(common, { ...review, out }, () => out)
  if (common.json) return
  say(reviewText(review))
  if (review.action === 'rotate') {
    say('This daemon made the new key and keeps it. It votes with it from the next epoch on, without being restarted.')
  }
  say(`Next, at ${review.before.quorum} of the ${review.before.validators} validators: wardline validator review ${out}, then
wardline validator approve ${out} --out NAME.approval; with their files here: wardline validator submit ${out} *.approval`)
}

export async function review(common: Common, file: string, { chain }: { readonly chain?: string }): Promise<void> {
  const draft = await readText(file)
  const answer = await withDaemon(common, (client) => client.call('validator.review', { chain, draft }))
  emit(common, answer, () => reviewText(answer))
  const [problem] = answer.problems
  if (problem === undefined) return
  const message = answer.problems.map(({ problem }) => problem).join('\n')
  throw new CommandFailure(EXIT.verification, problem.code, message)
}

export type ApproveOptions = {
  readonly chain?: string
  readonly fingerprint?: string
  readonly out: string
  readonly actor?: string
}

export async function approve(common: Common, file: string, options: ApproveOptions): Promise<void> {
  const { chain, actor, out } = options
  const draft = await readText(file)
  const answer = await withDaemon(common, async (client) => {
    const { fingerprint } = await client.call('validator.review', { chain, draft })
    const heard = options.fingerprint?.replaceAll(/\s/g, '')
    if (heard !== undefined && heard !== fingerprint.replaceAll(' ', '')) {
      const message = `The draft has the fingerprint ${fingerprint}, which is not the one that you were told. Nothing was approved.`
      throw new CommandFailure(EXIT.verification, 'other-fingerprint', message)
    }
    return client.call('validator.approve', { chain, draft, actor })
  })
  const { approval, ...reviewed } = answer
  await writeNew(out, approval)
  emit(common, { ...reviewed, out }, () => out)
  if (!common.json)
    say(`Approved what has the fingerprint ${answer.fingerprint}. Send ${out} to who submits the change.`)
}

export async function submitChange(
  common: Common,
  file: string,
  approvals: readonly string[],
  options: WaitOptions
): Promise<void> {
  if (approvals.length === 0) throw usage('Give the draft and the files of the approvals.')
  const params = {
    ...(await waitParams(options)),
    draft: await readText(file),
    approvals: await Promise.all(approvals.map(readText))
  }
  const result = await withDaemon(common, (client) => client.call('validator.submit', params))
  emit(common, result, () => `transaction  ${result.id}\nstate        ${stateText(result)}`)
  await keepReceipt(common, options, result)
}

function reviewText(review: Review): string {
  const { action, member, name, vote, epoch, expiresMs, syncedHeight, fingerprint, before, after } = review
  const lines = [
    `change       ${actionText(action)} ${who({ member, name })}`,
    `fingerprint  ${fingerprint}   read this to each other by phone`,
    ...(vote === null ? [] : [`vote key     ${vote}`]),
    ...(syncedHeight === null ? [] : [`synced       its daemon had block ${syncedHeight}`]),
    `approvals    by ${before.quorum} of the ${before.validators} validators of epoch ${epoch}, void from ${utc(expiresMs)}`,
    `now          ${toleranceText(before.validators)}`,
    `after it     ${toleranceText(after.validators)}`
  ]
  return lines.join('\n')
}

function actionText(action: Review['action']): string {
  switch (action) {
    case 'add':
      return 'a vote for'
    case 'remove':
      return 'no vote any more for'
    case 'rotate':
      return 'a new vote key for'
  }
}
