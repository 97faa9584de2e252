// A snapshot that is made, or a restore.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

/// A client's request, and how far it has come.
struct SnapshotJob {
  var id: Identifier
  var verb: SnapshotVerb
  var name: String
  var path: String
  var state = SnapshotState.underWay
  var progress = SnapshotProgress()
  /// Where the snapshot is, or what went wrong.
  var text: String
  /// The source of a restore, and the handle that it writes under.
  var restore: (source: Restore, writer: Int)?

  /// When the next slice may be copied.
  var nextSlice = Instant.zero

  /// Something is left to be copied.
  var hasWork: Bool { state == .underWay && !progress.isCopied }

  var status: SnapshotStatus {
    SnapshotStatus(
      id: id, verb: verb, name: name, state: state, bytesCopied: UInt64(progress.bytesCopied),
      bytesTotal: UInt64(progress.bytesTotal), text: text)
  }

  mutating func fail(_ problem: String) {
    state = .failed
    text = problem
    restore = nil
  }

  /// Why a snapshot cannot have a name, or nil if it can: a name must not lead out of the folder.
  static func problem(ofName name: String) -> String? {
    let allowed = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if allowed, !name.isEmpty, !name.hasPrefix(".") { return nil }
    return "name: expected 1 to 64 letters, digits, '.', '_' or '-', the first no dot, found '\(name)'"
  }
}
