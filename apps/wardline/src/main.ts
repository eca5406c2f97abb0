/** The command line of an operator. Commands load what they need when they run, so that a plain call starts quickly. */
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { run } = await import('./run.ts')
process.exitCode = await run(process.argv.slice(2))
