// The speed of the store by itself.

internal import ReplayStore
internal import Experience
internal import Foundations

/// Measures a store on this machine: one thread, 2²⁰ steps of 36 bytes, prioritized 1-step
/// transitions, after the ring has wrapped once. Also measures how the cost of sampling grows with
/// the ring, 10⁴ to 10⁷ steps.
enum ReplayStoreBenchmark {
  /// Returns the name and the operations a second of each measurement. Takes about 8 seconds.
  static func run() -> [(name: String, perSecond: Double)] {
    do {
      return try measure()
    } catch {
      preconditionFailure("the benchmark's own messages are refused: \(error)")
    }
  }

  private static let capacity = 1 << 20
  private static let batch = 512
  /// Long enough to average over the noise of a shared machine.
  private static let duration = Instant.Span.seconds(0.6)

  private static func measure() throws -> [(name: String, perSecond: Double)] {
    var results: [(name: String, perSecond: Double)] = []
    let store = try filledStore(capacity)
    for steps in [50, 1000] {
      let message = StoreBenchMessage(steps: steps)
      var writer = StoreBenchWriter(message: message, writer: steps)
      let rate = try repeated { try writer.send(to: store) }
      results.append(("insert 36 B, \(steps) a message: steps", rate * Double(steps)))
    }
    var sampler = try StoreBenchSampler(store: store, batch: batch)
    results.append(("sample \(batch): batches", try repeated { try sampler.sample() }))
    results.append(("draw without gather: draws", try repeated { try sampler.drawOnly() } * Double(batch)))
    results.append(
      ("sample \(batch) and write priorities back: batches", try repeated { try sampler.sampleAndUpdate() }))
    results.append(
      ("priority updates, \(batch) random keys: keys", try repeated { try sampler.update() } * Double(batch)))
    for (name, capacity) in [("10⁴", 10_000), ("10⁶", 1_000_000), ("10⁷", 10_000_000)] {
      var sampler = try StoreBenchSampler(store: filledStore(capacity), batch: batch)
      results.append(("sample \(batch) of \(name): batches", try repeated { try sampler.sample() }))
      results.append(
        (
          "sample \(batch) of \(name) and write priorities back: batches",
          try repeated { try sampler.sampleAndUpdate() }
        ))
    }
    return results
  }

  private static func filledStore(_ capacity: Int) throws -> ReplayStore {
    let table = TableConfiguration(
      schema: TableSchema(name: "replay", kind: .transition(nStep: 1, discount: 0.99)),
      sampler: .prioritized(exponent: 0.6))
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: capacity, tables: [table]))
    try store.adopt(schema: StoreBenchMessage.schema)
    var writer = StoreBenchWriter(message: StoreBenchMessage(steps: 1000), writer: 0)
    while store.statistics.tail == 0 { try writer.send(to: store) }
    return store
  }

  private static func repeated(_ body: () throws -> Void) rethrows -> Double {
    try CallRate.measure(for: duration, body)
  }
}
