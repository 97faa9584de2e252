// Insert messages made by hand.

import Experience
import Wire

/// Encodes valid and invalid messages of an actor of CartPole.
struct TestWriter {
  var id = Identifier(high: 0xABCD, low: 0x1234)
  var schema = StepSchema.discrete(observation: [4])
  var tables = [TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.99))]
  var nextSequence: UInt64 = 1

  var hello: Hello {
    Hello(role: .writer, id: id, label: "test", nextSequence: nextSequence, schema: schema, tables: tables)
  }

  /// One chunk of stream 0 from index `4 · (sequence − 1)`, and one item over it.
  func insert(
    sequence: UInt64, flags: [UInt8], rewards: [Float], observation: Float = 0.5, priority: Float,
    into writer: FrameWriter
  ) {
    let count = rewards.count
    let first = (max(1, min(sequence, 1 << 40)) - 1) * UInt64(count)
    let observations = [Float](repeating: observation, count: count * 4)
    let actions = [Int32](repeating: 1, count: count)
    Insert.begin(writer, sequence: sequence, chunks: 1)
    observations.withUnsafeBytes { observations in
      actions.withUnsafeBytes { actions in
        rewards.withUnsafeBytes { rewards in
          flags.withUnsafeBytes { flags in
            Insert.chunk(
              writer, ChunkHeader(stream: 0, firstIndex: first, count: count, weightsVersion: 1),
              columns: [observations, actions, rewards, flags])
          }
        }
      }
    }
    item(first: first, count: count, priority: priority, into: writer)
  }

  private func item(first: UInt64, count: Int, priority: Float, into writer: FrameWriter) {
    withUnsafeBytes(of: UInt32(0)) { stream in
      withUnsafeBytes(of: first) { index in
        withUnsafeBytes(of: UInt32(count)) { span in
          withUnsafeBytes(of: priority) { priority in
            Insert.items(
              writer,
              [
                ItemBlock(
                  table: 0, count: 1, streams: stream, firstIndices: index, spans: span, priorities: priority)
              ])
          }
        }
      }
    }
  }
}
