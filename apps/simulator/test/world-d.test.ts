import { suite } from 'uvu'
import { testSeeds } from './world-seeds.ts'

const test = suite('simulator/world-d')

testSeeds(test, 151, 50)

test.run()
