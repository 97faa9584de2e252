// NaN and infinite values: where they are refused, and that nothing of their message stays.

import CKernels
import Experience
import Foundations
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct NumbersTests {
  /// Small fields lie in rows, large ones in arenas.
  private static let schema = StepSchema(fields: [
    Field("observation", .float32, shape: [3]), Field("action", .int32), Field("reward", .float32),
    Field("picture", .float32, shape: [200]), Field("exact", .float64), Field("wide", .float64, shape: [100]),
    Field("bytes", .uint8, shape: [16]),
  ])

  /// Columns of `count` steps. A float's value identifies its step; other columns have arbitrary
  /// bytes.
  private struct Columns {
    var bytes: [[UInt8]]
    let count: Int

    init(_ count: Int, first: Int) {
      self.count = count
      bytes = NumbersTests.schema.fields.map { field in
        let values = count * field.byteCount / field.dtype.byteCount
        switch field.dtype {
        case .float32:
          return (0..<values).flatMap { withUnsafeBytes(of: Float(first + $0), Array.init) }
        case .float64:
          return (0..<values).flatMap { withUnsafeBytes(of: Double(first + $0), Array.init) }
        default: return [UInt8](repeating: 0xFF, count: count * field.byteCount)
        }
      }
      bytes.append([UInt8](repeating: 0, count: count))
    }

    mutating func put<Value: BitwiseCopyable>(_ value: Value, column: Int, at index: Int) {
      let size = MemoryLayout<Value>.size
      withUnsafeBytes(of: value) {
        bytes[column].replaceSubrange(index * size..<(index + 1) * size, with: $0)
      }
    }

    func insert(into store: ReplayStore, first: UInt64) throws {
      var insertion = Insertion(columnsPerChunk: bytes.count)
      insertion.chunks = [ChunkHeader(stream: 0, firstIndex: first, count: count, weightsVersion: 0)]
      // At odd addresses.
      let memory = bytes.map { column in
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: column.count + 1, alignment: 16)
        UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyBytes(from: column)
        return buffer
      }
      defer { for buffer in memory { buffer.deallocate() } }
      insertion.columns = memory.map { UnsafeRawBufferPointer(rebasing: $0[1...]) }
      _ = try store.insert(insertion, writer: 0)
    }
  }

  /// In a full ring each accepted message evicts another. A refused one evicts nothing, and a later
  /// process finds everything.
  @Test(arguments: [false, true]) func noColumnTakesThem(_ isFile: Bool) throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 12, tables: [transitionTable(1)], storage: isFile ? .file(path: folder.path) : .memory)
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Self.schema)
    for message in 0..<4 { try Columns(4, first: message).insert(into: store, first: UInt64(message) * 4) }
    let (before, statistics) = (contents(of: store), store.statistics)
    for (column, field) in Self.schema.fields.enumerated()
    where field.dtype == .float32 || field.dtype == .float64 {
      let width = field.byteCount / field.dtype.byteCount
      for (row, value) in [(0, Double.nan), (1, .infinity), (3, -.infinity), (2, .signalingNaN)] {
        let place = row * width + width - 1
        var columns = Columns(4, first: 50)
        if field.dtype == .float64 {
          columns.put(value, column: column, at: place)
        } else {
          columns.put(Float(value), column: column, at: place)
        }
        let found = value.isNaN ? "nan" : "found \(value)"
        let problem = refusal { try columns.insert(into: store, first: 16) }
        #expect(
          problem.contains("row \(row): \(field.name): expected") && problem.contains(found),
          "\(problem)")
        #expect(contents(of: store) == before && store.statistics == statistics, "\(field.name), row \(row)")
      }
    }
    #expect(store.checkInvariants() == nil)
    if isFile { #expect(contents(of: try ReplayStore(configuration: configuration)) == before) }
    // The largest finite values are accepted, and any bytes in columns that are not floats.
    var columns = Columns(4, first: 3)
    columns.put(-Float.greatestFiniteMagnitude, column: 0, at: 5)
    columns.put(Float.greatestFiniteMagnitude, column: 2, at: 1)
    columns.put(Double.greatestFiniteMagnitude, column: 4, at: 2)
    try columns.insert(into: store, first: 16)
  }

  /// A sum of rewards can overflow although no reward is infinite. Such rewards are refused; the
  /// largest others are summed unchanged.
  @Test func sumsOfRewardsAreFinite() throws {
    let store = try makeStore(
      capacity: 20, transitionTable(1, name: "one"), transitionTable(3, name: "three", discount: 1))
    let limit = Float(Double(Float.greatestFiniteMagnitude) / 3)
    func message(_ reward: Float) -> Message {
      Message().chunk(0, 0, flags: [1, 0, 0, 0], rewards: [reward, reward, reward, 0]).item(0, 0, 4, table: 1)
    }
    for reward in [limit.nextUp.nextUp, -limit.nextUp.nextUp, .greatestFiniteMagnitude] {
      #expect(
        refusal { _ = try store.insert(message(reward), writer: 0) }.contains(
          "row 0: reward: expected at most ±1.134"))
    }
    #expect(store.statistics.steps == 0)
    for (writer, reward) in [limit.nextDown, -limit.nextDown].enumerated() {
      _ = try store.insert(message(reward), writer: writer)
    }
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 1, count: 16, generator: &generator, into: &draw)
    let rewards = try Batch(store, draw, table: 1).reward
    #expect(rewards.allSatisfy { $0.isFinite && abs($0) > 3.4e38 })
    // Without a sum, any finite reward is accepted.
    let single = try makeStore(capacity: 20, transitionTable(1, discount: 1))
    let largest = Message().chunk(0, 0, flags: [1, 0], rewards: [.greatestFiniteMagnitude, 0]).item(0, 0, 2)
    #expect(try single.insert(largest, writer: 0).items == 1)
  }

  /// At each index of columns of any length and alignment, with values on either side of the limit.
  @Test func kernelsFindTheFirst() {
    let ends: [Float] = [
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 0,
    ]
    let bad: [Float] = [.nan, -.nan, .infinity, -.infinity, Float(bitPattern: 0x7F80_0001)]
    var generator = SeededGenerator(seed: 1)
    for count in 0..<70 {
      for shift in [0, 1, 4] {
        let place = count == 0 ? 0 : generator.below(count)
        let second = count == 0 ? 0 : generator.below(count)
        for value in bad {
          var floats = (0..<count).map { _ in ends[generator.below(ends.count)] }
          #expect(find(floats, shift, rookery_first_not_finite) == count)
          #expect(find(floats.map(Double.init), shift, rookery_first_not_finite_double) == count)
          #expect(find(floats, shift) { rookery_first_beyond($0, $1, .greatestFiniteMagnitude) } == count)
          guard count > 0 else { continue }
          (floats[place], floats[second]) = (value, value)
          let first = min(place, second)
          #expect(find(floats, shift, rookery_first_not_finite) == first)
          #expect(find(floats.map(Double.init), shift, rookery_first_not_finite_double) == first)
          #expect(find(floats, shift) { rookery_first_beyond($0, $1, .greatestFiniteMagnitude) } == first)
          let limited = (0..<count).map { $0 == first ? -Float(2).nextUp : 2 }
          #expect(find(limited, shift) { rookery_first_beyond($0, $1, 2) } == first)
        }
      }
    }
  }

  private func find<Value: BitwiseCopyable>(
    _ values: [Value], _ shift: Int, _ kernel: (UnsafeRawPointer, Int) -> Int
  ) -> Int {
    let size = values.count * MemoryLayout<Value>.stride
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size + 8, alignment: 64)
    defer { buffer.deallocate() }
    values.withUnsafeBytes {
      buffer.baseAddress!.advanced(by: shift).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    return kernel(buffer.baseAddress! + shift, values.count)
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "accepted"
    } catch { return "\(error)" }
  }
}
