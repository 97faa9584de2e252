// The part of a table that clients see.

/// The part of a table that writers and learners must agree on with the service (HELLO).
public struct TableSchema: Hashable, Sendable {
  /// At most 64 bytes, unique among the tables of a replay.
  public var name: String
  /// The kind of items, with its parameters.
  public var kind: TableKind

  public init(name: String, kind: TableKind) {
    self.name = name
    self.kind = kind
  }

  /// Why a client that expects `other` cannot use this table; nil if it can.
  public func mismatch(with other: TableSchema) -> String? {
    if name != other.name { return "table: expected '\(name)', found '\(other.name)'" }
    func differ<Value: Equatable>(_ what: String, _ own: Value, _ found: Value) -> String? {
      own == found ? nil : "table '\(name)': expected \(what) \(own), found \(found)"
    }
    switch (kind, other.kind) {
    case (.transition(let n, let discount), .transition(let otherN, let otherDiscount)):
      return differ("n-step", n, otherN) ?? differ("discount", discount, otherDiscount)
    case (
      .sequence(let length, let period, let episodes),
      .sequence(let otherLength, let otherPeriod, let otherEpisodes)
    ):
      return differ("length", length, otherLength) ?? differ("period", period, otherPeriod)
        ?? differ("episodes", episodes.name, otherEpisodes.name)
    case (.record, .record): return nil
    case (.transition, _), (.sequence, _), (.record, _):
      return differ("kind", kind.name.rawValue, other.kind.name.rawValue)
    }
  }
}

extension [TableSchema] {
  /// Why a client whose tables are `other`, in this order, cannot use these; nil if it can.
  public func mismatch(with other: [TableSchema]) -> String? {
    guard count == other.count else {
      return "tables: expected \(count) (\(map(\.name).joined(separator: ", "))), found \(other.count)"
    }
    return zip(self, other).lazy.compactMap { $0.mismatch(with: $1) }.first
  }
}

extension TableSchema {
  /// The column of the steps' flags, in batches of sequences and records.
  public static let flags = "flags"
  /// The column of the lengths of padded sequences without their padding.
  public static let validLength = "valid_length"
  /// The column that weighs the value a transition bootstraps from.
  public static let discount = "discount"
  /// The column of the observation that this value is of.
  public static let nextObservation = "next_observation"

  /// The columns of a batch over steps of `schema`, without the batch dimension.
  ///
  /// A field of stack k has its k planes as first dimension, oldest first. Plane j of step t is the
  /// frame of step t − k + 1 + j. Planes from before the episode repeat its first frame (as
  /// Gymnasium's `FrameStackObservation` does with the reset observation).
  ///
  /// * **Transition**: the first step's fields, with `reward` replaced by the n-step return. Then
  ///   `discount` (float32: γ^{n'}·(1 − terminal)) and `next_observation` (s_{t+n'}).
  /// * **Sequence**: the fields and `flags` (uint8: `StepFlags`), each with a first dimension of
  ///   `length` steps. Padded ones also have `valid_length` (int32); steps from that number on are
  ///   zeros.
  /// * **Record**: the step's fields and `flags`.
  public func batchFields(of schema: StepSchema) -> [Field] {
    switch kind {
    case .transition:
      var fields = schema.fields.map(\.served)
      fields.append(Field(Self.discount, .float32))
      if let observation = schema.fields.first(where: { $0.name == StepSchema.observation }) {
        let next = observation.served
        fields.append(Field(Self.nextObservation, next.dtype, shape: next.shape))
      }
      return fields
    case .sequence(let length, _, let episodes):
      let fields = (schema.fields.map(\.served) + [Field(Self.flags, .uint8)]).map {
        Field($0.name, $0.dtype, shape: [length] + $0.shape)
      }
      switch episodes {
      case .cross: return fields
      case .pad: return fields + [Field(Self.validLength, .int32)]
      }
    case .record:
      return schema.fields.map(\.served) + [Field(Self.flags, .uint8)]
    }
  }

  /// Why this table cannot be made of steps of `schema`; nil if it can.
  public func problem(of schema: StepSchema) -> String? {
    if case .transition = kind, let problem = Self.transitionProblem(schema) { return problem }
    var names = Set<String>()
    var rowBytes = 0
    for field in batchFields(of: schema) {
      if !names.insert(field.name).inserted {
        return "expected no field '\(field.name)', which its batches have a column of, found one"
      }
      if field.shape.count > Field.dimensionsMax {
        return
          "expected at most \(Field.dimensionsMax) dimensions in a batch, found \(field.shape.count) of '\(field.name)'"
      }
      // A step's field is at most 2³⁰ bytes, and a sequence has at most 2³² steps.
      rowBytes += field.byteCount
      if rowBytes > 1 << 30 { return "expected items of at most 1 GiB, found larger ones" }
    }
    return nil
  }

  private static func transitionProblem(_ schema: StepSchema) -> String? {
    for name in [StepSchema.observation, StepSchema.action] where schema.index(of: name) == nil {
      return "expected a field '\(name)', found none"
    }
    let expected = Field(StepSchema.reward, .float32)
    guard let reward = schema.fields.first(where: { $0.name == expected.name }) else {
      return "expected a field \(expected), found none"
    }
    return reward == expected ? nil : "expected a field \(expected), found \(reward)"
  }
}

extension Field {
  /// The most dimensions of a column on the wire, stack and sequence included.
  static let dimensionsMax = 8

  /// The field with its planes, as a batch has it.
  fileprivate var served: Field {
    stack > 1 ? Field(name, dtype, shape: [stack] + shape) : self
  }
}
