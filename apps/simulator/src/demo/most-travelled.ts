/** Looks into the trails of a replay: what to show, and what to forge. */
import type { Trail } from './courier.ts'

/** The record with the most transmissions; of several the first. */
export function mostTravelled(trails: Iterable<Trail>): Trail | undefined {
  let most: Trail | undefined
  for (const trail of trails) if (trail.deliveries.length > (most?.deliveries.length ?? 0)) most = trail
  return most
}

/** A record that never was at `hospital`, and that another one opened. */
export function neverAt(trails: Iterable<Trail>, hospital: string): Trail | undefined {
  for (const trail of trails) {
    if (!trail.deliveries.some(({ from, to }) => from === hospital || to === hospital)) return trail
  }
  return undefined
}
