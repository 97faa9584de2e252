// A learner's side of sampling from one shard.

public import Experience
public import Foundations
internal import Wire

/// Asks a shard for slices of batches, and writes priorities back. `ShardedSampler` decides which.
///
/// A request that stays unanswered is sent again under its number. The service serves a number once
/// while it still holds it.
public struct SamplerMachine {
  /// What a sampler tells a shard, and when it repeats itself.
  public struct Configuration: Sendable {
    /// The client's id, sent in HELLO.
    public var id: Identifier
    /// Names the client in lists and logs.
    public var label: String
    /// The table that it samples; the service must have it.
    public var table: TableSchema
    /// Rows of a batch.
    public var batch: Int
    /// Batches that one request asks for.
    public var batchesPerRequest = 1
    /// Requests in flight: enough that the learner never waits once a table samples.
    public var inFlight = 4
    /// Time between two greetings until the shard answers.
    public var helloEvery = Instant.Span.milliseconds(250)
    /// Requests without an answer for this long are sent again.
    public var repeatAfter = Instant.Span.seconds(1)
    /// The shard that its frames go to.
    public var service = PeerID.service

    public init(id: Identifier, label: String, table: TableSchema, batch: Int) {
      self.id = id
      self.label = label
      self.table = table
      self.batch = batch
    }

    /// Items of one request: `batch` · `batchesPerRequest`.
    public var items: Int { batch * batchesPerRequest }
  }

  /// What a sampler has counted.
  public struct Counters: Sendable {
    public var requestsRepeated: UInt64 = 0
    /// Parts that belong to no open request, or came before.
    public var strays: UInt64 = 0
    /// Priorities that could not be sent, or whose items another incarnation of the shard drew.
    public var prioritiesDropped: UInt64 = 0
    /// Frames that could not be decoded, or were of no type for a sampler.
    public var malformed: UInt64 = 0
    /// New incarnations of the shard that welcomed this sampler.
    public var serviceRestarts: UInt64 = 0
  }

  private struct Request {
    var number: UInt64
    var sentAt: Instant
    var batch: SampledBatch
    /// The number of its slice in the batch.
    var slice: Int
    var count: Int { batch.slices[slice].count }
  }

  let configuration: Configuration
  var counters = Counters()
  private var session: ClientSession
  private(set) var tableIndex = 0
  /// Requests that may be in flight.
  private(set) var credit: Int
  private var nextRequest: UInt64 = 1
  private var requests: [Request] = []
  private let scratch = FrameWriter(capacity: 1 << 14)

  init(configuration: Configuration, now: Instant) {
    self.configuration = configuration
    session = ClientSession(
      id: configuration.id, service: configuration.service, greetEvery: configuration.helloEvery, now: now)
    credit = configuration.inFlight
  }

  var refusal: Refusal? { session.refusal }
  var isReady: Bool { session.isOpen }
  var incarnation: Identifier? { session.incarnation }
}

extension SamplerMachine {
  /// Writes raw priorities back. A lost update only leaves an old priority. Priorities of items
  /// that another incarnation of the shard drew are dropped: their keys now name other items.
  mutating func update(_ priorities: ItemPriorities, drawnBy drawer: Identifier?, sink: some FrameSink) {
    let count = priorities.count
    guard session.isOpen, drawer == incarnation else {
      return counters.prioritiesDropped += UInt64(count)
    }
    let update = PriorityUpdate(
      table: tableIndex, keys: UnsafeRawBufferPointer(start: priorities.keys, count: count * 8),
      priorities: UnsafeRawBufferPointer(start: priorities.values, count: count * 4))
    update.encode(into: scratch)
    if !sink.send(scratch.bytes, to: session.service) { counters.prioritiesDropped += UInt64(count) }
  }

  /// Tells the shard how far the learner is: it has finished all answers before that of the request
  /// `held`, if it has one. Requests that it has given up count as finished.
  mutating func report(
    version: UInt64, trained: TrainedStaleness, before held: UInt64?, sink: some FrameSink
  ) {
    guard session.isOpen else { return }
    let finished = min(requests.map(\.number).min() ?? nextRequest, held ?? .max) - 1
    Progress(table: tableIndex, version: version, request: finished, trained: trained).encode(into: scratch)
    sink.send(scratch.bytes, to: session.service)
  }

  /// Asks the shard for a slice of a batch; `receive` returns the batch once the slice is whole.
  mutating func ask(_ batch: SampledBatch, slice: Int, now: Instant, sink: some FrameSink) {
    requests.append(Request(number: nextRequest, sentAt: now, batch: batch, slice: slice))
    nextRequest += 1
    if session.isOpen { send(requests[requests.count - 1], sink: sink) }
  }

  /// Forgets a slice: other shards serve its rows. Parts that still come for it are strays.
  mutating func forget(_ batch: SampledBatch, slice: Int) {
    requests.removeAll { $0.batch === batch && $0.slice == slice }
  }

  /// Receives a frame of the shard. Returns the batch whose slice has become whole, if one has.
  mutating func receive(
    _ frame: UnsafeRawBufferPointer, now: Instant, sink: some FrameSink
  ) -> SampledBatch? {
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .welcome: welcome(try Welcome(from: &cursor), now: now, sink: sink)
      case .batch: return batch(try Batch(from: &cursor))
      case .refusal: refuse(try Refusal(from: &cursor), now: now, sink: sink)
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
    }
    return nil
  }

  mutating func advance(to now: Instant, sink: some FrameSink) {
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
    guard session.isOpen else { return }
    for index in requests.indices where now >= requests[index].sentAt + configuration.repeatAfter {
      requests[index].sentAt = now
      counters.requestsRepeated += 1
      send(requests[index], sink: sink)
    }
  }

  func nextDeadline(now: Instant) -> Instant {
    guard session.isOpen else { return session.nextGreeting }
    return (requests.map(\.sentAt).min() ?? now) + configuration.repeatAfter
  }

  mutating func leave(sink: some FrameSink) { session.leave(sink: sink) }
}

extension SamplerMachine {
  private mutating func hello(now: Instant, sink: some FrameSink) {
    let hello = Hello(
      role: .sampler, id: configuration.id, label: configuration.label, nextSequence: 0, schema: nil,
      tables: [configuration.table])
    session.greet(with: hello, now: now, sink: sink)
  }

  private mutating func welcome(_ welcome: Welcome, now: Instant, sink: some FrameSink) {
    guard session.isGreeting else { return }
    if session.open(by: welcome.incarnation) { counters.serviceRestarts += 1 }
    tableIndex = welcome.tables.firstIndex { $0.name == configuration.table.name } ?? 0
    credit = max(1, min(configuration.inFlight, welcome.grant.messages))
    for index in requests.indices {
      requests[index].sentAt = now
      requests[index].batch.slices[requests[index].slice].reset()
      send(requests[index], sink: sink)
    }
  }

  private mutating func batch(_ part: Batch) -> SampledBatch? {
    let header = part.header
    guard let index = requests.firstIndex(where: { $0.number == header.request }),
      header.batchRows == requests[index].count, header.rows > 0, isUsable(part.fields)
    else { return stray() }
    let (batch, slice) = (requests[index].batch, requests[index].slice)
    if let problem = batch.mismatch(part.fields, of: slice) {
      session.end(
        Refusal(code: .mismatch, type: MessageType.batch.rawValue, reference: 0, text: problem))
      return nil
    }
    guard batch.accept(part, of: slice) else { return stray() }
    guard batch.slices[slice].isWhole else { return nil }
    batch.slices[slice].incarnation = incarnation
    batch.slices[slice].request = requests[index].number
    requests.remove(at: index)
    return batch
  }

  private mutating func stray() -> SampledBatch? {
    counters.strays += 1
    return nil
  }

  /// Whether buffers for a batch of these columns have a reasonable size.
  private func isUsable(_ fields: [Field]) -> Bool {
    let most = Limits.frameBytes * 8
    return fields.reduce(0) { $0 + min(most, $1.byteCount) } <= most / configuration.items
  }

  private mutating func refuse(_ refusal: Refusal, now: Instant, sink: some FrameSink) {
    session.receive(refusal, now: now)
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
  }

  private func send(_ request: Request, sink: some FrameSink) {
    session.send(
      SampleRequest(request: request.number, table: tableIndex, count: request.count), sink: sink)
  }
}
