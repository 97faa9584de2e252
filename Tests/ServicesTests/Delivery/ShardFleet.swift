// A sampler over real replay machines. Function calls are the network.

import Experience
import Foundations
import ReplayStore
import Wire

@testable import Services

/// Shards with known items, and one sampler. Frames arrive at once and in order, unless a shard is
/// cut off.
final class ShardFleet {
  /// Item i of a shard has the observation `1000 · shard + i`.
  static let names = 1000.0

  private(set) var shards: [ReplayMachine] = []
  var sampler: ShardedSampler
  /// Shards that neither hear nor send anything.
  var silent: Set<Int> = []
  /// Frames from shards that wait until the sampler runs.
  private var inbox: [(shard: Int, frame: [UInt8])] = []
  var now = Instant.at(0)
  /// Keys of the priority updates that each shard got.
  private(set) var updated: [[UInt64]] = []
  private var writerSequence: [UInt64] = []
  private var nextIndex: [UInt64] = []
  private let selector: SelectorKind
  private let limiter: RateLimiterConfiguration
  private let rows: Int
  private let isExclusive: Bool
  /// Frames with totals that the sampler has sent.
  private(set) var totalsSent = 0
  private var incarnations: UInt64 = 0

  init(
    shards count: Int, batch: Int, batches: Int = 1, inFlight: Int = 1,
    selector: SelectorKind = .prioritized(exponent: 1),
    limiter: RateLimiterConfiguration = .unlimited(), split: ShardSplit = .mass,
    isExclusive: Bool = false, seed: UInt64
  ) throws {
    self.isExclusive = isExclusive
    self.selector = selector
    self.limiter = limiter
    rows = batch * batches
    var configuration = SamplerMachine.Configuration(
      id: Fixtures.id(1), label: "s", table: Fixtures.table, batch: batch)
    configuration.inFlight = inFlight
    configuration.batchesPerRequest = batches
    var sharded = ShardedSampler.Configuration(sampler: configuration)
    sharded.split = split
    sharded.isExclusive = isExclusive
    sampler = ShardedSampler(configuration: sharded, generator: SeededGenerator(seed: seed), now: now)
    for index in 0..<count {
      shards.append(try machine(seed: seed &+ UInt64(index)))
      updated.append([])
      writerSequence.append(0)
      nextIndex.append(0)
    }
    list(Array(0..<count))
  }

  private func machine(seed: UInt64) throws -> ReplayMachine {
    incarnations += 1
    let table = TableConfiguration(
      schema: Fixtures.table, sampler: selector, limiter: limiter, batchSizeMax: rows,
      itemsPerMessageMax: 40)
    var configuration = ReplayMachine.Configuration(
      store: ReplayStoreConfiguration(capacity: 4096, tables: [table]))
    configuration.exclusiveTable = isExclusive ? Fixtures.table.name : nil
    return try ReplayMachine(
      configuration: configuration, incarnation: Fixtures.id(900 + incarnations),
      generator: SeededGenerator(seed: seed), now: now)
  }

  static func peer(_ shard: Int) -> PeerID { PeerID(number: UInt64(10 + shard)) }
  /// The peers of the sampler and of the writer at each shard.
  private static let client = PeerID(number: 1)
  private static let writer = PeerID(number: 2)

  func list(_ listed: [Int]) {
    let sink = FleetSink(fleet: self)
    sampler.setShards(listed.map(Self.peer), now: now, sink: sink)
  }

  /// Restarts a shard with no items.
  func restart(_ shard: Int) throws {
    shards[shard] = try machine(seed: 77 + incarnations)
    writerSequence[shard] = 0
    nextIndex[shard] = 0
  }

  /// Inserts steps and items with these raw priorities, an item for each step but the last, in one
  /// message.
  func insert(_ priorities: [Float], into shard: Int) {
    if writerSequence[shard] == 0 { hand(Fixtures.hello(UInt64(50 + shard)), to: shard, from: Self.writer) }
    writerSequence[shard] += 1
    let (sequence, rows) = (writerSequence[shard], priorities.count + 1)
    let first = nextIndex[shard]
    nextIndex[shard] += UInt64(rows)
    let values = (0..<rows).map { Float(shard) * Float(Self.names) + Float(first) + Float($0) }
    let bytes = frame { writer in
      Insert.begin(writer, sequence: sequence, chunks: 1)
      let header = ChunkHeader(stream: 0, firstIndex: first, count: rows, weightsVersion: 1, isCut: true)
      values.withUnsafeBytes { values in
        [Int32](repeating: 0, count: rows).withUnsafeBytes { actions in
          [UInt8](repeating: 0, count: rows).withUnsafeBytes {
            Insert.chunk(writer, header, columns: [values, actions, values, $0])
          }
        }
      }
      let count = priorities.count
      [UInt32](repeating: 0, count: count).withUnsafeBytes { streams in
        (0..<UInt64(count)).map { first + $0 }.withUnsafeBytes { firsts in
          [UInt32](repeating: 2, count: count).withUnsafeBytes { spans in
            priorities.withUnsafeBytes {
              let block = ItemBlock(
                table: 0, count: count, streams: streams, firstIndices: firsts, spans: spans, priorities: $0)
              Insert.items(writer, [block])
            }
          }
        }
      }
    }
    hand(bytes, to: shard, from: Self.writer)
  }

  fileprivate func fromSampler(_ frame: [UInt8], to shard: Int) -> Bool {
    guard !silent.contains(shard) else { return false }
    frame.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      let type = try? cursor.openMessage()
      if type == .totalsRequest { totalsSent += 1 }
      if type == .priorities, let update = try? PriorityUpdate(from: &cursor) {
        updated[shard] += (0..<update.count).map {
          update.keys.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)
        }
      }
    }
    hand(frame, to: shard, from: Self.client)
    return true
  }

  private func hand(_ frame: [UInt8], to shard: Int, from peer: PeerID) {
    let sink = AnswerSink()
    frame.withUnsafeBytes { shards[shard].receive($0, from: peer, now: now, sink: sink) }
    shards[shard].answerReceived(now: now, sink: sink)
    for (frame, peer) in sink.frames where peer == Self.client { inbox.append((shard, frame)) }
  }

  /// Lets a millisecond pass.
  func step() {
    now = now + .milliseconds(1)
    let sink = FleetSink(fleet: self)
    while !inbox.isEmpty {
      let (shard, frame) = inbox.removeFirst()
      guard !silent.contains(shard) else { continue }
      frame.withUnsafeBytes { sampler.receive($0, from: Self.peer(shard), now: now, sink: sink) }
    }
    sampler.advance(to: now, sink: sink)
  }

  /// The next batch; nil if none comes within a time.
  func batch(within milliseconds: Int = 10_000) -> SampledBatch? {
    for _ in 0..<milliseconds {
      if let batch = sampler.popBatch() { return batch }
      step()
    }
    return nil
  }

  /// Skips batches that have been drawn already.
  func passBatches() {
    for _ in 0..<3 { if let batch = batch() { release(batch) } }
  }

  func release(_ batch: SampledBatch) {
    let sink = FleetSink(fleet: self)
    sampler.release(batch, now: now, sink: sink)
  }

  /// Changes priorities of a shard's first items without the sampler's knowledge.
  func setPriorities(_ priorities: [Float], of shard: Int) {
    let keys = priorities.indices.map(UInt64.init)
    let bytes = frame { writer in
      keys.withUnsafeBytes { keys in
        priorities.withUnsafeBytes {
          PriorityUpdate(table: 0, keys: keys, priorities: $0).encode(into: writer)
        }
      }
    }
    hand(bytes, to: shard, from: Self.client)
  }

  func update(_ batch: SampledBatch, _ priorities: [Float]) {
    let sink = FleetSink(fleet: self)
    priorities.withUnsafeBufferPointer { sampler.update(batch, priorities: $0, sink: sink) }
  }

  func zero(_ rows: [SampledRow]) {
    let sink = FleetSink(fleet: self)
    sampler.zero(rows, sink: sink)
  }

  /// The shard and item of a row, by its observation.
  static func name(_ batch: SampledBatch, _ row: Int) -> (shard: Int, item: Int) {
    let value = Int(batch.columns[0].assumingMemoryBound(to: Float.self)[row])
    return (value / Int(names), value % Int(names))
  }
}

private struct FleetSink: FrameSink {
  let fleet: ShardFleet

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    for shard in fleet.shards.indices where ShardFleet.peer(shard) == peer {
      return fleet.fromSampler(Array(bytes), to: shard)
    }
    return false
  }
}

private final class AnswerSink: FrameSink {
  var frames: [(frame: [UInt8], peer: PeerID)] = []

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    frames.append((Array(bytes), peer))
    return true
  }
}
