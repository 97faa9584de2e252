// The steps that the replay benchmark inserts.

internal import Experience
internal import Wire

/// Messages of one endless stream, encoded from memory that is filled once, so that the benchmark
/// measures the replay and not the making of steps.
struct BenchMessage: ~Copyable {
  let payload: BenchPayload
  let steps: Int
  private let nStep: Int
  private var index: UInt64 = 0
  private let columns: [UnsafeMutableRawBufferPointer]
  private let streams: UnsafeMutableRawBufferPointer
  private let indices: UnsafeMutableRawBufferPointer
  private let spans: UnsafeMutableRawBufferPointer
  /// Noise that observations are taken from, from another place for each message; empty: all
  /// messages have the same observations.
  private let noise: UnsafeMutableRawBufferPointer
  private static let noiseBytes = 64 << 20

  /// - Parameter isVaried: observations differ from message to message: floats that no compressor
  ///   can shrink, or frames of which one pixel in 128 changes from step to step.
  init(_ payload: BenchPayload, steps: Int, isVaried: Bool = false) {
    self.payload = payload
    self.steps = steps
    nStep = payload.nStep
    columns = (payload.schema.fields.map(\.byteCount) + [1]).map { Self.memory($0 * steps) }
    // Noise, so that nothing can compress it.
    var state: UInt64 = 1
    for index in columns[0].indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      columns[0][index] = UInt8(truncatingIfNeeded: state >> 56) & 0x3F
    }
    noise = Self.memory(isVaried ? max(Self.noiseBytes, 2 * columns[0].count) : 0)
    for place in 0..<noise.count / 8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let bits = payload.schema.fields[0].dtype == .float32 ? Self.floats(state) : Self.pixels(state, place)
      noise.storeBytes(of: bits, toByteOffset: place * 8, as: UInt64.self)
    }
    (streams, indices, spans) = (Self.memory(steps * 4), Self.memory(steps * 8), Self.memory(steps * 4))
    for step in 0..<steps { spans.storeBytes(of: UInt32(nStep + 1), toByteOffset: step * 4, as: UInt32.self) }
  }

  /// Two floats from 0.5 to 1.
  private static func floats(_ noise: UInt64) -> UInt64 {
    noise >> 8 & 0x007F_FFFF_007F_FFFF | 0x3F00_0000_3F00_0000
  }

  /// Eight pixels of a frame of 84 × 84 with horizontal bars; one of 16 eights has a random pixel.
  private static func pixels(_ noise: UInt64, _ place: Int) -> UInt64 {
    let row = UInt64(place * 8 % 7056 / 84 / 12)
    let bars = row &* 0x1010_1010_1010_1010
    return noise >> 60 == 0 ? bars ^ (noise >> 32 & 0xFF) << 24 : bars
  }

  private static func memory(_ count: Int) -> UnsafeMutableRawBufferPointer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    return memory
  }

  deinit {
    for column in columns { column.deallocate() }
    for column in [streams, indices, spans, noise] { column.deallocate() }
  }

  private var observations: UnsafeMutableRawBufferPointer {
    guard noise.count > 0 else { return columns[0] }
    let places = (noise.count - columns[0].count) / 4
    let place = Int(index % UInt64(places)) * payload.schema.fields[0].byteCount % (places * 4)
    return UnsafeMutableRawBufferPointer(rebasing: noise[place & ~3..<(place & ~3) + columns[0].count])
  }

  /// Writes the next message's chunk and items. A step's item is sent with the step that
  /// is n steps later.
  mutating func encode(into frame: FrameWriter) {
    let last = columns.count - 1
    columns[last][0] = index == 0 ? StepFlags.isFirst.rawValue : 0
    let first = index > UInt64(nStep) ? index - UInt64(nStep) : 0
    let items = Int(index + UInt64(steps) - UInt64(nStep) - first)
    for item in 0..<items {
      indices.storeBytes(of: first + UInt64(item), toByteOffset: item * 8, as: UInt64.self)
    }
    Insert.chunk(
      frame, ChunkHeader(stream: 0, firstIndex: index, count: steps, weightsVersion: 1),
      columns: (0...last).map { UnsafeRawBufferPointer($0 == 0 ? observations : columns[$0]) })
    Insert.items(
      frame,
      [
        ItemBlock(
          table: payload.tables.count - 1, count: items,
          streams: UnsafeRawBufferPointer(rebasing: streams[..<(items * 4)]),
          firstIndices: UnsafeRawBufferPointer(rebasing: indices[..<(items * 8)]),
          spans: UnsafeRawBufferPointer(rebasing: spans[..<(items * 4)]), priorities: nil)
      ])
    index += UInt64(steps)
  }
}
