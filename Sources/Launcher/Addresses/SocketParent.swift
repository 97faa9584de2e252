// The folder in which a run's folder of sockets is made.

internal import Foundations
internal import Glibc

/// `$XDG_RUNTIME_DIR` if it is usable, else `/tmp`.
public struct SocketParent: Sendable {
  /// Absolute, at most 40 bytes.
  public let path: String
  /// Why `XDG_RUNTIME_DIR` is not used although it is set; else nil.
  public let note: String?

  static let fallback = "/tmp"

  /// - Parameters:
  ///   - variables: the environment variables of this process.
  ///   - outlivesSession: whether the run goes on after its user logs out, when systemd removes the
  ///     user's runtime folder.
  /// - Throws: `LaunchError` if neither folder is usable.
  public init(variables: [String: String], outlivesSession: Bool = false) throws(LaunchError) {
    var note: String?
    if let runtime = Self.runtime(variables) {
      let problem = Self.problem(with: runtime) ?? (outlivesSession ? Self.logoutProblem(with: runtime) : nil)
      guard let problem else {
        (path, self.note) = (runtime, nil)
        return
      }
      note = "XDG_RUNTIME_DIR=\(runtime): \(problem); the run's sockets are in \(Self.fallback)"
    }
    if let problem = Self.problem(with: Self.fallback) {
      throw LaunchError(
        "\(Self.fallback): \(problem); set XDG_RUNTIME_DIR to a folder of yours for the run's sockets, or use --transport tcp"
      )
    }
    (path, self.note) = (Self.fallback, note)
  }

  /// The folders in which killed launchers may have left socket folders.
  public static func all(_ variables: [String: String]) -> Set<String> {
    Set([fallback, runtime(variables)].compactMap { $0 })
  }

  private static func runtime(_ variables: [String: String]) -> String? {
    guard let text = variables["XDG_RUNTIME_DIR"], !text.isEmpty else { return nil }
    return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  /// Why a folder cannot hold the sockets; nil if it can.
  private static func problem(with path: String) -> String? {
    guard path.hasPrefix("/"), path.utf8.count <= SocketFolder.parentBytesMax else {
      return
        "expected an absolute path of at most \(SocketFolder.parentBytesMax) bytes, as a socket's path has at most 107"
    }
    // Addresses are parts of comma-separated lists and of lines for a shell.
    guard path.utf8.allSatisfy(isPlain) else {
      return "expected letters, digits, '/', '.', '-' and '_' only"
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return "expected a folder, found none"
    }
    guard access(path, W_OK | X_OK) == 0 else { return "expected a folder that can be written" }
    // A user who can rename entries of the folder could replace ours by a folder with other
    // sockets.
    let isForeign = status.st_uid != geteuid() && status.st_uid != 0
    guard !isForeign, status.st_mode & 0o022 == 0 || status.st_mode & S_ISVTX != 0 else {
      return "expected a folder in which no other user can rename your files"
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

  /// systemd removes a user's runtime folder with the last session, unless lingering is enabled.
  private static func logoutProblem(with path: String) -> String? {
    guard path == "/run/user/\(geteuid())", let user = getpwuid(geteuid()) else { return nil }
    let name = String(cString: user.pointee.pw_name)
    return access("/var/lib/systemd/linger/\(name)", F_OK) == 0
      ? nil
      : "it is removed when you log out, but a run in the background goes on (loginctl enable-linger keeps it)"
  }
}
