// How much room a disk has.

internal import Glibc

public enum DiskSpace {
  /// Bytes that this user may still write below a folder that is there; nil if the system does not say.
  public static func availableBytes(at folder: String) -> Int? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
    return overflow ? nil : bytes
  }

  /// Bytes that the files directly in a folder take on disk.
  public static func bytesUsed(in folder: String) -> Int {
    DirectoryNames.of(folder).reduce(0) { sum, name in
      var status = stat()
      return stat("\(folder)/\(name)", &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
    }
  }
}
