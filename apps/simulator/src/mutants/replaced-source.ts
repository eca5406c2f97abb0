/**
 * Breaks a guard on purpose: one place of one module's source is replaced while the module is loaded, in this thread alone.
 * The product has no switch for it, and a place that is not there any more fails loudly.
 */
import { registerHooks } from 'node:module'

export type Replacement = {
  /** Path of the module from the top of the repository. */
  readonly file: string
  /** Stands in the module exactly once. */
  readonly find: string
  readonly replace: string
}

/**
 * Call before any of the modules is imported.
 * @returns fails unless every replacement has been made
 */
export function replaceSource(replacements: readonly Replacement[]): () => void {
  const made = new Set<Replacement>()
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const here = replacements.filter(({ file }) => url.endsWith(`/${file}`))
      if (here.length === 0) return loaded
      let source = textOf(loaded.source)
      for (const replacement of here) {
        source = replaceOnce(source, replacement)
        made.add(replacement)
      }
      return { ...loaded, source }
    }
  })
  return () => {
    const missing = replacements.filter((replacement) => !made.has(replacement)).map(({ file }) => file)
    if (missing.length > 0) throw new Error(`nothing was replaced in ${missing.join()}: the module was not loaded`)
  }
}

/** @throws Error unless `find` is there once */
export function replaceOnce(source: string, { file, find, replace }: Replacement): string {
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times what is to be replaced: ${find}`)
  return parts.join(replace)
}

function textOf(source: string | NodeJS.TypedArray | ArrayBuffer | null | undefined): string {
  if (typeof source === 'string') return source
  if (source === null || source === undefined) throw new Error('a module without source')
  return new TextDecoder().decode(source)
}
