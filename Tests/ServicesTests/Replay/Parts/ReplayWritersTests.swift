// Writers: handles, connections, acknowledgements, departures.

import Experience
import Foundations
import ReplayStore
import Testing

@testable import Services

@Suite struct ReplayWritersTests {
  private var writers = ReplayWriters(countMax: 4, replaceableAfter: .seconds(60))

  private mutating func append(_ id: UInt64, peer: UInt64, committed: UInt64 = 0) -> Int {
    let handle = writers.append(
      id: Fixtures.id(id), label: "w\(id)", peer: PeerID(number: peer), committed: committed, now: .at(0))
    writers.connect(handle, to: PeerID(number: peer), now: .at(0))
    return handle
  }

  @Test mutating func handlesAreNeverUsedAgain() {
    #expect([append(1, peer: 1), append(2, peer: 2)] == [0, 1])
    #expect(writers.remove(0)?.id == Fixtures.id(1))
    #expect(append(1, peer: 1) == 2)
    writers.skipHandles(below: 10)
    writers.skipHandles(below: 5)
    #expect(writers.claimHandle(of: Fixtures.id(7), label: "x") == 10)
    #expect(append(3, peer: 3) == 11)
    #expect(writers.checkInvariants() == nil)
  }

  /// A writer that moves to another connection is no longer found by the old one, and does not
  /// disturb the old one's next writer.
  @Test mutating func connectionsMove() {
    let (first, second) = (append(1, peer: 1), append(2, peer: 2))
    writers.connect(first, to: PeerID(number: 3), now: .at(5))
    #expect(writers.handle(of: PeerID(number: 1)) == nil)
    #expect(writers.handle(of: PeerID(number: 3)) == first)
    #expect(writers.hear(first, now: .at(7))?.lastHeard == .at(7) && writers[first]?.lastHeard == .at(7))
    writers.connect(first, to: PeerID(number: 2), now: .at(8))
    #expect(writers.handle(of: PeerID(number: 2)) == first)
    #expect(writers.remove(second) != nil)
    #expect(writers.handle(of: PeerID(number: 2)) == first)
    #expect(writers.checkInvariants() == nil)
  }

  @Test mutating func acknowledgementsAreDueOnceAndInOrder() {
    let handles = [append(1, peer: 1), append(2, peer: 2), append(3, peer: 3)]
    for (writer, sequence) in [(2, 1), (0, 1), (2, 2)] as [(Int, UInt64)] {
      writers.didCommit(handles[writer], sequence)
    }
    _ = writers.remove(handles[0])
    #expect(writers.due == [handles[2], handles[0]])
    #expect(writers.acknowledge(handles[2])?.committed == 2)
    #expect(writers.acknowledge(handles[0]) == nil, "it is gone")
    writers.endAcknowledgements()
    #expect(writers.due.isEmpty && writers.checkInvariants() == nil)
    writers.didCommit(handles[2], 3)
    #expect(writers.due == [handles[2]])
    #expect(writers[handles[2]]?.next == 4)
  }

  @Test mutating func departuresAreBoundedAndForgotten() {
    for id in 0..<6 as Range<UInt64> {
      let handle = append(id, peer: id)
      _ = writers.remove(handle)
      #expect(writers.depart(Fixtures.id(id), handle: handle, now: .at(Double(id) * 1000)) == (id < 4))
    }
    #expect(writers.known.filter(\.hasLeft).map(\.handle).sorted() == [0, 1, 2, 3])
    #expect(writers.forgetDeparted(for: .seconds(10), now: .at(11_000)).sorted() == [0, 1])
    #expect(writers.departed.count == 2)
    writers.trimLabels(withSteps: [3])
    #expect(writers.labels.mapValues(\.text) == [3: "w3"])
  }

  @Test mutating func theNextIncarnationKnowsThem() {
    let handle = append(1, peer: 1, committed: 6)
    writers.didCommit(handle, 7)
    var next = ReplayWriters(countMax: 4, replaceableAfter: .seconds(60))
    for known in writers.known { next.resume(known, now: .at(0)) }
    #expect(next.handle(of: Fixtures.id(1)) == handle && next[handle]?.committed == 7)
    #expect(next.nextHandle == handle + 1, "no newcomer gets its handle")
    #expect(next.checkInvariants() == nil)
  }
}
