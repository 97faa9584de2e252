// Batches, priorities and weights with impossible values.

import Experience
import Wire

extension HostileMeaningTests {
  private static func header(
    part: Int = 0, parts: Int = 1, firstRow: Int = 0, rows: Int = 1, batchRows: Int = 1, mass: Double = 1
  ) -> BatchHeader {
    BatchHeader(
      request: 1, draw: 1, part: part, parts: parts, firstRow: firstRow, rows: rows, batchRows: batchRows,
      mass: mass,
      itemCount: 1)
  }

  private static func batch(_ header: BatchHeader, _ fields: [Field] = []) -> @Sendable (FrameWriter) -> Void
  {
    { _ = Batch.reserve($0, header, fields: fields) }
  }

  static let batches = [
    Case(
      "a part of no rows",
      "expected a part of at least 1 row within its batch, found part 0 of 1, rows 0+0 of 1",
      batch(header(rows: 0))),
    Case("no parts", "found part 0 of 0", batch(header(parts: 0))),
    Case("a part after the last", "found part 1 of 1", batch(header(part: 1))),
    Case("rows beyond the batch", "rows 1+1 of 1", batch(header(firstRow: 1))),
    Case(
      "a row beyond counting", "expected at most 1048576 for the first row", batch(header(firstRow: .max))),
    Case("more rows than may be", "expected at most 1048576 for the rows") { writer in
      opened(writer, rows: 1 << 20 + 1)
    },
    Case("more rows than bytes", "expected 8388608 bytes for the keys, found 0") { writer in
      opened(writer, rows: 1 << 20)
      _ = writer.reserveAlignedBinary(byteCount: 0)
    },
    Case("a NaN mass", "for the mass, found nan", batch(header(mass: .nan))),
    Case("an infinite mass", "for the mass, found inf", batch(header(mass: .infinity))),
    Case("a negative mass", "for the mass, found -1.0", batch(header(mass: -1))),
    Case("rows × bytes beyond the frame", "bytes for column 'huge', found 4") { writer in
      opened(writer, rows: 1)
      for bytes in [8, 4, 8] { _ = writer.reserveAlignedBinary(byteCount: bytes) }
      writer.array(1)
      writer.array(3)
      writer.field(Field("huge", .float64, shape: [1 << 30]))
      _ = writer.reserveAlignedBinary(byteCount: 4)
    },
    Case("half a key", "expected 8 bytes for each key, found 12 bytes") { writer in
      writer.begin(.priorities)
      writer.unsigned(0 as UInt64)
      _ = writer.reserveAlignedBinary(byteCount: 12)
    },
    Case("keys without priorities", "expected 8 bytes for the priorities, found 4") { writer in
      writer.begin(.priorities)
      writer.unsigned(0 as UInt64)
      _ = writer.reserveAlignedBinary(byteCount: 16)
      _ = writer.reserveAlignedBinary(byteCount: 4)
    },
    Case(
      "table 16", "expected at most 15 for the table, found 16",
      SampleRequest(request: 1, table: 16, count: 1).encode),
    Case(
      "a batch of 2^20 + 1", "expected at most 1048576 for the count",
      SampleRequest(request: 1, table: 0, count: 1 << 20 + 1).encode),
  ]

  /// A batch up to its keys.
  private static func opened(_ writer: FrameWriter, rows: Int) {
    writer.begin(.batch)
    for value in [1, 1, 0, 1, 0, rows, rows] { writer.unsigned(value) }
    writer.double(1)
    writer.unsigned(1 as UInt64)
  }

  static let parameters = [
    Case("a tensor of no elements", "expected sizes ≥ 1 below 1 GiB for 'w', found [0]") { writer in
      join(writer, shapes: [[0]])
    },
    Case("tensors beyond a frame", "expected at most 268435456 elements, found more") { writer in
      join(writer, shapes: Array(repeating: [1 << 28], count: 2))
    },
    Case("a gigabyte of values that are not there", "expected 1073741824 bytes for the values, found 0") {
      writer in
      writer.begin(.weights)
      writer.string("all")
      writer.unsigned(1 as UInt64)
      writer.identifier(.zero)
      writer.unsigned(0 as UInt64)
      writer.double(0)
      for _ in 0..<4 { writer.unsigned(0 as UInt64) }
      writer.array(0)
      writer.manifest(WeightsManifest(tensors: [TensorSpec(name: "w", shape: [1 << 28])]))
      _ = writer.reserveAlignedBinary(byteCount: 0)
    },
    Case(
      "a version that leaves no next", "expected at most 2^62 for the weights version",
      Joined(incarnation: .zero, index: 0, merged: 0, version: .max).encode),
    Case(
      "an acknowledgement of the last number there is", "expected at most 2^62 for the committed sequence",
      Acknowledgement(committed: .max, gap: true).encode),
    Case(
      "a merged sequence that leaves no next", "expected at most 2^62 for the merged sequence",
      Joined(incarnation: .zero, index: 0, merged: .max, version: 1).encode),
    Case("a time before the clock's beginning", "expected an integer ≥ 0 for the oldest update, found -1") {
      writer in
      delta(writer, oldest: -1)
    },
    Case(
      "a time that no clock shows", "expected at most 2^62 for the oldest update",
      { delta($0, oldest: .max) }),
    Case(
      "more rows than a batch has", "expected at most 1048576 for the rows, found 1048577",
      { gradient($0, rows: (1 << 20) + 1, weightMax: 1) }),
    Case(
      "an infinite weight", "expected 0.0 to 1e+30 for the largest weight, found inf",
      { gradient($0, rows: 1, weightMax: .infinity) }),
    Case("an outcome that does not exist", "expected outcome 1 (applied) or 2 (dropped), found 3") { writer in
      writer.begin(.updated)
      writer.identifier(.zero)
      writer.unsigned(1)
      writer.unsigned(3)
    },
  ]

  private static func join(_ writer: FrameWriter, shapes: [[Int]]) {
    Join(
      id: .zero, label: "x",
      manifest: WeightsManifest(tensors: shapes.map { TensorSpec(name: "w", shape: $0) })
    ).encode(into: writer)
  }

  private static func gradient(_ writer: FrameWriter, rows: Int, weightMax: Double) {
    Gradient(
      id: .zero, sequence: 1, incarnation: .zero, base: 1, rows: rows, weightMax: weightMax, madeAt: 1,
      values: UnsafeRawBufferPointer(start: nil, count: 0)
    ).encode(into: writer)
  }

  private static func delta(_ writer: FrameWriter, oldest: Int64) {
    Delta(
      id: .zero, sequence: 1, baseVersion: 1, updates: 1, transitions: 1, oldestUpdate: oldest,
      newestUpdate: 1,
      values: UnsafeRawBufferPointer(start: nil, count: 0)
    ).encode(into: writer)
  }
}
