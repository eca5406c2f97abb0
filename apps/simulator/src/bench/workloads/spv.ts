/** Records that stay in their hospital: anchoring them, and asking for them. */
import { type Alias, WardlineError } from '@wardline/codec'
import { memberOn, type Site } from '../../local-network/network.ts'
import {
  forEachClient,
  type Ground,
  LARGE_RECORD_BYTES,
  newRecord,
  ofClient,
  patientOf,
  RECORD_BYTES,
  siteAt,
  TIMEOUT_MS,
  type Workload
} from './workload.ts'

/** Which a grant and all requests name. */
const PURPOSE = 'treatment'

/** `record.anchor` of a new record of 1 KiB of a patient whose alias was opened at the client's hospital. */
export async function anchoring({ sites, label, clients }: Ground): Promise<Workload> {
  const aliases = await forEachClient(clients, (client) => openAlias(siteAt(sites, client), label, client))
  let keptBytes = 0
  return {
    async call(client) {
      const anchored = await anchor(siteAt(sites, client), label, ofClient(aliases, client), RECORD_BYTES)
      keptBytes = anchored.keptBytes
      return anchored.id
    },
    keptBytes: async () => keptBytes
  }
}

/**
 * `record.request`: the client's hospital asks another one for a record of 10 kB that a standing grant of the patient covers,
 * and has it, verified, once the entry of the access is final. Each client has a patient and a record of its own; together
 * they go over all pairs of hospitals.
 */
export async function requesting({ sites, label, clients }: Ground): Promise<Workload> {
  const questions = await forEachClient(clients, async (client) => {
    const owner = siteAt(sites, client + 1 + (Math.floor(client / sites.length) % (sites.length - 1)))
    const alias = await openAlias(owner, label, client)
    const { record, content } = await anchor(owner, label, alias, LARGE_RECORD_BYTES)
    await owner.daemon.ehr.call('grant.create', {
      ...{ chain: label, alias, purposes: [PURPOSE], timeoutMs: TIMEOUT_MS },
      grantee: { member: memberOn(siteAt(sites, client), label) }
    })
    return { owner: memberOn(owner, label), alias, record, content }
  })
  return {
    async call(client) {
      const { owner, alias, record, content } = ofClient(questions, client)
      const question = {
        chain: label,
        owner,
        alias,
        records: [record],
        purpose: PURPOSE,
        timeoutMs: TIMEOUT_MS
      } as const
      const answer = await siteAt(sites, client).daemon.ehr.call('record.request', question)
      if (answer.records[0]?.content !== content) {
        throw new WardlineError('bench-failed', `the access was answered without its record: ${answer.decision}`)
      }
      return answer.entry
    },
    keptBytes: async () => 0
  }
}

async function openAlias({ daemon }: Site, label: string, client: number): Promise<Alias> {
  const patient = { chain: label, patient: patientOf(client), timeoutMs: TIMEOUT_MS }
  return (await daemon.ehr.call('alias.open', patient)).alias
}

async function anchor({ daemon }: Site, label: string, alias: Alias, sizeBytes: number) {
  const content = newRecord(sizeBytes)
  const params = { chain: label, alias, content, wait: 'final', timeoutMs: TIMEOUT_MS } as const
  const { id, record, salt, descriptorBytes } = await daemon.ehr.call('record.anchor', params)
  return { id, record, content, keptBytes: sizeBytes + byteLength(salt) + byteLength(descriptorBytes) }
}

function byteLength(base64: string): number {
  return Buffer.from(base64, 'base64').length
}
