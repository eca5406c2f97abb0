/** Evidence against validators: what the chain recorded, and what this daemon found and no block has recorded yet. */
import type { Api, Result } from '@wardline/api'
import { assert, toHex } from '@wardline/codec'
import { conflictOf, type Evidence } from '@wardline/consensus'
import { chargedTo, isReported, offenceRange, readOffences } from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import { reportingKey } from '../reporting-key.ts'
import { chainNamed, nameOf, seenBy } from './lookup.ts'

type Row = Result<'evidence.list'>['evidence'][number]

export function evidenceMethods(memberships: Memberships): Pick<Api, 'evidence.list'> {
  return {
    async 'evidence.list'({ chain: name }, { role }) {
      const member = seenBy(role, chainNamed(memberships, name))
      const { chain } = member
      const unrecorded = chain.evidence().filter((evidence) => !isReported(chain.state, evidence))
      const rows = [...(await recordedRows(member)), ...unrecorded.map((evidence) => rowOf(member, evidence, null))]
      const evidence = rows.sort((a, b) => a.epoch - b.epoch || a.view - b.view)
      return { chain: chain.id, evidence }
    }
  }
}

async function recordedRows(member: Membership): Promise<Row[]> {
  const { chain } = member
  const rows: Row[] = []
  const range = { from: `state/${offenceRange.from}`, to: `state/${offenceRange.to}` }
  for await (const [key] of chain.store.range(range)) {
    const offender = key.slice(range.from.length) as Parameters<typeof readOffences>[1]
    for (const { report, height, time } of readOffences(chain.state, offender)) {
      const transaction = chain.query.transaction(report)
      assert(transaction?.kind === 'evidence.report', 'an offence in the state has its report in a block')
      const recorded = { id: report, by: nameOf(member, chargedTo(transaction)), height, timeMs: time }
      rows.push(rowOf(member, transaction.body, recorded))
    }
  }
  return rows
}

function rowOf(member: Membership, { signer, epoch, view, votes }: Evidence, recorded: Row['recorded']): Row {
  const conflict = conflictOf(...votes)
  assert(conflict !== undefined, 'evidence has votes in conflict')
  const shown = votes.map(({ kind, digest, signature }) => ({ kind, digest, signature: toHex(signature) }))
  const keyReplaced = reportingKey(member.chain, { signer, epoch }) === undefined
  return { offender: nameOf(member, signer), epoch, view, conflict, votes: shown, recorded, keyReplaced }
}
