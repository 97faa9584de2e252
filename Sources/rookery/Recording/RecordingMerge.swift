// `rookery recording merge`: makes one recording of several.

internal import Console
internal import Foundations
internal import Recordings

struct RecordingMerge {
  private let paths: [String]
  private let out: String

  /// `rookery recording merge FILE… --out NEW`
  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list, valued: ["out"])
    guard !arguments.positional.isEmpty, let out = arguments.value("out") else {
      throw UsageError("expected rookery recording merge FILE… --out NEW")
    }
    paths = arguments.positional
    self.out = out
  }

  func execute() throws -> ExitCode {
    let result = try RecordingMerger.merge(paths, to: out, now: SystemClock.wallNanoseconds())
    for damage in result.damage { CommandLineInterface.complain("\(damage)") }
    print(RecordingText.written(result, to: out))
    return .success
  }
}
