// The fields of a replay's steps.

/// The fields of a step, in wire order. Each chunk also has a column of `StepFlags` (uint8) after
/// them, which the schema does not list.
///
/// Tables of transitions need the fields `observation`, `action` and `reward` (float32 scalar).
/// Further fields (log-probability, value) are up to the algorithm.
public struct StepSchema: Hashable, Sendable {
  /// The field of observations.
  public static let observation = "observation"
  /// The field of actions.
  public static let action = "action"
  /// The field of rewards.
  public static let reward = "reward"
  /// The most fields a schema may have.
  public static let fieldsMax = 64

  /// In wire order.
  public var fields: [Field]

  public init(fields: [Field]) {
    self.fields = fields
  }

  /// The schema of an environment's steps.
  /// - Parameter recorded: fields that a policy adds to each step.
  public static func steps(
    observation shape: [Int], dtype: DType = .float32, stack: Int = 1, actions: ActionSpace,
    recording recorded: [Field] = []
  ) -> StepSchema {
    StepSchema(
      fields: [
        Field(observation, dtype, shape: shape, stack: stack), actions.field, Field(reward, .float32),
      ] + recorded)
  }

  /// The schema of an environment with discrete actions. It does not depend on their number.
  public static func discrete(observation shape: [Int], dtype: DType = .float32, stack: Int = 1) -> StepSchema
  {
    steps(observation: shape, dtype: dtype, stack: stack, actions: .discrete(1))
  }

  /// Columns of a chunk: the fields and then the flags.
  public var columnCount: Int { fields.count + 1 }

  /// Bytes of one step, flags included.
  public var stepByteCount: Int { fields.reduce(1) { $0 + $1.byteCount } }

  /// The index of the field with this name; nil if there is none.
  public func index(of name: String) -> Int? {
    fields.firstIndex { $0.name == name }
  }

  /// Why `other` cannot be written to a store of this schema; nil if they agree.
  public func mismatch(with other: StepSchema) -> String? {
    for (index, field) in fields.enumerated() {
      guard index < other.fields.count else { return "field \(index): expected \(field), found none" }
      if other.fields[index] != field {
        return "field \(index): expected \(field), found \(other.fields[index])"
      }
    }
    if other.fields.count > fields.count {
      return "field \(fields.count): expected none, found \(other.fields[fields.count])"
    }
    return nil
  }

  /// Why this schema cannot be used; nil if it can.
  public var problem: String? {
    if fields.isEmpty || fields.count > Self.fieldsMax {
      return "expected 1 to \(Self.fieldsMax) fields, found \(fields.count)"
    }
    var names = Set<String>()
    for field in fields {
      if field.name.isEmpty || field.name.utf8.count > 64 {
        return "field name '\(field.name)': expected 1 to 64 bytes"
      }
      if !names.insert(field.name).inserted { return "field '\(field.name)' is declared twice" }
      if field.stack < 1 || field.stack > 64 {
        return "field '\(field.name)': expected stack 1 to 64, found \(field.stack)"
      }
      // A batch has the planes of a stack as a dimension of their own.
      let shape = field.stack > 1 ? [field.stack] + field.shape : field.shape
      if shape.count > Field.dimensionsMax {
        return
          "field '\(field.name)': expected at most \(Field.dimensionsMax) dimensions with its stack, found \(shape.count)"
      }
      var bytes = field.dtype.byteCount
      for size in shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
        if size < 1 || overflow || product > 1 << 30 {
          return "field '\(field.name)': shape \(shape) is empty or larger than 1 GiB a step"
        }
        bytes = product
      }
    }
    if stepByteCount > 1 << 30 { return "a step of \(stepByteCount) bytes is larger than 1 GiB" }
    return nil
  }
}
