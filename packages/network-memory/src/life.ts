/** One run of one node's process, from its start to its crash or end. */
export type Life = {
  readonly node: string
  /** 1 for the node's first process. */
  readonly incarnation: number
  alive: boolean
}

/** What a dead process gets from whatever it awaits. */
export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
