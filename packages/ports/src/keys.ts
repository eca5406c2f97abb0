/** Where secret keys live. What is loaded stays in this process; nothing here can send a secret anywhere. */
export interface Keys {
  /**
   * The secrets stored under `name` (`identity`, or a chain's label), by use, 32 bytes each; undefined if there are none.
   * @throws WardlineError `keys-unreadable | keys-passphrase`
   */
  load(name: string): Promise<KeySet | undefined>
  /** Stores new secrets, durably, before resolving. @throws WardlineError `keys-exist` rather than overwrite, `keys-failed` */
  create(name: string, secrets: KeySet): Promise<void>
}

export type KeySet = Readonly<Record<string, Uint8Array>>
