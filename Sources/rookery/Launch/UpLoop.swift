// The loop of `rookery up`.

internal import Console
internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher
internal import Transport

/// Supervises the launcher's processes, answers commands, and shows logs, until it is told to stop.
struct UpLoop: ~Copyable {
  private let folder: String
  private var launcher: LocalLauncher<POSIXProcessHost>
  private var control: ControlServer
  private var follower: LogFollower?
  private var view = LogView(width: 12)
  /// Never blocks, so that supervision goes on while the output is not read.
  private var output = OutputQueue(1)
  private var isStopping = false
  private var failures = 0

  /// Time after which more is offered to a slow reader.
  private static var writeAgain: Instant.Span { .milliseconds(20) }

  /// - Parameter showsLogs: false in the background, where standard output is itself a log.
  init(folder: String, launcher: consuming LocalLauncher<POSIXProcessHost>, showsLogs: Bool) throws {
    let control = try ControlServer(folder: folder)
    let follower =
      showsLogs ? try LogFollower(folder: "\(folder)/logs", tail: 0) { $0 != "launcher" } : nil
    self.folder = folder
    self.launcher = launcher
    self.control = control
    self.follower = follower
  }

  mutating func say(_ text: String) {
    output.write("\(text)\n")
  }

  /// Returns when every process has ended: after a signal, after `down`, or because none starts
  /// again.
  mutating func run(_ signals: borrowing SignalDescriptor) throws -> ExitCode {
    say("up in \(folder)")
    show(launcher.tick(now: SystemClock.now()))
    let variables = launcher.answer(.variables(of: .parameters), now: SystemClock.now()).reply.variables
    if let page = variables["ROOKERY_HTTP_ADDRESS"] { say("dashboard: \(page)") }
    if let notice = launcher.answer(.variables(of: .learner), now: SystemClock.now()).reply
      .learnerNotice
    {
      say(notice)
    }
    while true {
      show(launcher.tick(now: SystemClock.now()))
      serve()
      showLogs()
      if launcher.isIdle, isStopping || launcher.isOver { break }
      if try wait(signals) { stop() }
    }
    say("everything has stopped")
    output.finish()
    return failures == 0 ? .success : .failure
  }

  /// Reads lines from the files only when the reader has accepted all earlier ones.
  private mutating func showLogs() {
    output.flush()
    while output.isEmpty, let lines = follower?.readLines(), !lines.isEmpty {
      output.write(view.text(lines))
    }
  }

  private mutating func serve() {
    let now = SystemClock.now()
    var events: [LaunchEvent] = []
    var isDown = false
    control.serve(now: now) { request in
      let answer = launcher.answer(request, now: now)
      events += answer.events
      isDown = isDown || answer.isDown
      return answer.reply
    }
    show(events)
    isStopping = isStopping || isDown
  }

  private mutating func show(_ events: [LaunchEvent]) {
    for event in events {
      if event.report.isFinalFailure { failures += 1 }
      say(event.description)
    }
  }

  /// Sleeps until something is due; true for a signal that asks for termination.
  private mutating func wait(_ signals: borrowing SignalDescriptor) throws -> Bool {
    let now = SystemClock.now()
    var poller = Poller()
    let signalIndex = poller.add(descriptor: signals.descriptor)
    for descriptor in control.descriptors { poller.add(descriptor: descriptor) }
    var deadline = min(launcher.nextDeadline, control.nextDeadline(now: now))
    if output.isEmpty {
      if let descriptor = follower?.descriptor { poller.add(descriptor: descriptor) }
    } else {
      deadline = min(deadline, now + Self.writeAgain)
    }
    poller.wait(until: deadline, now: now)
    guard poller.isReadable(signalIndex) else { return false }
    var isAsked = false
    while let signal = try signals.read() { isAsked = isAsked || Signals.termination.contains(signal) }
    return isAsked
  }

  /// Begins to stop everything in order; the second call kills.
  private mutating func stop() {
    if isStopping { return launcher.kill() }
    isStopping = true
    say("stopping; a second Ctrl-C kills")
    show(launcher.down(now: SystemClock.now()))
  }
}
