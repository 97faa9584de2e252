// Builds one frame of msgpack in a buffer that is reused.

internal import CMsgpack
public import Experience

/// A growable byte buffer that msgpack-c writes into. A service has one: `begin` empties it and
/// keeps its memory.
///
/// Each method appends one value in its shortest msgpack form. `alignedBinary` pads so that the
/// payload starts on a multiple of 8 from the start of the frame (`docs/PROTOCOL.md`).
public final class FrameWriter {
  private var storage: UnsafeMutableRawPointer
  private var capacity: Int
  /// Bytes of the frame so far.
  public private(set) var count = 0
  private var packer = msgpack_packer()

  /// Begins with memory for `capacity` bytes, at least 64; it doubles when it is full.
  public init(capacity: Int = 4096) {
    self.capacity = max(64, capacity)
    storage = .allocate(byteCount: self.capacity, alignment: 64)
    let append: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int) -> Int32 = {
      context, bytes, count in
      let writer = Unmanaged<FrameWriter>.fromOpaque(context!).takeUnretainedValue()
      writer.append(UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    msgpack_packer_init(&packer, Unmanaged.passUnretained(self).toOpaque(), append)
  }

  deinit {
    storage.deallocate()
  }

  /// The frame so far; valid until the next write.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: count) }

  /// Hands over the frame's memory, whose first `count` bytes are the frame. The caller owns it and
  /// deallocates it. The writer goes on empty with `memory`, which it then owns; that must be
  /// allocated as raw memory.
  public func detach(replacement memory: UnsafeMutableRawBufferPointer) -> (
    memory: UnsafeMutableRawBufferPointer, count: Int
  ) {
    defer {
      storage = memory.baseAddress!
      capacity = memory.count
      count = 0
    }
    return (UnsafeMutableRawBufferPointer(start: storage, count: capacity), count)
  }

  /// A copy of the frame.
  public func array() -> [UInt8] { Array(bytes) }

  /// Empties the buffer and begins a message: `[version, type`; its fields must follow.
  public func begin(_ type: MessageType) {
    count = 0
    array(2 + type.fieldCount)
    unsigned(UInt64(WireVersion.current))
    unsigned(UInt64(type.rawValue))
  }

  /// Empties the buffer, for values that are no message.
  public func clear() { count = 0 }

  /// The head of an array; `count` elements must follow.
  public func array(_ count: Int) { msgpack_pack_array(&packer, count) }
  /// The head of a map; `count` keys, each with its value, must follow.
  public func map(_ count: Int) { msgpack_pack_map(&packer, count) }
  /// An integer ≥ 0.
  public func unsigned(_ value: UInt64) { msgpack_pack_uint64(&packer, value) }
  /// The same; `value` must not be negative.
  public func unsigned(_ value: Int) { msgpack_pack_uint64(&packer, UInt64(value)) }
  public func signed(_ value: Int64) { msgpack_pack_int64(&packer, value) }
  /// A float32: always 5 bytes.
  public func float(_ value: Float) { msgpack_pack_float(&packer, value) }
  /// A float64: always 9 bytes.
  public func double(_ value: Double) { msgpack_pack_double(&packer, value) }
  /// A nil.
  public func null() { msgpack_pack_nil(&packer) }
  /// A boolean.
  public func bool(_ value: Bool) {
    if value { msgpack_pack_true(&packer) } else { msgpack_pack_false(&packer) }
  }

  /// A text; the caller keeps to the limit of the field.
  public func string(_ value: String) {
    var value = value
    value.withUTF8 { text in
      msgpack_pack_str(&packer, text.count)
      append(UnsafeRawBufferPointer(text))
    }
  }

  /// A text from another process, cut to a reader's limit between two characters.
  public func string(_ value: String, maxBytes: Int) {
    guard value.utf8.count > maxBytes else { return string(value) }
    var end = value.unicodeScalars.startIndex
    var bytes = 0
    for scalar in value.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > maxBytes { break }
      end = value.unicodeScalars.index(after: end)
    }
    string(String(value.unicodeScalars[..<end]))
  }

  /// A binary without alignment.
  public func binary(_ value: UnsafeRawBufferPointer) {
    msgpack_pack_bin(&packer, value.count)
    append(value)
  }

  /// A binary of 16 bytes, the high half first, big-endian.
  public func identifier(_ value: Identifier) {
    withUnsafeBytes(of: (value.high.bigEndian, value.low.bigEndian)) { binary($0) }
  }

  /// A binary of 16 bytes, or nil.
  public func identifier(_ value: Identifier?) {
    if let value { identifier(value) } else { null() }
  }

  /// A process's public name: a binary of 16 bytes.
  public func publicName(_ value: PublicName) {
    identifier(Identifier(high: value.high, low: value.low))
  }

  /// Two elements: padding of 0 to 7 zero bytes, then the payload, which starts on a multiple of 8.
  public func alignedBinary(_ value: UnsafeRawBufferPointer) {
    let offset = reserveAlignedBinary(byteCount: value.count)
    guard let source = value.baseAddress, value.count > 0 else { return }
    (storage + offset).copyMemory(from: source, byteCount: value.count)
  }

  /// The same, but the caller fills in the payload: returns its offset for `pointer(at:)`.
  public func reserveAlignedBinary(byteCount: Int) -> Int {
    let header = byteCount < 1 << 8 ? 2 : byteCount < 1 << 16 ? 3 : 5
    let padding = (8 - (count + 2 + header) % 8) % 8
    msgpack_pack_bin(&packer, padding)
    grow(by: padding)
    (storage + count).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
    count += padding
    msgpack_pack_bin(&packer, byteCount)
    grow(by: byteCount)
    let offset = count
    count += byteCount
    return offset
  }

  /// The address of a reserved payload; valid until the next write.
  public func pointer(at offset: Int) -> UnsafeMutableRawPointer { storage + offset }

  /// Values that are msgpack already.
  public func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    grow(by: bytes.count)
    (storage + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  private func grow(by extra: Int) {
    guard count + extra > capacity else { return }
    let larger = max(capacity * 2, count + extra)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 64)
    moved.copyMemory(from: storage, byteCount: count)
    storage.deallocate()
    storage = moved
    capacity = larger
  }
}
