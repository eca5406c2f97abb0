import { allConnected, closeAll, startHosts } from '../test/hosts.ts'

const hosts = await startHosts(2)
const [a, b] = hosts as any
a.network.serve('/p/1', async function* (r: Uint8Array) {
  yield r
})
await allConnected(hosts)
const once = async () => {
  for await (const f of b.network.request(a.network.self, '/p/1', new Uint8Array(1000), {
    timeoutMs: 5000,
    frameBytesMax: 2000,
    framesMax: 1
  }))
    void f
}
for (let i = 0; i < 500; i++) await once()
if (process.argv[2]) await new Promise((r) => setTimeout(r, 11000))
;(globalThis as any).gc()
const h0 = process.memoryUsage().heapUsed
const c = process.cpuUsage()
const t = performance.now()
for (let i = 0; i < 4000; i++) await once()
const u = process.cpuUsage(c)
console.log(
  'request ms',
  ((performance.now() - t) / 4000).toFixed(3),
  'cpu',
  ((u.user + u.system) / 4000 / 1000).toFixed(3)
)
if (process.argv[2]) await new Promise((r) => setTimeout(r, 11000))
;(globalThis as any).gc()
console.log('bytes per request', (process.memoryUsage().heapUsed - h0) / 4000)
await closeAll(hosts)
