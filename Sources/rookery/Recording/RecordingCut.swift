// `rookery recording cut`: copies a part of a recording.

internal import Console
internal import Foundations
internal import Glibc
internal import Recordings

struct RecordingCut {
  private static let usage =
    "rookery recording cut FILE --out NEW [--from TIME] [--until TIME] [--actors a,b] [--tables t]"
  private let path: String
  private let out: String
  private let selection: RecordingSelection

  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list, valued: ["out"] + RecordingSelection.flags)
    guard arguments.positional.count == 1, let out = arguments.value("out") else {
      throw UsageError("expected \(Self.usage)")
    }
    path = arguments.positional[0]
    self.out = out
    selection = try RecordingSelection(arguments)
  }

  func execute() throws -> ExitCode {
    let result = try RecordingCutter.cut(path, to: out, selection, now: SystemClock.wallNanoseconds())
    for damage in result.damage { CommandLineInterface.complain("\(path): \(damage)") }
    if result.messages == 0, !selection.isEverything {
      unlink(out)
      CommandLineInterface.complain(
        "\(out) is not made: no message of \(path) was selected; its times and actors: rookery recording info \(path)"
      )
      return .failure
    }
    print(RecordingText.written(result, to: out))
    guard result.messages > 0 else {
      CommandLineInterface.complain("\(path): no message can be read")
      return .failure
    }
    return .success
  }
}
