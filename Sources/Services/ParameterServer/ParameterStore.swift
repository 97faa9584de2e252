// What the parameter server must not lose.

public import Experience

/// Everything a restarted server needs: weights, their version, and which changes are in them.
public struct ParameterState: Hashable, Sendable {
  public var version: UInt64
  public var updates: UInt64
  /// See `Weights.clock`.
  public var clock: Double
  /// What every learner must know of these or of earlier weights; nil in a run without milestones.
  public var milestone: Milestone?
  public var merged: [Merged]
  public var manifest: WeightsManifest
  public var values: [Float]

  public init(
    version: UInt64, updates: UInt64, clock: Double? = nil, milestone: Milestone? = nil,
    merged: [Merged], manifest: WeightsManifest, values: [Float]
  ) {
    self.clock = clock ?? Double(updates)
    self.milestone = milestone
    self.version = version
    self.updates = updates
    self.merged = merged
    self.manifest = manifest
    self.values = values
  }
}

/// A publication that passed a multiple of the updates between milestones: it is kept until the
/// next.
public struct Milestone: Hashable, Sendable {
  public var version: UInt64
  public var clock: Double
  public var values: [Float]

  public init(version: UInt64, clock: Double, values: [Float]) {
    self.version = version
    self.clock = clock
    self.values = values
  }
}

/// Where it is kept; called before a version is published, so that no published version is ever taken back.
public protocol ParameterStore {
  mutating func save(_ state: borrowing ParameterState) throws
}

/// Keeps nothing (or, in simulations, the last state).
public struct MemoryParameterStore: ParameterStore {
  public private(set) var last: ParameterState?

  public init() {}

  public mutating func save(_ state: borrowing ParameterState) { last = copy state }
}
