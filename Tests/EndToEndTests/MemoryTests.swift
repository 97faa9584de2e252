// Memory over a long run.

import Foundation
import Foundations
import Testing

@Suite(.serialized, .enabled(if: Program.runsLongTests)) struct MemoryTests {
  /// Ten minutes at full speed, mostly after the ring has wrapped: at the end no process uses more
  /// memory than after two minutes, plus 2 % and 1 MB for allocators.
  @Test func aTenMinuteRunIsFlat() throws {
    let workspace = try Workspace()
    let command = try Started(
      ["run", "config/mountaincar.yaml", "--name", "memory"]
        + ["evaluator.threshold=null", "evaluator.confirm_threshold=null", "stop.seconds=600"].flatMap {
          ["--set", $0]
        }, in: workspace)
    let folder = workspace.file("runs/memory")
    let metrics = "\(folder)/metrics.jsonl"
    /// Largest resident size of each process over ten samples, one per second of the run.
    func sizes(after second: Int) throws -> [String: Int] {
      var sizes: [String: Int] = [:]
      for look in 0..<10 {
        try eventually("second \(second + look) of the run", within: 700) {
          Text.objects(in: metrics) >= second + look
        }
        for process in ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: folder) {
          let name = "\(process.service)-\(process.replica)"
          sizes[name] = max(sizes[name] ?? 0, ProcessTable.residentBytes(of: process.pid))
        }
        sizes["run"] = max(sizes["run"] ?? 0, ProcessTable.residentBytes(of: command.child.identifier))
      }
      return sizes
    }
    let early = try sizes(after: 120)
    let late = try sizes(after: 585)
    #expect(early.count == 7)
    for (name, size) in early.sorted(by: { $0.key < $1.key }) {
      let end = try #require(late[name], "\(name) is gone")
      print("memory: \(name) \(size >> 10) KB after 2 min, \(end >> 10) KB after 10 min")
      #expect(end <= size + size / 50 + (1 << 20), "\(name) grew from \(size) to \(end) bytes")
    }
    #expect(try command.end(within: 60).code == 0)
  }
}
