import type { ComponentLogger, Logger } from '@libp2p/interface'

/**
 * What libp2p logs with. Its own messages name addresses and repeat remote text, so none reach a log file, whatever the
 * `DEBUG` variable says; what matters is reported by this package through the `Log` port. Also cheap: libp2p makes a
 * logger per stream.
 */
export const silentLogger: ComponentLogger = { forComponent: () => silent }

const nothing = (): void => {}

const silent: Logger = Object.assign((): void => {}, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: () => silent
})
