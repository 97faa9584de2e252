// Checks that a sampled batch is what its writers sent.

internal import Experience
internal import Services

/// Compares each row bit by bit with the history's transition from its first step.
struct BatchCheck {
  let cluster: Cluster
  let batch: SampledBatch
  /// The rows that were asked for.
  let rows: Int

  func run() {
    let columns = StepContent.schema.fields.count + (cluster.plan.pace == nil ? 2 : 1)
    guard batch.rows == rows, batch.fields.count == columns else {
      return cluster.violation("a batch of \(batch.rows) rows and \(batch.fields.count) columns")
    }
    for row in 0..<batch.rows {
      let found = cluster.plan.pace.map { problem(ofSequence: row, period: $0.period) } ?? problem(row)
      if let problem = found { return cluster.violation("row \(row): \(problem)") }
    }
  }

  private func problem(_ row: Int) -> String? {
    guard let name = StepContent.name(batch.columns[0] + row * 12) else { return "an unknown observation" }
    let plan = cluster.plan
    guard
      let expected = cluster.history.transition(at: name, nStep: plan.nStep, discount: plan.discount)
    else { return "\(name) starts no transition" }
    guard cluster.replays.contains(where: { $0.served(name, key: batch.keys[row], steps: expected.steps) })
    else {
      return "\(name) is no item with key \(batch.keys[row])"
    }
    if value(1, row, Int32.self) != StepContent.action(name) { return "\(name): action" }
    if value(2, row, Int64.self) != StepContent.tag(name) { return "\(name): tag" }
    if value(3, row, Float.self) != expected.reward {
      return "\(name): return \(value(3, row, Float.self)), expected \(expected.reward)"
    }
    if value(4, row, Float.self) != expected.discount {
      return "\(name): discount \(value(4, row, Float.self)), expected \(expected.discount)"
    }
    let last = StepName(
      incarnation: name.incarnation, stream: name.stream, index: name.index + UInt64(expected.steps))
    if StepContent.name(batch.columns[5] + row * 12) != last {
      return "\(name): next observation is not of \(last)"
    }
    let version = cluster.history.incarnations[name.incarnation].step(name.stream, name.index)?.version
    if batch.versions[row] != version { return "\(name): weights version \(batch.versions[row])" }
    let probability = batch.probabilities[row]
    return probability >= 0 && probability <= 1 ? nil : "\(name): probability \(probability)"
  }

  /// All steps of a sequence, and the version of the first one that is trained on.
  private func problem(ofSequence row: Int, period: Int) -> String? {
    let steps = period + 1
    let context = cluster.plan.pace?.bound.contextSteps ?? 0
    guard let first = StepContent.name(batch.columns[0] + row * steps * 12),
      cluster.history.incarnations.indices.contains(first.incarnation)
    else { return "an unknown observation" }
    if first.index % UInt64(period) != 0 { return "\(first) starts no sequence" }
    guard cluster.replays.contains(where: { $0.served(first, key: batch.keys[row], steps: period) }) else {
      return "\(first) is no item with key \(batch.keys[row])"
    }
    let incarnation = cluster.history.incarnations[first.incarnation]
    for step in 0..<steps {
      let name = StepName(
        incarnation: first.incarnation, stream: first.stream, index: first.index + UInt64(step))
      let place = row * steps + step
      if StepContent.name(batch.columns[0] + place * 12) != name { return "\(name): observation" }
      if value(1, place, Int32.self) != StepContent.action(name) { return "\(name): action" }
      if value(3, place, Float.self) != StepContent.reward(name) { return "\(name): reward" }
      guard let made = incarnation.step(name.stream, name.index) else { return "\(name) was never made" }
      if value(4, place, UInt8.self) != made.flags.rawValue { return "\(name): flags" }
      if step == context, batch.versions[row] != made.version {
        return "\(name): weights version \(batch.versions[row]), expected \(made.version)"
      }
    }
    return nil
  }

  private func value<T: BitwiseCopyable>(_ column: Int, _ row: Int, _ type: T.Type) -> T {
    batch.columns[column].loadUnaligned(fromByteOffset: row * MemoryLayout<T>.size, as: type)
  }
}
