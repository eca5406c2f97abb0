import { suite } from 'uvu'
import { testSeeds } from './world-seeds.ts'

const test = suite('simulator/world-b')

testSeeds(test, 51, 50)

test.run()
