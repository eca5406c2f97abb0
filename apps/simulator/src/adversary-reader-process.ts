/**
 * A reader without manners: connects as a member's host, asks another hospital for records without a grant, and having been
 * refused tries to fetch each of them all the same, before the refusal is final and after it. Counts every byte that the
 * owner sends. Arguments: home, label, what is wanted as JSON. Speaks once, then waits for SIGTERM.
 */
import { createSigner } from '@wardline/crypto'
import { cardMember, chainIdOf, memberIdOf, parseTransaction, requestIdOf, signRequest } from '@wardline/ledger'
import { peerNameOf } from '@wardline/network-libp2p'
import { createJsonLog, createSystemClock, createSystemRandom } from '@wardline/system'
import { connectedTo } from './adversary/connected.ts'
import { askFrame, fetchFrame, parseWanted, type Received, receive } from './adversary/reading.ts'
import { speak } from './adversary/speech.ts'
import { startHost, takeHome } from './adversary/taken-home.ts'

const LIFE_MS = 5 * 60 * 1000
/** Rounds of fetching, and the time between them: the refusal becomes final meanwhile. */
const ROUNDS = 3
const ROUND_MS = 700

const [home = '', label = '', wantedText = ''] = process.argv.slice(2)
const wanted = parseWanted(wantedText)
const clock = createSystemClock()
const random = createSystemRandom()
const log = createJsonLog({ level: 'warn', clock })

const taken = await takeHome(home, label, random)
const { genesis, keys } = taken
const signer = createSigner(keys.sign)
const self = memberIdOf(signer.publicKey)
const chain = chainIdOf(genesis)
const others = genesis.founders.filter((card) => cardMember(card) !== self)
const owner = others.find((card) => cardMember(card) === wanted.owner)?.host
if (owner == null) throw new TypeError('the owner is a founder with a host')

const network = await startHost(taken, log)
await network.setPeers(
  others.flatMap(({ host, addresses }) => (host === null ? [] : [{ name: peerNameOf(host), addresses }]))
)
await connectedTo(network, others.length)

const request = {
  chain,
  owner: wanted.owner,
  alias: wanted.alias,
  records: wanted.records,
  purpose: 'treatment',
  nonce: random.bytes(16),
  minHeight: 0,
  notAfter: clock.nowMs() + LIFE_MS,
  accessor: { member: self, keyIndex: 0, key: signer.publicKey }
} as const
const asked = await receive(network, peerNameOf(owner), askFrame(signRequest(request, signer)))
const parsed = asked.entry === undefined ? undefined : parseTransaction(asked.entry, chain)
const entry = parsed?.kind === 'ok' && parsed.transaction.kind === 'spv.access' ? parsed.transaction : undefined
if (entry === undefined) throw new TypeError(`the owner gave no access entry (${asked.refusal})`)

const fetched: Received[] = []
for (let round = 0; round < ROUNDS; round++) {
  for (const record of wanted.records) {
    fetched.push(await receive(network, peerNameOf(owner), fetchFrame(requestIdOf(request), record)))
  }
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS))
}
const streams = [asked, ...fetched]
speak({
  kind: 'read',
  id: entry.id,
  decision: entry.body.decision,
  code: entry.body.code,
  refusals: fetched.map(({ refusal }) => refusal ?? null),
  contentBytes: streams.reduce((sum, stream) => sum + stream.contentBytes, 0),
  streamBytes: streams.reduce((sum, stream) => sum + stream.streamBytes, 0)
})

process.once('SIGTERM', () => {
  void network
    .close()
    .then(() => taken.release())
    .then(() => process.exit(0))
})
