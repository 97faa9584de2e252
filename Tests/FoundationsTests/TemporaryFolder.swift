// A folder for one test.

import Foundations
import Glibc

/// Made at `init`, removed with all files in it (one level) at the end.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/rookery-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// The names of the files in it, sorted.
  var names: [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// The content of a file, or of a descriptor up to its end, as text.
func text(at path: String) -> String {
  let descriptor = open(path, O_RDONLY)
  defer { close(descriptor) }
  return text(from: descriptor)
}

func text(from descriptor: Int32) -> String {
  var bytes: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 4096)
  while case let count = read(descriptor, &part, part.count), count > 0 { bytes += part[..<count] }
  return String(decoding: bytes, as: UTF8.self)
}
