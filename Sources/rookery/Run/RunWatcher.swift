// Watches a run until it ends.

internal import Console
internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Transport
internal import Wire

/// The loop of `rookery run`: calls the launcher, polls the status, decides when the run has ended,
/// and stops everything.
struct RunWatcher: ~Copyable {
  private let run: RunConfiguration
  private let folder: RunFolder
  /// The parameter server's port in the compose file.
  private let statusPort: String
  /// The dashboard's port; nil without a dashboard.
  private let pagePort: String?
  private var launcher: LocalLauncher<POSIXProcessHost>
  private var control: ControlServer
  /// Whether `rookery down` was requested.
  private var isDown = false
  private var view: RunView
  private var progress: RunProgress
  private var recorder: RunRecorder
  private var client: StatusWatch?
  private var reportedDamage: String?
  private var hasReportedContradiction = false
  private var restarts = 0
  private var failure: String?

  /// Time between two requests for the status, and the longest delay until the criterion is seen.
  private static let statusInterval = Instant.Span.milliseconds(50)

  init(
    run: RunConfiguration, folder: RunFolder, statusPort: String, pagePort: String?,
    launcher: consuming LocalLauncher<POSIXProcessHost>,
    view: RunView,
    startedAt: Instant, earlier: EarlierSessions = EarlierSessions()
  ) throws {
    let control = try ControlServer(folder: folder.path)
    self.control = control
    self.run = run
    self.folder = folder
    self.statusPort = statusPort
    self.pagePort = pagePort
    self.launcher = launcher
    self.view = view
    progress = RunProgress(
      startedAt: startedAt, criterion: SolvedCriterion(run.evaluator), earlier: earlier)
    recorder = RunRecorder(folder: folder, ruleMetrics: run.algorithm.metricDescriptions.map(\.name))
  }

  /// Runs until the end; every process has ended when it returns.
  mutating func watch(_ signals: borrowing SignalDescriptor) throws -> ExitCode {
    let replicas =
      "\(run.actor.replicas) actors, \(run.learner.replicas) learner\(run.learner.replicas == 1 ? "" : "s")"
    view.say(
      "\(run.name): \(run.environment.id), \(run.algorithm.name.rawValue), \(replicas), in \(folder.path)")
    var outcome: RunSummary.Outcome?
    var nextAsk = SystemClock.now()
    var nextSample = nextAsk + .seconds(1)
    while outcome == nil {
      let now = SystemClock.now()
      tick(now: now)
      serve(now: now)
      view.flush()
      if now >= nextAsk {
        nextAsk = now + Self.statusInterval
        requestStatus()
      }
      try receiveStatus(now: now)
      if now >= nextSample {
        nextSample = nextSample + .seconds(1)
        try sample(now: now)
      }
      outcome = isDown ? .interrupted : decide(now: now)
      if outcome == nil, try wait(until: min(nextAsk, min(nextSample, launcher.nextDeadline)), signals) {
        outcome = .interrupted
      }
    }
    return try finish(outcome ?? .failed, signals)
  }

  /// Answers commands: `rookery ps`, `scale`, `restart`, `down`.
  private mutating func serve(now: Instant) {
    var events: [LaunchEvent] = []
    var isDown = false
    control.serve(now: now) { request in
      let answer = launcher.answer(request, now: now)
      events += answer.events
      isDown = isDown || answer.isDown
      return answer.reply
    }
    show(events)
    self.isDown = self.isDown || isDown
  }

  /// Lets the launcher do what is due, and shows its events.
  private mutating func tick(now: Instant) {
    show(launcher.tick(now: now))
  }

  private mutating func show(_ events: [LaunchEvent]) {
    for event in events {
      if case .exited(_, _, restartIn: _?) = event.report { restarts += 1 }
      if event.report.isFinalFailure, failure == nil { failure = "\(event.report)" }
      // The screen shows that processes work; their health would only repeat it.
      if case .healthy = event.report { continue }
      view.say(event.description)
    }
  }

  /// Requests the status; first connects to the parameter server once it has an address.
  private mutating func requestStatus() {
    if client == nil,
      let server = launcher.processes.first(where: { $0.instance.service == ServiceKind.parameters.rawValue }
      ),
      let host = server.host
    {
      let address = server.listening["ROOKERY_PARAMETERS_ADDRESS"] ?? "tcp://\(host):\(statusPort)"
      let counters = RunProgress.metrics.map(\.rawValue) + run.algorithm.metricDescriptions.map(\.name)
      client = try? StatusWatch(address: address, counters: counters)
      if let pagePort { view.say("dashboard: http://\(host):\(pagePort)/") }
      let asked = launcher.answer(.variables(of: .learner), now: SystemClock.now())
      if let notice = asked.reply.learnerNotice { view.say(notice) }
    }
    client?.ask()
  }

  private mutating func receiveStatus(now: Instant) throws {
    guard let status = client?.poll() else { return }
    progress.record(status, now: now)
    if let damage = progress.damage, damage != reportedDamage {
      reportedDamage = damage
      view.say("\(damage) (logs/replay-1.log says more)")
    }
    if let contradiction = progress.contradiction, !hasReportedContradiction {
      hasReportedContradiction = true
      view.say("ignored an evaluation that says that the run is solved: \(contradiction)")
    }
    for evaluation in status.evaluations {
      try recorder.record(
        EvaluationRecord(
          evaluation, seconds: (now - progress.startedAt).seconds, envSteps: progress.envSteps))
    }
    for notice in recorder.drainNotices() { view.say(notice) }
  }

  private mutating func sample(now: Instant) throws {
    let sample = progress.sample(now: now)
    try view.show(sample, progress: progress, threshold: run.evaluator.threshold)
    try recorder.record(sample, progress: progress)
    for notice in recorder.drainNotices() { view.say(notice) }
  }

  private func decide(now: Instant) -> RunSummary.Outcome? {
    if progress.confirmed != nil { return .solved }
    if progress.hasDiverged { return .diverged }
    if failure != nil { return .failed }
    let stop = run.stop
    if stop.seconds > 0, (now - progress.startedAt).seconds >= stop.seconds { return .limitReached }
    if stop.envSteps > 0, progress.envSteps >= Double(stop.envSteps) { return .limitReached }
    if stop.updates > 0, progress.updates >= Double(stop.updates) { return .limitReached }
    return nil
  }

  /// A limit of the section `stop` that has been reached, and its value.
  private var limitReached: String {
    let stop = run.stop
    if stop.envSteps > 0, progress.envSteps >= Double(stop.envSteps) {
      return "stop.env_steps \(stop.envSteps)"
    }
    if stop.updates > 0, progress.updates >= Double(stop.updates) { return "stop.updates \(stop.updates)" }
    return "stop.seconds \(Format.number(stop.seconds))"
  }

  /// Sleeps until the deadline, a status or a signal; true for a signal that asks for termination.
  private func wait(until deadline: Instant, _ signals: borrowing SignalDescriptor) throws -> Bool {
    var poller = Poller()
    let signalIndex = poller.add(descriptor: signals.descriptor)
    if let client { poller.add(descriptor: client.descriptor) }
    for descriptor in control.descriptors { poller.add(descriptor: descriptor) }
    let now = SystemClock.now()
    poller.wait(until: min(deadline, control.nextDeadline(now: now)), now: now)
    guard poller.isReadable(signalIndex) else { return false }
    while let signal = try signals.read() {
      if Signals.termination.contains(signal) { return true }
    }
    return false
  }

  /// Stops everything and writes the summary; a second signal kills.
  private mutating func finish(
    _ outcome: RunSummary.Outcome, _ signals: borrowing SignalDescriptor
  ) throws -> ExitCode {
    let ended = SystemClock.now()
    let hasCriterion = run.evaluator.threshold != nil
    let result = outcome == .limitReached && !hasCriterion ? RunSummary.Outcome.finished : outcome
    try stopAll(signals)
    try recorder.record(progress.sample(now: SystemClock.now()), progress: progress)
    let summary = RunSummary(
      result, progress: progress, ended: ended, restarts: restarts, recordsLost: recorder.lost,
      directory: folder.path, reason: reason(result))
    do {
      try AtomicFile.replace(folder.file("summary.json"), with: Array(JSON.line(summary).utf8))
    } catch {
      view.say("\(error)")
    }
    try view.finish(summary)
    return result == .solved || result == .finished ? .success : .failure
  }

  /// Stops everything in order. It polls the status meanwhile, for the last counters of processes
  /// that end before the parameter server.
  private mutating func stopAll(_ signals: borrowing SignalDescriptor) throws {
    _ = launcher.down(now: SystemClock.now())
    while true {
      let now = SystemClock.now()
      serve(now: now)
      for event in launcher.tick(now: now) where event.report.isFinalFailure || event.report.isKill {
        view.say(event.description)
      }
      if launcher.isIdle { break }
      requestStatus()
      if try wait(until: min(launcher.nextDeadline, now + .milliseconds(10)), signals) { launcher.kill() }
      try receiveStatus(now: SystemClock.now())
    }
  }

  private func reason(_ outcome: RunSummary.Outcome) -> String? {
    switch outcome {
    case .failed: failure
    case .diverged:
      "the loss or gradient stayed infinite or NaN; the last good checkpoint is in \(folder.path)/checkpoints; "
        + "rookery run --resume \(folder.path) begins from it"
    case .limitReached: "\(limitReached) was reached before the criterion"
    case .solved, .finished, .interrupted: nil
    }
  }
}
