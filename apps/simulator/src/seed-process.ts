/** One thread of `pnpm sim`: plays the seeds that it is given, one after another. */
import { parentPort } from 'node:worker_threads'
import { assert } from '@wardline/codec'
import { answer, type SeedRequest } from './sim/campaign.ts'

const port = parentPort
assert(port !== null, 'a thread of the simulator has a parent')
port.on('message', (request: SeedRequest) => {
  void answer(request).then((reply) => port.postMessage(reply))
})
