// Snapshots and restores, beside the benchmark's clients.

internal import Services
internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Wire

/// Makes a replay write snapshots one after the other, or restore one again and again.
struct BenchSnapshots {
  let address: String
  let verb: SnapshotVerb
  private var generator = SeededGenerator.fromSystem()

  init(address: String, verb: SnapshotVerb) {
    self.address = address
    self.verb = verb
  }

  /// Snapshots or restores a second.
  mutating func run(seconds: Double) throws -> BenchReport {
    let kept = verb == .restore ? try copy(.snapshot, newName()) : nil
    var made = kept.map { [$0.text] } ?? []
    // At the end, because removing them costs as much as making them.
    defer { for path in made { try? FileManager.default.removeItem(atPath: path) } }
    let start = SystemClock.now()
    var copies = 0
    while SystemClock.now() < start + .seconds(seconds) {
      let status = try copy(verb, kept?.name ?? newName())
      if verb == .snapshot { made.append(status.text) }
      copies += 1
    }
    let elapsed = (SystemClock.now() - start).seconds
    return BenchReport(perSecond: Double(copies) / elapsed, p50_ms: 0, p99_ms: 0, cpu: 0)
  }

  private mutating func copy(_ verb: SnapshotVerb, _ name: String) throws -> SnapshotStatus {
    let request = SnapshotRequest(id: Identifier(using: &generator), verb: verb, name: name)
    let status = try ServiceClient.run(request, at: address)
    if status.state == .failed { throw BenchError("\(verb) of \(name): \(status.text)") }
    return status
  }

  private mutating func newName() -> String { "bench-\(generator.below(1 << 40))" }
}
