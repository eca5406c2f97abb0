/** Members that join while a world runs: doctors of its hospitals, and now and then a hospital without a daemon. */
import type { MemberId } from '@wardline/codec'
import { createSigner, publicSealKey, type Signer } from '@wardline/crypto'
import { memberIdOf, registrationStatement } from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import type { Clients } from './workload.ts'

export type Doctor = { readonly member: MemberId; readonly sign: Signer; readonly hospital: Hospital }

export type Staff = {
  /** Registers a doctor of this daemon's hospital or, by the registrar, a hospital that nobody has heard of. */
  readonly register: (daemon: Daemon) => void
  /** Who was submitted for registration, final or not. */
  readonly doctors: readonly Doctor[]
  readonly registered: () => number
}

export function createStaff({ prng, cast, running, draw, parsed, send }: Clients): Staff {
  const doctors: Doctor[] = []
  let count = 0
  return {
    doctors,
    registered: () => count,
    register(daemon) {
      count += 1
      const isHospital = prng.chance(0.2)
      const sign = createSigner(prng.bytes(32))
      const host = isHospital ? createSigner(prng.bytes(32)) : null
      const seal = isHospital ? publicSealKey(prng.bytes(32)) : null
      const keys = { sign: sign.publicKey, seal, host: host?.publicKey ?? null }
      const author = isHospital ? cast.registrar : daemon.self
      const statement = registrationStatement(cast.chain, author.member, keys)
      const transaction = parsed(
        {
          chain: cast.chain,
          kind: 'member.register',
          author: { member: author.member, keyIndex: 0 },
          ...draw(),
          body: {
            role: isHospital ? 'hospital' : 'doctor',
            ...keys,
            hospital: isHospital ? null : author.member,
            attributes: [],
            grants: isHospital ? { roles: ['doctor'], attributes: [] } : null,
            until: null,
            proof: sign.sign('wardline/key-proof/1', statement),
            hostProof: host?.sign('wardline/key-proof/1', statement) ?? null
          }
        },
        author.sign
      )
      if (!isHospital) doctors.push({ member: memberIdOf(sign.publicKey), sign, hospital: daemon.self })
      send(prng.pick(running()), { transaction })
    }
  }
}
