// Translates names of counters for Prometheus.

/// The Prometheus metric of a process's counter: `rookery_<service>_<counter>`, in base units.
struct MetricName {
  var family: String
  /// The factor from the counter's unit to Prometheus': milliseconds become seconds.
  var scale: Double
  /// Whether every service has the counter; then the service is a label, not a part of the name.
  var isOfProcess: Bool
  var help: String

  /// The counters of every process, which `TelemetryReporter` adds.
  private static let ofProcess: [Metric] = [.resident_bytes, .uptime_s, .cpu_s_total, .pid]

  /// - Parameter ruleHelp: the meaning of the learning rule's own counters, by name.
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
      // Prometheus reserves `_count` for histograms.
      name = name.dropLast(6) + "_measured"
    }
    if isCounter { name += "_total" }
    let metric = Metric(rawValue: counter)
    isOfProcess = metric.map(Self.ofProcess.contains) ?? false
    family = isOfProcess ? "rookery_process_\(name)" : "rookery_\(PrometheusText.sanitized(service))_\(name)"
    help = metric?.help ?? ruleHelp[counter] ?? "'\(counter)' as each \(service) reports it."
  }
}
