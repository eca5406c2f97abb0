/**
 * The ports of one process, watched. Each output is also a place where the process may die: `output` is called right after
 * a write was called for, after it was done, and after a message was handed over.
 */
import { parseMessage } from '@wardline/consensus'
import type { Journal, KeyValueStore, Network, StoreWrite, StreamHandler } from '@wardline/ports'
import type { Watch } from './watch.ts'

export type WatchedParts = {
  readonly node: string
  readonly watch: Watch
  readonly output: () => void
}

export function watchStore(store: KeyValueStore, { node, watch, output }: WatchedParts): KeyValueStore {
  const unsynced: StoreWrite[] = []
  return {
    ...store,
    async write(writes, options) {
      const done = store.write(writes, options)
      output()
      await done
      unsynced.push(...writes)
      if (options.sync) watch.storeDurable(node, unsynced.splice(0))
      output()
    }
  }
}

export function watchJournal(journal: Journal, { node, watch, output }: WatchedParts): Journal {
  return {
    ...journal,
    async read() {
      const segments = await journal.read()
      watch.journalRead(node, segments)
      return segments
    },
    async append(bytes) {
      const copy = bytes.slice()
      const done = journal.append(bytes)
      // By then the disk is at work on it.
      await Promise.resolve()
      output()
      const segment = await done
      watch.journalDurable(node, copy)
      output()
      return segment
    }
  }
}

export function watchNetwork(network: Network, { node, watch, output }: WatchedParts): Network {
  const listen = (data: Uint8Array): void => {
    const message = parseMessage(data)
    if (message !== undefined) watch.said(node, message)
  }
  return {
    ...network,
    gossip: {
      ...network.gossip,
      async publish(topic, data) {
        if (!topic.includes('/tx/')) listen(data)
        const done = network.gossip.publish(topic, data)
        output()
        await done
      }
    },
    serve(protocol, handler, options) {
      const watched: StreamHandler = async function* (request, from) {
        for await (const frame of handler(request, from)) {
          watch.answered(node, from, protocol, request, frame)
          output()
          yield frame
        }
      }
      network.serve(protocol, watched, options)
    },
    request(peer, protocol, request, options) {
      if (protocol.includes('/consensus/')) listen(request)
      const frames = network.request(peer, protocol, request, options)
      output()
      return protocol.includes('/record/') ? watchAnswer(frames, { peer, protocol, request }) : frames
    }
  }

  async function* watchAnswer(
    frames: AsyncIterable<Uint8Array>,
    { peer, protocol, request }: { readonly peer: string; readonly protocol: string; readonly request: Uint8Array }
  ): AsyncIterable<Uint8Array> {
    try {
      for await (const frame of frames) {
        watch.given(node, peer, protocol, request, frame)
        yield frame
      }
    } finally {
      watch.closed(node, protocol, request)
    }
  }
}
