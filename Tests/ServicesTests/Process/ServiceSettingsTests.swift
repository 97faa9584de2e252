// A process's settings from environment variables, and refused values.

import Experience
import Foundations
import Testing
import Transport

@testable import Services

@Suite struct ServiceSettingsTests {
  private func settings(_ environment: [String: String]) throws(SettingsError) -> ServiceSettings {
    try ServiceSettings(service: .actor, environment: environment)
  }

  @Test func defaultsAreThisMachine() throws {
    let settings = try settings([:])
    #expect(settings.replay.map(\.description) == ["tcp://127.0.0.1:7701"])
    #expect(settings.parameters.description == "tcp://127.0.0.1:7702")
    #expect(settings.weights.description == "tcp://127.0.0.1:7703")
    #expect(settings.label == "actor-1" && settings.replica == 0 && settings.runDirectory == nil)
    #expect(settings.stopGrace == nil)
  }

  @Test func placesAreRead() throws {
    let settings = try settings([
      "ROOKERY_REPLAY_ADDRESS": "ipc:///tmp/r", "ROOKERY_REPLICA": "3", "ROOKERY_RUN_DIRECTORY": "/tmp/run",
      "ROOKERY_STOP_GRACE_S": "2.5",
    ])
    #expect(settings.stopGrace == .seconds(2.5))
    #expect(settings.replay.map(\.description) == ["ipc:///tmp/r"])
    #expect(settings.label == "actor-3" && settings.replica == 2 && settings.runDirectory == "/tmp/run")
  }

  @Test(arguments: [
    ("ROOKERY_REPLICA", "0", "expected an integer ≥ 1, found '0'"),
    ("ROOKERY_STOP_GRACE_S", "5s", "expected seconds, 0 or more, found '5s'"),
    ("ROOKERY_STOP_GRACE_S", "-1", "expected seconds, 0 or more, found '-1'"),
    ("ROOKERY_REPLICA", "x", "expected an integer ≥ 1, found 'x'"),
    ("ROOKERY_REPLAY_ADDRESS", "tcp://127.0.0.1:7701,tcp://10.0.0.5:7701", "ROOKERY_ALLOW_PLAIN_TCP=1"),
    ("ROOKERY_PARAMETERS_ADDRESS", "nowhere", "nowhere"),
    ("ROOKERY_WEIGHTS_ADDRESS", "", ""),
  ])
  func impossiblePlacesAreRefusedByName(name: String, value: String, problem: String) {
    let error = #expect(throws: SettingsError.self) { try settings([name: value]) }
    #expect(error?.variable == name)
    #expect(problem.isEmpty || error?.problem.contains(problem) == true, "\(error?.description ?? "")")
  }

  @Test func shardsListenAtTheAddressOfTheirNumber() throws {
    let list = "tcp://127.0.0.1:7701,tcp://127.0.0.1:7801"
    func listening(_ replica: String) throws -> String {
      try settings(["ROOKERY_REPLAY_ADDRESS": list, "ROOKERY_REPLICA": replica]).replayListening().description
    }
    #expect(try listening("1") == "tcp://127.0.0.1:7701")
    #expect(try listening("2") == "tcp://127.0.0.1:7801")
    #expect(try listening("3") == "tcp://127.0.0.1:7801", "as a name gives one address for all")
  }

  @Test func plainTrafficStaysOnThisMachineUnlessAskedFor() throws {
    let error = #expect(throws: SettingsError.self) {
      try settings(["ROOKERY_REPLAY_ADDRESS": "tcp://10.0.0.5:7701"])
    }
    #expect(error?.variable == "ROOKERY_REPLAY_ADDRESS")
    #expect(error?.problem.contains("ROOKERY_ALLOW_PLAIN_TCP=1") == true, "\(error?.description ?? "")")
    let asked = try settings([
      "ROOKERY_REPLAY_ADDRESS": "tcp://10.0.0.5:7701", "ROOKERY_ALLOW_PLAIN_TCP": "1",
    ])
    #expect(asked.replay.map(\.description) == ["tcp://10.0.0.5:7701"])
    let open = try settings(["ROOKERY_BIND_HOST": "0.0.0.0"])
    #expect(throws: SettingsError.self) { try open.listening(at: open.parameters) }
  }
}
