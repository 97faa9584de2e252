// No process survives a run, however it ends.

import Foundation
import Foundations
import Glibc
import Testing

@Suite struct OrphanTests {
  enum Moment: CaseIterable {
    /// As soon as one process is there.
    case starting
    /// Everything works.
    case working
  }

  static let cases: [(signal: Int32, moment: Moment)] = [SIGINT, SIGTERM, SIGKILL].flatMap { signal in
    Moment.allCases.map { (signal, $0) }
  }

  @Test(arguments: cases) func signal(_ signal: Int32, _ moment: Moment) throws {
    let run = try LiveRun(try Workspace())
    switch moment {
    case .starting: try eventually("a process of the run") { !run.processes.isEmpty }
    case .working: try run.started()
    }
    let ended = try run.end(signal)
    try eventually("no process of the run", within: 10) { run.processes.isEmpty }
    guard signal != SIGKILL else {
      #expect(ended.status == .signaled(SIGKILL))
      return
    }
    #expect(ended.code == 1)
    #expect(try run.summary()["outcome"] as? String == "interrupted")
    #expect(!ended.output.contains("did not stop in time"), "\(ended.output)")
  }

  /// A process that ignores signals is killed after its grace period, with its children.
  @Test func aStubbornProcess() throws {
    let workspace = try Workspace()
    let compose = """
      services:
        replay: {command: rookery replay}
        parameters: {command: rookery parameters}
        learner: {command: rookery learner}
        evaluator: {command: rookery evaluator}
        actor:
          command: ["sh", "-c", "trap '' TERM INT; sleep 1000 & echo ready; while :; do sleep 1000; done"]
          stop_grace_period: 200ms
      """
    try workspace.write(compose, to: "stubborn.yaml")
    let run = try LiveRun(workspace, arguments: ["--compose", "stubborn.yaml"])
    try eventually("the stubborn processes") {
      ["actor-1", "actor-2"].allSatisfy { run.log($0).contains("ready") }
    }
    let ended = try run.end(SIGINT)
    #expect(ended.code == 1)
    #expect(ended.output.contains("actor-1 did not stop in time and is killed"))
    try eventually("no process of the run", within: 10) { run.processes.isEmpty }
  }
}
