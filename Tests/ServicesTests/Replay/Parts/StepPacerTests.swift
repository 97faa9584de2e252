// The pacer: which actors may act, and which batches wait for them.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

/// A pacer of items of 4 steps and batches of 2, with what a table would hold.
private struct PacerHarness {
  var pacer: StepPacer
  var items = 0
  private var request: [Int: UInt64] = [:]
  private var acted: [Int: UInt64] = [:]
  private var committed: [Int: UInt64] = [:]
  static let learner = PeerID(number: 50)
  static let other = PeerID(number: 51)

  init(_ staleness: UInt64 = 0, isSynchronous: Bool = false, shards: Int = 1) {
    pacer = StepPacer(
      PacingConfiguration(table: 0, staleness: staleness, period: 4, batch: 2, isSynchronous: isSynchronous))
    pacer.shards = shards
  }

  /// Asks for the steps of one item of one stream.
  mutating func ask(_ actor: Int, steps: UInt64 = 4, after sequence: UInt64 = 0, at milliseconds: Double = 0)
    -> StepGrant?
  {
    request[actor, default: 0] += 1
    return pacer.receive(
      StepRequest(number: request[actor]!, sequence: sequence, steps: steps), from: actor,
      now: .at(milliseconds))
  }

  /// The actors that get grants, in order, and their versions.
  mutating func grants(wanted: Int? = nil, at milliseconds: Double = 0) -> [[UInt64]] {
    var granted: [[UInt64]] = []
    while let next = pacer.nextGrant(
      items: items, wanted: wanted, committed: { [committed] in committed[$0] ?? 0 }, now: .at(milliseconds))
    {
      granted.append([UInt64(next.actor), next.grant.version])
    }
    return granted
  }

  /// An actor's steps are committed; every fourth after the first completes an item.
  mutating func insert(_ actor: Int, steps: UInt64 = 4, at milliseconds: Double = 0) {
    let before = acted[actor] ?? 0
    acted[actor] = before + steps
    func whole(_ steps: UInt64) -> Int { steps == 0 ? 0 : Int((steps - 1) / 4) }
    items += whole(before + steps) - whole(before)
    committed[actor, default: 0] += 1
    pacer.didInsert(
      of: actor, steps: Int(steps), chunks: CollectionOfOne((stream: UInt32(0), next: before + steps)),
      now: .at(milliseconds))
  }

  mutating func serve(
    _ request: UInt64, oldest: UInt64 = 0, to learner: PeerID = learner, at milliseconds: Double = 0
  ) {
    items -= 2
    pacer.didServe(request, items: 2, oldest: oldest, to: learner, now: .at(milliseconds))
  }

  mutating func finish(
    _ request: UInt64, version: UInt64, by learner: PeerID = learner, at milliseconds: Double = 0
  ) {
    pacer.receive(
      Progress(table: 0, version: version, request: request, trained: .nothing), from: learner,
      now: .at(milliseconds))
  }

  /// Why a batch of 2 waits, of items of these ages.
  func held(_ ages: [Int], for learner: PeerID = learner, at milliseconds: Double = 0) -> String? {
    pacer.reasonHeld(2, for: learner, now: .at(milliseconds)) { _ in ages }
  }
}

@Suite struct StepPacerTests {
  /// Two items of 4 steps are one batch: with η = 0 the third actor waits for the next version,
  /// with η = 1 the fifth.
  @Test(arguments: [0, 1, 3] as [UInt64])
  func theWindowIsOneBatchForEachVersion(staleness: UInt64) {
    var harness = PacerHarness(staleness)
    let room = 2 * Int(staleness + 1)
    for actor in 0..<room + 2 { _ = harness.ask(actor) }
    #expect(harness.grants() == (0..<room).map { [UInt64($0), 0] })
    // What was acted, waits or is being trained on still counts.
    for actor in 0..<room { harness.insert(actor, steps: 5) }
    #expect(harness.grants().isEmpty && harness.pacer.ungranted == UInt64(room))
    harness.serve(1)
    #expect(harness.grants().isEmpty)
    harness.finish(1, version: 1)
    #expect(harness.grants() == [[UInt64(room), 1], [UInt64(room + 1), 1]])
    #expect(harness.pacer.outstanding == 8 && harness.pacer.waiting == 0)
  }

  /// Steps that complete no item yet are a part of one.
  @Test func stepsOfIncompleteItemsCount() {
    var harness = PacerHarness(1)
    _ = harness.ask(0, steps: 7)
    _ = harness.ask(1)
    #expect(harness.grants().count == 2)
    harness.insert(0, steps: 7)
    // One item, 2 steps of the next, and 4 that are granted: 6 of 16 are free.
    #expect(harness.items == 1)
    _ = harness.ask(2, steps: 7)
    #expect(harness.grants().isEmpty)
    _ = harness.ask(2, steps: 6)
    #expect(harness.grants() == [[2, 0]])
  }

  @Test func eachShardGrantsItsPart() {
    var harness = PacerHarness(1, shards: 2)
    for actor in 0..<4 { _ = harness.ask(actor) }
    #expect(harness.grants().count == 2)
    harness.pacer.shards = 1
    #expect(harness.grants().count == 2)
  }

  @Test func synchronousLearnersConsumeTogether() {
    var harness = PacerHarness(isSynchronous: true)
    for actor in 0..<5 { _ = harness.ask(actor) }
    #expect(harness.grants().count == 2)
    harness.finish(0, version: 0)
    harness.finish(0, version: 0, by: PacerHarness.other)
    #expect(harness.grants().count == 2)
    // One of them is silent.
    harness.finish(0, version: 0, at: 1900)
    #expect(harness.grants(at: 2100).isEmpty)
  }

  @Test func aRepeatedRequestHasOneAnswer() throws {
    var harness = PacerHarness()
    #expect(harness.ask(0) == nil)
    #expect(harness.grants() == [[0, 0]])
    harness.finish(0, version: 3)
    let request = StepRequest(number: 1, sequence: 0, steps: 4)
    #expect(
      harness.pacer.receive(request, from: 0, now: .at(0)) == StepGrant(number: 1, steps: 4, version: 0))
    #expect(harness.grants().isEmpty && harness.pacer.outstanding == 4)
    _ = harness.ask(0)
    #expect(harness.grants() == [[0, 3]])
    // A late copy of the first changes nothing.
    #expect(harness.pacer.receive(request, from: 0, now: .at(0)) == nil)
    #expect(harness.pacer.outstanding == 4)
  }

  /// A request overtakes the steps that the actor sent before it: what they leave is not known yet.
  @Test func aRequestWaitsForTheStepsBeforeIt() {
    var harness = PacerHarness()
    _ = harness.ask(0, steps: 8)
    #expect(harness.grants().count == 1)
    _ = harness.ask(0, after: 1)
    #expect(harness.grants().isEmpty && harness.pacer.outstanding == 8)
    harness.insert(0)
    #expect(harness.grants().count == 1 && harness.pacer.outstanding == 4)
  }

  @Test func whatIsLeftIsGivenBack() {
    var harness = PacerHarness()
    _ = harness.ask(0, steps: 8)
    _ = harness.ask(1)
    #expect(harness.grants() == [[0, 0]])
    _ = harness.ask(0, steps: 0)
    #expect(harness.grants() == [[0, 0], [1, 0]] || harness.pacer.outstanding == 4)
    #expect(harness.pacer.outstanding == 4)
  }

  /// A grant ends with its actor: gone at once, silent after 2 s.
  @Test func aGrantEndsWithItsActor() {
    var harness = PacerHarness()
    _ = harness.ask(0)
    _ = harness.ask(1)
    #expect(harness.grants().count == 2)
    _ = harness.ask(2, at: 1500)
    #expect(harness.grants(at: 1999).isEmpty && harness.pacer.nextDeadline(now: .at(1999)) == .at(2000))
    #expect(harness.grants(at: 2000) == [[2, 0]])
    _ = harness.ask(3, at: 2000)
    _ = harness.ask(4, at: 2000)
    #expect(harness.grants(at: 2000) == [[3, 0]])
    harness.pacer.forget(actor: 2)
    #expect(harness.grants(at: 2000) == [[4, 0]])
    // Its steps come even so: they are counted.
    harness.insert(0, at: 2000)
    #expect(harness.pacer.ungranted == 0)
    harness.insert(9, at: 2000)
    #expect(harness.pacer.ungranted == 4)
  }

  /// What a learner holds counts as spent when it is gone or silent.
  @Test(arguments: [true, false]) func aBatchEndsWithItsLearner(isSilent: Bool) {
    var harness = PacerHarness()
    for actor in 0..<2 {
      _ = harness.ask(actor)
      _ = harness.grants()
      harness.insert(actor, steps: 5)
    }
    harness.serve(1)
    _ = harness.ask(0, at: 1900)
    #expect(harness.grants(at: 1900).isEmpty)
    if isSilent {
      #expect(harness.pacer.nextDeadline(now: .at(1900)) == .at(2000))
    } else {
      harness.pacer.forget(learner: PacerHarness.learner)
    }
    #expect(harness.grants(at: isSilent ? 2000 : 1900).count == 1)
  }

  /// A slow actor's items of version 0 must be in the batch of version 1 at the latest: that does
  /// not go to the fast ones' newer items.
  @Test func aBatchWaitsForASlowActor() throws {
    var harness = PacerHarness(1)
    for actor in 0..<4 { _ = harness.ask(actor) }
    #expect(harness.grants().count == 4)
    for actor in 0..<2 { harness.insert(actor, steps: 5) }
    // The batch of version 0 leaves room for the slow two in that of version 1.
    #expect(harness.held([2, 0]) == nil)
    harness.serve(1)
    harness.finish(1, version: 1)
    for actor in 0..<2 { _ = harness.ask(actor) }
    #expect(harness.grants() == [[0, 1], [1, 1]])
    for actor in 0..<2 { harness.insert(actor) }
    let reason = try #require(harness.held([2, 0]))
    #expect(reason.contains("2 actors act on grants whose 2 items of version 0"), "\(reason)")
    // One has come: it goes first, and the other waits.
    harness.insert(2)
    #expect(harness.held([2, 1]) != nil)
    harness.insert(3)
    #expect(harness.held([2, 2]) == nil)
  }

  /// A single learner may have the next batch while it trains on one: of items that are young
  /// enough for the weights that it makes.
  @Test func aBatchIsServedAhead() throws {
    var harness = PacerHarness(1)
    for actor in 0..<4 { _ = harness.ask(actor) }
    #expect(harness.grants().count == 4)
    for actor in 0..<4 { harness.insert(actor, steps: 5) }
    harness.serve(1)
    var versions: [UInt64] = []
    let held = harness.pacer.reasonHeld(2, for: PacerHarness.learner, now: .at(0)) { version in
      versions.append(version)
      return version == 0 ? [2, 0] : [0, 2]
    }
    #expect(held == nil && versions == [0, 1])
    // One of its items would be too old then.
    #expect(harness.held([1, 1]) == "its learner still trains on the batch before")
    // Not a third batch.
    harness.serve(2)
    #expect(harness.held([2, 0]) == "its learner still trains on the batch before")
    harness.finish(1, version: 1)
    #expect(harness.held([2, 0]) == nil)
    // Another learner's updates come between.
    harness.finish(0, version: 1, by: PacerHarness.other)
    #expect(harness.held([2, 0]) == "its learner still trains on the batch before")
  }

  /// A part of a batch may come from another shard than was asked first.
  @Test(arguments: [true, false]) func partsOfABatchAreOfOneVersion(isSynchronous: Bool) {
    var harness = PacerHarness(1, isSynchronous: isSynchronous, shards: isSynchronous ? 1 : 2)
    harness.finish(0, version: 0)
    harness.serve(1)
    var versions: [UInt64] = []
    let held = harness.pacer.reasonHeld(1, for: PacerHarness.learner, now: .at(0)) { version in
      versions.append(version)
      return [2, 0]
    }
    #expect(held == nil && versions == [0])
  }

  /// A slow actor that is silent delays no learner.
  @Test func aBatchDoesNotWaitForASilentActor() {
    var harness = PacerHarness()
    for actor in 0..<2 { _ = harness.ask(actor) }
    #expect(harness.grants().count == 2)
    harness.insert(0, at: 1000)
    #expect(harness.held([2], at: 1999) != nil)
    #expect(harness.held([2], at: 2000) == nil)
  }

  /// Asynchronous learners: an update makes what another trains on older.
  @Test(arguments: [true, false]) func learnersDoNotOutrunEachOther(isSynchronous: Bool) {
    var harness = PacerHarness(1, isSynchronous: isSynchronous)
    for actor in 0..<4 {
      _ = harness.ask(actor)
      _ = harness.grants()
      harness.insert(actor, steps: 5)
    }
    harness.serve(1)
    #expect(harness.held([2, 0], for: PacerHarness.other) == nil)
    harness.serve(1, to: PacerHarness.other)
    harness.finish(1, version: 1)
    // The other's items are of version 0: with one update more they would be too old.
    #expect((harness.held([2, 0]) != nil) == !isSynchronous)
    harness.finish(1, version: 2, by: PacerHarness.other)
    #expect(harness.held([2, 0]) == nil)
  }

  /// A remainder that fills no batch must not stop the run.
  @Test func theRunGoesOnWhenItemsFillNoBatch() {
    var harness = PacerHarness()
    _ = harness.ask(0, steps: 5)
    #expect(harness.grants().count == 1)
    harness.insert(0, steps: 5)
    // 1 item and 0 steps of the next are there; 8 more steps do not fit in the window.
    _ = harness.ask(0, steps: 8)
    #expect(harness.grants() == [[0, 0]])
    #expect(harness.pacer.outstanding == 8)
  }

  @Test func anAnsweredRequestIsNotAnsweredAgainAtOnce() {
    var harness = PacerHarness()
    harness.items = 2
    harness.serve(7)
    #expect(harness.pacer.isAnswered(7, of: PacerHarness.learner, now: .at(499)))
    #expect(!harness.pacer.isAnswered(8, of: PacerHarness.learner, now: .at(0)))
    #expect(!harness.pacer.isAnswered(7, of: PacerHarness.learner, now: .at(500)))
    harness.finish(7, version: 1)
    #expect(!harness.pacer.isAnswered(7, of: PacerHarness.learner, now: .at(0)))
  }
}
