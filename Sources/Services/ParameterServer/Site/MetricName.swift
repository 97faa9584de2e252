// Our counters' names as Prometheus wants them.

/// A metric of a process's counter: `rookery_<service>_<counter>`, in base units.
struct MetricName {
  var family: String
  /// What the counter's value is multiplied by: milliseconds become seconds.
  var scale: Double
  /// It says the same of every service; the service is a label then.
  var isOfProcess: Bool
  var help: String

  /// Counters that every process has (`TelemetryReporter`).
  private static let ofProcess: [Metric] = [.resident_bytes, .uptime_s, .cpu_s_total, .pid]

  /// - Parameter ruleHelp: what the learning rule's own counters mean.
  init(service: String, counter: String, ruleHelp: [String: String] = [:]) {
    var name = PrometheusText.sanitized(counter)
    let isCounter = name.hasSuffix("_total")
    if isCounter { name.removeLast(6) }
    scale = 1
    if name.hasSuffix("_ms") {
      name = name.dropLast(3) + "_seconds"
      scale = 1e-3
    } else if name.hasSuffix("_s") {
      name = name.dropLast(2) + "_seconds"
    } else if name.hasSuffix("_share") {
      name = name.dropLast(6) + "_ratio"
    } else if name.hasSuffix("_count") {
      // Prometheus keeps this ending for its histograms.
      name = name.dropLast(6) + "_measured"
    }
    if isCounter { name += "_total" }
    let metric = Metric(rawValue: counter)
    isOfProcess = metric.map(Self.ofProcess.contains) ?? false
    family = isOfProcess ? "rookery_process_\(name)" : "rookery_\(PrometheusText.sanitized(service))_\(name)"
    help = metric?.help ?? ruleHelp[counter] ?? "'\(counter)' as each \(service) reports it."
  }
}
