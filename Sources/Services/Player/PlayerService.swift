// The player process: sockets and clock around a recording.

public import Configuration
internal import Experience
internal import Foundations
internal import Recordings
internal import Transport
internal import Wire

/// Plays a recording into a replay, in place of actors. It ends when everything is acknowledged,
/// unless it plays in a loop.
public final class PlayerService {
  private let configuration: PlayerConfiguration
  private let stream: RecordedStream
  private let lanes: PlayerLanes
  private let parameters: DealerLink?
  private let signals: SignalDescriptor
  private let log: Log
  private let gate: (any PlayGate)?
  private var streams: PlayedStreams
  private var clock: PlayClock
  private var reporter: TelemetryReporter
  private var connection: ConnectionWatch
  private var stand = StandNotice()
  /// The next message, which was not sent yet.
  private var next: RecordedStream.Next = .loading
  /// Whether `next` was sent, or its block was not there.
  private var isNextDue = true
  /// Messages of this pass.
  private var messagesOfPass: UInt64 = 0
  private var passes: UInt64 = 0
  /// Messages that were unacknowledged when the end was looked at last.
  private var waitingAtEnd = Int.max
  private var firstSent: Instant?
  private var isStopping = false
  /// Whether the gate was asked and will decide later.
  private var isGateWaiting = false
  /// The rest of a turn costs as much as some dozen messages.
  private static let turn = Instant.Span.milliseconds(5)
  /// Messages that may be unacknowledged. At `max`, as many as a replay grants. Otherwise enough
  /// that acknowledgements delay none, but few, because as many are sent before the clock stands.
  private static func inFlight(_ speed: PlaySpeed) -> Int { speed == .max ? 256 : 64 }
  private static let progressEvery = Instant.Span.seconds(30)
  private var nextProgress: Instant

  /// Opens the recording and the connections.
  ///
  /// - Parameter gate: is asked before each message; nil plays them as they are due.
  /// - Throws: `SettingsError` without a recording, `RecordingError` if it cannot be played, or an
  ///   error of the sockets.
  public init(
    configuration: RunConfiguration, settings: ServiceSettings, gate: (any PlayGate)? = nil
  ) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration.player
    self.gate = gate
    log = Log(settings.label)
    guard !configuration.player.recording.isEmpty else {
      throw SettingsError(
        variable: "player.recording",
        problem:
          "expected the recording to play, found none; say rookery play FILE, or set ROOKERY_PLAYER__RECORDING"
      )
    }
    stream = try RecordedStream(configuration.player)
    streams = PlayedStreams(tables: stream.tables.count)
    clock = PlayClock(speed: gate == nil ? configuration.player.speed : .max)
    let now = SystemClock.now()
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    var writer = WriterMachine.Configuration(
      id: id, label: settings.label, schema: stream.schema, tables: stream.tables)
    writer.inFlight = Self.inFlight(configuration.player.speed)
    let connector = Connector()
    lanes = PlayerLanes(
      connector: connector, settings: settings, writer: writer, generator: system, log: log, now: now)
    parameters = try settings.reports(over: connector)
    reporter = TelemetryReporter(
      id: id, service: .player, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    connection = ConnectionWatch(replayOf: settings, now: now)
    nextProgress = now + Self.progressEvery
  }

  /// Plays until the end, or until SIGTERM or SIGINT.
  /// - Throws: `ServiceFailure` if the replay refuses the recording, `RecordingError` if nothing of
  ///   it is to be played.
  public func run() throws {
    var poller = Poller()
    let signalIndex = poller.add(descriptor: signals.descriptor)
    let streamIndex = poller.add(descriptor: stream.descriptor)
    if let parameters { poller.add(parameters.socket) }
    let fixed = poller.count
    var generation = -1
    var isGatePolled = false
    log.info(
      "playing \(configuration.recording) at \(configuration.speed): \(stream.messages) messages, \(stream.steps) steps"
    )
    while !isStopping {
      let now = SystemClock.now()
      try pollConnections(now: now)
      isGateWaiting = false
      let wake = try play(now: now)
      if isStopping { break }
      // While nothing is asked, input that is there must not end each wait.
      if generation != lanes.generation || isGateWaiting != isGatePolled {
        (generation, isGatePolled) = (lanes.generation, isGateWaiting)
        poller.removeAll(after: fixed)
        if let gate, isGateWaiting { poller.add(descriptor: gate.descriptor) }
        lanes.add(to: &poller)
      }
      poller.wait(until: min(wake, deadline(now: now)), now: SystemClock.now())
      if poller.isReadable(streamIndex) { stream.collect() }
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
    }
    leave()
  }

  private func pollConnections(now: Instant) throws {
    try lanes.advance(to: now)
    if let refusal = lanes.refusal { throw ServiceFailure(by: .replay, refusal) }
    for damage in stream.takeDamage() { log.warning("\(configuration.recording): \(damage)") }
    if let parameters {
      parameters.drain { _ in }
      reporter.advance(to: now, over: parameters) { counters(now: now) }
    }
    connection.update(now: now, missing: [lanes.isReady ? nil : 0], log)
    if let notice = stand.notice(clock, now: now) { log.info(notice) }
    if now >= nextProgress {
      nextProgress = now + Self.progressEvery
      log.info("played \(streams.counters.messages) messages, \(streams.counters.steps) steps so far")
    }
  }

  /// Sends what is due, for at most a turn. Returns when to go on at the latest.
  private func play(now: Instant) throws -> Instant {
    guard clock.hasBegun || lanes.isReady else { return .never }
    var time = now
    while time < now + Self.turn {
      if isNextDue { (next, isNextDue) = (stream.next(), false) }
      switch next {
      case .loading:
        clock.goOn(at: time)
        isNextDue = true
        return .never
      case .end: return try end(now: time)
      case .message(let message):
        if !clock.hasBegun { clock.begin(at: time, origin: stream.origin) }
        let due = clock.due(message.accepted.time)
        if due > time {
          clock.goOn(at: time)
          return due
        }
        guard try send(message, now: time) else { return .never }
        isNextDue = true
      }
      time = SystemClock.now()
    }
    return now
  }

  /// Sends a message; false if it cannot be sent yet.
  private func send(_ message: RecordedMessage, now: Instant) throws -> Bool {
    let writer = streams.number(ofWriter: message.accepted.writer, incarnation: message.incarnation)
    let lane = lanes.lane(ofWriter: writer)
    guard !lane.writer.isBlocked else {
      clock.stand(at: now)
      return false
    }
    clock.goOn(at: now, due: clock.due(message.accepted.time))
    guard let insertion = message.insertion else { return true }
    switch gate?.decide(message.accepted, insertion, schema: stream.schema, tables: stream.tables) {
    case .wait:
      isGateWaiting = true
      return false
    case .quit:
      isStopping = true
      return false
    case .play, nil: break
    }
    messagesOfPass += 1
    let isSent = streams.plan(
      message.accepted, incarnation: message.incarnation, insertion, writer: writer,
      epoch: lane.writer.cutEpoch)
    if isSent, let frame = lane.writer.beginFrame(chunks: streams.chunkCount) {
      streams.encode(insertion, into: frame)
      lane.writer.commitFrame(now: now, sink: lane.links)
      if firstSent == nil { firstSent = now }
    }
    return true
  }

  /// Everything was sent: begins again, or ends once all is acknowledged. Returns when to go on.
  private func end(now: Instant) throws -> Instant {
    guard messagesOfPass > 0 else {
      let found = stream.labels.sorted().joined(separator: ", ")
      throw RecordingError(
        configuration.recording,
        "expected messages of the chosen actors and time, found none; its actors there: \(found)")
    }
    if configuration.loop {
      clock.goOn(at: now)
      guard stream.rewind() else { return .never }
      passes += 1
      messagesOfPass = 0
      streams.beginPass()
      clock.begin(at: now, origin: stream.origin)
      isNextDue = true
      return now
    }
    let unacknowledged = lanes.unacknowledged
    if unacknowledged < waitingAtEnd { clock.goOn(at: now) }
    waitingAtEnd = unacknowledged
    guard unacknowledged == 0 else {
      clock.stand(at: now)
      return .never
    }
    passes += 1
    isStopping = true
    return now
  }

  private func deadline(now: Instant) -> Instant {
    let own = min(connection.nextNotice, parameters == nil ? .never : reporter.nextReport)
    return min(min(own, nextProgress), min(stand.deadline(clock, now: now), lanes.nextDeadline(now: now)))
  }

  private func leave() {
    let now = SystemClock.now()
    lanes.leave()
    if let parameters { reporter.finish(now: now, over: parameters, counters: counters(now: now)) }
    let summary = PlaySummary(
      streams: streams.counters, writers: lanes.counters, unacknowledged: lanes.unacknowledged,
      missed: stream.missed, passes: passes, seconds: firstSent.map { (now - $0).seconds } ?? 0,
      waited: clock.waited(at: now).seconds)
    log.info(summary.text)
  }

  private func counters(now: Instant) -> [String: Double] {
    let (played, sent) = (streams.counters, lanes.counters)
    let own: [Metric: Double] = [
      .steps_played_total: Double(played.steps), .items_played_total: Double(played.items),
      .messages_played_total: Double(played.messages),
      .items_without_first_step_total: Double(played.itemsWithoutFirstStep),
      .player_waited_s_total: clock.waited(at: now).seconds, .recording_passes_total: Double(passes),
      .messages_committed_total: Double(sent.messagesCommitted),
      .messages_resent_total: Double(sent.messagesResent),
      .messages_dropped_total: Double(sent.messagesDropped),
      .messages_unacknowledged: Double(lanes.unacknowledged),
      .messages_missed_total: Double(stream.missed),
      .service_restarts_total: Double(sent.serviceRestarts), .malformed_total: Double(sent.malformed),
    ]
    return own.named
  }
}
