// A learner's side of averaging, against a scripted and against a real server.

import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

/// A learner with two parameters.
struct MemberHarness {
  var machine: MemberMachine
  let sink = ScriptedSink()
  var local: [Float] = [0, 0]
  let id: UInt64

  init(_ id: UInt64 = 1) {
    self.id = id
    machine = MemberMachine(
      configuration: .init(
        id: Fixtures.id(id), label: "l", manifest: ServerHarness.manifest, aggregation: .averaging(.rounds)),
      now: .at(0))
  }

  mutating func advance(_ milliseconds: Double) -> [Sent] {
    machine.advance(to: .at(milliseconds), sink: sink)
    return sink.take()
  }

  mutating func receive(at milliseconds: Double, _ encode: (FrameWriter) -> Void) {
    receive(frame(encode), at: milliseconds)
  }

  mutating func receive(_ bytes: [UInt8], at milliseconds: Double) {
    bytes.withUnsafeBytes { _ = machine.receive($0, now: .at(milliseconds), sink: sink) }
  }

  mutating func joined(incarnation: UInt64 = 99, merged: UInt64 = 0, index: Int = 0) {
    receive(at: 0) {
      Joined(incarnation: Fixtures.id(incarnation), index: index, merged: merged, version: 1).encode(into: $0)
    }
  }

  mutating func rebase(_ version: UInt64, _ values: [Float], merged: UInt64? = nil, incarnation: UInt64 = 99)
    -> Bool
  {
    values.withUnsafeBytes { values in
      let weights = Weights(
        topic: "all", version: version, incarnation: Fixtures.id(incarnation), updates: 0, clock: 0,
        milestone: 0,
        oldestUpdate: 0,
        newestUpdate: 0,
        merged: merged.map { [Merged(learner: Fixtures.id(id).publicName, sequence: $0)] } ?? [],
        manifest: ServerHarness.manifest,
        values: values)
      return local.withUnsafeMutableBufferPointer { machine.rebase(on: weights, local: $0) }
    }
  }

  /// Trains by adding, and pushes the delta. Returns what was sent.
  mutating func push(_ step: Float, at milliseconds: Double = 0) -> [Float]? {
    train(step)
    local.withUnsafeBufferPointer {
      machine.push(
        local: $0, updates: 1, transitions: 1, oldestUpdate: 1, newestUpdate: 1, now: .at(milliseconds),
        sink: sink)
    }
    return sink.take().last?.read { cursor in
      let delta = try Delta(from: &cursor)
      return (0..<2).map { delta.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
  }

  mutating func train(_ step: Float) { for index in local.indices { local[index] += step } }
}

@Suite struct MemberMachineTests {
  @Test func joinsUntilItIsAnswered() {
    var member = MemberHarness()
    #expect(member.advance(0).map(\.type) == [.join])
    #expect(member.advance(249).isEmpty)
    #expect(member.advance(250).map(\.type) == [.join])
    member.joined()
    #expect(member.machine.index == 0)
    #expect(!member.machine.canPush, "there are no published weights yet")
    #expect(member.rebase(1, [10, 20]) == true)
    #expect(member.local == [10, 20] && member.machine.canPush)
    #expect(member.rebase(1, [10, 20]) == false)
  }

  @Test func aMergedChangeIsNotCountedTwice() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [10, 20])
    #expect(member.push(1) == [1, 1])
    #expect(!member.machine.canPush)
    member.train(0.5)
    #expect(member.rebase(2, [11, 21], merged: 1) == true)
    #expect(member.local == [11.5, 21.5], "published, and what was trained since the push")
    #expect(member.machine.canPush && member.machine.counters.changesMerged == 1)
    #expect(member.push(0) == [0.5, 0.5])
  }

  @Test func anUnmergedChangeIsKept() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [10, 20])
    _ = member.push(1)
    member.train(0.5)
    #expect(member.rebase(2, [100, 200]) == true, "someone else's work")
    #expect(member.local == [101.5, 201.5])
    #expect(!member.machine.canPush)
    #expect(member.rebase(3, [101, 201], merged: 1) == true)
    #expect(member.local == [101.5, 201.5])
  }

  /// An impossible answer of the server is ignored: no delta counts as merged, and no sequence is
  /// skipped.
  @Test func moreThanWasSentIsNotBelieved() {
    var member = MemberHarness()
    member.joined(merged: 1)
    #expect(member.machine.index == nil && member.machine.counters.impossible == 1)
    #expect(
      member.machine.takeNotice()
        == "the parameter server sent an impossible value, JOINED: expected changes up to 0 merged, found 1; it is "
        + "ignored, and later ones are only counted")
    member.joined()
    _ = member.rebase(1, [10, 20])
    #expect(member.push(1) == [1, 1])
    #expect(member.rebase(2, [11, 21], merged: 2) == true)
    #expect(member.local == [12, 22], "taken as others' work")
    #expect(!member.machine.canPush && member.machine.counters.changesMerged == 0)
    #expect(member.machine.counters.impossible == 2 && member.machine.takeNotice() == nil)
    #expect(member.rebase(3, [11, 21], merged: 1) == true)
    #expect(member.local == [11, 21] && member.machine.canPush)
  }

  @Test(arguments: [Float.nan, .infinity]) func weightsThatAreNoNumbersAreNotTaken(_ value: Float) {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [10, 20])
    #expect(member.rebase(2, [value, 1]) == false)
    #expect(
      member.local == [10, 20] && member.machine.version == 1 && member.machine.counters.impossible == 1)
  }

  /// θ has diverged so far that θ + delta rounds to 0: restoring takes a second delta.
  @Test func whatDivergedIsRestoredWhole() {
    var member = MemberHarness()
    member.joined()
    var published: [Float] = [1e10, -3e17]
    _ = member.rebase(1, published)
    let good: [Float] = [0.1, -0.2]
    member.local = good
    member.machine.beginRestoring()
    var deltas: UInt64 = 0
    while member.machine.isRestoring, deltas < 20 {
      deltas += 1
      published = zip(published, member.push(0) ?? []).map { $0 + $1 }
      #expect(member.rebase(deltas + 1, published, merged: deltas) == true)
      #expect(member.local == good)
    }
    #expect(deltas == 2 && published == good)
    // From here on other learners' work counts again.
    _ = member.rebase(4, [1, 1])
    #expect(member.local == [1, 1])
  }

  /// Deltas of other learners have diverged as well. Restoring ends nonetheless.
  @Test func restoringEndsWhateverOthersMerge() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [1e10, 1e10])
    member.local = [1, 2]
    member.machine.beginRestoring()
    _ = member.push(0.5)
    member.train(0.25)
    #expect(member.rebase(2, [2e10, 3e10]) == true)
    #expect(member.local == [1.75, 2.75] && member.machine.isRestoring)
    for merged in 1...8 as ClosedRange<UInt64> {
      #expect(member.machine.isRestoring)
      _ = member.rebase(2 + merged, [1e10 * Float(merged), 0], merged: merged)
      if merged < 8 {
        #expect(member.local == [1.75, 2.75])
        _ = member.push(0)
      }
    }
    #expect(!member.machine.isRestoring)
  }

  @Test func aChangeIsRepeatedUntilItIsMerged() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [0, 0])
    _ = member.push(1, at: 0)
    #expect(member.advance(499).isEmpty)
    #expect(member.advance(500).map(\.type) == [.delta])
    #expect(member.advance(999).isEmpty)
    _ = member.rebase(2, [1, 1], merged: 1)
    #expect(member.advance(5000).isEmpty)
  }

  @Test func aForgottenLearnerJoinsAgainWithItsPendingChange() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(1, [0, 0])
    _ = member.push(1, at: 0)
    member.receive(at: 500) { Refusal(code: .unknownPeer, type: 14, reference: 1, text: "").encode(into: $0) }
    #expect(member.advance(501).map(\.type) == [.join])
    member.joined()
    #expect(member.advance(502).map(\.type) == [.delta])
  }

  /// The server has forgotten the learner between two JOINs.
  @Test func anOldIndexDoesNotStay() {
    var member = MemberHarness()
    #expect(member.advance(0).map(\.type) == [.join])
    member.joined(index: 2)
    #expect(member.machine.index == 2)
    member.joined(index: 0)
    #expect(member.advance(1).map(\.type) == [.join], "one of the two is old")
    member.joined(index: 0)
    #expect(member.machine.index == 0)
  }

  /// The newer answer may be lost altogether.
  @Test func anIndexIsConfirmed() {
    var member = MemberHarness()
    _ = member.advance(0)
    member.joined(index: 2)
    #expect(member.advance(9999).isEmpty && member.machine.nextDeadline(now: .at(9999)) == .at(10_000))
    #expect(member.advance(10_000).map(\.type) == [.join])
    member.joined(index: 2)
    #expect(member.advance(19_999).isEmpty, "it is the same")
    _ = member.advance(20_000)
    member.joined(index: 1)
    #expect(member.advance(20_001).map(\.type) == [.join])
    member.joined(index: 1)
    #expect(member.machine.index == 1)
  }

  @Test func aServerThatLostItsStateIsFollowed() {
    var member = MemberHarness()
    member.joined()
    _ = member.rebase(50, [5, 5])
    member.train(1)
    #expect(member.rebase(49, [4, 4]) == false, "late")
    #expect(member.rebase(1, [0, 0], incarnation: 100) == true)
    #expect(member.local == [1, 1] && member.machine.version == 1)
    #expect(member.machine.counters.serverRestarts == 1)
    #expect(member.advance(1000).map(\.type) == [.join])
  }

  @Test func otherNetworksAndRefusals() {
    var member = MemberHarness()
    #expect(member.rebase(1, [1]) == false)
    #expect(member.machine.counters.malformed == 1)
    member.receive(at: 0) { Refusal(code: .mismatch, type: 12, reference: 0, text: "other").encode(into: $0) }
    #expect(member.machine.refusal?.text == "other")
    #expect(member.advance(1000).isEmpty && member.machine.nextDeadline(now: .at(1)) == .never)
  }

  /// Two learners of a real server: each has the published weights and its own unmerged work, and
  /// nothing is lost.
  @Test func twoLearnersMakeTheSumOfTheirWeightedWork() {
    var server = ServerHarness()
    var members = [MemberHarness(1), MemberHarness(2)]
    var work: [Float] = [0, 0]
    func exchange(_ now: Double) {
      for index in members.indices {
        for sent in members[index].advance(now) {
          for answer in server.receive(sent.bytes, at: now, over: UInt64(index)) {
            members[index].receive(answer.bytes, at: now)
          }
        }
      }
      for publication in server.advance(now) {
        for index in members.indices {
          let merged = publication.merged.first { $0.learner == Fixtures.id(members[index].id).publicName }?
            .sequence
          _ = members[index].rebase(publication.version, publication.values, merged: merged)
        }
      }
    }
    for tick in 0..<400 {
      let now = Double(tick) * 10
      exchange(now)
      guard now > 1100, now < 3000 else { continue }
      for index in members.indices where members[index].machine.canPush && tick % (index + 2) == 0 {
        // Alone in its round, a delta would move θ by 1; in a round of two each counts half.
        _ = members[index].push(1, at: now - 490)
        work[index] += 1
      }
    }
    let merged = members.map { Float($0.machine.counters.changesMerged) }
    #expect(merged == work && work[0] > 5 && work[1] > 5)
    #expect(members[0].local == server.machine.authority.state.values)
    #expect(members[1].local == server.machine.authority.state.values)
    #expect(Float(server.machine.authority.state.updates) == work[0] + work[1])
  }
}
