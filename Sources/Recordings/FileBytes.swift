// Reads parts of a file.

internal import Foundations
internal import Glibc

/// An open file, read by position.
final class FileBytes {
  let path: String
  let count: UInt64
  private let descriptor: Int32

  init(path: String) throws(RecordingError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw RecordingError(path, "expected a recording: \(SystemCallError.last("open"))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw RecordingError(path, "expected a recording, found something that is no file")
    }
    count = UInt64(status.st_size)
  }

  deinit { close(descriptor) }

  /// Reads bytes into `buffer`; false if the file has fewer or they cannot be read.
  func read(_ range: Range<UInt64>, into buffer: inout [UInt8]) -> Bool {
    let length = Int(range.upperBound - range.lowerBound)
    guard range.upperBound <= count else { return false }
    if buffer.count > length {
      buffer.removeLast(buffer.count - length)
    } else if buffer.count < length {
      buffer.append(contentsOf: repeatElement(0, count: length - buffer.count))
    }
    return buffer.withUnsafeMutableBytes { target in
      var done = 0
      while done < length {
        let got = pread(
          descriptor, target.baseAddress! + done, length - done, off_t(range.lowerBound) + off_t(done))
        if got < 0, errno == EINTR { continue }
        if got <= 0 { return false }
        done += got
      }
      return true
    }
  }
}
