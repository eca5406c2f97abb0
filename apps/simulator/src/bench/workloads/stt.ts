/** Records that are sent from one hospital to another. */
import { memberOn } from '../../local-network/network.ts'
import { type Ground, newRecord, RECORD_BYTES, siteAt, TIMEOUT_MS, type Workload } from './workload.ts'

/** `record.send` of a new record of 1 KiB from the client's hospital to the next one. */
export function sending({ sites, label }: Ground): Workload {
  return {
    async call(client) {
      const from = siteAt(sites, client)
      const to = siteAt(sites, client + 1)
      const content = newRecord(RECORD_BYTES)
      const params = { chain: label, to: [memberOn(to, label)], content, wait: 'final', timeoutMs: TIMEOUT_MS } as const
      return (await from.daemon.ehr.call('record.send', params)).id
    },
    async keptBytes() {
      const { records } = await siteAt(sites, 0).daemon.admin.call('record.list', { chain: label, limit: 1 })
      return 2 * (records[0]?.sizeBytes ?? 0)
    }
  }
}
