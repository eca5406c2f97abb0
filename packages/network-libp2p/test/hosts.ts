/** Networks on loopback for the tests of this package. */

import { randomBytes } from 'node:crypto'
import type { AssertionError } from '@wardline/codec'
import type { Log, LogFields, NetworkPeer } from '@wardline/ports'
import { createLibp2pNetwork, type Libp2pNetwork } from '../src/index.ts'

export type Host = { readonly network: Libp2pNetwork; readonly peer: NetworkPeer; readonly secretKey: Uint8Array }

/** Lines of every log made by `keepingLog`, newest last. */
export function keepingLog(lines: string[] = []): Log {
  const keep = (message: string, fields?: LogFields): void =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log }
  return log
}

export async function startHost(
  options: {
    secretKey?: Uint8Array
    port?: number
    log?: Log
    stallMs?: number
    onBug?: (error: AssertionError) => void
  } = {}
): Promise<Host> {
  const secretKey = options.secretKey ?? randomBytes(32)
  const network = await createLibp2pNetwork({
    secretKey,
    listen: [`/ip4/127.0.0.1/tcp/${options.port ?? 0}`],
    log: options.log ?? keepingLog(),
    ...(options.stallMs === undefined ? {} : { stallMs: options.stallMs }),
    ...(options.onBug === undefined ? {} : { onBug: options.onBug })
  })
  return { network, peer: { name: network.self, addresses: network.addresses() }, secretKey }
}

/** `count` hosts that list each other, with or without waiting for their links. */
export async function startHosts(count: number, options: { log?: Log } = {}): Promise<readonly Host[]> {
  const hosts = await Promise.all(Array.from({ length: count }, () => startHost(options)))
  await listAll(hosts)
  return hosts
}

export async function listAll(hosts: readonly Host[]): Promise<void> {
  const peers = hosts.map((host) => host.peer)
  await Promise.all(hosts.map((host) => host.network.setPeers(peers)))
}

export async function allConnected(hosts: readonly Host[]): Promise<void> {
  await until('all connected', () => hosts.every((host) => host.network.connected().length === hosts.length - 1))
}

export async function closeAll(hosts: readonly Host[]): Promise<void> {
  await Promise.all(hosts.map((host) => host.network.close()))
}

/** Waits long: what takes a moment alone takes many on a machine that others use as well. */
export async function until(what: string, condition: () => boolean, waitMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + waitMs
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${waitMs} ms in vain for ${what}`)
    await pause(10)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function port(host: Host): number {
  const [address = ''] = host.peer.addresses
  return Number(address.split('/')[4])
}
