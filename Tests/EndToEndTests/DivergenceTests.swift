// A loss that is no number ends a run.

import Foundation
import Foundations
import Numerics
import Testing
import Wire

@Suite struct DivergenceTests {
  /// Rewards at the end of what Float32 holds, sent by another writer in the middle of a run: their sum over n steps is infinite.
  @Test func theLastGoodCheckpointIsKept() throws {
    let run = try LiveRun(try Workspace())
    try run.started()
    let path = "\(run.folder)/checkpoints/learner-1.safetensors"
    try eventually("a checkpoint") { FileManager.default.fileExists(atPath: path) }
    let peer = try RawSocket(
      .dealer, to: try #require(run.process("actor")?.variables["ROOKERY_REPLAY_ADDRESS"]))
    let writer = TestWriter()
    peer.send { writer.hello.encode(into: $0) }
    _ = try peer.answer(.welcome) { try Welcome(from: &$0) }
    peer.send {
      writer.insert(
        sequence: 1, flags: [1, 0, 0, 0], rewards: [3e38, 3e38, 3e38, 0], priority: 1e6, into: $0)
    }
    let acknowledged = try peer.answer(.acknowledgement) { try Acknowledgement(from: &$0) }
    #expect(acknowledged.committed == 1)

    let ended = try run.command.end()
    #expect(ended.code == 1)
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "diverged")
    #expect(
      (summary["reason"] as? String)?.contains("the last good checkpoint is in \(run.folder)/checkpoints")
        == true)
    #expect(run.log("learner-1").contains("training stopped, the last good checkpoint is kept"))
    let weights = try SafetensorsFile(path: path)
    for entry in weights.entries { #expect(try weights.floats(entry.name).allSatisfy(\.isFinite)) }
    #expect((weights.metadata["updates"].flatMap { Int($0) } ?? 0) > 0)
  }
}
