// Reads the batches that python/fixtures/make_batches.py writes.

public import Experience
internal import Foundation

/// Streams of steps, and the batches that numpy makes of them for tables of every kind.
public struct BatchFixture {
  public struct Stream {
    public var frames: [UInt8]
    public var actions: [Int32]
    public var rewards: [Float]
    public var flags: [UInt8]
  }
  public struct Table {
    public var kind: TableKind
    /// In order of stream and first step.
    public var items: [Item]
    /// Of all items, row after row.
    public var columns: [[UInt8]]
  }

  public let schema: StepSchema
  /// Steps of each stream.
  public let count: Int
  public let streams: [Stream]
  public let tables: [Table]

  public init() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/batches/batches.bin")
    var bytes = Bytes(bytes: Array(try Data(contentsOf: url)))
    precondition(bytes.next(8, as: UInt8.self) == Array("RKBATCH1".utf8))
    let header = bytes.numbers(4)
    let (steps, frame) = (header[1], header[3])
    count = steps
    schema = .discrete(observation: [frame], dtype: .uint8, stack: header[2])
    streams = (0..<header[0]).map { _ in
      Stream(
        frames: bytes.next(steps * frame, as: UInt8.self), actions: bytes.next(steps, as: Int32.self),
        rewards: bytes.next(steps, as: Float.self), flags: bytes.next(steps, as: UInt8.self))
    }
    tables = (0..<bytes.numbers(1)[0]).map { _ in bytes.table() }
  }

  private struct Bytes {
    var bytes: [UInt8]
    var offset = 0

    mutating func next<Value: BitwiseCopyable>(_ count: Int, as type: Value.Type) -> [Value] {
      bytes.withUnsafeBytes { buffer in
        let size = MemoryLayout<Value>.size
        defer { offset += count * size }
        return (0..<count).map { buffer.loadUnaligned(fromByteOffset: offset + $0 * size, as: type) }
      }
    }

    mutating func numbers(_ count: Int) -> [Int] { next(count, as: UInt32.self).map(Int.init) }

    mutating func table() -> Table {
      let numbers = numbers(4)
      let discount = next(1, as: Float.self)[0]
      let kind: TableKind =
        switch numbers[0] {
        case 1: .transition(nStep: numbers[1], discount: discount)
        case 2:
          .sequence(
            length: numbers[1], period: numbers[2], episodes: SequenceEpisodes(rawValue: UInt8(numbers[3]))!)
        default: .record
        }
      let items = (0..<self.numbers(1)[0]).map { _ in
        let item = self.numbers(3)
        return Item(stream: UInt32(item[0]), firstIndex: UInt64(item[1]), count: item[2], priority: nil)
      }
      let columns = (0..<self.numbers(1)[0]).map { _ in next(self.numbers(1)[0], as: UInt8.self) }
      return Table(kind: kind, items: items, columns: columns)
    }
  }
}
