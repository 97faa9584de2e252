// A writer whose steps contain their own numbers.

import Experience
import Foundations
import Services
import Transport
import Wire

/// Inserts one endless stream as fast as it is acknowledged. Step i has the observation
/// (writer, i mod 2²⁴, i div 2²⁴, writer + i). Each step but the newest starts a one-step item in
/// every table, with a priority computed from i.
final class StreamWriter {
  static let schema = StepSchema.discrete(observation: [4])
  static let table = TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.99))

  let number: Int
  private let tables: [TableSchema]
  /// Steps of a message.
  private let messageSteps: ClosedRange<Int>
  let link: DealerLink
  private(set) var machine: WriterMachine
  /// Steps in messages so far.
  private(set) var steps: UInt64 = 0
  /// Steps of each unacknowledged message, oldest first, and steps of all acknowledged ones.
  private var unacknowledged: [UInt64] = []
  private(set) var acknowledged: UInt64 = 0
  private var generator: SeededGenerator

  init(
    number: Int, address: String, tables: [TableSchema] = [table], messageSteps: ClosedRange<Int> = 1...60
  ) throws {
    self.number = number
    self.tables = tables
    self.messageSteps = messageSteps
    generator = SeededGenerator(seed: UInt64(number))
    link = try DealerLink(connector: Connector(), to: Endpoint(address))
    var configuration = WriterMachine.Configuration(
      id: Identifier(high: 77, low: UInt64(number)), label: "writer-\(number)", schema: Self.schema,
      tables: tables)
    configuration.inFlight = 16
    configuration.goneAfter = .seconds(600)
    machine = WriterMachine(configuration: configuration, now: SystemClock.now())
  }

  static func observation(_ writer: Int, _ index: UInt64) -> [Float] {
    [Float(writer), Float(index % (1 << 24)), Float(index >> 24), Float(UInt64(writer) &+ index % 1000)]
  }

  /// The raw priority of the item that begins with a step.
  static func priority(_ index: UInt64) -> Float { Float(index % 1009 + 1) }

  /// Receives and sends without blocking. Returns the number of acknowledged messages so far.
  func advance() throws -> UInt64 {
    let now = SystemClock.now()
    let sink = link
    link.drain { machine.receive($0, now: now, sink: sink) }
    machine.advance(to: now, sink: sink)
    if let refusal = machine.refusal { throw TimedOut(description: "refused: \(refusal.text)") }
    while unacknowledged.count > machine.unacknowledged { acknowledged += unacknowledged.removeFirst() }
    while let frame = machine.beginFrame(chunks: 1) {
      encode(into: frame, count: messageSteps.lowerBound + generator.below(messageSteps.count))
      machine.commitFrame(now: now, sink: sink)
    }
    return machine.counters.messagesCommitted
  }

  var nextDeadline: Instant { machine.nextDeadline(now: SystemClock.now()) }

  private func encode(into frame: FrameWriter, count: Int) {
    let first = steps
    let indices = (0..<UInt64(count)).map { first + $0 }
    let observations = indices.flatMap { Self.observation(number, $0) }
    let actions = indices.map { Int32(truncatingIfNeeded: $0) }
    let rewards = indices.map { Float($0 % 100) }
    let flags = indices.map { $0 == 0 ? StepFlags.isFirst.rawValue : 0 }
    let starts = indices.filter { $0 > 0 }.map { $0 - 1 }
    observations.withUnsafeBytes { observations in
      actions.withUnsafeBytes { actions in
        rewards.withUnsafeBytes { rewards in
          flags.withUnsafeBytes { flags in
            Insert.chunk(
              frame, ChunkHeader(stream: 3, firstIndex: first, count: count, weightsVersion: first),
              columns: [observations, actions, rewards, flags])
          }
        }
      }
    }
    insertItems(starts, into: frame)
    steps += UInt64(count)
    unacknowledged.append(UInt64(count))
  }

  private func insertItems(_ starts: [UInt64], into frame: FrameWriter) {
    [UInt32](repeating: 3, count: starts.count).withUnsafeBytes { streams in
      starts.withUnsafeBytes { indices in
        [UInt32](repeating: 2, count: starts.count).withUnsafeBytes { spans in
          starts.map(Self.priority).withUnsafeBytes { priorities in
            Insert.items(
              frame,
              tables.indices.map {
                ItemBlock(
                  table: $0, count: starts.count, streams: streams, firstIndices: indices, spans: spans,
                  priorities: priorities)
              })
          }
        }
      }
    }
  }
}
