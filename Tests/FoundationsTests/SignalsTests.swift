// Signals by descriptor.

import Foundations
import Glibc
import Testing

@Suite struct SignalsTests {
  /// Signals of one thread only (`raise`), so that other tests notice nothing.
  @Test func blockedSignalsAreRead() throws {
    try Signals.block([SIGUSR1, SIGUSR2])
    let signals = try SignalDescriptor([SIGUSR1, SIGUSR2])
    #expect(try signals.read() == nil)
    raise(SIGUSR2)
    var poll = pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 0) == 1)
    #expect(try signals.read() == SIGUSR2)
    #expect(try signals.read() == nil)
    #expect(Glibc.poll(&poll, 1, 0) == 0)
    raise(SIGUSR1)
    raise(SIGUSR2)
    #expect(Set([try signals.read(), try signals.read()]) == [SIGUSR1, SIGUSR2])
  }

  @Test func impossibleSignalsAreRefused() {
    #expect(throws: SystemCallError("use signal", "1000", code: EINVAL)) {
      try Signals.block([SIGUSR1, 1000])
    }
    #expect(throws: SystemCallError.self) { _ = try SignalDescriptor([-1]) }
  }

  @Test func aBrokenPipeIsAnError() {
    Signals.ignoreBrokenPipes()
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    #expect(write(ends[1], "x", 1) == -1)
    #expect(errno == EPIPE)
    close(ends[1])
  }
}
