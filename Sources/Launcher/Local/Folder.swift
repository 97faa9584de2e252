// Makes folders.

internal import Foundations
internal import Glibc

enum Folder {
  /// Makes a folder and those above it, as `mkdir -p`.
  static func make(_ path: String) throws(LaunchError) {
    do {
      try FolderPath.make(path)
    } catch {
      throw LaunchError(
        "cannot make the folder \(error.subject): \(POSIXProcessHost.errorText(error.code)); check permissions and free disk space"
      )
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw LaunchError("expected a folder at \(path), found something else; move it away")
    }
  }
}
