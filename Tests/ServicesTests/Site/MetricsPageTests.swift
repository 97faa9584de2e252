// Prometheus' text format, checked by Prometheus' own parser.

import Configuration
import Experience
import Foundation
import Foundations
import Glibc
import TestSupport
import Testing
import Wire

@testable import Services

/// The interpreter named by `ROOKERY_PYTHON`, if it has `prometheus_client`.
private let python: String? = {
  guard let value = getenv("ROOKERY_PYTHON") else {
    print("skipped: Prometheus' parser is not tried, ROOKERY_PYTHON is not set")
    return nil
  }
  let path = String(cString: value)
  var probe = ProcessSpawn(path, ["-c", "import prometheus_client.parser"])
  probe.standardError = .discard
  guard (try? probe.start().wait().isSuccess) == true else {
    print("skipped: Prometheus' parser is not tried, '\(path)' cannot import prometheus_client")
    return nil
  }
  return path
}()

@Suite struct MetricsPageTests {
  private typealias F = SiteFixtures

  @Test(arguments: [
    ("env_steps_total", "rookery_actor_env_steps_total", 1.0),
    ("update_to_action_p99_ms", "rookery_actor_update_to_action_p99_seconds", 1e-3),
    ("inserts_blocked_s", "rookery_actor_inserts_blocked_seconds", 1),
    ("training_s_total", "rookery_actor_training_seconds_total", 1),
    ("waiting_share", "rookery_actor_waiting_ratio", 1), ("x_count", "rookery_actor_x_measured", 1),
    ("cpu_s_total", "rookery_process_cpu_seconds_total", 1),
    ("resident_bytes", "rookery_process_resident_bytes", 1),
    ("steps", "rookery_actor_steps", 1), ("_s", "rookery_actor__seconds", 1), ("", "rookery_actor__", 1),
    ("a b-c{}", "rookery_actor_a_b_c__", 1), ("é", "rookery_actor___", 1),
    ("_total", "rookery_actor__total", 1),
  ])
  func names(counter: String, family: String, scale: Double) {
    let name = MetricName(service: "actor", counter: counter)
    #expect(name.family == family && name.scale == scale)
  }

  /// docs/OBSERVABILITY.md lists every metric of a service by the end of its name, with its help.
  @Test func thePageListsAllMetrics() throws {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let page = try String(contentsOfFile: "/\(root)/docs/OBSERVABILITY.md", encoding: .utf8)
    for metric in Metric.allCases where metric != .ended {
      let name = MetricName(service: "actor", counter: metric.rawValue)
      guard !name.isOfProcess else { continue }
      #expect(page.contains("| `\(name.family.dropFirst("rookery_actor_".count))` | \(metric.help) |"))
    }
    for (name, help) in AlgorithmConfiguration().metricDescriptions {
      #expect(page.contains("| `\(name)` | \(help) |"))
    }
  }

  @Test func numbers() {
    #expect(
      [.nan, .infinity, -.infinity, 0, -3, 1.5, 1e15, 1e-7, 1e300].map(PrometheusText.number) == [
        "NaN", "+Inf", "-Inf", "0", "-3", "1.5", "1000000000000000.0", "1e-07", "1e+300",
      ])
    #expect(PrometheusText.escape("a\\b\"c\nd") == "a\\\\b\\\"c\\nd")
  }

  @Test func seriesAreBounded() {
    let counters = Dictionary(uniqueKeysWithValues: (0..<100).map { ("c\($0)", 1.0) })
    let monitor = F.monitor((0, F.status((1...10).map { F.process($0, "actor", counters) })))
    let text = MetricsPage(monitor, now: .at(0), samplesMax: 200).text
    #expect(text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count == 201)
    let dropped = text.split(separator: "\n").last.flatMap { Double($0.split(separator: " ")[1]) }
    #expect((dropped ?? 0) > 800)
  }

  /// Hostile names, labels and values.
  private static let hostile: [ProcessStatus] = [
    F.process(
      1, "actor", "actor-1",
      [
        "env_steps_total": 5, "uptime_s": 1, "cpu_s_total": 0.5, "resident_bytes": 1e7,
        "update_to_action_p99_ms": 50,
      ]),
    F.process(
      2, "actor", "q\"u\\o\nte é \u{1}{}=,", ["env_steps_total": .nan, "x": .infinity, "y": -.infinity]),
    F.process(3, "actor", "twice", ["a b": 1, "a-b": 2, "a_b": 3]),
    F.process(4, "run", "liar", ["healthy": 1, "env_steps_total": 1e9, "info": 2]),
    F.process(5, "process", "liar", ["up": 7, "resident_bytes": 1, "resident-bytes": 2]),
    F.process(6, "metrics", "liar", ["dropped": 7]),
    F.process(7, "", "", ["": 1]),
    F.process(8, "9 lives {}\n# HELP x", "\r\n\t", ["# TYPE\n": 3, "n_total": -1]),
    F.process(9, "actor", "silent", age_s: 5, ["env_steps_total": 1]),
  ]

  @Test(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with prometheus_client"))
  func prometheusReadsIt() throws {
    var monitor = RunMonitor(
      facts: RunFacts(name: "na\"me\n", environment: "E\\v0", algorithm: "dqn", threshold: -110), now: .at(0))
    let status = F.status(Self.hostile, version: 12, updates: 300, evaluations: [F.evaluation(480)])
    monitor.observe(status, saveProblem: nil, now: .at(5000))
    let sample = "/tmp/rookery-test-\(getpid())-metrics.txt"
    defer { unlink(sample) }
    try AtomicFile.replace(sample, with: Array(MetricsPage(monitor, now: .at(5000)).text.utf8))
    let script =
      "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
      + "/python/tests/test_metrics.py"
    let spawn = ProcessSpawn("env", ["ROOKERY_METRICS_SAMPLE=\(sample)", python!, script])
    #expect(try spawn.start().wait() == .exited(code: 0))
  }
}
