/** Evidence that this daemon holds: durable from the moment it was found, and kept after a block has recorded it. */
import {
  bytes32,
  decodeCbor,
  encodeCbor,
  epoch,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  uint,
  view
} from '@wardline/codec'
import { type Evidence, evidenceName } from '@wardline/consensus'
import { encodeEvidenceVotes, readEvidenceVotes } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { corrupt, keys, under } from './layout.ts'

export type EvidenceTable = {
  /**
   * Keeps a genuine pair, unless one for the same is here, or as many against its signer as a chain records.
   * @returns whether it was kept; then it is durable
   */
  add(evidence: Evidence): Promise<boolean>
  /**
   * Keeps a genuine pair by which its signer is in both branches of a fork, unless one for the same is here. Whatever else
   * there is against him does not count: a fork gives a few pairs of each, one for each view and conflict.
   */
  addOfFork(evidence: Evidence): Promise<void>
  /** Everything kept, in no order. */
  all(): readonly Evidence[]
}

/** @throws WardlineError `store-corrupt` */
export async function openEvidence(store: KeyValueStore): Promise<EvidenceTable> {
  const table = new Map<string, Evidence>()
  for await (const [, bytes] of store.range(under('evidence/'))) {
    const row = readRow(decodeCbor(bytes))
    if (row === undefined) throw corrupt('a row of evidence cannot be read')
    const evidence = { ...row, epoch: epoch(row.epoch), view: view(row.view) }
    table.set(evidenceName(evidence), evidence)
  }
  async function keep(evidence: Evidence): Promise<boolean> {
    const name = evidenceName(evidence)
    if (table.has(name)) return false
    table.set(name, evidence)
    await store.write([{ key: keys.evidence(name), value: encodeRow(evidence) }], { sync: true })
    return true
  }

  return {
    async add(evidence) {
      const against = [...table.values()].filter(({ signer }) => signer === evidence.signer)
      return against.length < limits.evidencePerOffenderMax && keep(evidence)
    },
    async addOfFork(evidence) {
      await keep(evidence)
    },
    all: () => [...table.values()]
  }
}

const readRow = mapOf({ signer: bytes32<MemberId>, epoch: uint, view: uint, votes: readEvidenceVotes })

function encodeRow(evidence: Evidence): Uint8Array {
  const { signer, votes } = evidence
  const place = { epoch: evidence.epoch, view: evidence.view }
  return encodeCbor({ signer: nameBytes(signer), ...place, votes: encodeEvidenceVotes(votes) })
}
