// Everything that writers ever produced: any batch can be checked against it bit by bit.

internal import Experience

/// One step of one stream of one writer's incarnation.
struct StepName: Hashable {
  var incarnation: Int
  var stream: Int
  var index: UInt64
}

/// One stream of one writer's incarnation.
struct StreamName: Hashable {
  var incarnation: Int
  var stream: Int
}

/// A step's content, which follows from its name alone.
enum StepContent {
  static let schema = StepSchema(fields: [
    Field(StepSchema.observation, .float32, shape: [3]),
    Field(StepSchema.action, .int32),
    Field("tag", .int64),
    Field(StepSchema.reward, .float32),
  ])

  static func observation(_ name: StepName) -> [Float] {
    [Float(name.incarnation), Float(name.stream), Float(name.index)]
  }

  /// The step with this observation; nil if there can be none.
  static func name(_ observation: UnsafeRawPointer) -> StepName? {
    let values = (0..<3).map { observation.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    let parts = values.compactMap { Int(exactly: $0) }
    guard parts.count == 3, parts[2] >= 0 else { return nil }
    return StepName(incarnation: parts[0], stream: parts[1], index: UInt64(parts[2]))
  }

  static func action(_ name: StepName) -> Int32 { Int32(truncatingIfNeeded: tag(name) >> 32) }

  static func tag(_ name: StepName) -> Int64 {
    var value = UInt64(name.incarnation) &* 0x9E37_79B9_7F4A_7C15
    value = (value ^ UInt64(name.stream) ^ (value >> 29)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ name.index ^ (value >> 32)) &* 0x94D0_49BB_1331_11EB
    return Int64(bitPattern: value ^ (value >> 31))
  }

  /// A multiple of 1/4, so that sums are exact.
  static func reward(_ name: StepName) -> Float { Float(tag(name) & 31) / 4 - 4 }
}

/// A step as its writer made it.
struct StepRecord {
  var flags: StepFlags
  var version: UInt64
}

/// The chunks and items of one message.
struct SentMessage {
  var chunks: [ChunkHeader] = []
  var items: [Item] = []
  /// The writer dropped it.
  var isDropped = false
  /// Some incarnation of the service committed it.
  var isCommitted = false
}

/// A writer process from its start to its end.
final class WriterIncarnation {
  let number: Int
  let id: Identifier
  /// The index of each stream's first step.
  let base: [UInt64]
  var steps: [[StepRecord]]
  /// Its sessions with shards, in the order in which it moved to them.
  private(set) var sessions: [WriterSession] = []

  /// The session with an id, which is new at first.
  func session(_ id: Identifier, in history: History) -> WriterSession {
    if let known = sessions.first(where: { $0.id == id }) { return known }
    let session = history.session(id, of: self)
    sessions.append(session)
    return session
  }

  init(number: Int, id: Identifier, base: [UInt64]) {
    self.number = number
    self.id = id
    self.base = base
    steps = base.map { _ in [] }
  }

  func step(_ stream: Int, _ index: UInt64) -> StepRecord? {
    guard steps.indices.contains(stream), index >= base[stream] else { return nil }
    let offset = Int(index - base[stream])
    return offset < steps[stream].count ? steps[stream][offset] : nil
  }
}

/// A writer's session with one shard, which has an id and a sequence of its own.
final class WriterSession {
  let number: Int
  let id: Identifier
  unowned let incarnation: WriterIncarnation
  /// The message of sequence s is at s − 1.
  var messages: [SentMessage] = []
  /// Messages that the writer knows to be committed, or has dropped.
  var released = 0

  init(number: Int, id: Identifier, incarnation: WriterIncarnation) {
    self.number = number
    self.id = id
    self.incarnation = incarnation
  }
}

/// All incarnations of writers.
final class History {
  private(set) var incarnations: [WriterIncarnation] = []
  private(set) var sessions: [Identifier: WriterSession] = [:]

  fileprivate func session(_ id: Identifier, of incarnation: WriterIncarnation) -> WriterSession {
    let session = WriterSession(number: sessions.count, id: id, incarnation: incarnation)
    sessions[id] = session
    return session
  }

  func begin(id: Identifier, base: [UInt64]) -> WriterIncarnation {
    let incarnation = WriterIncarnation(number: incarnations.count, id: id, base: base)
    incarnations.append(incarnation)
    return incarnation
  }

  /// The transition from a step, by its definition: R = Σ_{k<n'} γᵏ r_{t+k}, and the discount
  /// γ^{n'}, or 0 if the end is terminal.
  struct Transition {
    var steps: Int
    var reward: Float
    var discount: Float
  }

  /// Nil if the stream never had the steps for one.
  func transition(at name: StepName, nStep: Int, discount: Float) -> Transition? {
    guard incarnations.indices.contains(name.incarnation) else { return nil }
    let incarnation = incarnations[name.incarnation]
    guard let first = incarnation.step(name.stream, name.index), !first.flags.contains(.isLast) else {
      return nil
    }
    var sum = 0.0
    var power = 1.0
    for steps in 1...nStep {
      let last = StepName(
        incarnation: name.incarnation, stream: name.stream, index: name.index + UInt64(steps - 1))
      sum += power * Double(StepContent.reward(last))
      power *= Double(discount)
      guard let next = incarnation.step(name.stream, name.index + UInt64(steps)),
        !next.flags.contains(.isFirst)
      else {
        return nil
      }
      if next.flags.contains(.isLast) || steps == nStep {
        return Transition(
          steps: steps, reward: Float(sum), discount: next.flags.contains(.isTerminal) ? 0 : Float(power))
      }
    }
    return nil
  }
}
