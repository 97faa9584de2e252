// What selectors draw through a store.

import Experience
import Foundation
import Foundations
import Testing

@testable import ReplayStore

@Suite struct SelectorTests {
  /// p = 1, 2, 3, 4 at α = .6 (recomputed from Schaul et al. 2016, eq. 1).
  @Test func goldenProbabilities() throws {
    let store = try makeStore(capacity: 100, transitionTable(1, .prioritized(exponent: 0.6)))
    let message = Message().chunk(0, 0, flags: [0, 0, 0, 0, 0])
    for index in 0..<4 { message.item(0, UInt64(index), 2, Float(index + 1)) }
    _ = try store.insert(message, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    try store.sample(table: 0, count: 64, generator: &generator, into: &draw)
    let expected: [Float] = [0.148230, 0.224674, 0.286555, 0.340542]
    #expect(Set(draw.keys) == [0, 1, 2, 3])
    for row in 0..<64 {
      #expect(abs(draw.probabilities[row] - expected[Int(draw.keys[row])]) < 1e-6)
      #expect(draw.priorities[row] == Float(draw.keys[row] + 1))
    }
    #expect(abs(draw.mass - 6.746296) < 1e-5)
  }

  /// Ranks of p = 1, 2, 3, 4 at α = .7 (recomputed from Schaul et al. 2016, §3.3).
  @Test func goldenRanks() throws {
    let store = try makeStore(capacity: 100, transitionTable(1, .rank(exponent: 0.7)))
    let message = Message().chunk(0, 0, flags: [0, 0, 0, 0, 0])
    for index in 0..<4 { message.item(0, UInt64(index), 2, Float(index + 1)) }
    _ = try store.insert(message, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    try store.sample(table: 0, count: 64, generator: &generator, into: &draw)
    let expected: [Float] = [0.154164, 0.188556, 0.250440, 0.406841]
    #expect(Set(draw.keys) == [0, 1, 2, 3])
    for row in 0..<64 { #expect(abs(draw.probabilities[row] - expected[Int(draw.keys[row])]) < 1e-6) }
    #expect(abs(draw.mass - (1 + pow(2, -0.7) + pow(3, -0.7) + pow(4, -0.7))) < 1e-9)
    #expect(store.statistics.tables[0].mass == draw.mass)
    // An outlier changes no rank.
    _ = try store.update([3], [1e30])
    try store.sample(table: 0, count: 64, generator: &generator, into: &draw)
    for row in 0..<64 { #expect(abs(draw.probabilities[row] - expected[Int(draw.keys[row])]) < 1e-6) }
  }

  @Test func allZeroMassIsUniform() throws {
    let store = try makeStore(capacity: 100, transitionTable(1, .prioritized(exponent: 0.6)))
    let message = Message().chunk(0, 0, flags: [UInt8](repeating: 0, count: 11))
    for index in 0..<10 { message.item(0, UInt64(index), 2, 0) }
    _ = try store.insert(message, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    try store.sample(table: 0, count: 100, generator: &generator, into: &draw)
    #expect(Set(draw.keys).count == 10)
    #expect(draw.probabilities.allSatisfy { $0 == 0.1 })
    // If one item has all the mass, every draw chooses it.
    _ = try store.update([4], [1e-30])
    try store.sample(table: 0, count: 100, generator: &generator, into: &draw)
    #expect(Set(draw.keys) == [4])
  }

  @Test func fifoServesTheOldestAsOftenAsAllowed() throws {
    let store = try makeStore(capacity: 6, transitionTable(1, .fifo, timesSampledMax: 2))
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    let first = Message().chunk(0, 0, flags: [0, 0]).item(0, 0, 2)
    _ = try store.insert(first, writer: 0)
    // Across the ring's end.
    let second = Message().chunk(0, 2, flags: [0, 0, 0, 0, 0])
    for index in 2..<6 { second.item(0, UInt64(index), 2) }
    _ = try store.insert(second, writer: 0)
    try store.sample(table: 0, count: 5, generator: &generator, into: &draw)
    #expect(draw.keys == [2, 2, 3, 3, 4])
    #expect(!store.canSample(table: 0, count: 4))
    try store.sample(table: 0, count: 3, generator: &generator, into: &draw)
    #expect(draw.keys == [4, 5, 5])
    #expect(store.statistics.tables[0].itemsRemoved == 4)
    #expect(
      store.reasonSampleBlocked(table: 0, count: 1) == "table 'replay': sample of 1: size 0 < 1 (min_size)")
  }
}
