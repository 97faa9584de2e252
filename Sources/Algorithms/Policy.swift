// The protocol of policies.

public import Experience
public import Foundations

/// Chooses actions for observations, one call for each batch of environments. It does not learn.
/// Not `Sendable`: one thread owns it.
public protocol Policy: AnyObject {
  /// The largest number of rows of a call.
  var batchMax: Int { get }
  /// Elements of the flat parameters.
  var parameterCount: Int { get }
  /// The priority of a new transition; nil leaves it to the table.
  var firstPriority: TransitionPriority? { get }

  /// Loads parameters in the manifest's order and layout.
  func importParameters(from source: UnsafeBufferPointer<Float>)

  /// Chooses an action for each observation, and writes all columns of `rows`.
  ///
  /// - Parameters:
  ///   - observations: `[count]` observations, with their frame stacks.
  ///   - exploration: `[count]`, each row's ε; nil acts greedily and does not use `generator`.
  func act(
    observations: UnsafeRawPointer, count: Int, exploration: UnsafePointer<Float>?,
    generator: inout SeededGenerator, rows: PolicyRows)
}

/// A policy's outputs, one row for each environment. The caller of `act` owns it and reuses it.
public final class PolicyRows {
  /// The number of rows.
  public let count: Int
  /// `[count]` actions of the action space.
  public let actions: UnsafeMutableRawPointer
  /// `[count]`, the value of the chosen action, if the policy computes one.
  public let actionValues: UnsafeMutablePointer<Float>
  /// `[count]`, the value of the state, from which returns are bootstrapped.
  public let stateValues: UnsafeMutablePointer<Float>
  /// The columns of `Algorithm.recordedFields`, in order.
  public let recorded: [UnsafeMutableRawPointer]

  /// Allocates columns filled with zeros.
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
