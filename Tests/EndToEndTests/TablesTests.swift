// A whole run with stacked observations and tables of every kind.

import Experience
import Foundation
import Foundations
import Testing
import Wire

@Suite struct TablesTests {
  private static let settings = [
    "environment.frame_stack=3", "replay.tables.experience.kind=transition",
    "replay.tables.unroll.kind=sequence", "replay.tables.unroll.length=5", "replay.tables.unroll.period=4",
    "replay.tables.whole.kind=sequence", "replay.tables.whole.length=6", "replay.tables.whole.period=3",
    "replay.tables.whole.episodes=pad", "replay.tables.steps.kind=record",
    "replay.tables.steps.sampler=uniform",
  ]

  /// A batch that a sampler receives.
  private struct Columns {
    var rows: Int
    var fields: [Field]
    var bytes: [[UInt8]]

    func values<Value: BitwiseCopyable>(_ name: String, as type: Value.Type) -> [Value] {
      bytes[fields.firstIndex { $0.name == name }!].withUnsafeBytes { buffer in
        (0..<buffer.count / MemoryLayout<Value>.size).map {
          buffer.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: type)
        }
      }
    }
  }

  @Test func learnersActorsAndStrangersShareTheSteps() throws {
    let run = try LiveRun(try Workspace(), settings: Self.settings)
    try run.started()
    let address = try #require(run.process("actor")?.variables["ROOKERY_REPLAY_ADDRESS"])
    let socket = try RawSocket(.dealer, to: address)
    try socket.send {
      Hello(
        role: .sampler, id: Identifier(high: 1, low: 2), label: "stranger", nextSequence: 0, schema: nil,
        tables: []
      ).encode(into: $0)
    }
    let welcome = try socket.answer(.welcome) { try Welcome(from: &$0) }
    #expect(welcome.tables.map(\.name) == ["experience", "steps", "unroll", "whole"])
    #expect(welcome.schema == .discrete(observation: [4], stack: 3))
    var shapes: [[Int]] = []
    for table in welcome.tables.indices {
      let columns = try sample(table, over: socket)
      shapes.append(columns.fields[0].shape)
      if case .sequence(let length, _, _) = welcome.tables[table].kind { check(columns, length: length) }
    }
    #expect(shapes == [[3, 4], [3, 4], [5, 3, 4], [6, 3, 4]])
    let status = try run.status("updates of the network") { $0.updates > 200 }
    #expect(status.counter("learner", "diverged") == 0)
    #expect(status.counter("replay", "items_stale_total") == 0)
    // Steps are stored once: three tables have more items than there are steps.
    #expect(status.counter("replay", "items") > status.counter("replay", "steps"))
    #expect(try run.end().code == 1)
    let played = try Program.run(
      ["eval", run.folder + "/checkpoints/learner-1.safetensors", "--episodes", "2"], in: run.workspace)
    #expect(played.code == 0, "\(played.errors)")
  }

  private func sample(_ table: Int, over socket: RawSocket) throws -> Columns {
    try socket.send { SampleRequest(request: UInt64(table + 1), table: table, count: 64).encode(into: $0) }
    return try socket.answer(.batch) { cursor in
      let batch = try Batch(from: &cursor)
      #expect(batch.header.rows == 64 && batch.header.parts == 1)
      return Columns(rows: batch.header.rows, fields: batch.fields, bytes: batch.columns.map(Array.init))
    }
  }

  /// Within an episode the planes shift by one per step; at its start all are the first frame.
  private func check(_ columns: Columns, length: Int) {
    let observations = columns.values("observation", as: Float.self)
    let flags = columns.values("flags", as: UInt8.self)
    let isPadded = columns.fields.contains { $0.name == "valid_length" }
    let valid = isPadded ? columns.values("valid_length", as: Int32.self) : []
    func plane(_ row: Int, _ step: Int, _ plane: Int) -> [Float] {
      let start = ((row * length + step) * 3 + plane) * 4
      return Array(observations[start..<start + 4])
    }
    var ends = 0
    for row in 0..<columns.rows {
      let steps = isPadded ? Int(valid[row]) : length
      for step in 0..<length {
        let flag = StepFlags(rawValue: flags[row * length + step])
        let planes = (0..<3).map { plane(row, step, $0) }
        if step >= steps {
          #expect(planes.allSatisfy { $0 == [0, 0, 0, 0] } && flag.isEmpty)
        } else if flag.contains(.isFirst) {
          #expect(planes == [planes[2], planes[2], planes[2]])
        } else if step > 0 {
          #expect(planes.prefix(2) == [plane(row, step - 1, 1), plane(row, step - 1, 2)])
        }
        if flag.contains(.isLast) { ends += 1 }
      }
      if isPadded, steps < length {
        #expect(StepFlags(rawValue: flags[row * length + steps - 1]).contains(.isLast))
      }
    }
    #expect(ends > 0)
  }
}
