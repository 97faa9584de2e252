// The recorder process: sockets, file and clock around the machine.

public import Configuration
internal import Experience
internal import Foundations
internal import Recordings
internal import Transport
internal import Wire

/// Records what the shards of a replay accept. It listens only, so it never holds up the run: if it
/// is too slow, the taps drop messages, which is counted and said in the file.
public final class RecorderService {
  private let taps: TapLinks
  private let parameters: DealerLink?
  private var reporter: TelemetryReporter
  private var machine: RecorderMachine
  private let file: RecordingFile
  private let writer: RecordingWriter
  private let log: Log
  private let signals: SignalDescriptor
  private var failures: UInt64 = 0
  private var isFailing = false
  private var missedReported: UInt64 = 0
  private var nextMissedReport = Instant.zero

  /// Opens the file, or goes on with it.
  /// - Throws: `SettingsError` without taps or a place for the file, `RecordingError` if the file
  ///   cannot be used, or an error of the sockets.
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    // Before any other thread starts: threads inherit it.
    ProcessPriority.lower()
    log = Log(settings.label)
    guard !settings.taps.isEmpty else {
      throw SettingsError(
        variable: "ROOKERY_TAP_ADDRESS",
        problem:
          "expected the addresses of the replay's taps, found none; set it for the replay and the recorder")
    }
    let filter = RecordingFilter(configuration.recorder)
    let path = try Self.path(configuration, settings)
    file = try RecordingFile(
      path: path,
      about: RecordingAbout(
        created: SystemClock.wallNanoseconds(), program: "rookery", filter: filter.description),
      level: configuration.recorder.level)
    if file.found.bytesRemoved > 0 {
      log.warning("\(path): removed \(file.found.bytesRemoved) bytes at its end, which a crash had cut short")
    }
    if file.found.messages > 0 {
      log.info("going on with \(path), which has \(file.found.messages) messages")
    }
    machine = RecorderMachine(filter: filter, found: file.found)
    writer = try RecordingWriter(file)
    let connector = Connector()
    let now = SystemClock.now()
    taps = TapLinks(connector: connector, settings: settings, log: log, now: now)
    parameters = try settings.reports(over: connector)
    var system = SeededGenerator.fromSystem()
    reporter = TelemetryReporter(
      id: Identifier(using: &system), service: .recorder, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    log.info("recording \(filter.keepsAll ? "everything" : filter.description) to \(path)")
  }

  private static func path(_ configuration: RunConfiguration, _ settings: ServiceSettings) throws -> String {
    if !configuration.recorder.out.isEmpty { return configuration.recorder.out }
    if let folder = settings.runDirectory { return "\(folder)/recording.rookery" }
    throw SettingsError(
      variable: "recorder.out",
      problem: "expected the file to record to, found none; say rookery record --out FILE")
  }

  /// Records until SIGTERM or SIGINT.
  public func run() throws {
    var poller = Poller()
    let signalIndex = poller.add(descriptor: signals.descriptor)
    let writerIndex = poller.add(descriptor: writer.descriptor)
    if let parameters { poller.add(parameters.socket) }
    let fixed = poller.count
    var generation = -1
    while true {
      let now = SystemClock.now()
      try taps.update(now: now) { receive(limit: 1 << 16) }
      let isFull = writer.isFull
      if isFull || generation != taps.generation {
        poller.removeAll(after: fixed)
        // While the disk is slow, nothing is read.
        generation = isFull ? -1 : taps.generation
        if !isFull { taps.add(to: &poller) }
      }
      let hasMore = isFull ? false : receive(limit: 256)
      machine.advance(to: now)
      write(now: now)
      parameters?.drain { _ in }
      if let parameters { reporter.advance(to: now, over: parameters) { counters() } }
      let deadline = min(
        machine.nextDeadline, min(taps.nextDeadline, parameters == nil ? .never : reporter.nextReport))
      poller.wait(until: hasMore ? now : deadline, now: now)
      if poller.isReadable(writerIndex) { checkFailures() }
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
    }
    finish()
  }

  @discardableResult
  private func receive(limit: Int) -> Bool {
    taps.drain(limit: limit) { machine.receive($0, now: SystemClock.now()) }
  }

  private func write(now: Instant) {
    writer.write(machine.takeActions())
    for notice in machine.takeNotices() { log.info(notice) }
    let missed = machine.counters.missed
    guard missed > missedReported, now >= nextMissedReport else { return }
    log.warning("\(missed - missedReported) messages were missed, \(missed) in all: the file says which")
    missedReported = missed
    nextMissedReport = now + .seconds(5)
  }

  private func checkFailures() {
    let found = writer.failures()
    for failure in found { machine.didFail(failure.header, time: SystemClock.wallNanoseconds()) }
    failures += UInt64(found.count)
    if let first = found.first, !isFailing {
      log.warning("\(first.problem): what cannot be written is missed until there is room again")
    } else if isFailing, found.isEmpty {
      log.info("the file can be written again")
    }
    isFailing = !found.isEmpty
  }

  /// Records what has arrived, and ends the file.
  private func finish() {
    receive(limit: 1 << 16)
    machine.finish()
    writer.write(machine.takeActions())
    do {
      try writer.finish()
    } catch {
      log.warning("\(error): the recording has no index, but can be read")
    }
    checkFailures()
    let now = SystemClock.now()
    if let parameters { reporter.finish(now: now, over: parameters, counters: counters()) }
    let counted = machine.counters
    if counted.messages == 0 {
      log.warning("\(file.path): nothing was recorded: no message was accepted that is chosen")
    }
    log.info(
      "stopped: \(counted.messages) messages, \(counted.steps) steps, \(counted.items) items recorded, \(counted.missed) messages missed; "
        + "\(file.path) has \(file.byteCount) bytes")
  }

  private func counters() -> [String: Double] {
    let own: [Metric: Double] = [
      .messages_recorded_total: Double(machine.counters.messages),
      .steps_recorded_total: Double(machine.counters.steps),
      .messages_missed_total: Double(machine.counters.missed),
      .malformed_total: Double(machine.counters.malformed),
      .recording_bytes: Double(file.byteCount), .recording_failures_total: Double(failures),
    ]
    return own.named
  }
}
