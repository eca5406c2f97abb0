/** Any call, as it is. */
import { usage } from '../exit.ts'
import type { Common } from '../output.ts'
import { withDaemon } from '../settings.ts'

export async function rpc(
  common: Common,
  method: string,
  json: string | undefined,
  options: { readonly timeout?: number }
): Promise<void> {
  const params = json === undefined ? {} : parse(json)
  const timeout = options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 }
  const result = await withDaemon(common, (client) => client.callAny(method, params, timeout))
  process.stdout.write(`${common.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`)
}

function parse(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below, together with values that are no parameters.
  }
  throw usage('The parameters must be a JSON object or array.')
}
