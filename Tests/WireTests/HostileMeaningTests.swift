// Well-formed frames with impossible numbers or names: refused with the place and the reason.

import Experience
import Testing
import Wire

@Suite struct HostileMeaningTests {
  /// A frame built element by element, and how its refusal must begin.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let problem: String
    let build: @Sendable (FrameWriter) -> Void
    var testDescription: String { name }

    init(_ name: String, _ problem: String, _ build: @escaping @Sendable (FrameWriter) -> Void) {
      self.name = name
      self.problem = problem
      self.build = build
    }
  }

  @Test(arguments: frames + hellos + inserts + batches + parameters + taps) func isRefused(_ hostile: Case)
    throws
  {
    let writer = FrameWriter()
    hostile.build(writer)
    let problem = try #require(AnyMessage.problem(writer.array()))
    #expect(problem.contains(hostile.problem), "\(problem)")
  }

  private static let frames = [
    Case("another version", "at byte 1: expected protocol version 4, found version 1") { writer in
      writer.array(2)
      writer.unsigned(1 as UInt64)
      writer.unsigned(9 as UInt64)
    },
    Case("an unknown type", "at byte 2: expected a message type 1…36, found 37") { writer in
      writer.array(2)
      writer.unsigned(UInt64(WireVersion.current))
      writer.unsigned(37 as UInt64)
    },
    Case("too few elements", "at byte 0: expected 3 elements of a message of type 19, found 2") { writer in
      writer.array(2)
      writer.unsigned(UInt64(WireVersion.current))
      writer.unsigned(19 as UInt64)
    },
    Case("no array", "at byte 0: expected an array for a message, found a map") { $0.map(0) },
    Case("a negative type", "at byte 2: expected an integer ≥ 0 for a message type, found -1") {
      writer in
      writer.array(2)
      writer.unsigned(UInt64(WireVersion.current))
      writer.signed(-1)
    },
    Case("bytes that are no UTF-8", "expected UTF-8 for the service, found other bytes") { writer in
      writer.begin(.health)
      writer.string("ab")
      writer.pointer(at: writer.count - 2).storeBytes(of: 0xC3, as: UInt8.self)
    },
    Case("a counter twice", "expected each counter once, found 'a' again") { writer in
      writer.begin(.telemetry)
      writer.identifier(.zero)
      writer.null()
      writer.string("actor")
      writer.string("actor-1")
      writer.map(2)
      for value in [1.0, 2.0] {
        writer.string("a")
        writer.double(value)
      }
    },
  ]

  private static func hello(
    _ writer: FrameWriter, role: UInt64 = 1, next: UInt64 = 1, fields: (FrameWriter) -> Void = { $0.null() },
    tables: (FrameWriter) -> Void = { $0.array(0) }
  ) {
    writer.begin(.hello)
    writer.unsigned(role)
    writer.identifier(.zero)
    writer.string("x")
    writer.unsigned(next)
    fields(writer)
    tables(writer)
  }

  private static func table(
    _ writer: FrameWriter, kind: UInt64 = 1, nStep: UInt64 = 1, discount: Double = 0.5
  ) {
    writer.array(1)
    writer.array(4)
    writer.string("t")
    writer.unsigned(kind)
    writer.unsigned(nStep)
    writer.double(discount)
  }

  private static func field(_ writer: FrameWriter, dtype: UInt64 = 4, shape: [UInt64], stack: UInt64 = 1) {
    writer.array(1)
    writer.array(4)
    writer.string("f")
    writer.unsigned(dtype)
    writer.array(shape.count)
    for size in shape { writer.unsigned(size) }
    writer.unsigned(stack)
  }

  private static func sequence(
    _ writer: FrameWriter, length: UInt64 = 4, period: UInt64 = 2, episodes: UInt64 = 1
  ) {
    writer.array(1)
    writer.array(5)
    writer.string("t")
    for value in [2, length, period, episodes] { writer.unsigned(value) }
  }

  private static let hellos = [
    Case("role 3", "expected role 1 (writer) or 2 (sampler), found 3") { hello($0, role: 3) },
    Case("a writer's sequence 0", "expected a writer's next sequence of at least 1, found 0") {
      hello($0, next: 0)
    },
    Case("a sequence that leaves no next", "expected at most 2^62 for the next sequence") {
      hello($0, next: .max)
    },
    Case("no fields", "expected 1 to 64 fields, found 0") { hello($0, fields: { $0.array(0) }) },
    Case("dtype 6", "expected a dtype 1…5 for 'f', found 6") { hello($0) { field($0, dtype: 6, shape: []) } },
    Case("size 0", "expected sizes ≥ 1 below 1 GiB for 'f', found [2, 0]") {
      hello($0) { field($0, shape: [2, 0]) }
    },
    Case("a product beyond 64 bits", "expected sizes ≥ 1 below 1 GiB for 'f'") {
      hello($0) { field($0, shape: [1 << 30, 1 << 30, 1 << 30]) }
    },
    Case("a size beyond 64 bits", "expected at most 1073741824 for a size of 'f'") {
      hello($0) { field($0, shape: [.max]) }
    },
    Case("2 GiB a step", "is empty or larger than 1 GiB a step") {
      hello($0) { field($0, shape: [1 << 29]) }
    },
    Case("nine dimensions", "expected at most 8 elements of the shape of 'f', found 9") {
      hello($0) { field($0, shape: Array(repeating: 1, count: 9)) }
    },
    Case("stack 0", "expected stack 1 to 64, found 0") { hello($0) { field($0, shape: [], stack: 0) } },
    Case("table kind 4", "expected table kind 1 (transition), 2 (sequence) or 3 (record), found 4") {
      hello($0, tables: { table($0, kind: 4) })
    },
    Case("a sequence like a transition", "expected an array of 5 elements for table 't' of kind 2, found 4") {
      hello($0, tables: { table($0, kind: 2) })
    },
    Case("a record like a transition", "expected an array of 2 elements for table 't' of kind 3, found 4") {
      hello($0, tables: { table($0, kind: 3) })
    },
    Case("a sequence of 0 steps", "expected at least 1 for the length of table 't', found 0") {
      hello($0, tables: { sequence($0, length: 0) })
    },
    Case("a sequence of too many", "expected at most 65536 for the length of table 't'") {
      hello($0, tables: { sequence($0, length: 1 << 16 + 1) })
    },
    Case("period 0", "expected at least 1 for the period of table 't', found 0") {
      hello($0, tables: { sequence($0, period: 0) })
    },
    Case("episodes 3", "expected episodes 1 (cross) or 2 (pad) for table 't', found 3") {
      hello($0, tables: { sequence($0, episodes: 3) })
    },
    Case("n-step 0", "expected at least 1 for the n-step of table 't', found 0") {
      hello($0, tables: { table($0, nStep: 0) })
    },
    Case("a NaN discount", "for the discount of table 't', found nan") {
      hello($0, tables: { table($0, discount: .nan) })
    },
    Case("a discount above 1", "expected 0.0 to 1.0 for the discount of table 't', found 1e+300") {
      hello($0, tables: { table($0, discount: 1e300) })
    },
  ]

  private static func chunk(
    _ writer: FrameWriter, stream: UInt64 = 0, firstIndex: UInt64 = 0, count: UInt64, payloads: [Int]
  ) {
    Insert.begin(writer, sequence: 1, chunks: 1)
    writer.array(6)
    writer.unsigned(stream)
    writer.unsigned(firstIndex)
    writer.unsigned(count)
    writer.unsigned(0 as UInt64)
    writer.bool(false)
    writer.array(payloads.count * 2)
    for count in payloads { _ = writer.reserveAlignedBinary(byteCount: count) }
  }

  private static let inserts = [
    Case("a chunk of no steps", "expected at least 1 step, found 0") {
      chunk($0, count: 0, payloads: [0, 0, 0, 0])
    },
    Case("too many steps", "expected at most 16777216 for a chunk's steps, found 16777217") {
      chunk($0, count: 1 << 24 + 1, payloads: [])
    },
    Case("a stream beyond 32 bits", "expected at most 4294967295 for a chunk's stream") {
      chunk($0, stream: 1 << 32, count: 1, payloads: [])
    },
    Case("an index that leaves no next", "expected at most 2^62 for a chunk's first index") {
      chunk($0, firstIndex: .max, count: 1, payloads: [])
    },
    Case("a column too few", "expected 8 elements of a chunk's columns (4 with a padding each), found 6") {
      chunk($0, count: 1, payloads: [16, 4, 4])
    },
    Case("a short column", "expected 8 bytes for column 'action' of 2 steps, found 4") {
      chunk($0, count: 2, payloads: [32, 4, 8, 2])
    },
    Case("a long flags column", "expected 2 bytes for column 'flags' of 2 steps, found 3") {
      chunk($0, count: 2, payloads: [32, 8, 8, 3])
    },
    Case("priorities of other length", "expected 4 bytes of priorities, found 8") { writer in
      items(writer, count: 1, payloads: [4, 8, 4, 8])
    },
    Case("more items than bytes", "expected 67108864 bytes for streams of 16777216 items, found 4") {
      writer in
      items(writer, count: 1 << 24, payloads: [4])
    },
    Case("a padding of eight", "expected at most 7 bytes of padding, found 8") { writer in
      items(writer, count: 1, payloads: [4, 8, 4])
      [UInt8](repeating: 0, count: 8).withUnsafeBytes { writer.binary($0) }
    },
  ]

  private static func items(_ writer: FrameWriter, count: UInt64, payloads: [Int]) {
    Insert.begin(writer, sequence: 1, chunks: 0)
    writer.array(1)
    writer.array(10)
    writer.unsigned(0 as UInt64)
    writer.unsigned(count)
    for count in payloads { _ = writer.reserveAlignedBinary(byteCount: count) }
  }
}
