/** The method table as an OpenRPC document, for tools and for `rpc.discover`. */
import { z } from 'zod'
import { errorNumber } from './error.ts'
import { codesOf, type Method } from './method.ts'
import { methods } from './methods.ts'
import { connectionMethods, notifications, type Topic, topics } from './topics.ts'

export type OpenRpcDocument = {
  readonly openrpc: string
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly methods: readonly OpenRpcMethod[]
  /** What `subscribe` can follow. */
  readonly 'x-topics': readonly {
    readonly name: string
    readonly summary: string
    readonly event: object
    readonly 'x-roles': readonly string[]
  }[]
  /** What the daemon says on a connection that follows something. */
  readonly 'x-notifications': readonly { readonly name: string; readonly summary: string; readonly params: object }[]
}

export type OpenRpcMethod = {
  readonly name: string
  readonly summary: string
  readonly paramStructure: 'either'
  readonly params: readonly {
    readonly name: string
    readonly required: boolean
    readonly description?: string
    readonly schema: object
  }[]
  readonly result: { readonly name: string; readonly schema: object }
  readonly errors: readonly {
    readonly code: number
    readonly message: string
    /** Absent for refusals, of which `data.code` tells one of many. */
    readonly data?: { readonly code: string }
  }[]
  /** The modes of chains that it is for; absent where it is for all, or for the daemon. */
  readonly 'x-modes'?: readonly string[]
  /** The sockets on which it may be called. */
  readonly 'x-roles': readonly string[]
}

let cached: OpenRpcDocument | undefined

/** Built at the first call and then kept. */
export function openRpcDocument(): OpenRpcDocument {
  cached ??= {
    openrpc: '1.3.2',
    info: {
      title: 'Wardline control socket',
      version: '1',
      description:
        'JSON-RPC 2.0 on a Unix socket, by HTTP POST, by WebSocket or as a raw stream of JSON. Errors carry a stable code in data.code; where their number is -32000 it names what refused the call, such as unknown-alias or malformed. Beside the errors that are listed with it, any call may be answered with internal-error, and with busy or too-large.'
    },
    methods: [
      {
        name: 'rpc.discover',
        summary: 'Gives this document.',
        paramStructure: 'either',
        params: [],
        result: { name: 'document', schema: { type: 'object' } },
        errors: [],
        'x-roles': ['admin', 'ehr', 'read']
      },
      ...Object.entries({ ...methods, ...connectionMethods } as Record<string, Method>).map(([name, row]) =>
        describe(name, row)
      )
    ],
    'x-topics': Object.entries(topics as Record<string, Topic>).map(([name, { summary, roles, event }]) => ({
      name,
      summary,
      event: jsonSchema(event, 'output'),
      'x-roles': roles
    })),
    'x-notifications': Object.entries(notifications).map(([name, { summary, params }]) => ({
      name,
      summary,
      params: jsonSchema(params, 'output')
    }))
  }
  return cached
}

function describe(name: string, row: Method): OpenRpcMethod {
  return {
    name,
    summary: row.summary,
    paramStructure: 'either',
    params: Object.entries(row.params.shape).map(([key, schema]) => {
      const json = jsonSchema(schema as z.ZodType, 'input')
      return {
        name: key,
        required: !(schema as z.ZodType).safeParse(undefined).success,
        ...('description' in json && typeof json.description === 'string' && { description: json.description }),
        schema: json
      }
    }),
    result: { name: 'result', schema: jsonSchema(row.result, 'output') },
    errors: codesOf(row).map(errorOf),
    ...(row.modes.length > 0 && { 'x-modes': row.modes }),
    'x-roles': row.roles
  }
}

function errorOf(code: string): OpenRpcMethod['errors'][number] {
  const number = errorNumber(code)
  if (code !== 'refused') return { code: number, message: code, data: { code } }
  return { code: number, message: 'refused: data.code says by which rule, or by what that is missing here' }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-7', io })
  return json
}
