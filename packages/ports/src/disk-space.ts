/** How much room is left where a daemon writes. */
export interface DiskSpace {
  /** Of the file system that holds the home. @throws WardlineError `disk-unreadable` */
  read(): Promise<Space>
}

export type Space = {
  /** What the daemon may still write. */
  readonly freeBytes: number
  readonly totalBytes: number
}
