/** What takes bytes from peers, or from a disk that may have been written to. */
export const PARSERS = [
  'vote',
  'certificate',
  'proposal',
  'status-ask',
  'status',
  'told',
  'transactions',
  'request',
  'answer',
  'journal'
] as const

export type Parser = (typeof PARSERS)[number]
