import { suite } from 'uvu'
import { testSeeds } from './world-seeds.ts'

const test = suite('simulator/world-a')

testSeeds(test, 1, 50)

test.run()
