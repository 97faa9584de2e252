// Encodes a parameter server's state for its file.

internal import Experience
internal import Wire

/// The record in a slot of `parameters.rookery`, format 5, little-endian. It has no message's
/// layout, so messages may change:
///
///     u64 version, u64 updates, u32 merged deltas, u32 tensors, u64 elements
///     f64 clock, u32 vectors, u32 actors, u64 env steps, u64 versions reserved
///     each merged delta: 16 bytes name of the learner, u64 sequence
///     each actor: 16 bytes name, u64 env steps
///     each tensor: u32 bytes of its name, the name, u32 dimensions, a u64 each
///     float32 elements, in the tensors' order
///     each vector: u32 bytes of its name, the name, u64 version, f64 number, float32 elements
///
/// The vector `milestone` has the version and the clock of the milestone. Others are what the
/// merger keeps, with version 0 and a number of their own, such as the setting that they were made
/// with. Format 4 has no reserved versions. Format 3 has no vector but the milestone, no env steps
/// and 0 actors; format 2 has neither the second line nor vectors.
enum ParameterRecord {
  private static let milestone = "milestone"
  static let vectorsMax = 16

  static func encode(_ state: borrowing ParameterState) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount(state))
    func add(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func add(_ text: String) {
      add(UInt32(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    add(state.version)
    add(state.updates)
    add(UInt32(state.merged.count))
    add(UInt32(state.manifest.tensors.count))
    add(UInt64(state.values.count))
    add(state.clock.bitPattern)
    precondition(state.vectors.count < vectorsMax)
    add(UInt32((state.milestone == nil ? 0 : 1) + state.vectors.count))
    add(UInt32(state.envSteps.actors.count))
    add(state.envSteps.total)
    add(state.reserved)
    for change in state.merged {
      add(change.learner.high)
      add(change.learner.low)
      add(change.sequence)
    }
    for actor in state.envSteps.actors {
      add(actor.name.high)
      add(actor.name.low)
      add(actor.envSteps)
    }
    for tensor in state.manifest.tensors {
      add(tensor.name)
      add(UInt32(tensor.shape.count))
      for size in tensor.shape { add(UInt64(size)) }
    }
    state.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    func add(vector name: String, version: UInt64, _ number: Double, _ values: [Float]) {
      add(name)
      add(version)
      add(number.bitPattern)
      values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    if let kept = state.milestone { add(vector: milestone, version: kept.version, kept.clock, kept.values) }
    for kept in state.vectors { add(vector: kept.name, version: 0, kept.number, kept.values) }
    return bytes
  }

  /// The size of a state's record with the largest numbers of merged learners and of actors: no
  /// save needs more.
  static func byteCountMax(_ state: borrowing ParameterState) -> Int {
    let named = state.merged.count + state.envSteps.actors.count
    return byteCount(state) + max(0, Limits.members + Limits.processes - named) * 24
  }

  private static func byteCount(_ state: borrowing ParameterState) -> Int {
    let tensors = state.manifest.tensors.reduce(0) { $0 + 8 + $1.name.utf8.count + 8 * $1.shape.count }
    var names = state.vectors.map(\.name)
    if state.milestone != nil { names.append(milestone) }
    let vectors = names.reduce(0) { $0 + 20 + $1.utf8.count + state.values.count * 4 }
    return 64 + (state.merged.count + state.envSteps.actors.count) * 24 + tensors + state.values.count * 4
      + vectors
  }

  /// Decodes a record; nil for other bytes. Its bounds are those of the messages that carry
  /// weights.
  static func decode(_ bytes: UnsafeRawBufferPointer, format: UInt32) -> ParameterState? {
    var reader = Reader(bytes: bytes)
    guard let version = reader.next(UInt64.self), version <= Limits.number,
      let updates = reader.next(UInt64.self), updates <= Limits.number,
      let merged = reader.next(UInt32.self), merged <= Limits.members,
      let tensors = reader.next(UInt32.self), tensors <= Limits.tensors,
      let elements = reader.next(UInt64.self), elements <= Limits.frameBytes / 4
    else { return nil }
    var (clock, vectors, actors, envSteps) = (Double(updates), UInt32(0), UInt32(0), UInt64(0))
    if format >= 3 {
      guard let found = reader.clock(), let count = reader.next(UInt32.self), count <= vectorsMax,
        let named = reader.next(UInt32.self), named <= (format >= 4 ? UInt32(Limits.processes) : 0)
      else { return nil }
      (clock, vectors, actors) = (found, count, named)
    }
    if format >= 4 {
      guard let total = reader.next(UInt64.self), total <= Limits.number else { return nil }
      envSteps = total
    }
    var reserved: UInt64 = 0
    if format >= 5 {
      guard let found = reader.next(UInt64.self), found <= Limits.number / 2 else { return nil }
      reserved = found
    }
    guard let changes = reader.counts(merged), let counted = reader.counts(actors) else { return nil }
    var manifest = WeightsManifest(tensors: [])
    var left = Int(elements)
    for _ in 0..<tensors {
      guard let tensor = reader.tensor(elementsMax: left) else { return nil }
      left -= tensor.elementCount
      manifest.tensors.append(tensor)
    }
    guard left == 0, let values = reader.floats(Int(elements)) else { return nil }
    var state = ParameterState(
      version: version, updates: updates, clock: clock,
      merged: changes.map { Merged(learner: $0.name, sequence: $0.count) }, manifest: manifest,
      values: values)
    state.reserved = reserved
    state.envSteps = EnvStepCount(
      total: envSteps, actors: counted.map { EnvStepCount.Actor(name: $0.name, envSteps: $0.count) })
    for _ in 0..<vectors {
      guard readVector(&reader, elements: Int(elements), format: format, into: &state) else { return nil }
    }
    return reader.isAtEnd ? state : nil
  }

  /// False if the bytes are no vector that a state of this format has.
  private static func readVector(
    _ reader: inout Reader, elements: Int, format: UInt32, into state: inout ParameterState
  ) -> Bool {
    guard let name = reader.name(), let version = reader.next(UInt64.self), version <= state.version
    else { return false }
    guard name != milestone else {
      guard let clock = reader.clock(), let values = reader.floats(elements) else { return false }
      state.milestone = Milestone(version: version, clock: clock, values: values)
      return true
    }
    guard format >= 4, version == 0, !state.vectors.contains(where: { $0.name == name }),
      let number = reader.number(), let values = reader.floats(elements)
    else { return false }
    state.vectors.append(StateVector(name: name, number: number, values: values))
    return true
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    var isAtEnd: Bool { offset == bytes.count }

    mutating func read(_ count: Int) -> UnsafeRawBufferPointer? {
      guard count <= bytes.count - offset else { return nil }
      defer { offset += count }
      return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    mutating func next<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
      read(MemoryLayout<Value>.size).map { Value(littleEndian: $0.loadUnaligned(as: Value.self)) }
    }

    /// Names of processes, each with a number.
    mutating func counts(_ number: UInt32) -> [(name: PublicName, count: UInt64)]? {
      var counts: [(PublicName, UInt64)] = []
      for _ in 0..<number {
        guard let high = next(UInt64.self), let low = next(UInt64.self), let count = next(UInt64.self),
          count <= Limits.number
        else { return nil }
        counts.append((PublicName(high: high, low: low), count))
      }
      return counts
    }

    mutating func name() -> String? {
      guard let length = next(UInt32.self), length <= Limits.textBytes else { return nil }
      return read(Int(length)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    mutating func number() -> Double? {
      next(UInt64.self).map(Double.init(bitPattern:)).flatMap { $0.isFinite ? $0 : nil }
    }

    mutating func clock() -> Double? {
      number().flatMap { $0 >= 0 && $0 <= Double(Limits.number) ? $0 : nil }
    }

    mutating func floats(_ elements: Int) -> [Float]? {
      read(elements * 4).map { content in
        [Float](unsafeUninitializedCapacity: elements) { buffer, count in
          UnsafeMutableRawBufferPointer(buffer).copyMemory(from: content)
          count = elements
        }
      }
    }

    mutating func tensor(elementsMax: Int) -> TensorSpec? {
      guard let name = name(), let dimensions = next(UInt32.self), dimensions <= Limits.dimensions
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
