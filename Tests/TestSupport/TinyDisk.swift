// A file system that is quickly full.

import Foundations
import Glibc

/// A tmpfs of a few kilobytes, mounted for one test. It needs root in a mount namespace that allows
/// mounting.
public final class TinyDisk {
  public let path: String

  private var isMounted = true

  /// Mounts it at a new folder, or at `path`, which is created. nil if it cannot be mounted; the
  /// reason is printed.
  public init?(kibibytes: Int, at path: String? = nil) {
    if let path {
      self.path = path
      mkdir(path, 0o755)
    } else {
      var template = Array("/tmp/rookery-disk-XXXXXX".utf8CString)
      self.path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }
    var spawn = ProcessSpawn("mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", self.path])
    spawn.standardError = .discard
    guard geteuid() == 0, (try? spawn.start().wait().isSuccess) == true else {
      isMounted = false
      rmdir(self.path)
      print("skipped: a full disk is not tried, a tmpfs can be mounted by root only")
      return nil
    }
  }

  deinit { unmount() }

  /// Unmounts it and removes everything on it.
  public func unmount() {
    guard isMounted else { return }
    isMounted = false
    _ = try? ProcessSpawn("umount", ["--lazy", path]).start().wait()
    rmdir(path)
  }

  /// Writes to the file `filler` until nothing more fits.
  public func fill() {
    let descriptor = open("\(path)/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    var size = 4096
    while size > 0 {
      let block = [UInt8](repeating: 7, count: size)
      if write(descriptor, block, size) < size { size /= 2 }
    }
  }

  public func empty() { unlink("\(path)/filler") }
}
