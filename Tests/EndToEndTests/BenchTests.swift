// A short replay benchmark: the form of its output, not its figures.

import Foundation
import Testing

@Suite struct BenchTests {
  @Test func replay() throws {
    let ended = try Program.run(
      [
        "bench", "replay", "--json", "--rounds", "1", "--seconds", "0.2", "--payload", "36", "--transport",
        "ipc",
        "--mode", "insert,both,latency,update",
      ], in: try Workspace(), within: 300)
    #expect(ended.code == 0, "\(ended.errors)")
    let document = try #require(try Text.objects(ended.output).first)
    let cases = try #require(document["cases"] as? [[String: Any]])
    #expect(
      cases.map { "\($0["mode"] ?? "") \($0["message"] ?? "")" } == [
        "insert 1000", "both 1000", "latency 1000", "update 1000", "insert 50", "both 50",
      ])
    func number(_ index: Int, _ name: String) -> Double { cases[index][name] as? Double ?? 0 }
    #expect(number(0, "insert_per_s") > 0 && number(0, "service_cpu") > 0 && number(0, "bytes_an_item") > 36)
    #expect(number(1, "insert_per_s") > 0 && number(1, "batches_per_s") > 0)
    #expect(number(2, "sample_p50_ms") > 0 && number(2, "sample_p99_ms") >= number(2, "sample_p50_ms"))
    #expect(number(2, "insert_p99_ms") > 0 && number(3, "keys_per_s") > 0)
    let refused = try Program.run(["bench", "replay", "--payload", "37"], in: try Workspace())
    #expect(
      refused.code == 2
        && refused.errors.contains(
          "--payload: expected 36, 1k, 28k, atari, 36-record, 1k-record, 28k-record, found '37'")
    )
  }

  @Test func recordsAndCopies() throws {
    let workspace = try Workspace()
    let ended = try Program.run(
      [
        "bench", "replay", "--json", "--rounds", "1", "--seconds", "0.2", "--payload", "36,36-record",
        "--transport", "ipc", "--mode", "sample,snapshot,restore",
      ], in: workspace, within: 300)
    #expect(ended.code == 0, "\(ended.errors)")
    let document = try #require(try Text.objects(ended.output).first)
    let cases = try #require(document["cases"] as? [[String: Any]])
    #expect(
      cases.map { "\($0["payload"] ?? "") \($0["mode"] ?? "")" } == [
        "36 sample", "36 snapshot", "36 restore", "36-record sample",
      ])
    func number(_ index: Int, _ name: String) -> Double { cases[index][name] as? Double ?? 0 }
    #expect(number(0, "batches_per_s") > 0 && number(3, "batches_per_s") > 0)
    for copies in [1, 2] {
      #expect(number(copies, "copies_per_s") > 0 && number(copies, "calm_insert_p99_ms") > 0)
      #expect(number(copies, "insert_p99_ms") > 0 && number(copies, "sample_p99_ms") > 0)
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: workspace.path)
    #expect(!left.contains { $0.hasPrefix(".rookery-bench") }, "\(left)")
  }
}
