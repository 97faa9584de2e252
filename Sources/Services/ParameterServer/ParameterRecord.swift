// The bytes of a parameter server's state in its file.

internal import Experience
internal import Wire

/// What a slot of `parameters.rookery` holds, format 2; little-endian, and of no message's form, so
/// that messages may change:
///
///     u64 version, u64 updates, u32 merged changes, u32 tensors, u64 elements
///     each merged change: 16 bytes name of the learner, u64 sequence
///     each tensor: u32 bytes of its name, the name, u32 dimensions, a u64 each
///     float32 elements, in the tensors' order
enum ParameterRecord {
  static func encode(_ state: borrowing ParameterState) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount(state))
    func add(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    add(state.version)
    add(state.updates)
    add(UInt32(state.merged.count))
    add(UInt32(state.manifest.tensors.count))
    add(UInt64(state.values.count))
    for change in state.merged {
      add(change.learner.high)
      add(change.learner.low)
      add(change.sequence)
    }
    for tensor in state.manifest.tensors {
      add(UInt32(tensor.name.utf8.count))
      bytes.append(contentsOf: tensor.name.utf8)
      add(UInt32(tensor.shape.count))
      for size in tensor.shape { add(UInt64(size)) }
    }
    state.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Of a state when as many learners as there may be have merged: no save needs more.
  static func byteCountMax(_ state: borrowing ParameterState) -> Int {
    byteCount(state) + (Limits.members - min(Limits.members, state.merged.count)) * 24
  }

  private static func byteCount(_ state: borrowing ParameterState) -> Int {
    let tensors = state.manifest.tensors.reduce(0) { $0 + 8 + $1.name.utf8.count + 8 * $1.shape.count }
    return 32 + state.merged.count * 24 + tensors + state.values.count * 4
  }

  /// Nil for bytes that are no state. The bounds are those of the messages that will carry it.
  static func decode(_ bytes: UnsafeRawBufferPointer) -> ParameterState? {
    var reader = Reader(bytes: bytes)
    guard let version = reader.next(UInt64.self), version <= Limits.number,
      let updates = reader.next(UInt64.self), updates <= Limits.number,
      let merged = reader.next(UInt32.self), merged <= Limits.members,
      let tensors = reader.next(UInt32.self), tensors <= Limits.tensors,
      let elements = reader.next(UInt64.self), elements <= Limits.frameBytes / 4
    else { return nil }
    var changes: [Merged] = []
    for _ in 0..<merged {
      guard let high = reader.next(UInt64.self), let low = reader.next(UInt64.self),
        let sequence = reader.next(UInt64.self), sequence <= Limits.number
      else { return nil }
      changes.append(Merged(learner: PublicName(high: high, low: low), sequence: sequence))
    }
    var manifest = WeightsManifest(tensors: [])
    var left = Int(elements)
    for _ in 0..<tensors {
      guard let tensor = reader.tensor(elementsMax: left) else { return nil }
      left -= tensor.elementCount
      manifest.tensors.append(tensor)
    }
    guard left == 0, let content = reader.take(Int(elements) * 4), reader.isAtEnd else { return nil }
    let values = [Float](unsafeUninitializedCapacity: Int(elements)) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: content)
      count = Int(elements)
    }
    return ParameterState(
      version: version, updates: updates, merged: changes, manifest: manifest, values: values)
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    var isAtEnd: Bool { offset == bytes.count }

    mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
      guard count <= bytes.count - offset else { return nil }
      defer { offset += count }
      return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    mutating func next<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
      take(MemoryLayout<Value>.size).map { Value(littleEndian: $0.loadUnaligned(as: Value.self)) }
    }

    mutating func tensor(elementsMax: Int) -> TensorSpec? {
      guard let length = next(UInt32.self), length <= Limits.textBytes, let text = take(Int(length)),
        let name = String(validating: text, as: UTF8.self),
        let dimensions = next(UInt32.self), dimensions <= Limits.dimensions
      else { return nil }
      var tensor = TensorSpec(name: name, shape: [])
      var elements = 1
      for _ in 0..<dimensions {
        guard let size = next(UInt64.self), size >= 1, size <= UInt64(elementsMax) else { return nil }
        tensor.shape.append(Int(size))
        elements *= Int(size)
        guard elements <= elementsMax else { return nil }
      }
      return elements <= elementsMax ? tensor : nil
    }
  }
}
