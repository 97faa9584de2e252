// The dashboard of a real run.

import Foundation
import Foundations
import Glibc
import Testing

@Suite struct SiteTests {
  /// The address that `rookery run` prints.
  private func address(_ run: LiveRun) throws -> String {
    try eventually("the dashboard's address") {
      run.command.output.split(separator: "\n").first { $0.hasPrefix("dashboard: ") }.map {
        String($0.dropFirst(11))
      }
    }
  }

  private func get(_ path: String, _ address: String) throws -> WebAnswer {
    try eventually("\(path) at \(address)") { try Web.get(path, at: address) }
  }

  private func metric(_ name: String, in text: String) -> Double? {
    text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { $0.split(separator: " ").last }.flatMap
    { Double($0) }
  }

  /// An actor started by hand is shown, and reported as silent after it is killed.
  @Test func aRunShowsItself() throws {
    let run = try LiveRun(try Workspace())
    let address = try address(run)
    try run.started()

    let page = try get("/", address)
    #expect(page.status == 200 && page.body.contains("<title>Rookery</title>"))
    #expect(try get("/nowhere", address).status == 404)
    #expect(try Web.get("/", at: address, host: "evil.example")?.status == 403)
    #expect(try get("/livez", address).status == 200)

    var health = try get("/healthz", address)
    let services = try #require(try health.object()["processes"] as? [[String: Any]]).compactMap {
      $0["service"] as? String
    }
    #expect(health.status == 200 && services.sorted() == LiveRun.services, "\(health.body)")

    let first = try get("/metrics", address).body
    try eventually("counters that move") {
      let text = try get("/metrics", address).body
      return [
        "rookery_run_env_steps_total", "rookery_run_updates_total",
        "rookery_actor_env_steps_total{process=\"actor-2\"",
      ]
      .allSatisfy { metric($0, in: text) ?? 0 > metric($0, in: first) ?? 0 }
    }
    #expect(metric("rookery_run_healthy", in: first) == 1)

    let status = try eventually("evaluations, rates and curves") {
      let object = try get("/status.json", address).object()
      let now = object["now"] as? [String: Any]
      let points = (object["evaluations"] as? [String: Any])?["seconds"] as? [Double]
      return now?["env_steps_per_s"] is Double && now?["updates_per_s"] is Double && points?.isEmpty == false
        ? object : nil
    }
    #expect((status["run"] as? [String: Any])?["environment"] as? String == "CartPole-v1")
    #expect((status["processes"] as? [[String: Any]])?.allSatisfy { $0["resident_bytes"] is Double } == true)

    var variables = try #require(run.process("actor")).variables.filter { $0.key.hasPrefix("ROOKERY_") }
    variables["ROOKERY_REPLICA"] = "3"
    let guest = try Started(["actor"], in: run.workspace, environment: variables)
    try eventually("the guest to be shown") { try get("/healthz", address).body.contains("actor-3") }
    _ = try guest.child.kill()
    health = try eventually("the guest to be missed") {
      let answer = try get("/healthz", address)
      return answer.status == 503 ? answer : nil
    }
    #expect(
      health.body.contains("actor-3: silent for 3 s") || health.body.contains("actor-3: silent for 4 s"),
      "\(health.body)")
    #expect(metric("rookery_process_up{process=\"actor-3\"", in: try get("/metrics", address).body) == 0)

    // A process that the run restarts is silent only for a moment; a removed one is not reported.
    let victim = try #require(run.process("actor"))
    #expect(Glibc.kill(victim.pid, SIGKILL) == 0)
    try eventually("its successor alone") {
      let processes = try get("/healthz", address).object()["processes"] as? [[String: Any]] ?? []
      let actors = processes.filter { $0["process"] as? String == "actor-1" }
      return actors.count == 1 && actors[0]["state"] as? String == "up"
        && run.process("actor").map { $0.pid != victim.pid } == true
    }
    #expect(try run.end().code == 1)
  }

  @Test func withoutAnAddressThereIsNoSite() throws {
    let workspace = try Workspace()
    let command = try Started(["parameters"], in: workspace, environment: ServiceTests.addresses(workspace))
    try eventually("it to listen") { command.errors.contains("listening on") }
    try command.child.terminate()
    #expect(try command.end().code == 0)
    #expect(!command.errors.contains("dashboard"))
  }

  @Test func aTakenPortEndsTheServer() throws {
    let workspace = try Workspace()
    var variables = ServiceTests.addresses(workspace)
    variables["ROOKERY_HTTP_ADDRESS"] = "http://127.0.0.1:*"
    let first = try Started(["parameters"], in: workspace, environment: variables)
    let address = try eventually("its address") {
      first.errors.firstRange(of: "metrics at http://").map { range in
        "http://" + first.errors[range.upperBound...].prefix { $0 != "/" }
      }
    }
    #expect(try Web.get("/livez", at: address)?.status == 200)
    variables["ROOKERY_HTTP_ADDRESS"] = address
    for name in ["PARAMETERS", "WEIGHTS"] {
      variables["ROOKERY_\(name)_ADDRESS"] = "ipc://\(workspace.file("second-\(name).ipc"))"
    }
    let ended = try Program.run(["parameters"], in: workspace, environment: variables)
    #expect(ended.code == 1)
    #expect(
      ended.errors.contains(
        "rookery: listening on \(address): Address already in use; another process listens there: stop it or choose another"
      ),
      "\(ended.errors)")
  }

  @Test(arguments: [
    "nonsense", "https://127.0.0.1:7704", "http://127.0.0.1", "http://127.0.0.1:0", "tcp://127.0.0.1:1",
  ])
  func anImpossibleAddressIsRefused(address: String) throws {
    let workspace = try Workspace()
    var variables = ServiceTests.addresses(workspace)
    variables["ROOKERY_HTTP_ADDRESS"] = address
    let ended = try Program.run(["parameters"], in: workspace, environment: variables)
    #expect(ended.code == 2)
    #expect(
      ended.errors.hasPrefix(
        "rookery: ROOKERY_HTTP_ADDRESS: expected http://HOST:PORT with a port 1…65535 or *, found '\(address)'"
      ),
      "\(ended.errors)")
  }
}
