// Checks published weights.

internal import Configuration
internal import Experience
internal import Wire

/// Checks every publication. Versions grow. Each delta is merged once, and a learner's deltas in
/// order. θ is what the merged deltas make, by the algebra of averaging and of the outer step.
struct Ledger {
  static let manifest = WeightsManifest(tensors: [TensorSpec(name: "θ", shape: [Plan.parameters])])

  struct Key: Hashable {
    var learner: PublicName
    var sequence: UInt64
  }

  struct Sent: Equatable {
    var updates: UInt64
    var transitions: UInt64
    var values: [Double]
  }

  /// The server's step along a round's mean; nil if deltas are merged as they come.
  let outer: OuterConfiguration?
  /// Updates are made of gradients, which `GradientLedger` checks.
  let sharesGradients: Bool
  private var velocity = [Double](repeating: 0, count: Plan.parameters)
  private var sent: [Key: Sent] = [:]
  /// By version.
  private var milestones: [UInt64: [Float]] = [:]
  private(set) var version: UInt64 = 1
  private(set) var updates: UInt64 = 0
  private(set) var merged: [PublicName: UInt64] = [:]
  private var values = [Double](repeating: 0, count: Plan.parameters)
  private(set) var problems: [String] = []

  init(outer: OuterConfiguration?, sharesGradients: Bool) {
    self.outer = outer
    self.sharesGradients = sharesGradients
  }

  mutating func sent(id: Identifier, sequence: UInt64, _ delta: Sent) {
    let key = Key(learner: id.publicName, sequence: sequence)
    if let before = sent[key], before != delta {
      problems.append("delta \(sequence) was sent again with another content")
    }
    sent[key] = delta
  }

  /// Whether these weights were published as a milestone.
  func isMilestone(_ values: [Float]) -> Bool { milestones.values.contains(values) }

  mutating func published(_ weights: Weights) {
    if weights.isMilestone { record(milestone: weights) }
    // A milestone on a topic of its own is an old version.
    guard !weights.topic.hasPrefix(Weights.topicMilestone) else { return }
    let now = (0..<Plan.parameters).map {
      Double(weights.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
    }
    let entries = Dictionary(weights.merged.map { ($0.learner, $0.sequence) }) { _, last in last }
    if entries.count != weights.merged.count {
      problems.append("a learner is listed twice in version \(weights.version)")
    }
    if weights.version == version {
      if now != values || entries != merged || weights.updates != updates {
        problems.append("version \(version) was published with two contents")
      }
      return
    }
    if weights.version < version { problems.append("version \(weights.version) after \(version)") }
    if !sharesGradients { advance(to: weights, now, entries) }
    version = weights.version
    updates = weights.updates
    merged = entries
    values = now
  }

  /// A milestone is the same each time it is published.
  private mutating func record(milestone: Weights) {
    let values = (0..<Plan.parameters).map {
      milestone.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
    }
    if let before = milestones[milestone.version], before != values {
      problems.append("milestone \(milestone.version) was published with two contents")
    }
    milestones[milestone.version] = values
  }

  private mutating func advance(to weights: Weights, _ now: [Double], _ entries: [PublicName: UInt64]) {
    var sum = [Double](repeating: 0, count: Plan.parameters)
    var (weight, added): (UInt64, UInt64) = (0, 0)
    for (learner, sequence) in entries where sequence != merged[learner] {
      let before = merged[learner] ?? 0
      guard sequence == before + 1, let delta = sent[Key(learner: learner, sequence: sequence)] else {
        problems.append("delta \(sequence) merged after \(before), or never sent")
        continue
      }
      added += delta.updates
      weight += delta.transitions
      for element in sum.indices { sum[element] += Double(delta.transitions) * delta.values[element] }
    }
    if merged.keys.contains(where: { entries[$0] == nil }) { problems.append("a merged delta is forgotten") }
    if weight == 0 { problems.append("version \(weights.version) holds no new delta") }
    if weights.updates != updates + added {
      problems.append("version \(weights.version): \(weights.updates) updates, expected \(updates + added)")
    }
    guard let outer, weight > 0 else { return }
    for element in sum.indices {
      let mean = sum[element] / Double(weight)
      velocity[element] = outer.momentum * velocity[element] + mean
      let expected = values[element] + outer.learningRate * (mean + outer.momentum * velocity[element])
      if abs(now[element] - expected) > 1e-3 {
        problems.append(
          "version \(weights.version): θ[\(element)] = \(now[element]), expected \(expected)")
      }
    }
  }

  mutating func takeProblems() -> [String] {
    defer { problems.removeAll() }
    return problems
  }
}
