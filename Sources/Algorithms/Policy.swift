// What actors act with.

public import Experience
public import Foundations

/// Chooses actions for rows of observations: inference only, one call a batch of environments.
/// Not `Sendable`: one thread owns it.
public protocol Policy: AnyObject {
  /// Rows that a call may have at most.
  var batchMax: Int { get }
  /// Elements of the flat parameters.
  var parameterCount: Int { get }
  /// How it ranks a transition that no learner has seen; nil leaves that to the table.
  var firstPriority: TransitionPriority? { get }

  /// Loads parameters in the manifest's order.
  func importParameters(from source: UnsafeBufferPointer<Float>)

  /// Chooses an action for each observation, and writes all columns of `rows`.
  ///
  /// - Parameters:
  ///   - observations: `[count]` observations, with their stacks.
  ///   - exploration: `[count]`, how much each row explores (ε); nil is greedy, and draws nothing.
  func act(
    observations: UnsafeRawPointer, count: Int, exploration: UnsafePointer<Float>?,
    generator: inout SeededGenerator, rows: PolicyRows)
}

/// What a policy says of rows. Whoever acts owns it, and uses it again.
public final class PolicyRows {
  public let count: Int
  /// `[count]` actions of the action space.
  public let actions: UnsafeMutableRawPointer
  /// `[count]`, the value of the action chosen, as far as the policy knows one.
  public let actionValues: UnsafeMutablePointer<Float>
  /// `[count]`, the value of the state: what a return is bootstrapped from.
  public let stateValues: UnsafeMutablePointer<Float>
  /// The columns of `Algorithm.recordedFields`.
  public let recorded: [UnsafeMutableRawPointer]

  public init(count: Int, actions: ActionSpace, recording fields: [Field] = []) {
    self.count = count
    func column(_ bytes: Int) -> UnsafeMutableRawPointer {
      let column = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * bytes), alignment: 64)
      column.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, count * bytes))
      return column
    }
    self.actions = column(actions.field.byteCount)
    actionValues = column(4).assumingMemoryBound(to: Float.self)
    stateValues = column(4).assumingMemoryBound(to: Float.self)
    recorded = fields.map { column($0.byteCount) }
  }

  deinit {
    actions.deallocate()
    actionValues.deallocate()
    stateValues.deallocate()
    for column in recorded { column.deallocate() }
  }
}
