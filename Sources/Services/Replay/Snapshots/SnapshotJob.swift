// A snapshot that is being made, or one that comes back.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

struct SnapshotJob {
  var id: Identifier
  var verb: SnapshotVerb
  var name: String
  var path: String
  var state = SnapshotState.underWay
  var progress = SnapshotProgress()
  /// Where it is, or what went wrong.
  var text: String
  /// What comes back, under which handle.
  var restore: (source: Restore, writer: Int)?

  /// When the next slice may be copied.
  var nextSlice = Instant.zero

  /// Something is left to copy.
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

  /// Why a snapshot cannot be called that, or nil if it can: a name never leads out of its folder.
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
