// Paths in compose files.

internal import Glibc

/// Resolves paths of compose files.
enum ComposePath {
  /// The folder of a file, absolute.
  static func folder(of file: String) -> String {
    let path = absolute(file, from: current())
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  /// A path relative to a folder as an absolute one, without `.` and `..`; `~` is the home folder.
  static func absolute(_ path: String, from folder: String, home: String? = nil) -> String {
    var path = path
    if path == "~" || path.hasPrefix("~/"), let home { path = home + path.dropFirst() }
    var parts: [Substring] = []
    for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The current folder.
  static func current() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
