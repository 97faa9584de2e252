// One launcher a folder.

internal import Glibc

/// Holds a run's folder for one process, until this value or the process is gone; whatever way it ends, the kernel lets go.
public struct FolderLock: ~Copyable {
  private let descriptor: Int32

  /// - Returns: nil if another process holds the folder.
  /// - Throws: `LaunchError` if the folder cannot be opened.
  public static func take(_ folder: String) throws(LaunchError) -> FolderLock? {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw LaunchError("cannot open the folder \(folder): \(POSIXProcessHost.errorText(errno))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    return FolderLock(descriptor: descriptor)
  }

  private init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
