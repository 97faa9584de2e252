// What a replay publishes for recorders, with impossible values.

import Experience
import Wire

extension HostileMeaningTests {
  private static func tap(
    _ writer: FrameWriter, shard: UInt64 = 1, time: Int64 = 1, next: UInt64 = 1, configuration: Int = 0
  ) {
    writer.begin(.tap)
    writer.identifier(.zero)
    writer.unsigned(shard)
    writer.signed(time)
    writer.unsigned(next)
    writer.null()
    writer.array(0)
    writer.string(String(repeating: "x", count: configuration))
  }

  private static func accepted(
    _ writer: FrameWriter, number: UInt64 = 1, time: UInt64 = 1, name: Int = 16, label: Int = 1,
    priorities: (FrameWriter) -> Void = { $0.array(0) }
  ) {
    writer.begin(.accepted)
    writer.identifier(.zero)
    writer.unsigned(number)
    writer.unsigned(time)
    [UInt8](repeating: 7, count: name).withUnsafeBytes { writer.binary($0) }
    writer.string(String(repeating: "x", count: label))
    priorities(writer)
    writer.array(0)
    writer.array(0)
  }

  private static func priorities(_ values: [Double]) -> (FrameWriter) -> Void {
    { writer in
      writer.array(values.count)
      for value in values { writer.double(value) }
    }
  }

  static let taps = [
    Case("shard 1025", "expected at most 1024 for the shard's number, found 1025") { tap($0, shard: 1025) },
    Case("a time before 1970", "expected an integer ≥ 0 for the time, found -1") { tap($0, time: -1) },
    Case("a next number that leaves no next", "expected at most 2^62 for the next number") {
      tap($0, next: .max)
    },
    Case("a configuration of more than 1 MiB", "expected at most 1048576 bytes of the configuration") {
      tap($0, configuration: 1 << 20 + 1)
    },
    Case("a number that leaves no next", "expected at most 2^62 for the number") {
      accepted($0, number: .max)
    },
    Case("a time that no clock shows", "expected at most 2^62 for the time") { accepted($0, time: .max) },
    Case("half a name", "expected 16 bytes for the writer's name, found 8") { accepted($0, name: 8) },
    Case("a label of 129 bytes", "expected at most 128 bytes of the label, found 129") {
      accepted($0, label: 129)
    },
    Case("17 priorities", "expected at most 16 elements of the priorities, found 17") {
      accepted($0, priorities: priorities(Array(repeating: 1, count: 17)))
    },
    Case("a NaN priority", "for a priority, found nan") { accepted($0, priorities: priorities([.nan])) },
    Case("a negative priority", "for a priority, found -1.0") { accepted($0, priorities: priorities([-1])) },
    Case("a priority beyond float32", "for a priority, found 1e+300") {
      accepted($0, priorities: priorities([1e300]))
    },
  ]
}
