// Numbers that are not finite: rows are left out, weights end a run.

import Foundation
import Foundations
import Numerics
import Testing
import Wire

@Suite struct DivergenceTests {
  /// Sends an item whose observations are at the end of what Float32 holds, as another writer, in
  /// the middle of a run: the network's outputs are infinite.
  private func poison(_ run: LiveRun, priority: Float) throws {
    let peer = try RawSocket(
      .dealer, to: try #require(run.process("actor")?.variables["ROOKERY_REPLAY_ADDRESS"]))
    let writer = TestWriter()
    try peer.send { writer.hello.encode(into: $0) }
    _ = try peer.answer(.welcome) { try Welcome(from: &$0) }
    try peer.send {
      writer.insert(
        sequence: 1, flags: [1, 0, 0, 0], rewards: [1, 1, 1, 0], observation: 3e38, priority: priority,
        into: $0)
    }
    let acknowledged = try peer.answer(.acknowledgement) { try Acknowledgement(from: &$0) }
    #expect(acknowledged.committed == 1)
  }

  private func expectFinite(_ path: String) throws {
    let weights = try SafetensorsFile(path: path)
    for entry in weights.entries { #expect(try weights.floats(entry.name).allSatisfy(\.isFinite)) }
    #expect((weights.metadata["updates"].flatMap { Int($0) } ?? 0) > 0)
  }

  @Test func rowsAtFaultAreLeftOut() throws {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=3000"])
    try run.started()
    try poison(run, priority: 1e6)
    let ended = try run.command.end()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(try run.summary()["outcome"] as? String == "finished")
    #expect(run.log("learner-1").contains("rows are left out from now on"))
    try expectFinite("\(run.folder)/checkpoints/learner-1.safetensors")
    let rows = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.left-out.safetensors")
    #expect(try rows.integers("fingerprints").count == 1 && rows.metadata["diverged"] == "false")
  }

  /// Nothing else is drawn beside the item: ten batches in a row.
  @Test func tenBatchesInARowEndTheRun() throws {
    let run = try LiveRun(try Workspace())
    try run.started()
    let path = "\(run.folder)/checkpoints/learner-1.safetensors"
    try eventually("a checkpoint") { FileManager.default.fileExists(atPath: path) }
    try poison(run, priority: 1e30)
    let ended = try run.command.end()
    #expect(ended.code == 1)
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "diverged")
    #expect(
      (summary["reason"] as? String)?.contains("the last good checkpoint is in \(run.folder)/checkpoints")
        == true)
    let log = run.log("learner-1")
    #expect(log.contains("of 10 batches in a row became infinite or NaN after"), "\(log)")
    try expectFinite(path)
    let rows = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.left-out.safetensors")
    #expect(rows.metadata["diverged"] == "true")
  }
}
