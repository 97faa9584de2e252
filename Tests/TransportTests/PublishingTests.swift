// Publishers, subscribers and their prefixes.

import Foundations
import Testing
@testable import Transport

@Suite(.timeLimit(.minutes(2))) struct PublishingTests {
  private let connector = Connector()

  private func publisher() throws -> Socket {
    try connector.publisher(on: Endpoint("tcp://127.0.0.1:*"), SocketOptions())
  }

  private func subscriber(
    to endpoint: String, _ prefix: [UInt8], _ options: SocketOptions = SocketOptions()
  ) throws -> Socket {
    try connector.subscriber(to: Endpoint(endpoint), prefixes: [prefix], options)
  }

  @Test func subscriptionsAreNoticed() throws {
    let publisher = try publisher()
    let first = try subscriber(to: publisher.lastEndpoint(), [0x9C, 1])
    #expect(try receive(on: publisher) == [1, 0x9C, 1])
    // Also subscriptions to a prefix that another socket has subscribed to: the new subscriber
    // needs an answer too.
    let second = try subscriber(to: publisher.lastEndpoint(), [0x9C, 1])
    #expect(try receive(on: publisher) == [1, 0x9C, 1])
    try second.subscribe([5])
    #expect(try receive(on: publisher) == [1, 5])
    try second.unsubscribe([5])
    #expect(try receive(on: publisher) == [0, 5])
    #expect([0x9C, 1, 7].sent(by: publisher) == .sent)
    #expect(try receive(on: first) == [0x9C, 1, 7])
    #expect(try receive(on: second) == [0x9C, 1, 7])
  }

  @Test func prefixesFilter() throws {
    let publisher = try publisher()
    let subscriber = try subscriber(to: publisher.lastEndpoint(), [1, 2])
    _ = try receive(on: publisher)
    for frame: [UInt8] in [[1], [1, 3], [2, 1, 2], [1, 2], [1, 2, 3]] {
      #expect(frame.sent(by: publisher) == .sent)
    }
    #expect(try receive(on: subscriber) == [1, 2])
    #expect(try receive(on: subscriber) == [1, 2, 3])
    #expect(subscriber.receive(into: FrameSlot()) == .nothing)
  }

  /// Publishing without subscribers, or to one that does not read, never blocks and never fails.
  @Test func publishingWithoutReaders() throws {
    let publisher = try publisher()
    #expect([1].sent(by: publisher) == .sent)
    let deaf = try subscriber(to: publisher.lastEndpoint(), [])
    _ = try receive(on: publisher)
    let frame = [UInt8](repeating: 1, count: 10_000)
    for _ in 0..<3000 { #expect(frame.sent(by: publisher) == .sent) }
    #expect(try receive(on: deaf) == frame)
  }

  @Test func conflationKeepsTheNewest() throws {
    let publisher = try publisher()
    var options = SocketOptions()
    options.conflate = true
    let newest = try subscriber(to: publisher.lastEndpoint(), [1], options)
    let every = try subscriber(to: publisher.lastEndpoint(), [1])
    _ = try receive(on: publisher)
    _ = try receive(on: publisher)
    let count = 500
    for number in 1...count {
      #expect([1, UInt8(number >> 8), UInt8(number & 255)].sent(by: publisher) == .sent)
    }
    // Once the plain subscriber has all of them, the other one has the last, or is about to.
    for number in 1...count { #expect(try value(on: every) == number) }
    var read = 0
    var last = 0
    while last < count {
      let value = try value(on: newest)
      #expect(value > last)
      last = value
      read += 1
    }
    #expect(read < count / 5, "\(read) of \(count) were kept")
  }

  private func value(on socket: borrowing Socket) throws -> Int {
    let frame = try receive(on: socket)
    return Int(frame[1]) << 8 | Int(frame[2])
  }
}
