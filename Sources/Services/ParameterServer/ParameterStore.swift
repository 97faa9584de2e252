// The parameter server's state and where it is saved.

public import Experience

/// What a restarted server needs: the weights, their version, and which deltas are in them.
public struct ParameterState: Hashable, Sendable {
  /// The weights' version.
  public var version: UInt64
  /// Updates in the weights, of all learners.
  public var updates: UInt64
  /// How many further versions may have been published after this state was saved.
  public var reserved: UInt64 = 0
  /// Updates that the weights have been through; see `Weights.clock`.
  public var clock: Double
  /// Actions of all actors.
  public var envSteps = EnvStepCount()
  /// The newest milestone; nil in a run without milestones.
  public var milestone: Milestone?
  /// What the merger keeps beside the values, such as a momentum; at most
  /// `ParameterRecord.vectorsMax`, with different names.
  public var vectors: [StateVector] = []
  /// The last delta of each learner that is in the weights, at most `Limits.members`.
  public var merged: [Merged]
  /// Names and shapes of the tensors in `values`.
  public var manifest: WeightsManifest
  /// The weights, flat, in the manifest's order.
  public var values: [Float]

  /// - Parameter clock: nil for `updates`.
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

/// A publication whose clock passed a multiple of the updates between milestones. It is kept until
/// the next one.
public struct Milestone: Hashable, Sendable {
  /// The publication's version.
  public var version: UInt64
  /// The publication's clock, in updates.
  public var clock: Double
  /// The weights, flat, in the manifest's order.
  public var values: [Float]

  public init(version: UInt64, clock: Double, values: [Float]) {
    self.version = version
    self.clock = clock
    self.values = values
  }
}

/// A vector beside the weights, of as many elements, that training goes on from.
public struct StateVector: Hashable, Sendable {
  /// What it is, such as `outer_momentum` or `adam.m`; not `milestone`.
  public var name: String
  /// A number that belongs to it, finite: the setting that it was made with, such as the momentum's
  /// decay, or the steps that made it.
  public var number: Double
  /// Its elements, in the manifest's order.
  public var values: [Float]

  public init(name: String, number: Double, values: [Float]) {
    self.name = name
    self.number = number
    self.values = values
  }
}

/// Saves the state before its version is published, so that a restarted server never goes back
/// behind a published version.
public protocol ParameterStore {
  /// Saves the state in place of the one before.
  /// - Throws: an error if it cannot be saved; the server publishes the version even so.
  mutating func save(_ state: borrowing ParameterState) throws
}

/// Keeps the last state in memory, for simulations.
public struct MemoryParameterStore: ParameterStore {
  /// The state saved last; nil before the first.
  public private(set) var last: ParameterState?

  public init() {}

  public mutating func save(_ state: borrowing ParameterState) { last = copy state }
}
