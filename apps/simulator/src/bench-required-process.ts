/** A process of its own for `measureRequiredCosts`; prints one JSON object. Argument: CPU milliseconds for each operation. */
import { measureRequiredCosts } from './bench/required-costs.ts'

console.log(JSON.stringify(await measureRequiredCosts(Number(process.argv[2] ?? 500))))
