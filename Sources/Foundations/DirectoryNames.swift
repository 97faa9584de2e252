// The content of a folder.

internal import Glibc

/// Lists folders.
public enum DirectoryNames {
  /// The names of a folder's entries, sorted, without `.` and `..`. Empty if it cannot be read.
  public static func of(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
