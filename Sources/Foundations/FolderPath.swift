// Folders that may not be there yet.

internal import Glibc

public enum FolderPath {
  /// Makes a folder and those above it, as `mkdir -p`; new ones are their user's alone.
  ///
  /// - Throws: `SystemCallError` with the one that could not be made.
  public static func make(_ path: String) throws(SystemCallError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      prefix += part + "/"
      guard mkdir(prefix, 0o700) != 0, errno != EEXIST else { continue }
      throw .last("make the folder", prefix)
    }
  }
}
