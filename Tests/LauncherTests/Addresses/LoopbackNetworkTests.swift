// Loopback prefixes and addresses.

import Foundations
import Launcher
import Testing

@Suite struct LoopbackNetworkTests {
  /// Differs from run to run, so that suites running side by side do not collide.
  private let seed = SeededGenerator.fromSystem().first

  /// Always draws the same number.
  struct Constant: RandomNumberGenerator {
    let value: UInt64
    mutating func next() -> UInt64 { value }
  }

  @Test func aTakenPrefixIsNotTakenTwice() throws {
    let first = try LoopbackNetwork(generator: SeededGenerator(seed: seed))
    let second = try LoopbackNetwork(generator: SeededGenerator(seed: seed))
    #expect(first.heldPrefixes != second.heldPrefixes)
    #expect(first.heldPrefixes.count == 1 && second.heldPrefixes.count == 1)
  }

  @Test func aPrefixIsFreeAgainAfterwards() throws {
    let constant = Constant(value: seed)
    func take() throws -> [String] { try LoopbackNetwork(generator: constant).heldPrefixes }
    let held = try take()
    #expect(try take() == held)
  }

  @Test func noneFreeIsAnError() throws {
    let constant = Constant(value: seed &+ 0x0123_4567_89AB_CDEF)
    let first = try LoopbackNetwork(generator: constant)
    #expect(throws: LaunchError.self) { _ = try LoopbackNetwork(generator: constant) }
    #expect(first.heldPrefixes.count == 1)
  }

  @Test func addressesAreStableAndDifferent() throws {
    var network = try LoopbackNetwork(generator: SeededGenerator.fromSystem())
    var hosts: Set<String> = []
    for replica in 1...300 { hosts.insert(try network.host(of: Instance("actor", replica))) }
    #expect(hosts.count == 300 && network.heldPrefixes.count == 2)
    let again = try network.host(of: Instance("actor", 300))
    let first = try network.host(of: Instance("actor", 1))
    #expect(hosts.contains(again) && first == network.heldPrefixes[0] + ".1")
    for host in hosts {
      let parts = host.split(separator: ".").compactMap { Int($0) }
      #expect(parts[0] == 127 && (64...126).contains(parts[1]) && (1...253).contains(parts[3]))
    }
  }
}

extension SeededGenerator {
  fileprivate var first: UInt64 {
    var copy = self
    return copy.next()
  }
}
