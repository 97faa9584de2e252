// Folders that may be missing.

internal import Glibc

/// Creates folders.
public enum FolderPath {
  /// Creates a folder and those above it, as `mkdir -p`. New ones belong to their user alone
  /// (0700).
  ///
  /// - Throws: `SystemCallError` with the folder that could not be created.
  public static func make(_ path: String) throws(SystemCallError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      prefix += part + "/"
      guard mkdir(prefix, 0o700) != 0, errno != EEXIST else { continue }
      throw .last("make the folder", prefix)
    }
  }
}
