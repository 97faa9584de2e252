// `rookery play --step`: one chunk at a time.

internal import Console
internal import Experience
internal import Glibc
internal import Services
internal import Wire

/// Shows each chunk and waits for a line of standard input before the next: an empty line shows one
/// more, a number that many, `q` ends. A message is sent with its last chunk. The input's end ends
/// the player.
final class StepPrompt: PlayGate {
  let descriptor: Int32 = 0
  /// Chunks that may be shown; the first one at once.
  private var permits = 1
  /// Chunks of the message that were shown.
  private var shown = 0
  private var isEnding = false
  private var text: [UInt8] = []
  private static let hint = "Enter: the next chunk; a number: as many; q: end\n"

  func decide(
    _ message: Accepted, _ insertion: Insertion, schema: StepSchema, tables: [TableSchema]
  ) -> PlayDecision {
    // A message without chunks has items of earlier steps only.
    while shown < insertion.chunks.count {
      if permits == 0 { read() }
      if permits == 0 { return isEnding ? .quit : .wait }
      let lines = ChunkText.lines(message, insertion, chunk: shown, schema: schema, tables: tables)
      StandardOutput.write(lines.joined(separator: "\n") + "\n")
      shown += 1
      permits -= 1
      if permits == 0 { StandardOutput.write(Self.hint) }
    }
    shown = 0
    return .play
  }

  /// Reads the lines that are there.
  private func read() {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while permits == 0, !isEnding {
      if let end = text.firstIndex(of: UInt8(ascii: "\n")) {
        take(String(decoding: text[..<end], as: UTF8.self))
        text.removeSubrange(...end)
        continue
      }
      guard poll(&item, 1, 0) > 0 else { return }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = Glibc.read(descriptor, &bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, text.count < 1 << 16 else {
        isEnding = true
        return
      }
      text += bytes[..<count]
    }
  }

  private func take(_ line: String) {
    let word = line.filter { !$0.isWhitespace }
    if word.isEmpty {
      permits = 1
    } else if let number = Int(word), number > 0 {
      permits = number
    } else if word == "q" {
      isEnding = true
    } else {
      StandardOutput.write("expected Enter, a number or q, found '\(word)'\n")
    }
  }
}
