// Status requests, and evaluations without repetition.

import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct StatusTests {
  private func evaluation(_ number: Int) -> [UInt8] {
    frame {
      EvaluationReport(
        Evaluation(
          kind: .regular, version: UInt64(number), updates: 0, episodes: 1, meanReturn: Double(number),
          minReturn: 0, maxReturn: 0, isSolved: false)
      ).encode(into: $0)
    }
  }

  /// A connection's requests within a second are limited.
  private func evaluate(_ server: inout ServerHarness, _ numbers: ClosedRange<Int>) {
    for number in numbers { _ = server.receive(evaluation(number), over: UInt64(1000 + number / 50)) }
  }

  private func ask(_ server: inout ServerHarness, _ follower: StatusFollower) -> Status? {
    let telemetry = Telemetry(
      id: server.machine.incarnation, service: "parameters", label: "p", counters: [:])
    server.machine.report(telemetry, now: .at(0))
    return server.status(follower.question(counters: nil))
  }

  @Test func eachEvaluationComesOnce() throws {
    var server = ServerHarness()
    var follower = StatusFollower()
    evaluate(&server, 1...3)
    let first = try #require(ask(&server, follower))
    _ = server.receive(evaluation(4))
    let second = try #require(ask(&server, follower), "asked before the first answer came")
    #expect(follower.newEvaluations(in: first).map(\.version) == [1, 2, 3])
    #expect(follower.newEvaluations(in: second).map(\.version) == [4])
    #expect(follower.newEvaluations(in: first).isEmpty, "late")
    #expect(follower.question(counters: nil).evaluationsKnown == 4)
    #expect(ask(&server, follower)?.evaluations.isEmpty == true)
  }

  @Test(arguments: [1, 3, 5]) func aServerThatWasStartedAgainCountsAnew(evaluations: Int) throws {
    var server = ServerHarness()
    var follower = StatusFollower()
    evaluate(&server, 1...3)
    let before = try #require(ask(&server, follower))
    _ = follower.newEvaluations(in: before)
    var again = ServerHarness(incarnation: 100)
    evaluate(&again, 101...100 + evaluations)
    let seen = follower.newEvaluations(in: try #require(ask(&again, follower))).map(\.version)
    #expect(seen == (1...evaluations).map { UInt64(100 + $0) })
  }

  @Test func onlyTheNewestAreKept() throws {
    var server = ServerHarness()
    evaluate(&server, 1...Limits.evaluations + 10)
    var follower = StatusFollower()
    var seen: [UInt64] = []
    for _ in 0..<Limits.evaluations / Limits.evaluationsPerStatus + 1 {
      let status = try #require(ask(&server, follower))
      #expect(status.evaluations.count <= Limits.evaluationsPerStatus)
      seen += follower.newEvaluations(in: status).map(\.version)
    }
    #expect(seen == (11...UInt64(Limits.evaluations) + 10).map { $0 })
  }

  @Test func aNumberBeyondAllIsAnsweredWithWhatIsKept() throws {
    var server = ServerHarness()
    evaluate(&server, 1...Limits.evaluations + 10)
    let answer = server.status(StatusRequest(evaluationsKnown: Limits.number))
    let status = try #require(answer)
    #expect(status.firstEvaluation == 10)
    #expect(status.evaluations.count == Limits.evaluationsPerStatus)
  }

  @Test func processesThatFallSilentGo() {
    var server = ServerHarness()
    let telemetry = Telemetry(id: Fixtures.id(5), service: "actor", label: "a", counters: ["x": 1])
    _ = server.receive(frame { telemetry.encode(into: $0) })
    #expect(ask(&server, StatusFollower())?.processes.map(\.telemetry.label) == ["a", "p"])
    _ = server.advance(10_000)
    #expect(server.status()?.processes.isEmpty == true)
  }

  @Test func aFailedSaveIsUnhealthy() {
    struct Broken: ParameterStore {
      func save(_ state: borrowing ParameterState) throws {
        throw ParameterStoreError(path: "x", problem: "disk full")
      }
    }
    var machine = ParameterServerMachine(
      configuration: .init(aggregation: .averaging(.rounds)), incarnation: Fixtures.id(1),
      state: ParameterState(
        version: 1, updates: 0, merged: [], manifest: ServerHarness.manifest, values: [0, 0]),
      store: Broken(), now: .at(0))
    let sink = ScriptedSink()
    func receive(_ bytes: [UInt8]) {
      bytes.withUnsafeBytes { machine.receive($0, from: .service, now: .at(0), sink: sink) }
    }
    receive(frame { Join(id: Fixtures.id(1), label: "l", manifest: ServerHarness.manifest).encode(into: $0) })
    let values: [Float] = [1, 1]
    receive(
      values.withUnsafeBytes { values in
        frame {
          Delta(
            id: Fixtures.id(1), sequence: 1, baseVersion: 1, updates: 1, transitions: 1, oldestUpdate: 0,
            newestUpdate: 0,
            values: values
          ).encode(into: $0)
        }
      })
    receive(frame { HealthRequest.encode(into: $0) })
    let health = sink.take().compactMap(\.health).last
    #expect(health?.isHealthy == false && health?.text == "x: disk full")
    #expect(machine.authority.counters.saveFailures == 1 && machine.authority.state.values == [1, 1])
  }
}
