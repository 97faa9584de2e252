// `rookery bench-worker`: a client of the replay benchmark.

internal import Console
internal import Foundations
internal import Wire

extension BenchCommand {
  /// Runs `rookery bench-worker fill|insert|sample|update|writers|snapshot|restore ADDRESS
  /// --payload P …`, which `rookery bench replay` starts. Prints its report as a line of JSON.
  public static func runClient(_ list: [String]) throws {
    let arguments = try Arguments(
      list, valued: ["payload", "steps", "in-flight", "seconds", "count", "batch", "rate"],
      plain: ["varied"])
    guard arguments.positional.count == 2,
      let payload = BenchPayload(rawValue: arguments.value("payload") ?? "36")
    else { throw UsageError("expected rookery bench-worker KIND ADDRESS --payload P") }
    let address = arguments.positional[1]
    let seconds = Double(arguments.value("seconds") ?? "1") ?? 1
    let steps = try arguments.integer("steps", in: 1...1 << 20) ?? payload.messageSizes[0]
    let inFlight = try arguments.integer("in-flight", in: 1...1024) ?? payload.inFlight(steps: steps)
    let batch = try arguments.integer("batch", in: 1...1 << 20) ?? 512
    let count = try arguments.integer("count", in: 1...1 << 40) ?? 1
    let report: BenchReport
    switch arguments.positional[0] {
    case "fill":
      var inserter = try BenchInserter(address: address, payload: payload, steps: steps, inFlight: inFlight)
      return try inserter.fill(steps: count)
    case "insert":
      var inserter = try BenchInserter(
        address: address, payload: payload, steps: steps, inFlight: inFlight,
        rate: Double(try arguments.integer("rate", in: 0...1 << 40) ?? 0), isVaried: arguments.has("varied"))
      report = try inserter.run(seconds: seconds)
    case "sample":
      var sampler = try BenchSampler(address: address, payload: payload, batch: batch, inFlight: inFlight)
      report = try sampler.run(seconds: seconds, measuresLatency: inFlight == 1)
    case "update":
      var sampler = try BenchSampler(address: address, payload: payload, batch: batch, inFlight: inFlight)
      report = try sampler.runUpdates(seconds: seconds)
    case "writers":
      var writers = try BenchWriters(address: address, count: count, rate: 50)
      report = try writers.run(seconds: seconds)
    case "snapshot", "restore":
      let verb: SnapshotVerb = arguments.positional[0] == "snapshot" ? .snapshot : .restore
      var copies = BenchSnapshots(address: address, verb: verb)
      report = try copies.run(seconds: seconds)
    case let kind:
      throw UsageError(
        "expected fill, insert, sample, update, writers, snapshot or restore, found '\(kind)'")
    }
    print(try JSON.line(report), terminator: "")
  }
}
