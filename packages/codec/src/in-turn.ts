/** One piece of work after another for each name; those of different names at once. */

export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>

export function createInTurn(): InTurn {
  const last = new Map<string, Promise<unknown>>()
  return (name, work) => {
    const before = last.get(name)
    // How the one before ended is for those who asked for it.
    const own = before === undefined ? work() : before.then(work, work)
    last.set(name, own)
    const forget = () => {
      if (last.get(name) === own) last.delete(name)
    }
    own.then(forget, forget)
    return own
  }
}
