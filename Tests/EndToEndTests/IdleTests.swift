// CPU time of an idle run.

import Foundation
import Foundations
import Glibc
import Testing

@Suite(.serialized) struct IdleTests {
  /// Every service is up, but there are no actors: less than 2 % of one core on a quiet machine,
  /// including `rookery run`. The bound here is wider, for a busy machine.
  @Test func everythingUpWithoutActors() throws {
    let workspace = try Workspace()
    let command = try Started(
      ["run", "config/cartpole.yaml", "--actors", "0", "--name", "idle"], in: workspace)
    let folder = workspace.file("runs/idle")
    func processes() -> [RunProcess] { ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: folder) }
    try eventually("all services") {
      Set(processes().map(\.service)) == ["evaluator", "learner", "parameters", "replay"]
        && Text.objects(in: "\(folder)/metrics.jsonl") >= 2
    }
    let pids = processes().map(\.pid) + [command.child.identifier]
    func used() -> [Double] { pids.map { ProcessTable.cpuSeconds(of: $0) } }
    let (before, start) = (used(), SystemClock.now())
    let second = Text.objects(in: "\(folder)/metrics.jsonl")
    // Time is measured by the run's own seconds.
    try eventually("three more seconds") { Text.objects(in: "\(folder)/metrics.jsonl") >= second + 3 }
    let (after, seconds) = (used(), (SystemClock.now() - start).seconds)
    let share = zip(before, after).reduce(0) { $0 + $1.1 - $1.0 } / seconds
    print("idle: \((share * 10_000).rounded() / 100) % of one core in \(pids.count) processes")
    #expect(share <= 0.05)
    try command.child.send(SIGTERM)
    #expect(try command.end().code == 1)
  }
}

extension Text {
  /// Lines of a file.
  static func objects(in path: String) -> Int { read(path).utf8.count { $0 == UInt8(ascii: "\n") } }
}
