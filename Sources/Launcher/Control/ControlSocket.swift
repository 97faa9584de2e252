// The launcher's Unix socket in the run's folder.

internal import Glibc

/// Address and limits of the control socket.
///
/// A socket's path has at most 107 bytes, a run's folder may have more. So the socket is named
/// through the folder's open descriptor (`/proc/self/fd/N/control.sock`), which is always short.
enum ControlSocket {
  static let fileName = "control.sock"
  /// A request is small; a reply grows with the number of processes.
  static let requestBytesMax = 64 << 10
  static let replyBytesMax = 16 << 20

  /// An open folder and a socket for it.
  struct Opened: ~Copyable {
    let folder: Int32
    let descriptor: Int32
    private var isKept = false

    init(_ path: String) throws(ControlSocketError) {
      let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard folder >= 0 else { throw ControlSocketError(code: errno) }
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      let descriptor = socket(AF_UNIX, kind, 0)
      guard descriptor >= 0 else {
        let code = errno
        close(folder)
        throw ControlSocketError(code: code)
      }
      self.folder = folder
      self.descriptor = descriptor
    }

    deinit {
      close(folder)
      if !isKept { close(descriptor) }
    }

    /// The user id of the folder's owner; the largest number if it cannot be read.
    var owner: UInt32 {
      var status = stat()
      return fstat(folder, &status) == 0 ? status.st_uid : .max
    }

    /// The socket, which stays open and belongs to the caller from now on.
    mutating func releaseDescriptor() -> Int32 {
      isKept = true
      return descriptor
    }

    /// Calls `bind` or `connect` with the address of the socket's file.
    func name(_ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { bytes in
        bytes.copyBytes(from: Array("/proc/self/fd/\(folder)/\(ControlSocket.fileName)".utf8))
      }
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
  }
}

/// The `errno` of a call.
struct ControlSocketError: Error {
  var code: Int32
}
