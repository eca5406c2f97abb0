/**
 * Clients of every hospital, who send, read and note what they are told. A client asks one thing at a time, and goes on
 * when its daemon is killed, hangs or refuses: what it is told then is part of the history, too.
 */
import { connectSocket, type SocketClient } from '@wardline/client'
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import { homePaths, socketPaths } from '@wardline/config'
import type { Prng } from '@wardline/network-memory'
import { type Arena, type Hospital, pause } from './arena.ts'
import type { History, Told } from './history.ts'

export type ClientOptions = {
  readonly history: History
  /** Clients of each hospital. */
  readonly each: number
  /** Between an answer and the next question, on average. */
  readonly thinkMs: number
}

export type Clients = { stop(): Promise<void> }

/** How long a send waits for its block. */
const FINAL_MS_MAX = 4_000
const CALL_MS_MAX = 8_000
/** While its daemon does not run a client tries again after this. */
const ABSENT_MS = 100
/** Sends that reads ask about: the newest ones. */
const KNOWN_MAX = 256

type Known = { readonly id: TransactionId; readonly record: RecordId | null }

export function startClients(arena: Arena, options: ClientOptions): Clients {
  const known: Known[] = []
  let over = false
  const clients = arena.hospitals.flatMap((hospital) =>
    Array.from({ length: options.each }, async (_, number) => {
      const socket = connectSocket(socketPaths(homePaths(hospital.home).run).ehr)
      const prng = arena.prng.fork(`client ${hospital.index} ${number}`)
      try {
        while (!over) await turn({ arena, hospital, socket, prng, known, ...options })
      } finally {
        socket.close()
      }
    })
  )
  return {
    async stop() {
      over = true
      await Promise.all(clients)
    }
  }
}

type Turn = ClientOptions & {
  readonly arena: Arena
  readonly hospital: Hospital
  readonly socket: SocketClient
  readonly prng: Prng
  readonly known: Known[]
}

async function turn(own: Turn): Promise<void> {
  const { arena, hospital, prng, thinkMs } = own
  await pause(prng.between(0, 2 * thinkMs))
  if (hospital.quiet) return
  hospital.asking += 1
  const told = await ask(own).finally(() => {
    hospital.asking -= 1
  })
  if (told.kind === 'failed' && told.code === 'daemon-not-running') await pause(ABSENT_MS)
  else if (told.kind === 'failed' && told.code !== 'busy') {
    arena.violate('unexpected-answer', `${hospital.name} refused a client's call: ${told.code}`)
  }
}

function ask(own: Turn): Promise<Told> {
  const { prng, known, history, hospital, socket } = own
  const site = hospital.member
  const dice = prng.below(100)
  if (dice < 50 || known.length === 0) return send(own)
  const { id, record } = prng.pick(known)
  if (dice < 65) return history.ask(site, { kind: 'head' }, () => answered(readHead(socket)))
  if (dice < 80) return history.ask(site, { kind: 'transaction', id }, () => answered(readTransaction(socket, id)))
  if (dice < 85) return history.ask(site, { kind: 'repeat', id }, () => answered(repeat(socket, id)))
  if (record === null) return history.ask(site, { kind: 'head' }, () => answered(readHead(socket)))
  return history.ask(site, { kind: 'holders', record }, () => answered(readHolders(socket, record)))
}

async function send({ arena, hospital, socket, prng, known, history }: Turn): Promise<Told> {
  const others = arena.hospitals.filter((other) => other !== hospital)
  const to = [...new Set(Array.from({ length: 1 + prng.below(2) }, () => prng.pick(others).member))]
  const content = Buffer.from(prng.bytes(64 + prng.below(1_024))).toString('base64')
  const wait = prng.chance(0.7) ? 'final' : 'accepted'
  const params = { to, content, wait, timeoutMs: FINAL_MS_MAX } as const
  const told = await history.ask(hospital.member, { kind: 'send' }, () =>
    answered(socket.call('record.send', params, { timeoutMs: CALL_MS_MAX }).then(toldOfSubmitted))
  )
  if (told.kind === 'submitted') {
    known.push({ id: told.id, record: told.record })
    if (known.length > KNOWN_MAX) known.shift()
  }
  return told
}

type Submitted = Extract<Told, { kind: 'submitted' }>

function toldOfSubmitted({
  id,
  state,
  height,
  ...rest
}: Omit<Submitted, 'kind' | 'record'> & { record?: RecordId }): Told {
  return { kind: 'submitted', id, record: rest.record ?? null, state, height }
}

async function readHead(socket: SocketClient): Promise<Told> {
  const { height, digest } = await socket.call('chain.block', {}, { timeoutMs: CALL_MS_MAX })
  return { kind: 'head', height, digest }
}

async function readTransaction(socket: SocketClient, id: TransactionId): Promise<Told> {
  const { state, height, index } = await socket.call('tx.get', { id }, { timeoutMs: CALL_MS_MAX })
  if (state === 'committed' && height !== null && index !== null) return { kind: 'transaction', height, index }
  return state === 'accepted' ? { kind: 'absent' } : { kind: 'submitted', id, record: null, state, height }
}

/** The bytes as the chain has them, given again: nothing may come of it. */
async function repeat(socket: SocketClient, id: TransactionId): Promise<Told> {
  const { state, transaction } = await socket.call('tx.get', { id }, { timeoutMs: CALL_MS_MAX })
  if (state !== 'committed' || transaction === null) return { kind: 'absent' }
  const params = { transaction, wait: 'accepted', timeoutMs: FINAL_MS_MAX } as const
  return toldOfSubmitted(await socket.call('tx.submit', params, { timeoutMs: CALL_MS_MAX }))
}

async function readHolders(socket: SocketClient, record: RecordId): Promise<Told> {
  const { height, holders } = await socket.call('record.holders', { record }, { timeoutMs: CALL_MS_MAX })
  return { kind: 'holders', height, members: holders.map(({ member }): MemberId => member) }
}

/** Of a call that did not come through, whether anything may have been done. */
async function answered(call: Promise<Told>): Promise<Told> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') throw error
    const { code } = error
    const id = 'data' in error ? (error.data as { readonly id?: unknown }).id : undefined
    switch (code) {
      case 'not-found':
        return { kind: 'absent' }
      case 'timeout':
        return typeof id === 'string'
          ? { kind: 'submitted', id: id as TransactionId, record: null, state: 'accepted', height: null }
          : { kind: 'unknown', code }
      case 'daemon-gone':
      case 'call-timeout':
      case 'answer-unreadable':
      case 'unavailable':
        return { kind: 'unknown', code }
      default:
        return { kind: 'failed', code }
    }
  }
}
