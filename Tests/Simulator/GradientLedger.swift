// Checks every update that gradients make.

internal import Experience
internal import Services
internal import Wire

/// Checks the server's state before and after each message. An update applies gradients that
/// were sent, each once within an incarnation of the server and the state that it began with. θ
/// is what gradient descent makes of them, as one batch of all their rows.
struct GradientLedger {
  struct Sent: Equatable {
    var rows: Int
    var weightMax: Double
    var values: [Double]
  }

  private struct Key: Hashable {
    var learner: PublicName
    var sequence: UInt64
  }

  private var sent: [Key: Sent] = [:]
  /// Updates that were checked.
  private(set) var steps = 0
  private var problems: [String] = []

  mutating func sent(id: Identifier, sequence: UInt64, _ gradient: Sent) {
    let key = Key(learner: id.publicName, sequence: sequence)
    if let before = sent[key], before != gradient {
      problems.append("gradient \(sequence) was sent again with another content")
    }
    sent[key] = gradient
  }

  mutating func check(_ before: ParameterState, _ after: ParameterState) {
    let (old, new) = (merged(before), merged(after))
    var applied: [Sent] = []
    for (learner, sequence) in new where sequence != old[learner] {
      guard sequence > old[learner] ?? 0, let gradient = sent[Key(learner: learner, sequence: sequence)]
      else {
        problems.append("gradient \(sequence) applied after \(old[learner] ?? 0), or never sent")
        continue
      }
      applied.append(gradient)
    }
    if old.contains(where: { new[$0.key] == nil }) { problems.append("an applied gradient is forgotten") }
    let weightMax = applied.map(\.weightMax).max() ?? 1
    let rows = applied.reduce(0) { $0 + $1.rows }
    for element in before.values.indices {
      let sum = applied.reduce(0.0) { $0 + Double($1.rows) * $1.weightMax * $1.values[element] }
      let step = rows > 0 ? sum / (weightMax * Double(rows)) : 0
      let expected = Double(before.values[element]) - step
      if !(abs(Double(after.values[element]) - expected) <= 1e-3) {
        problems.append("θ[\(element)] = \(after.values[element]), expected \(expected)")
      }
    }
    let made = applied.isEmpty ? 0 : 1
    if after.updates != before.updates + UInt64(made) {
      problems.append("\(after.updates) updates after \(before.updates), expected \(made) more")
    }
    steps += made
  }

  private func merged(_ state: ParameterState) -> [PublicName: UInt64] {
    Dictionary(state.merged.map { ($0.learner, $0.sequence) }) { _, last in last }
  }

  mutating func takeProblems() -> [String] {
    defer { problems.removeAll() }
    return problems
  }
}
