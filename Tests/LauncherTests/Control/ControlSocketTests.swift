// The control socket: replies, hostile peers, and folders of other users.

import Foundation
import Foundations
import Glibc
import Launcher
import Synchronization
import Testing

@Suite struct ControlSocketTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private static let reply: ControlReply = {
    var reply = ControlReply()
    reply.variables = ["NAME": "a 'b'\n\u{1F426}"]
    reply.processes = [
      ProcessReport(
        service: "actor", replica: 2, state: .running, detail: "", pid: 7, host: "127.0.0.1",
        addresses: ["ipc:///tmp/x"], up_s: 1.5,
        restarts: 3, isHealthy: nil, log: "/x")
    ]
    return reply
  }()

  /// Serves as the launcher's loop does until `isDone`.
  private func serve(
    _ server: inout ControlServer, until isDone: () -> Bool, _ answer: (ControlRequest) -> ControlReply
  ) throws {
    let deadline = SystemClock.now() + .seconds(30)
    while !isDone() {
      let now = SystemClock.now()
      try #require(now < deadline, "nothing came")
      var items = server.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&items, nfds_t(items.count), 5)
      server.serve(now: now, answer)
    }
  }

  /// Asks on another thread, as a command is another process.
  private func ask(_ request: ControlRequest, _ server: inout ControlServer, in path: String) throws
    -> (requests: [ControlRequest], reply: Result<ControlReply?, any Error>)
  {
    let box = Box<Result<ControlReply?, any Error>?>(nil)
    Thread.detachNewThread {
      box.set(Result { try ControlClient.ask(request, folder: path) })
    }
    var requests: [ControlRequest] = []
    try serve(&server, until: { box.value != nil }) {
      requests.append($0)
      return Self.reply
    }
    return (requests, try #require(box.value))
  }

  @Test(
    arguments: [
      .processes, .scale(["actor": .to(3), "ä b": .by(-1)]), .restart([]), .restart(["actor-1"]), .down,
      .variables(service: "x"),
    ] as [ControlRequest])
  func aQuestionAndItsAnswer(_ request: ControlRequest) throws {
    var server = try ControlServer(folder: folder.path)
    let (requests, reply) = try ask(request, &server, in: folder.path)
    #expect(requests == [request])
    #expect(try reply.get() == Self.reply)
    #expect(server.nextDeadline(now: .zero) == .never)
  }

  /// The folder's path may be longer than the 107 bytes of a socket's path.
  @Test func aFolderWithALongPath() throws {
    var path = folder.path
    for _ in 0..<5 {
      path += "/" + String(repeating: "x", count: 50)
      try #require(mkdir(path, 0o755) == 0)
    }
    var server = try ControlServer(folder: path)
    #expect(try ask(.processes, &server, in: path).reply.get() == Self.reply)
  }

  @Test func nobodyThere() throws {
    #expect(try ControlClient.ask(.processes, folder: folder.path + "/none") == nil)
    #expect(try ControlClient.ask(.processes, folder: folder.path) == nil)
    do { _ = try ControlServer(folder: folder.path) }
    #expect(access(folder.path + "/control.sock", F_OK) != 0)
    // A killed launcher leaves its socket's file, which does not answer; the next launcher replaces
    // it.
    let left = Raw(bind: folder.path + "/control.sock")
    left.close()
    #expect(access(folder.path + "/control.sock", F_OK) == 0)
    #expect(try ControlClient.ask(.processes, folder: folder.path) == nil)
    var server = try ControlServer(folder: folder.path)
    #expect(try ask(.down, &server, in: folder.path).requests == [.down])
  }

  @Test func onlyItsUserMayConnect() throws {
    let server = try ControlServer(folder: folder.path)
    var status = stat()
    #expect(stat(folder.path + "/control.sock", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    _ = server.descriptors
  }

  @Test(arguments: [
    "\n", "x\n", "{}\n", "{\"version\":1}\n", "{\"version\":1,\"body\":{\"fly\":{}}}\n",
    "{\"version\":2,\"body\":{\"down\":{}}}\n",
    "{\"version\":1,\"body\":{\"scale\":{\"_0\":{\"a\":1e99}}}}\n",
    "\u{0}\u{0}\n", String(repeating: "[", count: 60_000) + "\n",
  ])
  func whatIsNoRequestIsAnsweredAndDoesNothing(_ text: String) throws {
    var server = try ControlServer(folder: folder.path)
    let peer = Raw(connect: folder.path + "/control.sock")
    peer.send(text)
    var answer = ""
    try serve(
      &server,
      until: {
        answer += peer.read(); return answer.hasSuffix("\n")
      }
    ) { _ in
      Issue.record("a request was made of \(text.prefix(50))")
      return ControlReply()
    }
    #expect(answer.contains("same version"))
  }

  /// Peers that send too much, send nothing, close in the middle of a request, or are too many: the
  /// next request is answered.
  @Test func peersThatMisbehave() throws {
    var server = try ControlServer(folder: folder.path)
    let loud = Raw(connect: folder.path + "/control.sock")
    loud.send(String(repeating: "x", count: 100_000))
    let silent = (0..<15).map { _ in Raw(connect: folder.path + "/control.sock") }
    silent[0].send("{")
    silent[1].close()
    let start = SystemClock.now()
    server.serve(now: start) { _ in ControlReply() }
    #expect(loud.isClosed && !silent[0].isClosed)
    #expect(server.nextDeadline(now: start) == start + .seconds(5))
    let more = (0..<10).map { _ in Raw(connect: folder.path + "/control.sock") }
    server.serve(now: start) { _ in ControlReply() }
    // No further connection can be accepted, so waiting ones must not wake the server.
    #expect(server.descriptors.count == 16)
    server.serve(now: start + .seconds(5)) { _ in ControlReply() }
    #expect(silent[2...].filter { !$0.isClosed }.isEmpty)
    #expect(try ask(.processes, &server, in: folder.path).reply.get() == Self.reply)
    for peer in more { peer.close() }
    server.serve(now: start + .seconds(6)) { _ in ControlReply() }
    #expect(server.descriptors.count <= 11)
  }

  /// A reply larger than a socket's buffer arrives complete, and does not block the server.
  @Test func aLargeAnswer() throws {
    var server = try ControlServer(folder: folder.path)
    var large = Self.reply
    large.processes = Array(repeating: Self.reply.processes[0], count: 10_000)
    let box = Box<ControlReply?>(nil)
    let path = folder.path
    Thread.detachNewThread { box.set(try? ControlClient.ask(.processes, folder: path)) }
    try serve(&server, until: { box.value != nil }) { _ in large }
    #expect(box.value == large)
  }

  @Test func aLauncherThatDoesNotAnswer() throws {
    let server = try ControlServer(folder: folder.path)
    #expect(throws: LaunchError.self) {
      try ControlClient.ask(.processes, folder: folder.path, timeout: .milliseconds(20))
    }
    _ = server.descriptors
  }
}

/// A value shared between two threads.
final class Box<Value: Sendable>: Sendable {
  private let lock: Mutex<Value>

  init(_ value: Value) { lock = Mutex(value) }

  var value: Value { lock.withLock { $0 } }
  func set(_ value: Value) { lock.withLock { $0 = value } }
}

/// A peer that speaks no JSON.
final class Raw {
  private var descriptor: Int32

  init(connect path: String) {
    descriptor = Self.socket(path) { Glibc.connect($0, $1, $2) }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  init(bind path: String) { descriptor = Self.socket(path) { Glibc.bind($0, $1, $2) } }

  deinit { close() }

  private static func socket(
    _ path: String, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(code == 0)
    return descriptor
  }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  func send(_ text: String) { _ = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

  func read() -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    return String(decoding: bytes[..<max(0, Glibc.read(descriptor, &bytes, bytes.count))], as: UTF8.self)
  }

  /// The server has closed it.
  var isClosed: Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || count < 0 && errno != EAGAIN
  }
}
