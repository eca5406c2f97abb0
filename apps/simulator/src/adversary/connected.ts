import type { Network } from '@wardline/ports'

const WAIT_MS_MAX = 10_000

/** Resolves with the number of connected peers once it is `wanted`, or after ten seconds. */
export function connectedTo(network: Network, wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      forget()
      resolve(network.connected().length)
    }
    const look = () => {
      if (network.connected().length >= wanted) finish()
    }
    const timer = setTimeout(finish, WAIT_MS_MAX)
    const forget = network.onPeer(look)
    look()
  })
}
