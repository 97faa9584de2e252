// Makes folders.

internal import Glibc

enum Folder {
  /// Makes a folder and those above it, as `mkdir -p`.
  static func make(_ path: String) throws(LaunchError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      prefix += part + "/"
      guard mkdir(prefix, 0o755) != 0, errno != EEXIST else { continue }
      throw LaunchError(
        "cannot make the folder \(prefix): \(POSIXProcessHost.errorText(errno)); check its rights and the disk's space"
      )
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw LaunchError("expected a folder at \(path), found something else; move it away")
    }
  }
}
