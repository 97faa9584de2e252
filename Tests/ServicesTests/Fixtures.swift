// Small services and messages for the machines' tests.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

enum Fixtures {
  static func id(_ number: UInt64) -> Identifier { Identifier(high: number, low: ~number) }

  static let schema = StepSchema.discrete(observation: [1])
  static let table = TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.5))

  static func store(
    capacity: Int = 100, minSize: Int = 1, limiter: RateLimiterConfiguration? = nil
  ) -> ReplayStoreConfiguration {
    ReplayStoreConfiguration(
      capacity: capacity,
      tables: [
        TableConfiguration(
          schema: table, sampler: .uniform, limiter: limiter ?? .unlimited(minSize: minSize), batchSizeMax: 8,
          itemsPerMessageMax: 8)
      ])
  }

  /// Decodes an insert message; the insertion is valid within `body`.
  static func withInsertion<Result>(
    _ frame: [UInt8], _ schema: StepSchema, _ body: (Insertion) throws -> Result
  ) throws -> Result {
    try frame.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      _ = try cursor.openMessage()
      _ = try Insert.sequence(from: &cursor)
      var insertion = Insertion(columnsPerChunk: schema.columnCount)
      try Insert.content(
        from: &cursor, schema: schema, rowBytes: schema.fields.map(\.byteCount) + [1], into: &insertion)
      return try body(insertion)
    }
  }

  static func hello(
    _ writer: UInt64, next: UInt64 = 1, schema: StepSchema? = schema, tables: [TableSchema] = [table]
  )
    -> [UInt8]
  {
    frame {
      Hello(
        role: .writer, id: id(writer), label: "w", nextSequence: next, schema: schema, tables: tables
      ).encode(into: $0)
    }
  }

  static func samplerHello(_ sampler: UInt64, tables: [TableSchema] = [table]) -> [UInt8] {
    frame {
      Hello(role: .sampler, id: id(sampler), label: "s", nextSequence: 0, schema: nil, tables: tables).encode(
        into: $0)
    }
  }

  static func grant(_ messages: Int, bytes: UInt64 = 1 << 30) -> Grant {
    Grant(messages: messages, bytes: bytes, frameBytes: 1 << 30, silence_s: 600, rows: [])
  }

  static func request(_ number: UInt64, count: Int = 2, table: Int = 0) -> [UInt8] {
    frame { SampleRequest(request: number, table: table, count: count).encode(into: $0) }
  }

  /// A message of one chunk of `rows` steps of stream 0, and an item for each step but the last.
  /// Step i has observation and reward i.
  static func insert(
    _ sequence: UInt64, first: UInt64, rows: Int = 3, isCut: Bool = false, items: Int? = nil,
    flags: [UInt8]? = nil, table: Int = 0, spans span: UInt32 = 2, version: UInt64 = 7
  ) -> [UInt8] {
    let values = (0..<rows).map { Float(first) + Float($0) }
    let actions = [Int32](repeating: 1, count: rows)
    let flags = flags ?? [UInt8](repeating: 0, count: rows)
    let count = items ?? rows - 1
    let streams = [UInt32](repeating: 0, count: count)
    let firsts = (0..<UInt64(count)).map { first + $0 }
    let spans = [UInt32](repeating: span, count: count)
    return frame { writer in
      Insert.begin(writer, sequence: sequence, chunks: 1)
      let header = ChunkHeader(
        stream: 0, firstIndex: first, count: rows, weightsVersion: version, isCut: isCut)
      values.withUnsafeBytes { values in
        actions.withUnsafeBytes { actions in
          flags.withUnsafeBytes { Insert.chunk(writer, header, columns: [values, actions, values, $0]) }
        }
      }
      streams.withUnsafeBytes { streams in
        firsts.withUnsafeBytes { firsts in
          spans.withUnsafeBytes { spans in
            let block = ItemBlock(
              table: table, count: count, streams: streams, firstIndices: firsts, spans: spans,
              priorities: nil)
            Insert.items(writer, count > 0 ? [block] : [])
          }
        }
      }
    }
  }
}

/// A replay machine with its sink.
struct ReplayHarness {
  var machine: ReplayMachine
  let sink = ScriptedSink()

  init(
    store: ReplayStoreConfiguration = Fixtures.store(),
    configure: (inout ReplayMachine.Configuration) -> Void = { _ in }
  ) throws {
    var configuration = ReplayMachine.Configuration(store: store)
    configure(&configuration)
    machine = try ReplayMachine(
      configuration: configuration, incarnation: Fixtures.id(99), generator: SeededGenerator(seed: 1),
      now: .at(0))
  }

  /// Receives a frame. Returns what was sent for it.
  mutating func receive(_ frame: [UInt8], from peer: UInt64, at milliseconds: Double = 0) -> [Sent] {
    frame.withUnsafeBytes {
      machine.receive($0, from: PeerID(number: peer), now: .at(milliseconds), sink: sink)
    }
    machine.answerReceived(now: .at(milliseconds), sink: sink)
    #expect(machine.checkInvariants() == nil)
    return sink.take()
  }

  /// Receives frames that come together. Returns what was sent before all were received, and after.
  mutating func receiveTogether(_ frames: [(frame: [UInt8], peer: UInt64)]) -> (before: [Sent], after: [Sent])
  {
    for (frame, peer) in frames {
      frame.withUnsafeBytes {
        machine.receive($0, from: PeerID(number: peer), now: .at(0), sink: sink)
      }
    }
    let before = sink.take()
    machine.answerReceived(now: .at(0), sink: sink)
    return (before, sink.take())
  }

  mutating func advance(at milliseconds: Double) -> [Sent] {
    machine.advance(to: .at(milliseconds), sink: sink)
    machine.answerReceived(now: .at(milliseconds), sink: sink)
    return sink.take()
  }
}

extension TrainedStaleness {
  /// Of a learner that has trained on nothing.
  static let nothing = TrainedStaleness(rows: 0, mean: 0, p99: 0, max: 0)
}
