// The free space of a disk.

internal import Glibc

/// Reads how much a disk can still hold.
public enum DiskSpace {
  /// Bytes that this user may still write below an existing folder; nil if the system does not say.
  public static func availableBytes(at folder: String) -> Int? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
    return overflow ? nil : bytes
  }
}
