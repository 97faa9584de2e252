// The step buffer, with a policy's recorded fields.

import Algorithms
import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct StepBufferTests {
  /// Box actions and a recorded column, for two environments and two rows.
  @Test func anyActionAndWhatIsRecorded() throws {
    let space = ActionSpace.box(shape: [2], low: [-1, -1], high: [1, 1])
    let recorded = [Field("log_probability", .float32), Field("mode", .uint8, shape: [3])]
    let schema = StepSchema.steps(observation: [1], actions: space, recording: recorded)
    let buffer = StepBuffer(count: 2, schema: schema, capacity: 4)
    let rows = PolicyRows(count: 2, actions: space, recording: recorded)
    for tick in 0..<2 {
      for row in 0..<2 {
        let value = Float(tick * 10 + row)
        for element in 0..<2 {
          rows.actions.assumingMemoryBound(to: Float.self)[row * 2 + element] = value + Float(element) / 2
        }
        rows.recorded[0].assumingMemoryBound(to: Float.self)[row] = -value
        for element in 0..<3 {
          rows.recorded[1].assumingMemoryBound(to: UInt8.self)[row * 3 + element] = UInt8(tick * 10 + element)
        }
      }
      buffer.append(
        range: 0..<2, observations: [Float(tick), Float(tick) + 0.5], rows, flags: [UInt8(0), 0])
      buffer.advance()
      buffer.setRewards(range: 0..<2, [Float(tick), 7])
    }
    let message = frame { writer in
      Insert.begin(writer, sequence: 1, chunks: 2)
      buffer.encode(into: writer, weightsVersion: 5, isCut: false)
      Insert.beginItems(writer, blocks: 0)
    }
    try Fixtures.withInsertion(message, schema) { insertion in
      for stream in 0..<2 {
        func column<Value>(_ number: Int, _: Value.Type) -> [Value] {
          let content = insertion.column(number, ofChunk: stream)
          return (0..<content.count / MemoryLayout<Value>.size).map {
            content.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: Value.self)
          }
        }
        let value = Float(stream)
        #expect(column(0, Float.self) == [value / 2, 1 + value / 2])
        #expect(column(1, Float.self) == [value, value + 0.5, 10 + value, 10.5 + value])
        #expect(column(2, Float.self) == (stream == 0 ? [0, 1] : [7, 7]))
        #expect(column(3, Float.self) == [-value, -10 - value])
        #expect(column(4, UInt8.self) == [0, 1, 2, 10, 11, 12])
      }
    }
  }
}
