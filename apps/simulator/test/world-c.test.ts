import { suite } from 'uvu'
import { testSeeds } from './world-seeds.ts'

const test = suite('simulator/world-c')

testSeeds(test, 101, 50)

test.run()
