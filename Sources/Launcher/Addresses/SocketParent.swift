// Where a run's folder of sockets is made.

internal import Foundations
internal import Glibc

/// `$XDG_RUNTIME_DIR`, where it will do, else `/tmp`.
public struct SocketParent: Sendable {
  public let path: String
  /// Why it is not `XDG_RUNTIME_DIR`, which is set; nil if it is, or is not set.
  public let note: String?

  static let fallback = "/tmp"

  /// - Parameters:
  ///   - variables: of this process.
  ///   - outlivesSession: the run goes on when its user has logged out, with whom systemd removes
  ///     the user's runtime folder.
  /// - Throws: `LaunchError` if neither will do.
  public init(variables: [String: String], outlivesSession: Bool = false) throws(LaunchError) {
    var note: String?
    if let runtime = Self.runtime(variables) {
      let problem = Self.problem(with: runtime) ?? (outlivesSession ? Self.end(of: runtime) : nil)
      guard let problem else {
        (path, self.note) = (runtime, nil)
        return
      }
      note = "XDG_RUNTIME_DIR=\(runtime): \(problem); the run's sockets are below \(Self.fallback)"
    }
    if let problem = Self.problem(with: Self.fallback) {
      throw LaunchError(
        "\(Self.fallback): \(problem); set XDG_RUNTIME_DIR to a folder of yours for the run's sockets, or use --transport tcp"
      )
    }
    (path, self.note) = (Self.fallback, note)
  }

  /// Where launchers that were killed may have left theirs.
  public static func all(_ variables: [String: String]) -> Set<String> {
    Set([fallback, runtime(variables)].compactMap { $0 })
  }

  private static func runtime(_ variables: [String: String]) -> String? {
    guard let text = variables["XDG_RUNTIME_DIR"], !text.isEmpty else { return nil }
    return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  /// What keeps a folder from holding the sockets; nil if nothing does.
  private static func problem(with path: String) -> String? {
    guard path.hasPrefix("/"), path.utf8.count <= SocketFolder.parentBytesMax else {
      return
        "expected an absolute path of at most \(SocketFolder.parentBytesMax) bytes, as a socket's has at most 107"
    }
    // Addresses stand in lists with commas, and in lines for a shell.
    guard path.utf8.allSatisfy(isPlain) else {
      return "expected letters, digits, '/', '.', '-' and '_' only"
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return "expected a folder, found none"
    }
    guard access(path, W_OK | X_OK) == 0 else { return "expected a folder that can be written" }
    // Whoever may rename what is in there could put a folder of his own in the place of ours.
    let isOthers = status.st_uid != geteuid() && status.st_uid != 0
    guard !isOthers, status.st_mode & 0o022 == 0 || status.st_mode & S_ISVTX != 0 else {
      return "expected a folder in which nobody else can rename what is ours"
    }
    return nil
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// systemd's folder of a user goes with the last session, unless the user lingers.
  private static func end(of path: String) -> String? {
    guard path == "/run/user/\(geteuid())", let user = getpwuid(geteuid()) else { return nil }
    let name = String(cString: user.pointee.pw_name)
    return access("/var/lib/systemd/linger/\(name)", F_OK) == 0
      ? nil : "it goes when you log out, and a run in the background goes on (unless loginctl enable-linger)"
  }
}
