// Settings that change while a run learns.

internal import Glibc

/// How far a run has come, by the clocks that schedules follow.
public struct RunClock: Hashable, Sendable {
  /// Updates that the weights have been through.
  public var updates: Double
  /// Actions of all actors, over all sessions of the run.
  public var envSteps: Double

  public init(updates: Double = 0, envSteps: Double = 0) {
    self.updates = updates
    self.envSteps = envSteps
  }
}

/// A number that is constant, or goes from one value to another: a function of the run's clock, so
/// that a resumed run goes on in it.
///
/// It is exact at its ends, and everywhere between or at them.
public struct Schedule: Hashable, Sendable {
  /// The way from the first value to the last.
  public enum Shape: String, CaseIterable, Sendable {
    case constant
    case linear
    /// Half a period of the cosine: slow at both ends.
    case cosine
  }

  /// The clock that is followed.
  public enum Axis: String, CaseIterable, Sendable {
    /// `RunClock.updates`.
    case updates
    /// `RunClock.envSteps`.
    case envSteps = "env_steps"
  }

  /// The way from the first value to the last.
  public var shape: Shape
  /// The value at the start; of a constant, always.
  public var from: Double
  /// The value from `over` on.
  public var to: Double
  /// Updates or env steps from the first value to the last.
  public var over: Double
  /// The clock that is followed.
  public var by: Axis

  public init(_ shape: Shape, from: Double, to: Double, over: Double, by: Axis = .updates) {
    self.shape = shape
    self.from = from
    self.to = to
    self.over = over
    self.by = by
  }

  /// A value that does not change.
  public static func constant(_ value: Double) -> Schedule {
    Schedule(.constant, from: value, to: value, over: 0)
  }

  /// Whether the value never changes.
  public var isConstant: Bool { shape == .constant }

  /// The value at a moment of the run.
  public func value(at clock: RunClock) -> Double {
    let passed =
      switch by {
      case .updates: clock.updates
      case .envSteps: clock.envSteps
      }
    guard shape != .constant, passed > 0 else { return from }
    guard passed < over else { return to }
    let fraction = passed / over
    let way =
      switch shape {
      case .constant: 0.0
      case .linear: fraction
      case .cosine: (1 - cos(.pi * fraction)) / 2
      }
    return min(max(from + (to - from) * way, min(from, to)), max(from, to))
  }
}

extension Schedule: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  public init(floatLiteral value: Double) { self = .constant(value) }
  public init(integerLiteral value: Int) { self = .constant(Double(value)) }
}
