/** What one client does, by kind. */
import { unreachable } from '@wardline/codec'
import type { LoadKind } from './kinds.ts'
import { publishing } from './workloads/dss.ts'
import { registering } from './workloads/membership.ts'
import { anchoring, requesting } from './workloads/spv.ts'
import { sending } from './workloads/stt.ts'
import { type Ground, LARGE_RECORD_BYTES, RECORD_BYTES, type Workload } from './workloads/workload.ts'

/** Makes everything that the clients will need: doctors, patients, grants. @param ground on a chain of the kind's mode */
export async function createWorkload(kind: LoadKind, ground: Ground): Promise<Workload> {
  switch (kind) {
    case 'stt.send':
      return sending(ground)
    case 'member.register':
      return registering(ground)
    case 'dss.record':
      return publishing(ground, RECORD_BYTES)
    case 'dss.record-10k':
      return publishing(ground, LARGE_RECORD_BYTES)
    case 'spv.anchor':
      return anchoring(ground)
    case 'spv.access':
      return requesting(ground)
    default:
      return unreachable(kind)
  }
}
