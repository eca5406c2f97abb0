import { execFileSync } from 'node:child_process'

/**
 * Which code ran: the commit, and the trees of `apps` and `packages`, which stay what they are when later commits change
 * `docs` or `test` alone, or the history is written anew. `unknown` outside a checkout.
 */
export function revision(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
    const trees = git('rev-parse', 'HEAD:apps', 'HEAD:packages').split('\n')
    const changes = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', with changes'
    return `${git('rev-parse', 'HEAD')} (apps ${trees[0]?.slice(0, 12)}, packages ${trees[1]?.slice(0, 12)}${changes})`
  } catch {
    // The report says so; nothing else depends on it.
    return 'unknown'
  }
}
