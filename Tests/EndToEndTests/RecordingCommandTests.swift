// `rookery recording`: looking at recordings and mending them.

import Foundation
import Recordings
import TestSupport
import Testing

@Suite struct RecordingCommandTests {
  private let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/recordings/small.rookery")
    try FileManager.default.copyItem(atPath: fixture.path, toPath: workspace.file("small.rookery"))
  }

  private func rookery(_ arguments: String...) throws -> Ended {
    try Program.run(["recording"] + arguments, in: workspace)
  }

  @Test func whatARecordingHolds() throws {
    let info = try rookery("info", "small.rookery", "--digest")
    #expect(info.code == 0 && info.output.hasSuffix("digest de2034c31476a21c\n"))
    #expect(
      info.output.contains("began with the shard") && info.output.contains("missed by the recorder: 2 to 3"))
    let json = try rookery("info", "small.rookery", "--digest", "--json")
    #expect(json.output.contains(#""digest":"de2034c31476a21c""#) && json.output.contains(#""steps":4"#))
    let shown = try rookery("show", "small.rookery", "--from", "0.003")
    #expect(shown.output.hasPrefix("+0.003000 s source 0 message 4 of actor-1: 2 steps, 1 items\n"))
    #expect(shown.output.contains("    3  observation [0.5 0.75]  action 1  reward 1  last  terminal\n"))
    let one = try rookery("show", "small.rookery", "--limit", "1", "--json")
    #expect(
      one.output.split(separator: "\n").count == 1
        && one.output.contains(#""observation":[[0,0.25],[0.5,0.75]]"#))
  }

  @Test func damageIsSaidAndMended() throws {
    #expect(try rookery("check", "small.rookery").code == 0)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: workspace.file("small.rookery")))
    // A byte of the frame of messages.
    bytes[520] ^= 1
    try bytes.write(to: URL(fileURLWithPath: workspace.file("bad.rookery")))
    let check = try rookery("check", "small.rookery", "bad.rookery")
    #expect(check.code == 1 && check.output.contains("small.rookery: whole"))
    #expect(check.output.contains("found a damaged one; 2 messages with 4 steps and 2 items are lost"))
    #expect(check.output.contains("rookery recording cut bad.rookery --out NEW"))
    let cut = try rookery("cut", "bad.rookery", "--out", "mended.rookery")
    #expect(cut.output.contains("mended.rookery: 0 messages") && cut.output.contains("4 messages are missed"))
    #expect(try rookery("check", "mended.rookery").code == 0)
    let merged = try rookery("merge", "mended.rookery", "small.rookery", "--out", "both.rookery")
    #expect(merged.code == 0 && merged.output.contains("both.rookery: 2 messages"))
    #expect(merged.output.contains("2 messages are missed"))
  }

  @Test func filesAreNotOverwritten() throws {
    for arguments in [["cut", "small.rookery"], ["merge", "small.rookery"]] {
      let ended = try Program.run(["recording"] + arguments + ["--out", "small.rookery"], in: workspace)
      #expect(
        ended.code == 1 && ended.errors.contains("small.rookery: expected no file of this name, found one"))
    }
    #expect(try rookery("check", "small.rookery").code == 0)
  }

  @Test func wrongArgumentsAreRefused() throws {
    #expect(try rookery("chek").errors.contains("did you mean 'check'?"))
    #expect(
      try rookery("cut", "small.rookery").errors.contains("expected rookery recording cut FILE --out NEW"))
    let times = try rookery("cut", "small.rookery", "--out", "a", "--from", "2m", "--until", "90s")
    #expect(times.code == 2 && times.errors.contains("--until: expected a time after --from, found '90s'"))
    let table = try rookery("cut", "small.rookery", "--out", "a", "--tables", "other")
    #expect(
      table.code == 1 && table.errors.contains("expected tables of the recording (experience), found 'other'")
    )
    #expect(!FileManager.default.fileExists(atPath: workspace.file("a")))
    let none = try rookery("check", "none.rookery")
    #expect(none.code == 1 && none.errors.contains("none.rookery: expected a recording"))
  }
}
