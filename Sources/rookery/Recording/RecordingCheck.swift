// `rookery recording check`: is a recording whole?

internal import Console
internal import Foundations
internal import Recordings

struct RecordingCheck {
  private let paths: [String]

  /// `rookery recording check FILE…`
  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list)
    guard !arguments.positional.isEmpty else { throw UsageError("expected rookery recording check FILE…") }
    paths = arguments.positional
  }

  /// Reads all files; fails if any byte is damaged.
  func execute() throws -> ExitCode {
    var result = ExitCode.success
    for path in paths {
      let start = SystemClock.now()
      do throws(RecordingError) {
        let summary = try RecordingSummary(path: path)
        report(summary, seconds: (SystemClock.now() - start).seconds)
        if !summary.damage.isEmpty { result = .failure }
      } catch {
        CommandLineInterface.complain("\(error)")
        result = .failure
      }
    }
    return result
  }

  private func report(_ summary: RecordingSummary, seconds: Double) {
    let speed = Format.count(Double(summary.contentBytes) / max(seconds, 1e-9))
    let verdict = summary.damage.isEmpty ? "whole" : "damaged"
    print(
      "\(summary.path): \(verdict): \(summary.messages) messages, \(summary.steps) steps, \(summary.items) items; "
        + "\(summary.fileBytes) bytes with \(summary.contentBytes) bytes of content, read at \(speed)B/s")
    for damage in summary.damage { print("  \(damage)") }
    for source in summary.sources {
      for line in RecordingText.absences(source) { print("  source \(source.number): \(line)") }
    }
    if !summary.isIndexed {
      print(
        "  it has no index: it is being written, or its writer was ended; it can be read, but is opened more slowly"
      )
    }
    guard !summary.damage.isEmpty else { return }
    print("  everything else can be read; to copy it: rookery recording cut \(summary.path) --out NEW")
  }
}
