/**
 * A Byzantine validator: the real node on a member's home, with its keys and its vote journal, over a store that lies about
 * one acknowledgement. When its turn to lead comes, its block holds a forged hand-off. It is the node's own engine that
 * votes and journals, so it never signs two blocks in a view, and the honest daemon can go on with the same journal.
 * Arguments: home, label, the forgery as JSON. Runs until SIGTERM.
 */
import { parseMessage } from '@wardline/consensus'
import { createSigner, createVerifier, createVoteSigner } from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import { createMemoryRecordKeysDisk } from '@wardline/keys-files'
import { chainIdOf, encodeBlockBody, memberIdOf, parseTransaction } from '@wardline/ledger'
import { peerNameOf } from '@wardline/network-libp2p'
import { openChain } from '@wardline/node'
import { openFileJournal, openLevelStore } from '@wardline/store-level'
import { createJsonLog, createSystemClock, createSystemRandom } from '@wardline/system'
import { dutiesFold } from '@wardline/views'
import { connectedTo } from './adversary/connected.ts'
import { forge, parseForgery } from './adversary/forgery.ts'
import { lyingStore } from './adversary/lying-store.ts'
import { speak } from './adversary/speech.ts'
import { startHost, takeHome } from './adversary/taken-home.ts'
import { watchNetwork } from './adversary/watched-network.ts'

const [home = '', label = '', forgeryText = ''] = process.argv.slice(2)
const forgery = parseForgery(forgeryText)
const clock = createSystemClock()
const random = createSystemRandom()
const log = createJsonLog({ level: 'warn', clock })

const taken = await takeHome(home, label, random)
const { genesis, keys } = taken
const id = chainIdOf(genesis)
const self = memberIdOf(createSigner(keys.sign).publicKey)
const forged = forge(forgery, { genesis, signKey: keys.sign }, { clock, random })
const parsed = parseTransaction(forged, id)
if (parsed.kind !== 'ok') throw new TypeError(`the forged transaction is malformed (${parsed.code})`)
const { leaf } = parsed.transaction

const store = lyingStore(await openLevelStore(taken.store), self, forgery)
const watched = watchNetwork(await startHost(taken, log), (topic, data) => {
  const message = topic.endsWith('/proposal/1') ? parseMessage(data) : undefined
  if (message?.kind !== 'proposal' || !message.proposal.leaves.includes(leaf)) return
  const { view, height } = message.proposal.header
  speak({ kind: 'proposed', view, height })
})
const chain = await openChain({
  genesis,
  self,
  voteSigners: async () => [createVoteSigner(keys.vote)],
  voteMarks: null,
  store,
  recordKeys: createMemoryRecordKeysDisk().open(random),
  journal: await openFileJournal(taken.votes),
  network: watched.network,
  clock,
  verifier: createVerifier(),
  log,
  folds: [createCustodyFold(), dutiesFold(self)],
  peerNameOf,
  onFailure(error) {
    log.error('the chain stopped', { code: error instanceof Error ? error.name : 'unknown' })
    process.exit(1)
  }
})
const peers = await connectedTo(watched.network, chain.peers().length)
// As gossip and not by `submit`: what is submitted is kept on the disk, and the daemon would find it there.
const verdict = await watched.deliver(`/wardline/${id}/tx/1`, encodeBlockBody([forged]))
if (verdict !== 'accept') throw new Error(`the own node did not take the forged hand-off in (${verdict})`)
speak({ kind: 'ready', peers, id: parsed.transaction.id, leaf })

process.once('SIGTERM', () => {
  void chain
    .stop()
    .then(() => taken.release())
    .then(() => process.exit(0))
})
