// Parts of a recording as text.

internal import Console
internal import Experience
internal import Foundations
internal import Recordings

enum RecordingText {
  /// What a source's messages lack.
  static func absences(_ source: RecordingSummary.Source) -> [String] {
    var lines: [String] = []
    if !source.missed.isEmpty {
      lines.append("\(source.missed.count) messages were missed by the recorder: \(source.missed)")
    }
    if !source.lost.isEmpty {
      lines.append("\(source.lost.count) messages are not in the file, or cannot be read: \(source.lost)")
    }
    return lines
  }

  /// What a new file holds.
  static func written(_ result: RecordingResult, to path: String) -> String {
    var text =
      "\(path): \(result.messages) messages, \(result.steps) steps, \(result.items) items in \(result.fileBytes) bytes"
    if result.missed > 0 { text += "; \(result.missed) messages are missed" }
    if result.repeated > 0 { text += "; \(result.repeated) messages were in several files" }
    return text
  }
}
