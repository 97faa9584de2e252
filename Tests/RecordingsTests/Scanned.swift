// Everything that can be read of a recording.

import Experience
import Foundations
import Glibc
import Wire

@testable import Recordings

/// A message as it was read or written.
struct ReadMessage: Hashable {
  var incarnation: Identifier
  var message: Accepted
  var content: [UInt8]
}

/// What a reader finds in a file.
struct Scanned {
  var messages: [ReadMessage] = []
  var missed: [MissedMessages] = []
  var damage: [RecordingDamage] = []

  init(_ path: String, scans: Bool = true) throws {
    let reader = try RecordingReader(path: path, scans: scans)
    for block in reader.blocks {
      guard let source = reader.source(of: block), var entries = reader.entries(of: block) else { continue }
      while let entry = reader.next(&entries, of: block) {
        switch entry {
        case .message(let message):
          messages.append(
            ReadMessage(
              incarnation: source.incarnation, message: message, content: Array(entries.content)))
        case .missed(let found): missed.append(found)
        }
      }
    }
    damage = reader.damage
  }

  var numbers: [UInt64] { messages.map(\.message.number) }
}

/// Files as bytes.
enum Disk {
  static func read(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    precondition(descriptor >= 0, "cannot open \(path)")
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    precondition(Glibc.read(descriptor, &bytes, bytes.count) == bytes.count)
    return bytes
  }

  static func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "cannot make \(path)")
    defer { close(descriptor) }
    precondition(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }
}
