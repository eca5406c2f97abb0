/**
 * Looks how much room is left on the disk, and stops voting before none is. A write that fails for want of room ends the
 * daemon; until then it goes on following and answering, and the others do not wait for votes that may never reach the disk.
 */
import { WardlineError } from '@wardline/codec'
import type { Clock, DiskSpace, Log, Space, Timer } from '@wardline/ports'
import type { Failed } from './roster.ts'

export type DiskWatch = {
  /** What is wrong, for `status`. */
  failed(): readonly Failed[]
  stop(): void
}

export type DiskWatchParts = {
  readonly disk: DiskSpace
  readonly clock: Clock
  readonly log: Log
  /** Called after every look, for chains come and go. */
  readonly pauseVoting: (isPaused: boolean) => void
}

const LOOK_EVERY_MS = 10_000
/** Voting stops below this, or below this part of a small disk, and goes on above twice as much. */
const FREE_BYTES_MIN = 256 * 1024 * 1024
const FREE_PART_MIN = 1 / 20
const MIB = 1024 * 1024

export function startDiskWatch({ disk, clock, log, pauseVoting }: DiskWatchParts): DiskWatch {
  let timer: Timer | undefined
  let isStopped = false
  let space: Space | undefined
  let isLow = false

  async function look(): Promise<void> {
    try {
      space = await disk.read()
      const least = leastOf(space)
      const wasLow = isLow
      isLow = space.freeBytes < (wasLow ? 2 * least : least)
      if (isLow !== wasLow) {
        const facts = inMiB(space)
        if (isLow) log.error('the disk is nearly full: this daemon votes no more', facts)
        else log.info('the disk has room again: this daemon votes', facts)
      }
    } catch (error) {
      if (!(error instanceof WardlineError)) throw error
      log.warn('it cannot be told whether the disk is nearly full', { code: error.code })
    }
    if (isStopped) return
    pauseVoting(isLow)
    timer = clock.after(LOOK_EVERY_MS, () => void look())
  }

  void look()
  return {
    failed() {
      if (!isLow || space === undefined) return []
      const { freeMiB, neededMiB } = inMiB(space)
      return [
        {
          label: null,
          code: 'disk-low',
          problem: `Only ${freeMiB} MiB are free on the disk of this home: this daemon does not vote, and ends when nothing can be written any more.`,
          remedy: `Make room: it votes again by itself when ${neededMiB} MiB are free. Delete nothing in the home.`
        }
      ]
    },
    stop() {
      isStopped = true
      timer?.cancel()
    }
  }
}

function leastOf({ totalBytes }: Space): number {
  return Math.min(FREE_BYTES_MIN, totalBytes * FREE_PART_MIN)
}

/** What is free, and what must be for voting to go on. */
function inMiB(space: Space): { readonly freeMiB: number; readonly neededMiB: number } {
  return { freeMiB: Math.floor(space.freeBytes / MIB), neededMiB: Math.ceil((2 * leastOf(space)) / MIB) }
}
