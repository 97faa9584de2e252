// The weights from which a run resumes, and its messages about them.

import Foundation
import Testing

@Suite(.serialized) struct KeptWeightsTests {
  private static func url(_ run: LiveRun) -> URL { URL(filePath: "\(run.folder)/parameters.rookery") }

  /// A run of some updates that has ended.
  private func ended(_ settings: [String] = []) throws -> LiveRun {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=200"] + settings)
    #expect(try run.command.end().code == 0)
    return run
  }

  private func version(_ run: LiveRun) throws -> Double {
    let last = try Text.objects(Text.read("\(run.folder)/metrics.jsonl")).last
    return try #require(last?["weightsVersion"] as? Double)
  }

  @Test func damagedNewestWeightsAreSaidAndVersionsGoOnBehindThem() throws {
    let run = try ended()
    let before = try version(run)
    var file = try Data(contentsOf: Self.url(run))
    // The second word of each slot's header is its version.
    let slot = (0..<2).map { 4096 + $0 * (file.count - 4096) / 2 }
    let versions = slot.map { place in
      file[(place + 8)..<(place + 16)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let newest = versions[0] > versions[1] ? 0 : 1
    file[slot[newest] + 100] ^= 1
    try file.write(to: Self.url(run))
    let ended = try run.resume("stop.updates=5000")
    #expect(ended.code == 0)
    let notice =
      "the newest weights (version \(versions[newest])) are damaged; using those of version "
      + "\(versions[1 - newest]), as version \(versions[newest] + 1)"
    #expect((ended.output + ended.errors).contains(notice))
    #expect(
      run.log("parameters-1").contains("warning parameters-1: ") && run.log("parameters-1").contains(notice))
    #expect(try version(run) > before)
  }

  @Test func weightsOfTheFormatBeforeAreTakenUp() throws {
    let run = try ended(["algorithm.hidden=[4]"])
    let fixture = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/parameters/version1.rookery")
    try Data(contentsOf: fixture).write(to: Self.url(run))
    let ended = try run.resume("stop.updates=16000")
    #expect(ended.code == 0 && (ended.output + ended.errors).contains("resuming at weights version 180"))
    #expect(try version(run) > 180)
    #expect(try Data(contentsOf: Self.url(run)).starts(with: Data("ROOKPARM".utf8)))
  }

  @Test func anEmptyFileIsSaid() throws {
    let run = try ended()
    try Data().write(to: Self.url(run))
    try FileManager.default.removeItem(atPath: "\(run.folder)/checkpoints")
    let ended = try run.resume("stop.updates=5000")
    #expect(ended.code == 0)
    #expect(
      (ended.output + ended.errors).contains("parameters.rookery: empty: no weights had been saved yet"))
    #expect(run.log("parameters-1").contains("parameters.rookery: empty"))
  }

  /// Checkpoints without the weights they belong to are refused, with advice that works.
  @Test(arguments: ["gone", "empty", "damaged"]) func weightsThatAreGoneAreSaid(_ how: String) throws {
    let run = try ended()
    switch how {
    case "gone": try FileManager.default.removeItem(at: Self.url(run))
    case "empty": try Data().write(to: Self.url(run))
    default: try Data(repeating: 7, count: 20_000).write(to: Self.url(run))
    }
    let refused = try run.resume("stop.updates=5000")
    let problem =
      switch how {
      case "gone": "found no file"
      case "empty": "found an empty file"
      default: "expected a file of Rookery's parameters, found other bytes"
      }
    #expect(refused.code == 1)
    #expect(
      refused.errors.contains(
        "\(problem); restore that file from a backup, or start a new run: the learned weights stay in checkpoints/, "
          + "for `rookery eval`"), "\(refused.errors)")
  }
}
