// What a table makes of steps.

/// How a table turns steps into what is sampled.
public enum TableKind: Hashable, Sendable {
  /// n-step transitions: s_t, a_t, Σ_{k<n'} γᵏ r_{t+k}, γ^{n'}·(1 − terminal), s_{t+n'}; at an episode's end n shrinks to n'.
  /// An item spans n' + 1 steps. (Sutton & Barto 2018, eq. 7.1.)
  case transition(nStep: Int, discount: Float)
}

/// What writers and learners must agree on about a table at HELLO.
public struct TableSchema: Hashable, Sendable {
  public var name: String
  public var kind: TableKind

  public init(name: String, kind: TableKind) {
    self.name = name
    self.kind = kind
  }

  /// Why a peer that expects `other` cannot use this table, or nil if it can.
  public func mismatch(with other: TableSchema) -> String? {
    if name != other.name { return "table: expected '\(name)', found '\(other.name)'" }
    switch (kind, other.kind) {
    case (.transition(let n, let discount), .transition(let otherN, let otherDiscount)):
      if n != otherN { return "table '\(name)': expected n-step \(n), found \(otherN)" }
      if discount != otherDiscount {
        return "table '\(name)': expected discount \(discount), found \(otherDiscount)"
      }
      return nil
    }
  }
}

extension TableSchema {
  /// The columns of a batch of this table over steps of `schema`, without the batch dimension.
  ///
  /// Transition: the first step's fields with `reward` replaced by the n-step return, then
  /// `discount` (float32: γ^{n'}·(1 − terminal)) and `next_observation` (s_{t+n'}).
  public func batchFields(of schema: StepSchema) -> [Field] {
    switch kind {
    case .transition:
      var fields = schema.fields
      fields.append(Field("discount", .float32))
      if var next = schema.fields.first(where: { $0.name == StepSchema.observation }) {
        next.name = "next_observation"
        fields.append(next)
      }
      return fields.map { field in
        guard field.stack > 1 else { return field }
        return Field(field.name, field.dtype, shape: [field.stack] + field.shape)
      }
    }
  }
}
