/** The chains of the demo: one of each mode, all over the same hospitals. */
export const CHAINS = [
  { label: 'alliance', mode: 'dss' },
  { label: 'transfers', mode: 'stt' },
  { label: 'permissions', mode: 'spv' }
] as const

export type ChainLabel = (typeof CHAINS)[number]['label']

/** Records that the hospitals share. */
export const ALLIANCE: ChainLabel = 'alliance'
/** Records that are sent from one to another, and every hop of them. */
export const TRANSFERS: ChainLabel = 'transfers'
/** Anchors of records that stay where they are, and who may read them. */
export const PERMISSIONS: ChainLabel = 'permissions'
