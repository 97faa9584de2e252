// A thousand writers at once.

internal import Experience
internal import Foundations
internal import Services
internal import Transport
internal import Wire

/// Many connected writers in one process. Each sends a few steps of its own every 50 ms.
struct BenchWriters: ~Copyable {
  private final class Member {
    let link: DealerLink
    var writer: WriterMachine
    var message: BenchMessage
    var nextAt: Instant
    var sentAt: [Instant] = []

    init(link: DealerLink, writer: WriterMachine, steps: Int, nextAt: Instant) {
      self.link = link
      self.writer = writer
      message = BenchMessage(.small, steps: steps)
      self.nextAt = nextAt
    }
  }

  private var members: [Member] = []
  private var poller = Poller()
  private let every: Instant.Span
  private let steps: Int

  /// - Parameter rate: steps a second of each writer.
  init(address: String, count: Int, rate: Int) throws {
    // 20 messages a second, as an actor flushes.
    steps = max(1, rate / 20)
    every = .seconds(Double(steps) / Double(rate))
    var generator = SeededGenerator.fromSystem()
    let now = SystemClock.now()
    var connector = Connector()
    for index in 0..<count {
      // libzmq allows about a thousand sockets in one context.
      if index % 500 == 499 { connector = Connector() }
      let link = try DealerLink(connector: connector, to: Endpoint(address))
      poller.add(link.socket)
      let configuration = WriterMachine.Configuration(
        id: Identifier(using: &generator), label: "bench-\(index)", schema: BenchPayload.small.schema,
        tables: [BenchPayload.small.table])
      members.append(
        Member(
          link: link, writer: WriterMachine(configuration: configuration, now: now),
          steps: steps,
          nextAt: now + .seconds(1 + every.seconds * Double(index) / Double(count))))
    }
  }

  mutating func run(seconds: Double) throws -> BenchReport {
    var window = BenchWindow(seconds: seconds)
    while true {
      let now = SystemClock.now()
      var done: UInt64 = 0
      var next = now + .milliseconds(50)
      for index in members.indices {
        try advance(members[index], now: now, &window)
        done += members[index].writer.counters.messagesCommitted
        next = min(next, members[index].nextAt)
      }
      let areReady = members.allSatisfy { $0.writer.isReady }
      if areReady, let report = window.close(now: now, count: Double(done) * Double(steps)) { return report }
      poller.wait(until: max(next, now + .milliseconds(1)), now: now)
    }
  }

  private func advance(_ member: Member, now: Instant, _ window: inout BenchWindow) throws {
    member.link.drain { member.writer.receive($0, now: SystemClock.now(), sink: member.link) }
    member.writer.advance(to: now, sink: member.link)
    if let refusal = member.writer.refusal { throw BenchError("the replay refused: \(refusal.text)") }
    let acknowledged = member.sentAt.count - member.writer.unacknowledged
    if acknowledged > 0 {
      let seen = SystemClock.now()
      if window.isOpen { for sent in member.sentAt[..<acknowledged] { window.latencies.record(seen - sent) } }
      member.sentAt.removeFirst(acknowledged)
    }
    guard now >= member.nextAt, let frame = member.writer.beginFrame(chunks: 1) else { return }
    member.message.encode(into: frame)
    member.sentAt.append(SystemClock.now())
    member.writer.commitFrame(now: now, sink: member.link)
    member.nextAt = max(member.nextAt + every, now)
  }
}
