/**
 * A raw gossip peer with a member's keys: connects as that member's host and publishes a forged hand-off, without any of
 * the daemon's manners. Arguments: home, label, the forgery as JSON. Publishes once, waits for SIGTERM.
 */
import { toHex } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { cardMember, chainIdOf, encodeBlockBody, memberIdOf, parseTransaction } from '@wardline/ledger'
import { peerNameOf } from '@wardline/network-libp2p'
import { createJsonLog, createSystemClock, createSystemRandom } from '@wardline/system'
import { connectedTo } from './adversary/connected.ts'
import { forge, parseForgery } from './adversary/forgery.ts'
import { speak } from './adversary/speech.ts'
import { startHost, takeHome } from './adversary/taken-home.ts'

const [home = '', label = '', forgeryText = ''] = process.argv.slice(2)
const clock = createSystemClock()
const random = createSystemRandom()
const log = createJsonLog({ level: 'warn', clock })

const taken = await takeHome(home, label, random)
const { genesis } = taken
const chain = chainIdOf(genesis)
const self = memberIdOf(createSigner(taken.keys.sign).publicKey)
const others = genesis.founders.filter((card) => cardMember(card) !== self)
const topic = `/wardline/${chain}/tx/1`

const network = await startHost(taken, log)
network.gossip.subscribe(topic, async () => 'ignore')
await network.setPeers(
  others.flatMap(({ host, addresses }) => (host === null ? [] : [{ name: peerNameOf(host), addresses }]))
)
const peers = await connectedTo(network, others.length)
const transaction = forge(parseForgery(forgeryText), { genesis, signKey: taken.keys.sign }, { clock, random })
const parsed = parseTransaction(transaction, chain)
if (parsed.kind !== 'ok') throw new TypeError(`the forged transaction is malformed (${parsed.code})`)
await network.gossip.publish(topic, encodeBlockBody([transaction]))
speak({ kind: 'published', peers, id: parsed.transaction.id, transaction: toHex(transaction) })

process.once('SIGTERM', () => {
  void network
    .close()
    .then(() => taken.release())
    .then(() => process.exit(0))
})
