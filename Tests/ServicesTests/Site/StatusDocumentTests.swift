// The page's data.

import Experience
import Foundation
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct StatusDocumentTests {
  private typealias F = SiteFixtures

  private func object(_ monitor: RunMonitor, since: String?, incarnation: UInt64 = 1) throws -> [String: Any]
  {
    let bytes = try StatusDocument(monitor, incarnation: Fixtures.id(incarnation), since: since, now: .at(0))
      .json()
    return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  private func seconds(_ object: [String: Any], _ part: String = "samples") -> [Double] {
    (object[part] as? [String: Any])?["seconds"] as? [Double] ?? [-1]
  }

  @Test func aPageIsToldWhatItDoesNotHave() throws {
    var monitor = F.monitor(
      (0, F.status([], evaluations: [F.evaluation(20)])), (1000, F.status([], first: 1)))
    let first = try object(monitor, since: nil)
    #expect(first["whole"] as? Bool == true)
    #expect(seconds(first) == [0, 1] && seconds(first, "evaluations") == [0])
    let cursor = try #require(first["cursor"] as? String)
    let same = try object(monitor, since: cursor)
    #expect(same["whole"] as? Bool == false && seconds(same).isEmpty && seconds(same, "evaluations").isEmpty)
    monitor.observe(F.status([], first: 1, evaluations: [F.evaluation(30)]), saveProblem: nil, now: .at(2000))
    let more = try object(monitor, since: cursor)
    #expect(more["whole"] as? Bool == false && seconds(more) == [2] && seconds(more, "evaluations") == [2])
  }

  @Test(arguments: [
    nil, "", "nonsense", "1.2.3.4", "1.2.3.4.5.6", "x.0.-1.0.0", "x.0.99999999999999999999.0.0",
  ])
  func noCursorGetsAll(since: String?) throws {
    let found = try object(F.monitor((0, F.status([]))), since: since)
    #expect(found["whole"] as? Bool == true && seconds(found) == [0])
  }

  @Test func anotherLifeOrAnotherGenerationGetsAll() throws {
    var monitor = F.monitor((0, F.status([])))
    let cursor = try #require(try object(monitor, since: nil)["cursor"] as? String)
    #expect(try object(monitor, since: cursor, incarnation: 2)["whole"] as? Bool == true)
    for step in 1...2048 { monitor.observe(F.status([]), saveProblem: nil, now: .at(Double(step) * 1000)) }
    #expect(monitor.history.samples.generation == 1)
    let found = try object(monitor, since: cursor)
    #expect(found["whole"] as? Bool == true && seconds(found).count == 1024)
  }

  @Test func theRunInNumbers() throws {
    let processes = { (uptime: Double, count: Double) in
      [
        F.process(
          1, "actor", ["uptime_s": uptime, "env_steps_total": count, "update_to_action_p99_ms": 52.34567]),
        F.process(
          2, "learner",
          [
            "uptime_s": uptime, "updates_total": count, "staleness_versions": 3,
            "trained_staleness_mean": 1.25, "trained_staleness_p99": 4, "trained_staleness_max": 6,
            "staleness_bound": 8,
          ]),
        F.process(3, "replay", ["steps": 50, "actors_waiting": 2, "capacity": 200, "resident_bytes": 1e6]),
      ]
    }
    let monitor = F.monitor(
      (0, F.status(processes(1, 100))),
      (
        1000,
        F.status(
          processes(2, 300), version: 12, updates: 300,
          evaluations: [
            F.evaluation(480), F.evaluation(470), F.evaluation(481, kind: .confirmation, isSolved: true),
          ])
      ))
    let found = try object(monitor, since: nil)
    let now = try #require(found["now"] as? [String: Any])
    let expected: [String: Double] = [
      "env_steps": 300, "env_steps_per_s": 200, "updates": 300, "updates_per_s": 200, "version": 12,
      "staleness_versions": 3, "trained_staleness_mean": 1.25, "trained_staleness_p99": 4,
      "trained_staleness_max": 6,
      "staleness_bound": 8, "actors_waiting": 2, "update_to_action_p99_ms": 52.35, "replay_steps": 50,
      "replay_capacity": 200,
      "return_mean": 470, "return_min": 465, "return_max": 475, "return_best": 480,
    ]
    for (name, value) in expected { #expect(now[name] as? Double == value, "\(name)") }
    let run = try #require(found["run"] as? [String: Any])
    #expect(
      run["name"] as? String == "test" && run["solved"] as? Bool == true && run["threshold"] as? Double == 475
    )
    let rows = try #require(found["processes"] as? [[String: Any]])
    #expect(rows.map { $0["process"] as? String } == ["replay-1", "learner-1", "actor-1"])
    #expect(rows.map { $0["rate"] as? Double } == [nil, 200, 200])
    let columns = try #require(found["samples"] as? [String: Any])
    #expect(columns["replay_fill"] as? [Double] == [0.25, 0.25])
    #expect((columns["env_steps_per_s"] as? [Any])?.first is NSNull)
  }

  @Test func numbersAreShort() {
    #expect(StatusDocument.short(123456.789) == 123457 && StatusDocument.short(-0.000123456) == -0.0001235)
    #expect(
      StatusDocument.short(0) == 0 && StatusDocument.short(1e300) == 1e300
        && StatusDocument.short(Double.leastNonzeroMagnitude) == Double.leastNonzeroMagnitude)
    #expect(StatusDocument.short(.nan) == nil && StatusDocument.short(-.infinity) == nil)
  }
}

@Suite struct DashboardPageTests {
  @Test func onlyItsOwnScriptRuns() {
    var generator = SeededGenerator(seed: 1)
    let (first, second) = (DashboardPage(using: &generator), DashboardPage(using: &generator))
    let text = String(decoding: first.body, as: UTF8.self)
    #expect(!text.contains("{{nonce}}") && first.body != second.body)
    let nonces = text.matches(of: /nonce="([0-9a-f]{32,})"/).map { String($0.output.1) }
    #expect(nonces.count == 2 && Set(nonces).count == 1)
    #expect(
      first.contentSecurityPolicy.contains("script-src 'nonce-\(nonces[0])'; style-src 'nonce-\(nonces[0])'"))
    #expect(first.contentSecurityPolicy.hasPrefix("default-src 'none';"))
    #expect(!first.contentSecurityPolicy.contains("unsafe"))
  }

  /// Strings from other processes become text, never markup; the page loads nothing from other
  /// hosts.
  @Test func thePageIsWhole() {
    var generator = SeededGenerator(seed: 1)
    let page = DashboardPage(using: &generator)
    let text = String(decoding: page.body, as: UTF8.self)
    for word in [
      "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=\"", " onclick",
      "import(",
    ] {
      #expect(!text.contains(word), "\(word)")
    }
    let addresses = text.matches(of: /https?:\/\/[^\s"'<)]+/).map { String($0.output) }
    #expect(addresses.allSatisfy { $0.hasPrefix("http://www.w3.org/2000/svg") }, "\(addresses)")
    #expect(page.body.count < 40_000)
  }
}
